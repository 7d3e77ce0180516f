package runs_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

// TestLife takes runs of one stack from the trigger to their ends.
func TestLife(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		row := b.Allowed(t, func() error {
			_, err := b.Trigger(admin, runs.TriggerInput{Stack: "k", Commit: "0123abc", Metadata: "kept\nas it came"})
			return err
		})
		first := b.get(t, domain.RunID(row.ObjectID))
		if first.State != domain.RunReady || first.TriggeredBy != b.KeyID("root-admin").AuditName() || first.Commit.Hash != "0123abc" ||
			first.Metadata != "kept\nas it came" || first.Branch != "main" {
			t.Errorf("triggered %+v, want READY at once", first)
		}
		second, third := b.trigger(t, "k"), b.trigger(t, "k")
		other := b.trigger(t, "k2")
		b.wantState(t, second.ID, domain.RunQueued)
		b.wantState(t, other.ID, domain.RunReady) // of another stack

		a := b.lease(t)
		if a.Run.ID != first.ID || a.Epoch != 1 || a.Key != builtIn || a.Run.State != domain.RunPreparing {
			t.Fatalf("leased %+v, want the oldest run", a.Lease)
		}
		b.plan(t, a)
		b.wantState(t, second.ID, domain.RunQueued) // the first waits for its confirmation
		b.Clock.Advance(time.Second)

		b.Allowed(t, func() error {
			_, err := b.Confirm(b.As(t, "ann"), "k", first.ID, "looks right")
			return err
		})
		if o := b.lease(t); o.Run.ID != other.ID { // it waits the longest
			t.Errorf("leased %s, want %s", o.Run.ID, other.ID)
		}
		apply := b.lease(t)
		if apply.Run.ID != first.ID || apply.Epoch != 2 || apply.Run.State != domain.RunPreparingApply {
			t.Fatalf("leased %+v, want the confirmed run", apply.Lease)
		}
		if body, err := b.Workspace(t.Context(), apply.Lease); err != nil || string(body) != "workspace" {
			t.Errorf("workspace %q, %v", body, err)
		}
		b.advance(t, apply.Lease, domain.RunApplying)
		if err := b.Advance(t.Context(), apply.Lease, runs.Progress{
			To: domain.RunFinished, Outputs: []domain.Output{{Name: "url", Value: `"x"`}}, Delta: &domain.Delta{Added: 1, Resources: 7},
		}); err != nil {
			t.Fatal(err)
		}
		want := []domain.RunState{
			domain.RunQueued, domain.RunReady, domain.RunPreparing, domain.RunInitializing, domain.RunPlanning, domain.RunUnconfirmed,
			domain.RunConfirmed, domain.RunPreparingApply, domain.RunApplying, domain.RunFinished,
		}
		if diff := cmp.Diff(want, b.states(t, first.ID)); diff != "" {
			t.Errorf("history (-want +got):\n%s", diff)
		}
		b.checkEnd(t, first.ID)

		b.wantState(t, second.ID, domain.RunReady) // promoted at the end of the first
		b.wantState(t, third.ID, domain.RunQueued)
		if _, err := b.Discard(admin, "k", second.ID, ""); err != nil {
			t.Fatal(err)
		}
		b.wantState(t, third.ID, domain.RunReady)
	})
}

// plan reports what a worker reports of a plan.
func (b bench) plan(t *testing.T, a *runs.Assignment) {
	t.Helper()
	b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning)
	if err := b.PutWorkspace(t.Context(), a.Lease, []byte("workspace")); err != nil {
		t.Fatal(err)
	}
	changes := []domain.ResourceChange{{Address: "a.b", Action: "create"}}
	err := b.Advance(t.Context(), a.Lease, runs.Progress{
		To: domain.RunUnconfirmed, Delta: &domain.Delta{Added: 1}, Changes: changes,
		Commit: &domain.Commit{Hash: "0123abcd", Message: "subject\n\nbody", AuthorName: "J\xf6rg\x00"},
	})
	if err != nil {
		t.Fatal(err)
	}
	run := b.get(t, a.Run.ID)
	if run.Title != "subject" || run.Delta.Added != 1 || run.Worker != "" || !run.LeaseUntil.IsZero() {
		t.Errorf("planned %+v, want a title, a delta and no lease", run)
	}
	if !strings.HasPrefix(run.Commit.AuthorName, "J") {
		t.Errorf("the author is %q", run.Commit.AuthorName)
	}
	got, err := b.Changes(b.As(t, "ann"), run.ID)
	if diff := cmp.Diff(changes, got); diff != "" || err != nil {
		t.Errorf("changes (-want +got):\n%s%v", diff, err)
	}
}

func (b bench) checkEnd(t *testing.T, id domain.RunID) {
	t.Helper()
	b.View(t, func(tx *store.Tx) error {
		if _, err := tx.Workspace(t.Context(), id); domain.ErrorCode(err) != domain.CodeNotFound {
			t.Errorf("the workspace of an ended run is kept: %v", err)
		}
		outputs, err := tx.Outputs(t.Context(), "k")
		if len(outputs) != 1 {
			t.Errorf("outputs %+v, want one", outputs)
		}
		return err
	})
	run := b.get(t, id)
	if run.Worker != "" || !run.LeaseUntil.IsZero() || run.Delta.Resources != 7 {
		t.Errorf("ended as %+v", run)
	}
}

func TestAutodeploy(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "auto", "dev", func(s *domain.Stack) { s.Autodeploy = true })
		b.trigger(t, "auto")
		a := b.lease(t)
		b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning, domain.RunConfirmed)
		if run := b.get(t, a.Run.ID); run.Worker == "" || run.Epoch != 1 {
			t.Errorf("the plan's worker lost its lease: %+v", run)
		}
		b.noLease(t) // nobody else may take it now
		b.advance(t, a.Lease, domain.RunApplying, domain.RunFinished)
	})
}

// TestAdvanceGuards tries what a worker may not decide.
func TestAdvanceGuards(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.trigger(t, "k")
		a := b.lease(t)
		b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning)
		for _, to := range []domain.RunState{
			domain.RunConfirmed, domain.RunDiscarded, domain.RunCanceled, domain.RunQueued, domain.RunReady, domain.RunPreparing,
			domain.RunApplying, domain.RunNone, "NONSENSE", "",
		} {
			before := b.Digest(t)
			wantCode(t, b.Advance(t.Context(), a.Lease, runs.Progress{To: to, Outputs: []domain.Output{{Name: "x"}}}), domain.CodeConflict)
			if diff := cmp.Diff(before, b.Digest(t)); diff != "" {
				t.Errorf("to %s changed something:\n%s", to, diff)
			}
		}
		b.wantState(t, a.Run.ID, domain.RunPlanning)
	})
}

// TestConfirmAndDiscard tries every state in which a caller may ask.
func TestConfirmAndDiscard(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		for _, state := range []domain.RunState{
			domain.RunQueued, domain.RunReady, domain.RunPreparing, domain.RunInitializing, domain.RunPlanning, domain.RunUnconfirmed,
			domain.RunConfirmed, domain.RunPreparingApply, domain.RunApplying, domain.RunFinished, domain.RunFailed, domain.RunDiscarded,
		} {
			for name, ask := range map[string]struct {
				to  domain.RunState
				run func(ctx, domain.StackID, domain.RunID, string) (domain.Run, error)
			}{
				"confirm": {domain.RunConfirmed, b.Confirm},
				"discard": {domain.RunDiscarded, b.Discard},
			} {
				stack := domain.StackID(strings.ToLower(string(state)) + "-" + name)
				b.Stack(t, stack, "apps", nil)
				run := b.Run(t, stack, state)
				_, err := ask.run(admin, stack, run.ID, "why")
				// PLANNING becomes CONFIRMED only by autodeploy: nobody confirms what he has not seen.
				if state.CanBecome(ask.to) && state != domain.RunPlanning {
					if err != nil {
						t.Errorf("%s of a run in %s: %v", name, state, err)
					}
					b.wantState(t, run.ID, ask.to)
					continue
				}
				wantCode(t, err, domain.CodeConflict)
				b.wantState(t, run.ID, state)
			}
		}
	})
}

// blocker is the run that holds a stack, as somebody sees it.
func (b bench) blocker(ctx context.Context, t *testing.T, id domain.StackID) domain.RunID {
	t.Helper()
	var list []domain.Stack
	b.View(t, func(tx *store.Tx) error {
		st, err := tx.Stack(ctx, id)
		list = append(list, st)
		return err
	})
	held, err := b.Blockers(ctx, list)
	if err != nil {
		t.Fatal(err)
	}
	return held[id].ID
}

// TestBlockingRunIsMeant leaves out the run's id: the one that holds the stack
// is meant.
func TestBlockingRunIsMeant(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		if r := b.blocker(admin, t, "k"); r != "" {
			t.Errorf("blocker %v; want none", r)
		}
		_, err := b.Confirm(admin, "k", "", "")
		wantCode(t, err, domain.CodeNotFound)
		run := b.planned(t, "k")
		if r := b.blocker(admin, t, "k"); r != run.ID {
			t.Errorf("blocker %v; want %s", r, run.ID)
		}
		if r := b.blocker(b.As(t, "rita"), t, "k"); r != "" {
			t.Errorf("rita sees the blocker of a hidden stack: %v", r)
		}
		if got, err := b.Discard(admin, "k", "", ""); err != nil || got.ID != run.ID {
			t.Errorf("discarded %s, %v", got.ID, err)
		}
	})
}

// TestStateLockOfAnEndedRun is released with it, and nobody else's is.
func TestStateLockOfAnEndedRun(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, foreign := range []bool{false, true} {
			lease := b.applying(t, "k")
			holder := lease.Run
			if foreign {
				holder = "another run"
			}
			b.Fill(t, func(ctx ctx, tx *store.Tx, p access.Permit) error {
				return tx.PutStateLock(ctx, p.For(access.KindState), "k", domain.StateLock{ID: "l", Run: holder, At: b.Clock.Now()})
			})
			b.advance(t, lease, domain.RunFailed)
			if locked := len(b.Rows(t, "select * from state_locks")) > 0; locked != foreign {
				t.Errorf("locked %v after the end, want %v", locked, foreign)
			}
		}
	})
}

// TestLeaseWaits makes sure that a waiting worker is woken.
func TestLeaseWaits(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		got := make(chan *runs.Assignment, 1)
		go func() {
			a, err := b.Lease(t.Context(), builtIn, "w", 20*time.Second)
			if err != nil {
				t.Error(err)
			}
			got <- a
		}()
		run := b.trigger(t, "k")
		b.Wake()
		select {
		case a := <-got:
			if a == nil || a.Run.ID != run.ID {
				t.Errorf("leased %+v", a)
			}
		case <-time.After(10 * time.Second):
			t.Error("a waiting worker was not woken")
		}
	})
}

// TestStackShowsItsHolder: the state of a stack is that of the run that holds
// it, whatever happens in the queue behind that run.
func TestStackShowsItsHolder(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		shows := func(want domain.RunState) {
			t.Helper()
			b.View(t, func(tx *store.Tx) error {
				s, err := tx.Stack(t.Context(), "k")
				if s.RunState != want {
					t.Errorf("the stack shows %s, want %s", s.RunState, want)
				}
				return err
			})
		}
		first := b.planned(t, "k")
		second, err := b.Trigger(admin, runs.TriggerInput{Stack: "k"})
		if err != nil || second.State != domain.RunQueued {
			t.Fatalf("second run: %s, %v", second.State, err)
		}
		shows(domain.RunUnconfirmed)
		if _, err := b.Discard(admin, "k", second.ID, ""); err != nil {
			t.Fatal(err)
		}
		shows(domain.RunUnconfirmed)
		if _, err := b.Discard(admin, "k", first.ID, ""); err != nil {
			t.Fatal(err)
		}
		shows(domain.RunDiscarded)
	})
}

// TestPlanReadWhileItIsApplied: what it changes may come with a repeated report,
// once.
func TestPlanReadWhileItIsApplied(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "auto", "dev", func(s *domain.Stack) { s.Autodeploy = true })
		l := b.planning(t, "auto")
		b.advance(t, l, domain.RunConfirmed, domain.RunApplying)
		for added := 1; added < 3; added++ {
			p := runs.Progress{To: domain.RunApplying, Delta: &domain.Delta{Added: added}, Changes: []domain.ResourceChange{{Address: "a", Action: "create"}}}
			if err := b.Advance(t.Context(), l, p); err != nil {
				t.Fatal(err)
			}
		}
		changes, err := b.Changes(b.As(t, "root-admin"), l.Run)
		if run := b.get(t, l.Run); run.Delta == nil || run.Delta.Added != 1 || run.State != domain.RunApplying || len(changes) != 1 || err != nil {
			t.Errorf("%+v, %+v, %v", run.Delta, changes, err)
		}
		b.advance(t, l, domain.RunFinished)
	})
}
