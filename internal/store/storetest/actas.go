package storetest

import (
	"context"
	"testing"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// SetActAs sets how the account treats the use of a stack's roles.
func (k *Kit) SetActAs(t *testing.T, mode domain.ActAsMode) {
	t.Helper()
	k.must(t, access.KindAccount, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		s, err := tx.AccountSettings(ctx)
		if err != nil {
			return err
		}
		s.StackActAs = mode
		return tx.UpdateAccountSettings(ctx, p, s)
	})
}

// ActAs tries a change of what a stack does in every mode, as somebody who
// lacks a role that the stack holds: refused in ENFORCE (security rule G2),
// else allowed, with the role in the audit row.
func (k *Kit) ActAs(t *testing.T, want domain.LentRole, act func() error) {
	t.Helper()
	for _, mode := range []domain.ActAsMode{domain.ActAsEnforce, domain.ActAsOff, domain.ActAsWarn} {
		k.SetActAs(t, mode)
		var row domain.AuditEntry
		if mode == domain.ActAsEnforce {
			row = k.Denied(t, domain.CodeForbidden, act)
			if row.Reason[:len("ACT_AS_REQUIRED")] != "ACT_AS_REQUIRED" {
				t.Errorf("reason %q", row.Reason)
			}
		} else {
			row = k.Allowed(t, act)
		}
		same(t, &domain.ActedAs{Mode: mode, Lent: []domain.LentRole{want}}, row.ActedAs)
		if row.ActedAs.Flagged() != (mode == domain.ActAsWarn) {
			t.Errorf("%s: flagged: %v", mode, row.ActedAs.Flagged())
		}
	}
}

// NoActAs tries a change that uses no role but the actor's own, in the
// strictest mode.
func (k *Kit) NoActAs(t *testing.T, act func() error) {
	t.Helper()
	k.SetActAs(t, domain.ActAsEnforce)
	if row := k.Allowed(t, act); row.ActedAs != nil {
		t.Errorf("recorded as acting for others: %+v", row.ActedAs)
	}
}
