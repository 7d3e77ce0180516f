package stacks_test

import (
	"context"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// life sets what a stack is beside its settings.
func (b bench) life(t *testing.T, id domain.StackID, l domain.StackLife) {
	t.Helper()
	b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.SetStackLife(ctx, p.For(access.KindStack), id, l)
	})
}

func (b bench) exists(t *testing.T, id domain.StackID) (yes bool) {
	t.Helper()
	b.View(t, func(tx *store.Tx) (err error) { yes, err = tx.StackIDTaken(t.Context(), id); return err })
	return yes
}

// TestA63Delete keeps a stack for the one who has locked it.
func TestA63Delete(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		lock := &domain.StackLock{ID: "1", Owner: b.Actor("root-admin"), By: "the root admin", At: b.Clock.Now()}
		b.life(t, "k", domain.StackLife{Lock: lock})
		row := b.Denied(t, domain.CodeConflict, func() error { _, err := b.Delete(b.As(t, "ann"), "k"); return err })
		if !strings.Contains(row.Reason, "locked by the root admin") {
			t.Errorf("reason %q", row.Reason)
		}
		b.Allowed(t, func() error { _, err := b.Delete(b.As(t, "root-admin"), "k"); return err })
	})
}

func (b bench) sweep(t *testing.T, want int) {
	t.Helper()
	if n, err := b.SweepDestroyed(t.Context()); n != want || err != nil {
		t.Errorf("deleted %d stacks, %v; want %d", n, err, want)
	}
}

func TestSweepDestroyed(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.sweep(t, 0)
		for _, st := range []domain.RunState{domain.RunDestroying, domain.RunFailed, domain.RunReady} {
			id := domain.StackID("s-" + strings.ToLower(string(st)))
			b.Stack(t, id, "dev", nil)
			b.life(t, id, domain.StackLife{Destroyer: b.Run(t, id, st).ID})
		}
		b.sweep(t, 0) // none of them is done

		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-reader", "dev")
		run := b.Run(t, "k2", domain.RunFinished)
		b.life(t, "k2", domain.StackLife{Destroyer: run.ID})
		before := len(b.Audit(t))
		b.sweep(t, 1)
		rows := b.Audit(t)
		row := rows[len(rows)-1]
		if len(rows) != before+1 || row.Event != "stack.delete" || row.Actor != string(access.SystemSweeper) || row.ObjectID != "k2" ||
			!strings.Contains(row.Reason, string(run.ID)) || len(row.Spaces) != 1 || row.Spaces[0] != "dev" {
			t.Errorf("recorded %+v", row)
		}
		if b.exists(t, "k2") {
			t.Error("k2 was not deleted")
		}
		b.sweep(t, 0)
	})
}

// TestSweepSpares leaves stacks that somebody has taken hold of meanwhile.
func TestSweepSpares(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "protected", "dev", func(s *domain.Stack) { s.ProtectFromDeletion = true })
		b.Stack(t, "locked", "dev", nil)
		for _, id := range []domain.StackID{"protected", "locked"} {
			l := domain.StackLife{Destroyer: b.Run(t, id, domain.RunFinished).ID}
			if id == "locked" {
				l.Lock = &domain.StackLock{ID: "1", Owner: b.Actor("will"), By: "will", At: b.Clock.Now()}
			}
			b.life(t, id, l)
		}
		b.Stack(t, "planning", "dev", nil)
		b.life(t, "planning", domain.StackLife{Destroyer: b.Run(t, "planning", domain.RunFinished).ID})
		b.Run(t, "planning", domain.RunPlanning)
		b.sweep(t, 0)
		for id, deleting := range map[domain.StackID]bool{"protected": false, "locked": false, "planning": true} {
			v, err := b.Get(b.As(t, "ann"), id)
			if err != nil || (v.Destroyer != "") != deleting {
				t.Errorf("%s: being deleted by %q, %v", id, v.Destroyer, err)
			}
		}
	})
}
