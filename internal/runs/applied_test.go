package runs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

const older, newer = "0123456789", "1123456789"

// begins takes the next run and lets it plan a commit, a moment later.
func (b bench) begins(t *testing.T, hash string) runs.Lease {
	t.Helper()
	b.Clock.Advance(time.Second)
	a := b.lease(t)
	commit := domain.Commit{Hash: hash, Message: hash, Timestamp: time.Unix(1, 0)}
	if err := b.Advance(t.Context(), a.Lease, runs.Progress{To: domain.RunInitializing, Commit: &commit}); err != nil {
		t.Fatal(err)
	}
	b.advance(t, a.Lease, domain.RunPlanning)
	return a.Lease
}

// unconfirmed plans a commit, of some resources only if there are targets.
func (b bench) unconfirmed(t *testing.T, stack domain.StackID, hash string, targets ...string) domain.RunID {
	t.Helper()
	b.trigger(t, stack)
	l := b.begins(t, hash)
	b.advance(t, l, domain.RunUnconfirmed)
	if len(targets) > 0 {
		if _, err := b.Replan(b.As(t, "root-admin"), stack, l.Run, targets); err != nil {
			t.Fatal(err)
		}
		b.advance(t, b.lease(t).Lease, domain.RunPlanning, domain.RunUnconfirmed)
	}
	return l.Run
}

// applies confirms a plan; the states come after APPLYING.
func (b bench) applies(t *testing.T, stack domain.StackID, id domain.RunID, states ...domain.RunState) runs.Lease {
	t.Helper()
	if _, err := b.Confirm(b.As(t, "root-admin"), stack, id, ""); err != nil {
		t.Fatal(err)
	}
	b.Clock.Advance(time.Second)
	l := b.lease(t).Lease
	b.advance(t, l, append([]domain.RunState{domain.RunApplying}, states...)...)
	return l
}

// ends reports what the plan of a run that looks for drift would change.
func (b bench) ends(t *testing.T, l runs.Lease) domain.Run {
	t.Helper()
	b.Clock.Advance(time.Second)
	if err := b.Advance(t.Context(), l, runs.Progress{To: domain.RunFinished, Changes: changed, Delta: &domain.Delta{}}); err != nil {
		t.Fatal(err)
	}
	return b.get(t, l.Run)
}

// detects is a stack of its own whose drift is looked for and put right, and
// which has applied the older commit.
func (b bench) detects(t *testing.T, id domain.StackID) domain.Schedule {
	t.Helper()
	b.Stack(t, id, "dev", nil)
	b.deploy(t, id, older)
	return b.schedule(t, "ann", id, drift(true, true))
}

// TestDriftIsVoidIfAnythingWasApplied: what a run finds counts only if nothing
// else has changed the state since it was given out.
func TestDriftIsVoidIfAnythingWasApplied(t *testing.T) {
	fully, half := domain.RunFinished, domain.RunFailed
	for name, c := range map[string]struct {
		meanwhile func(t *testing.T, b bench)
		counts    bool
	}{
		"newer code without changes": {func(t *testing.T, b bench) { b.deploy(t, "s", newer) }, false},
		"newer code":                 {func(t *testing.T, b bench) { b.applies(t, "s", b.unconfirmed(t, "s", newer), fully) }, false},
		"half of newer code":         {func(t *testing.T, b bench) { b.applies(t, "s", b.unconfirmed(t, "s", newer), half) }, false},
		"newer code until later":     {func(t *testing.T, b bench) { b.applies(t, "s", b.unconfirmed(t, "s", newer)) }, false},
		"the same code":              {func(t *testing.T, b bench) { b.applies(t, "s", b.unconfirmed(t, "s", older), fully) }, false},
		"some of the same code":      {func(t *testing.T, b bench) { b.applies(t, "s", b.unconfirmed(t, "s", older, "a.b"), fully) }, false},
		"a task": {func(t *testing.T, b bench) {
			if _, err := b.CreateTask(b.As(t, "ann"), runs.TaskInput{Stack: "s", Command: "true"}); err != nil {
				t.Fatal(err)
			}
			b.Clock.Advance(time.Second)
			b.advance(t, b.lease(t).Lease, domain.RunInitializing, domain.RunPerforming, domain.RunFailed)
		}, false},
		"a state that was rescued": {func(t *testing.T, b bench) {
			b.Clock.Advance(time.Second)
			b.Fill(t, func(c ctx, tx *store.Tx, p access.Permit) error {
				v := domain.StateVersion{ID: "v", StackID: "s", Serial: 1, Lineage: "l", CreatedAt: tx.Now()}
				return tx.InsertState(c, p.For(access.KindState), v, []byte("{}"))
			})
		}, false},
		"the same code without changes": {func(t *testing.T, b bench) { b.deploy(t, "s", older) }, true},
		"newer code that is planned":    {func(t *testing.T, b bench) { b.unconfirmed(t, "s", newer) }, true},
		"nothing":                       {func(*testing.T, bench) {}, true},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b bench) {
				d := b.detects(t, "s")
				b.applies(t, "s", b.unconfirmed(t, "s", older), domain.RunFinished)
				b.due(t, d)
				l := b.begins(t, older)
				c.meanwhile(t, b)
				run := b.ends(t, l)
				kept := b.stack(t, "s").Drift
				if (kept != nil && kept.Found) != c.counts || (len(b.runsBy(t, d)) == 1) != c.counts {
					t.Errorf("kept %+v, started %+v", kept, b.runsBy(t, d))
				}
				if run.State != domain.RunFinished || strings.Contains(run.Note, "what was found does not count") == c.counts {
					t.Errorf("it is %s: %q", run.State, run.Note)
				}
			})
		})
	}
}

// TestDriftIsNotPutRightOverNewerCode: what was found while a newer commit waited
// is put right only if that commit was not applied.
func TestDriftIsNotPutRightOverNewerCode(t *testing.T) {
	for name, c := range map[string]struct {
		then  func(t *testing.T, b bench, newer domain.RunID)
		state domain.RunState
		shown domain.RunState
	}{
		"applied":   {func(t *testing.T, b bench, id domain.RunID) { b.applies(t, "s", id, domain.RunFinished) }, domain.RunSkipped, domain.RunFinished},
		"failed":    {func(t *testing.T, b bench, id domain.RunID) { b.applies(t, "s", id, domain.RunFailed) }, domain.RunSkipped, domain.RunFailed},
		"discarded": {func(t *testing.T, b bench, id domain.RunID) { _, _ = b.Discard(b.As(t, "root-admin"), "s", id, "") }, domain.RunReady, domain.RunReady},
		"applied by who has locked the stack": {func(t *testing.T, b bench, id domain.RunID) {
			root := b.As(t, "root-admin")
			if err := second(b.Lock(root, "s", "")); err != nil {
				t.Fatal(err)
			}
			b.applies(t, "s", id, domain.RunFinished)
			b.deploy(t, "s", older) // it is the commit again, and there is no drift
			if err := second(b.Unlock(root, "s", "")); err != nil {
				t.Fatal(err)
			}
		}, domain.RunSkipped, domain.RunFinished},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b bench) {
				d := b.detects(t, "s")
				b.due(t, d)
				l := b.begins(t, older)
				next := b.unconfirmed(t, "s", newer)
				b.ends(t, l)
				list := b.runsBy(t, d)
				if len(list) != 1 || list[0].State != domain.RunQueued {
					t.Fatalf("drift started %+v", list)
				}
				c.then(t, b, next)
				run, shown := b.get(t, list[0].ID), b.stack(t, "s").RunState
				if run.State != c.state || shown != c.shown || (run.Note == "") == (c.state == domain.RunSkipped) {
					t.Errorf("it is %s (%q), the stack shows %s", run.State, run.Note, shown)
				}
			})
		})
	}
}

// TestDriftIsNotPutRightAfterTargets: of the rest it is not known what was applied.
func TestDriftIsNotPutRightAfterTargets(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		d := b.detects(t, "s")
		b.due(t, d)
		l := b.begins(t, older)
		next := b.unconfirmed(t, "s", older, "a.b")
		b.ends(t, l)
		b.applies(t, "s", next, domain.RunFinished)
		if run := b.runsBy(t, d)[0]; run.State != domain.RunSkipped || !strings.Contains(run.Note, "limited to some resources") {
			t.Errorf("it is %s: %q", run.State, run.Note)
		}
		b.noLease(t)
	})
}

// TestLooksForDriftAreSkipped: one that waited for a worker until something else
// was applied does not begin, and the next one looks at that.
func TestLooksForDriftAreSkipped(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		d := b.detects(t, "s")
		late := b.due(t, d)
		b.deploy(t, "s", newer)
		b.noLease(t)
		if run := b.get(t, late.ID); run.State != domain.RunSkipped || !strings.Contains(run.Note, "has applied commit 1123456 since") {
			t.Errorf("it is %s: %q", run.State, run.Note)
		}
		if run := b.due(t, d); run.Commit.Hash != newer {
			t.Errorf("looks at %s", run.Commit.Hash)
		}
		b.deploy(t, "s", newer) // the same
		b.begins(t, newer)
	})
}

// TestRetriesOfDriftRuns use what is applied by now, or are refused.
func TestRetriesOfDriftRuns(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		root := b.As(t, "root-admin")
		d := b.detects(t, "s")
		retried := func(id domain.RunID, hash string) domain.Run {
			t.Helper()
			run, err := b.Retry(root, "s", id)
			if err != nil || !run.Drift || run.Commit.Hash != hash || run.State != domain.RunReady {
				t.Fatalf("retried as %+v, %v; want commit %s", run, err, hash)
			}
			return run
		}
		refused := func(id domain.RunID, why string) {
			t.Helper()
			if _, err := b.Retry(root, "s", id); domain.ErrorCode(err) != domain.CodeConflict || !strings.Contains(err.Error(), why) {
				t.Errorf("got %v, want %q", err, why)
			}
		}
		looked := b.due(t, d).ID
		b.advance(t, b.begins(t, older), domain.RunFailed)
		b.deploy(t, "s", newer)
		again := retried(looked, newer).ID
		refused(looked, "has not ended")
		b.ends(t, b.begins(t, newer))
		b.wantState(t, again, domain.RunFinished)

		right := b.runsBy(t, d)[0].ID
		b.advance(t, b.begins(t, newer), domain.RunFailed)
		right = retried(right, newer).ID
		b.advance(t, b.begins(t, newer), domain.RunUnconfirmed)
		b.applies(t, "s", right, domain.RunFailed)
		refused(looked, "has not finished")
		right = retried(right, newer).ID // what it has begun
		b.advance(t, b.begins(t, newer), domain.RunFailed)
		b.deploy(t, "s", older)
		refused(right, "nothing has drifted any more")
		b.applies(t, "s", b.unconfirmed(t, "s", older, "a.b"), domain.RunFinished)
		refused(looked, "limited to some resources")
	})
}

// TestDriftIsOfAllThatWasAppliedLast: where a plan would show more than drift,
// nothing looks for it, and what was applied last is not what was created last.
func TestDriftIsOfAllThatWasAppliedLast(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		d := b.detects(t, "s")
		none := func(want string) {
			t.Helper()
			b.Clock.Advance(time.Hour)
			b.startDue(t, 1)
			if last := b.scheduled(t, d.ID).Last; last.Run != "" || !strings.Contains(last.Note, want) {
				t.Errorf("last %+v, want %q", last, want)
			}
		}
		b.applies(t, "s", b.unconfirmed(t, "s", newer, "a.b"), domain.RunFinished)
		none("limited to some resources")
		b.applies(t, "s", b.unconfirmed(t, "s", newer), domain.RunFailed)
		none("has not finished")
		b.trigger(t, "s")
		b.advance(t, b.begins(t, older), domain.RunFailed)
		none("has not finished") // a plan changes nothing

		root := b.As(t, "root-admin")
		holder := b.unconfirmed(t, "s", older)
		b.trigger(t, "s")
		raised := b.trigger(t, "s")
		if err := second(b.Prioritize(root, "s", raised.ID, true)); err != nil {
			t.Fatal(err)
		}
		b.applies(t, "s", holder, domain.RunFinished)
		b.advance(t, b.begins(t, older), domain.RunUnconfirmed)
		b.applies(t, "s", raised.ID, domain.RunFinished)
		b.advance(t, b.begins(t, newer), domain.RunFinished) // created before the one that was raised
		if run := b.due(t, d); run.Commit.Hash != newer {
			t.Errorf("looks at %s", run.Commit.Hash)
		}
		b.begins(t, newer)

		destroyed, err := b.Destroy(root, "s")
		if err != nil {
			t.Fatal(err)
		}
		b.Clock.Advance(time.Second)
		b.advance(t, b.lease(t).Lease, domain.RunInitializing, domain.RunDestroying, domain.RunFailed)
		b.wantState(t, destroyed.Destroyer, domain.RunFailed)
		b.endAll(t, "s")
		none("has begun to destroy")
	})
}
