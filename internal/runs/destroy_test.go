package runs_test

import (
	"testing"

	"github.com/airlock-project/airlock/internal/domain"
)

func (b bench) asksDestroy(t *testing.T, who string) func() error {
	return b.asks(t, who, func(c ctx) error { return second(b.Destroy(c, "k2")) })
}

func TestDestroyBeforeDeletion(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Denied(t, domain.CodeForbidden, b.asksDestroy(t, "will"))
		b.Denied(t, domain.CodeNotFound, b.asksDestroy(t, "rita"))
		first := b.trigger(t, "k2")
		row := b.Allowed(t, b.asksDestroy(t, "ann"))
		if row.Event != "stack.delete" || row.ObjectKind != "stack" || row.ObjectID != "k2" {
			t.Errorf("recorded %+v", row)
		}
		id := b.stack(t, "k2").Destroyer
		run := b.get(t, id)
		if run.Type != domain.RunDestroy || run.State != domain.RunQueued || run.TriggeredBy != b.KeyID("ann").AuditName() {
			t.Errorf("run %+v", run)
		}
		if list, err := b.List(b.As(t, "ann"), "k2", domain.RunTracked, ""); err != nil || len(list) != 2 || list[0].ID != id || list[1].ID != first.ID {
			t.Errorf("listed %+v, %v", list, err) // also while it waits
		}
		if err := b.asksDestroy(t, "ann")(); err != nil || b.stack(t, "k2").Destroyer != id {
			t.Errorf("asked again: %v", err)
		}
		b.Denied(t, domain.CodeConflict, b.asksTrigger(t, "ann", "k2"))

		b.advance(t, b.lease(t).Lease, domain.RunFailed) // the one that held the stack
		b.wantState(t, first.ID, domain.RunFailed)
		b.advance(t, b.lease(t).Lease, domain.RunInitializing, domain.RunDestroying, domain.RunFinished)
		b.wantState(t, id, domain.RunFinished)
		if b.stack(t, "k2").Destroyer != id {
			t.Error("the stack forgot that it is to be deleted")
		}
	})
}

// TestDestroyThatFails leaves the stack, and lets it run again.
func TestDestroyThatFails(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for name, end := range map[string]func(id domain.RunID){
			"FAILED": func(domain.RunID) {
				b.advance(t, b.lease(t).Lease, domain.RunInitializing, domain.RunDestroying, domain.RunFailed)
			},
			"DISCARDED": func(id domain.RunID) {
				if _, err := b.Discard(b.As(t, "ann"), "k2", id, ""); err != nil {
					t.Error(err)
				}
			},
			"lost": func(domain.RunID) {
				b.advance(t, b.lease(t).Lease, domain.RunInitializing, domain.RunDestroying)
				b.Clock.Advance(2 * b.ApplyTTL())
				if n, err := b.Reap(t.Context()); n != 1 || err != nil {
					t.Errorf("reaped %d, %v", n, err)
				}
				if _, err := b.Unlock(b.As(t, "ann"), "k2", ""); err != nil { // she has looked what is left
					t.Error(err)
				}
			},
		} {
			b.Allowed(t, b.asksDestroy(t, "ann"))
			end(b.stack(t, "k2").Destroyer)
			if st := b.stack(t, "k2"); st.Destroyer != "" {
				t.Errorf("%s: run %s still keeps the stack", name, st.Destroyer)
			}
			run := b.trigger(t, "k2")
			if _, err := b.Discard(b.As(t, "ann"), "k2", run.ID, ""); err != nil {
				t.Error(err)
			}
		}
		b.Stack(t, "safe", "dev", func(s *domain.Stack) { s.ProtectFromDeletion = true })
		b.Denied(t, domain.CodeConflict, b.asks(t, "ann", func(c ctx) error { return second(b.Destroy(c, "safe")) }))
	})
}
