package stacks_test

import (
	"context"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// TestAStackThatOthersWaitForStays names those that the caller sees, and counts
// the others.
func TestAStackThatOthersWaitForStays(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "far", "platform", nil)
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			p = p.For(access.KindStack)
			for id, stack := range map[domain.DependencyID]domain.StackID{"d1": "k2", "d2": "far"} {
				if err := tx.InsertDependency(ctx, p, domain.StackDependency{ID: id, Stack: stack, DependsOn: "k"}); err != nil {
					return err
				}
			}
			return nil
		})
		remove := func() error { _, err := b.Delete(b.As(t, "ann"), "k"); return err }
		b.Denied(t, domain.CodeConflict, remove)
		if err := remove(); err == nil || !strings.Contains(err.Error(), "k2, 1 that you cannot see") || strings.Contains(err.Error(), "far") {
			t.Errorf("it says: %v", err)
		}
		b.Allowed(t, func() error { _, err := b.Delete(b.As(t, "ann"), "k2"); return err }) // it only waits
	})
}
