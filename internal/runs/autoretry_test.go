package runs_test

import (
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

// onBranch puts a proposed run of a branch there, planned with one change.
func (b bench) onBranch(t *testing.T, stack domain.StackID, branch string, state domain.RunState, change func(*domain.Run)) domain.RunID {
	t.Helper()
	b.Clock.Advance(time.Second)
	now := b.Clock.Now()
	r := domain.Run{
		ID: domain.RunID(b.IDs.ULID()), StackID: stack, Type: domain.RunProposed, State: domain.RunQueued, StateSerial: 1,
		CreatedAt: now, UpdatedAt: now, Branch: branch, Commit: domain.Commit{Hash: "c0ffee" + branch},
	}
	if change != nil {
		change(&r)
	}
	b.fill(t, func(tx *store.Tx, p access.Permit) error {
		if err := tx.InsertRun(t.Context(), p, r); err != nil {
			return err
		}
		if r.State = state; r.Delta == nil {
			r.Delta = &domain.Delta{Added: 1}
		}
		if state.Active() {
			r.Worker, r.LeaseUntil, r.Epoch = "worker-1", now.Add(time.Minute), 1
		}
		return tx.SaveRun(t.Context(), p, r)
	})
	return r.ID
}

func (b bench) plansOf(t *testing.T, id domain.StackID) []domain.Run {
	t.Helper()
	list, err := b.List(b.As(t, "root-admin"), id, domain.RunProposed, "")
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestAutoretry: an apply makes the plans of other branches outdated. They are
// made again where the stack asks for it, once a branch and only if they
// planned something.
func TestAutoretry(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "auto", "dev", func(s *domain.Stack) { s.Autoretry = true })
		b.Stack(t, "plain", "dev", nil)
		again := map[domain.RunID]string{}
		for _, stack := range []domain.StackID{"auto", "plain"} {
			b.onBranch(t, stack, "a", domain.RunFinished, nil)
			newest := b.onBranch(t, stack, "a", domain.RunFinished, nil)
			busy := b.onBranch(t, stack, "busy", domain.RunPlanning, nil)
			b.onBranch(t, stack, "merged", domain.RunFinished, func(r *domain.Run) { r.Delta = &domain.Delta{Resources: 3} })
			b.onBranch(t, stack, "broken", domain.RunFailed, nil)
			b.onBranch(t, stack, "waits", domain.RunReady, nil)
			b.onBranch(t, stack, "main", domain.RunFinished, nil)
			b.onBranch(t, stack, "laptop", domain.RunFinished, func(r *domain.Run) { r.Request.Workspace = "x" })
			b.onBranch(t, stack, "back", domain.RunFinished, nil)
			b.onBranch(t, stack, "back", domain.RunStopped, nil) // somebody has stopped the newer one
			if stack == "auto" {
				again = map[domain.RunID]string{newest: "a", busy: "busy"}
			}
			before := len(b.plansOf(t, stack))

			run := b.planned(t, stack)
			if n := len(b.plansOf(t, stack)); n != before {
				t.Errorf("%s: a plan alone started %d runs", stack, n-before)
			}
			if _, err := b.Confirm(b.As(t, "root-admin"), stack, run.ID, ""); err != nil {
				t.Fatal(err)
			}
			lease := b.take(t, run.ID)
			b.advance(t, lease, domain.RunApplying, domain.RunFinished)
			started := b.plansOf(t, stack)[:len(b.plansOf(t, stack))-before]
			if stack == "plain" {
				if len(started) != 0 {
					t.Errorf("a stack that does not ask for it has %d new runs", len(started))
				}
				continue
			}
			for _, r := range started {
				if branch, ok := again[r.Request.Retries]; !ok || r.Branch != branch || r.Commit.Hash != "c0ffee"+branch || r.State != domain.RunReady || r.TriggeredBy != "system::autoretry" {
					t.Errorf("started %+v", r)
				}
				delete(again, r.Request.Retries)
			}
			if len(again) != 0 {
				t.Errorf("not planned again: %v", again)
			}
		}
	})
}

// take leases runs until it is the turn of one.
func (b bench) take(t *testing.T, id domain.RunID) runs.Lease {
	t.Helper()
	for range 20 {
		if a := b.lease(t); a.Run.ID == id {
			return a.Lease
		}
	}
	t.Fatalf("run %s is not given out", id)
	return runs.Lease{}
}
