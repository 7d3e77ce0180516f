package runs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

// calls are all that a worker can ask with a lease.
func (b bench) calls(t *testing.T, l runs.Lease, to domain.RunState) map[string]error {
	t.Helper()
	_, workspace := b.Workspace(t.Context(), l)
	return map[string]error{
		"heartbeat":      b.beat(t, l),
		"advance":        b.Advance(t.Context(), l, runs.Progress{To: to, Outputs: []domain.Output{{Name: "stale"}}}),
		"append log":     b.AppendLog(t.Context(), l, 0, domain.RunPlanning, "stale"),
		"put workspace":  b.PutWorkspace(t.Context(), l, []byte("stale")),
		"read workspace": workspace,
	}
}

// TestStaleLease is refused everywhere and changes nothing (I5, security case
// 151).
func TestStaleLease(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		run := b.planned(t, "k") // its plan's lease is over
		if err := b.AppendLogOf(t, run.ID, 1); err == nil {
			t.Error("a log piece was taken for a lease that is over")
		}
		if _, err := b.Confirm(b.As(t, "root-admin"), "k", run.ID, ""); err != nil {
			t.Fatal(err)
		}
		a := b.lease(t)
		for _, epoch := range []int{1, 0, 3, -1} {
			stale := a.Lease
			stale.Epoch = epoch
			before := b.Digest(t)
			for name, err := range b.calls(t, stale, domain.RunApplying) {
				if domain.ErrorCode(err) != domain.CodeConflict {
					t.Errorf("%s with epoch %d: %v, want conflict", name, epoch, err)
				}
			}
			if diff := cmp.Diff(before, b.Digest(t)); diff != "" {
				t.Errorf("epoch %d changed something:\n%s", epoch, diff)
			}
		}
		b.advance(t, a.Lease, domain.RunApplying, domain.RunFinished)
		for name, err := range b.calls(t, a.Lease, domain.RunApplying) {
			if domain.ErrorCode(err) != domain.CodeConflict {
				t.Errorf("%s after the end: %v, want conflict", name, err)
			}
		}
	})
}

// AppendLogOf appends one piece under a lease of a run.
func (b bench) AppendLogOf(t *testing.T, id domain.RunID, epoch int) error {
	t.Helper()
	return b.AppendLog(t.Context(), runs.Lease{Key: builtIn, Run: id, Epoch: epoch}, 0, domain.RunPlanning, "x")
}

// TestPoolReset: a token that was reset gets no run, and what its workers hold
// is out of their hands at once (E12).
func TestPoolReset(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Pool(t, "private", "dev")
		old := domain.PoolKey{Pool: "private"}
		for _, stack := range []domain.StackID{"one", "two"} {
			b.Stack(t, stack, "dev", func(s *domain.Stack) { s.WorkerPool = "private" })
			b.trigger(t, stack)
		}
		held, err := b.Lease(t.Context(), old, "w", time.Millisecond)
		if err != nil || held == nil {
			t.Fatalf("leased %+v, %v", held, err)
		}
		b.Fill(t, func(ctx ctx, tx *store.Tx, p access.Permit) error {
			return tx.ResetWorkerPool(ctx, p.For(access.KindWorkerPool), domain.WorkerPool{ID: "private"}, "new", []byte("new"))
		})
		before := b.Digest(t)
		_, err = b.Lease(t.Context(), old, "w", time.Millisecond)
		wantCode(t, err, domain.CodeUnauthenticated)
		for name, err := range b.calls(t, held.Lease, domain.RunInitializing) {
			if domain.ErrorCode(err) != domain.CodeUnauthenticated {
				t.Errorf("%s: %v", name, err)
			}
		}
		if diff := cmp.Diff(before, b.Digest(t)); diff != "" {
			t.Errorf("a token that was reset wrote:\n%s", diff)
		}
		now, err := b.PoolOfToken(t.Context(), []byte("new"))
		if err != nil {
			t.Fatal(err)
		}
		if a, err := b.Lease(t.Context(), now, "w", time.Millisecond); err != nil || a == nil || a.Stack.ID != "two" {
			t.Errorf("the new token leased %+v, %v", a, err)
		}
	})
}

// TestCase58Pool: a run is executed by the pool that its stack names when a
// worker asks, not by the one it named when the run began to wait.
func TestCase58Pool(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Pool(t, "private", "dev")
		st := b.Stack(t, "s", "dev", func(s *domain.Stack) { s.WorkerPool = "private" })
		b.trigger(t, "s")
		st.WorkerPool = ""
		b.Fill(t, func(ctx ctx, tx *store.Tx, p access.Permit) error {
			return tx.UpdateStack(ctx, p.For(access.KindStack), st)
		})
		if a, err := b.Lease(t.Context(), domain.PoolKey{Pool: "private"}, "w", time.Millisecond); a != nil || err != nil {
			t.Errorf("the old pool leased %+v, %v", a, err)
		}
		b.lease(t)
	})
}

// TestForeignPool is security case 86: a run of another pool does not exist.
func TestForeignPool(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Pool(t, "private", "dev")
		private := domain.PoolKey{Pool: "private"}
		b.Stack(t, "mine", "dev", func(s *domain.Stack) { s.WorkerPool = "private" })
		b.trigger(t, "mine")
		b.noLease(t)
		a, err := b.Lease(t.Context(), private, "w", time.Millisecond)
		if err != nil || a == nil || a.Key != private {
			t.Fatalf("leased %+v, %v", a, err)
		}
		foreign := a.Lease
		foreign.Key = builtIn
		missing := foreign
		missing.Run = "nope"
		calls := b.calls(t, foreign, domain.RunInitializing)
		for name, want := range b.calls(t, missing, domain.RunInitializing) {
			if got := calls[name]; domain.ErrorCode(got) != domain.CodeNotFound || got.Error() != want.Error() {
				t.Errorf("%s: a foreign run answers %v, a missing one %v", name, got, want)
			}
		}
		if id, err := b.PoolOfToken(t.Context(), []byte("private")); err != nil || id != private {
			t.Errorf("the token's pool is %v, %v", id, err)
		}
		_, err = b.PoolOfToken(t.Context(), []byte("other"))
		wantCode(t, err, domain.CodeNotFound)
	})
}

// TestRepeatedReports is security case 153: each message three times.
func TestRepeatedReports(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.trigger(t, "k")
		a := b.lease(t)
		for _, to := range []domain.RunState{domain.RunPreparing, domain.RunInitializing, domain.RunPlanning, domain.RunUnconfirmed} {
			b.advance(t, a.Lease, to, to, to)
			if to != domain.RunPlanning {
				continue
			}
			for _, seq := range []int{0, 0, 1, 0, 1, 1} {
				if err := b.AppendLog(t.Context(), a.Lease, seq, to, fmt.Sprintf("line %d\n", seq)); err != nil {
					t.Fatal(err)
				}
			}
			wantCode(t, b.AppendLog(t.Context(), a.Lease, 3, to, "too early"), domain.CodeConflict)
		}
		if got := len(b.states(t, a.Run.ID)); got != 6 {
			t.Errorf("the history has %d states, want 6", got)
		}
		page, err := b.Logs(b.As(t, "ann"), a.Run.ID, domain.RunPlanning, -1, "")
		if diff := cmp.Diff([]string{"line 0\n", "line 1\n"}, page.Lines); diff != "" || err != nil {
			t.Errorf("log (-want +got):\n%s%v", diff, err)
		}
	})
}

// TestReaper is security cases 148 and 149: a lost worker ends its run once,
// with the right reason, and nothing is tried again.
// TestCase158StuckRuns: whoever executes runs and is never heard of again holds
// none of them for longer than a minute, however many.
func TestCase158StuckRuns(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		const many = 12
		for i := range many {
			id := domain.StackID(fmt.Sprintf("stuck-%d", i))
			b.Stack(t, id, "dev", nil)
			b.trigger(t, id)
			b.advance(t, b.lease(t).Lease, domain.RunInitializing, domain.RunPlanning)
		}
		b.reap(t, 0)
		b.Clock.Advance(time.Minute)
		b.reap(t, many)
		b.reap(t, 0)
		b.noLease(t) // nothing is done again by itself
		b.Invariants(t, nil)
	})
}

func TestReaper(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.trigger(t, "k")
		plan := b.lease(t).Lease
		b.advance(t, plan, domain.RunInitializing, domain.RunPlanning)
		if err := b.PutWorkspace(t.Context(), plan, []byte("w")); err != nil {
			t.Fatal(err)
		}
		apply := b.applying(t, "k2")
		waiting := b.trigger(t, "k")

		b.reap(t, 0)
		b.Clock.Advance(runs.LeaseTTL - time.Second)
		for _, l := range []runs.Lease{plan, apply} {
			if err := b.beat(t, l); err != nil {
				t.Fatal(err)
			}
		}
		b.Clock.Advance(runs.LeaseTTL) // to the very end of the lease
		b.reap(t, 0)
		b.Clock.Advance(time.Microsecond)
		b.reap(t, 1)
		b.wantState(t, apply.Run, domain.RunApplying) // it has more time
		b.Clock.Advance(runs.ApplyTTL - runs.LeaseTTL - time.Microsecond)
		b.reap(t, 0)
		b.Clock.Advance(time.Microsecond)
		b.reap(t, 1)
		b.reap(t, 0)
		b.Invariants(t, nil)
		for id, note := range map[domain.RunID]string{plan.Run: "worker_lost", apply.Run: "apply_interrupted"} {
			run := b.get(t, id)
			if run.State != domain.RunFailed || !strings.HasPrefix(run.Note, note) {
				t.Errorf("lost run is %s (%s), want FAILED with %s", run.State, run.Note, note)
			}
		}
		b.wantState(t, waiting.ID, domain.RunReady) // of the same stack
		if got := b.lease(t); got.Run.ID != waiting.ID {
			t.Errorf("leased %s: a lost run was tried again", got.Run.ID)
		}
		b.noLease(t)
		for name, err := range b.calls(t, apply, domain.RunFinished) {
			if domain.ErrorCode(err) != domain.CodeConflict {
				t.Errorf("the lost worker's %s: %v, want conflict", name, err)
			}
		}
	})
}

// TestReportedLost: a worker that finds what a dead one left need not wait for
// the end of the lease; told twice, it is the same.
func TestReportedLost(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.trigger(t, "k")
		plan := b.lease(t).Lease
		b.advance(t, plan, domain.RunInitializing, domain.RunPlanning)
		apply := b.applying(t, "k2")
		waits := b.trigger(t, "k2")
		wantCode(t, b.Advance(t.Context(), plan, runs.Progress{To: domain.RunFinished, Lost: true}), domain.CodeInvalid)
		for l, note := range map[runs.Lease]string{plan: "worker_lost", apply: "apply_interrupted"} {
			for range 3 {
				if err := b.Advance(t.Context(), l, runs.Progress{To: domain.RunFailed, Lost: true, Note: "not this"}); err != nil {
					t.Fatal(err)
				}
			}
			if run := b.get(t, l.Run); run.State != domain.RunFailed || !strings.HasPrefix(run.Note, note) {
				t.Errorf("lost run is %s (%s), want FAILED with %s", run.State, run.Note, note)
			}
		}
		// The stack of the apply waits for somebody who looks; that of the plan does not.
		if lock := b.stack(t, "k2").Lock; lock == nil || !strings.HasPrefix(lock.Note, "needs_reconcile: run "+string(apply.Run)) {
			t.Errorf("the lock is %+v", lock)
		}
		if b.stack(t, "k").Lock != nil {
			t.Error("a lost plan has locked its stack")
		}
		b.wantState(t, waits.ID, domain.RunQueued)
		if _, err := b.Unlock(b.As(t, "root-admin"), "k2", ""); err != nil {
			t.Fatal(err)
		}
		b.wantState(t, waits.ID, domain.RunReady)
		b.Invariants(t, nil)
	})
}

// TestInterrupted: a worker whose OpenTofu was killed during an apply says so,
// and the stack is locked; a lock that is there stays.
func TestInterrupted(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for stack, note := range map[domain.StackID]string{"k": "needs_reconcile: run ", "k2": "mine"} {
			apply := b.applying(t, stack)
			if note == "mine" {
				if _, err := b.Service.Lock(b.As(t, "root-admin"), stack, note); err != nil {
					t.Fatal(err)
				}
			}
			if err := b.Advance(t.Context(), apply, runs.Progress{To: domain.RunFailed, Note: "tofu apply was ended", Interrupted: true}); err != nil {
				t.Fatal(err)
			}
			if lock := b.stack(t, stack).Lock; lock == nil || !strings.HasPrefix(lock.Note, note) {
				t.Errorf("the lock is %+v", lock)
			}
		}
	})
}

// TestInterruptedTask: a task may have changed what its stack manages as an apply
// may: its stack is locked however it did not come to its end, and not when it
// failed as commands do.
func TestInterruptedTask(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(t *testing.T, b bench, l runs.Lease) error
		note string // of the run; empty: nothing happened to it
	}{
		"a state that could not be stored": {func(t *testing.T, b bench, l runs.Lease) error {
			return b.Advance(t.Context(), l, runs.Progress{To: domain.RunFailed, Note: "the command failed", Interrupted: true})
		}, "the command failed"},
		"a worker that died": {func(t *testing.T, b bench, l runs.Lease) error {
			return b.Advance(t.Context(), l, runs.Progress{To: domain.RunFailed, Lost: true})
		}, "task_interrupted"},
		"a worker that is silent": {func(t *testing.T, b bench, _ runs.Lease) error {
			b.Clock.Advance(runs.ApplyTTL + time.Microsecond)
			b.reap(t, 1)
			return nil
		}, "task_interrupted"},
		"somebody who ends it": {func(t *testing.T, b bench, l runs.Lease) error {
			b.Clock.Advance(runs.LeaseTTL + time.Microsecond)
			return second(b.Kill(b.As(t, "root-admin"), "k2", l.Run, ""))
		}, "task_interrupted"},
		"a command that failed": {func(t *testing.T, b bench, l runs.Lease) error {
			return b.Advance(t.Context(), l, runs.Progress{To: domain.RunFailed, Note: "exit code 1"})
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b bench) {
				task, err := b.CreateTask(b.As(t, "root-admin"), runs.TaskInput{Stack: "k2", Command: "tofu apply"})
				if err != nil {
					t.Fatal(err)
				}
				a := b.lease(t)
				b.advance(t, a.Lease, domain.RunInitializing, domain.RunPerforming)
				if err := c.end(t, b, a.Lease); err != nil {
					t.Fatal(err)
				}
				lock, run := b.stack(t, "k2").Lock, b.get(t, task.ID)
				if c.note == "" {
					if lock != nil {
						t.Errorf("the lock is %+v", lock)
					}
					return
				}
				if lock == nil || lock.By != "system::run-reaper" || lock.Note != "needs_reconcile: run "+string(task.ID)+" was interrupted while it was PERFORMING" {
					t.Errorf("the lock is %+v", lock)
				}
				if run.State != domain.RunFailed || !strings.HasPrefix(run.Note, c.note) {
					t.Errorf("the run is %s: %s", run.State, run.Note)
				}
				b.Invariants(t, nil)
			})
		})
	}
}

// TestCase151ForceFail: an apply can be ended by somebody once its worker is
// silent, and not before; what the worker then says is refused.
func TestCase151ForceFail(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		apply := b.applying(t, "k")
		root := b.As(t, "root-admin")
		b.Clock.Advance(runs.LeaseTTL)
		_, err := b.Kill(root, "k", apply.Run, "gone")
		wantCode(t, err, domain.CodeConflict)
		b.wantState(t, apply.Run, domain.RunApplying)
		b.Clock.Advance(time.Microsecond)
		run, err := b.Kill(root, "k", apply.Run, "the machine burnt")
		if err != nil || run.State != domain.RunFailed || !strings.Contains(run.Note, "apply_interrupted") || !strings.Contains(run.Note, "(the machine burnt)") {
			t.Fatalf("%+v, %v", run, err)
		}
		before := b.Digest(t)
		for name, err := range b.calls(t, apply, domain.RunFinished) {
			if domain.ErrorCode(err) != domain.CodeConflict {
				t.Errorf("the zombie's %s: %v, want conflict", name, err)
			}
		}
		if diff := cmp.Diff(before, b.Digest(t)); diff != "" {
			t.Errorf("the zombie changed something:\n%s", diff)
		}
		b.Invariants(t, nil)
	})
}

func (b bench) reap(t *testing.T, want int) {
	t.Helper()
	if n, err := b.Reap(t.Context()); n != want || err != nil {
		t.Errorf("reaped %d runs, %v; want %d", n, err, want)
	}
}

// TestReaperGoesOn ends the other runs when one cannot be ended.
func TestReaperGoesOn(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.trigger(t, "k")
		bad := b.lease(t)
		b.trigger(t, "k2")
		good := b.lease(t)
		if err := b.Exec(t, `update runs set state = 'SKIPPED' where id = $1`, string(bad.Run.ID)); err != nil {
			t.Fatal(err)
		}
		b.Clock.Advance(time.Hour)
		if n, err := b.Reap(t.Context()); n != 1 || err == nil {
			t.Errorf("reaped %d, %v; want one and an error", n, err)
		}
		b.wantState(t, good.Run.ID, domain.RunFailed)
	})
}

// TestLogPages reads a log that is longer than one page.
func TestLogPages(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.trigger(t, "k")
		a := b.lease(t)
		b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning)
		var want strings.Builder
		for seq := range 130 {
			line := fmt.Sprintf("line %d Ω\nsecond line ", seq)
			want.WriteString(line)
			if err := b.AppendLog(t.Context(), a.Lease, seq, domain.RunPlanning, line); err != nil {
				t.Fatal(err)
			}
		}
		if err := b.AppendLog(t.Context(), a.Lease, 130, domain.RunPlanning, "bytes \xff\x00"); err != nil {
			t.Errorf("bytes that are no text: %v", err)
		}
		want.WriteString("bytes \uFFFD\uFFFD")
		serial := b.get(t, a.Run.ID).StateSerial
		for _, which := range []int{-1, serial} {
			text, next, pages := "", "", 0
			for more := true; more; pages++ {
				p, err := b.Logs(b.As(t, "ann"), a.Run.ID, domain.RunPlanning, which, next)
				if err != nil {
					t.Fatal(err)
				}
				if p.Finished {
					t.Error("finished while the worker goes on")
				}
				text, next, more = text+strings.Join(p.Lines, ""), p.Next, p.HasMore
			}
			if text != want.String() || pages != 3 {
				t.Errorf("serial %d: read %d bytes in %d pages, want %d in 3", which, len(text), pages, want.Len())
			}
		}
		b.advance(t, a.Lease, domain.RunUnconfirmed)
		p, err := b.Logs(b.As(t, "ann"), a.Run.ID, domain.RunPlanning, serial, "1.130")
		if err != nil || !p.Finished || len(p.Lines) != 0 || p.Next != "1.130" {
			t.Errorf("behind the end: %+v, %v", p, err)
		}
		for _, token := range []string{"x", "1", "1.", ".1", "1.2x", "99999999999.1", "1.99999999999", "1.2.3", " 1.2", "\x00"} {
			b.Invalid(t, "token", func() error { _, err := b.Logs(b.As(t, "ann"), a.Run.ID, domain.RunPlanning, -1, token); return err })
		}
		b.Invalid(t, "stateVersion", func() error { _, err := b.Logs(b.As(t, "ann"), a.Run.ID, domain.RunPlanning, 1<<40, ""); return err })
	})
}
