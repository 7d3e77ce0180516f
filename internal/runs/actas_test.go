package runs_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// TestG2Confirm confirms a run of a stack that holds a role its confirmer
// lacks: the run shows it, as does the audit trail.
func TestG2Confirm(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-admin", "platform")
		lent := []domain.LentRole{{Stack: "k2", Role: "space-admin", Space: "platform", Binding: id}}
		confirm := func(who string, run domain.Run) func() error {
			return func() error { _, err := b.Confirm(b.As(t, who), "k2", run.ID, ""); return err }
		}
		run := b.Run(t, "k2", domain.RunUnconfirmed)
		b.SetActAs(t, domain.ActAsEnforce)
		b.Denied(t, domain.CodeForbidden, confirm("will", run))
		b.SetActAs(t, domain.ActAsWarn)
		row := b.Allowed(t, confirm("will", run))
		want := &domain.ActedAs{Mode: domain.ActAsWarn, Lent: lent}
		got, err := b.Get(b.As(t, "will"), "k2", run.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, row.ActedAs) + cmp.Diff(want, got.ActedAs); diff != "" {
			t.Errorf("(-want +recorded, +shown on the run):\n%s", diff)
		}
	})
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-admin", "platform")
		run := b.Run(t, "k2", domain.RunUnconfirmed)
		b.NoActAs(t, func() error { _, err := b.Confirm(b.As(t, "root-admin"), "k2", run.ID, ""); return err })
		other := b.Run(t, "k", domain.RunUnconfirmed)
		b.NoActAs(t, func() error { _, err := b.Discard(b.As(t, "ann"), "k", other.ID, ""); return err })
	})
}
