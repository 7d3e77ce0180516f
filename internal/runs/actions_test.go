package runs_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

// proposed starts a proposed run.
func (b bench) proposed(t *testing.T, stack domain.StackID) domain.Run {
	t.Helper()
	run, err := b.Trigger(b.As(t, "root-admin"), runs.TriggerInput{Stack: stack, Type: domain.RunProposed})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// TestProposedRunsDoNotWait: they change nothing, so they run beside each
// other and beside the run that holds the stack.
func TestProposedRunsDoNotWait(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.trigger(t, "k")
		held := b.lease(t)
		first, second := b.proposed(t, "k"), b.proposed(t, "k")
		for _, want := range []domain.Run{first, second} {
			a := b.lease(t)
			if a.Run.ID != want.ID {
				t.Errorf("leased %s, want %s", a.Run.ID, want.ID)
			}
			b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning)
			for _, forbidden := range []domain.RunState{domain.RunUnconfirmed, domain.RunConfirmed, domain.RunApplying, domain.RunPerforming} {
				wantCode(t, b.Advance(t.Context(), a.Lease, runs.Progress{To: forbidden}), domain.CodeConflict)
			}
			b.advance(t, a.Lease, domain.RunFinished)
		}
		b.advance(t, held.Lease, domain.RunInitializing)
		var stack domain.Stack
		b.View(t, func(tx *store.Tx) (err error) { stack, err = tx.Stack(t.Context(), "k"); return err })
		if stack.RunState != domain.RunInitializing {
			t.Errorf("the stack shows %s: a proposed run says nothing about what it has built", stack.RunState)
		}
	})
}

// TestA64BlockingRuns: who may cancel, stop and retry proposed runs may not do
// so with runs that hold their stack.
func TestA64BlockingRuns(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "p", "prod", nil)
		for name, c := range map[string]struct {
			from domain.RunState
			do   func(ctx ctx, run domain.RunID) error
		}{
			"cancel": {domain.RunReady, func(ctx ctx, id domain.RunID) error { return second(b.Cancel(ctx, "p", id, "")) }},
			"stop":   {domain.RunPlanning, func(ctx ctx, id domain.RunID) error { return second(b.Stop(ctx, "p", id, "")) }},
			"kill":   {domain.RunPlanning, func(ctx ctx, id domain.RunID) error { return second(b.Kill(ctx, "p", id, "")) }},
			"retry":  {domain.RunFailed, func(ctx ctx, id domain.RunID) error { return second(b.Retry(ctx, "p", id)) }},
		} {
			ask := func(who string, kind domain.RunType) func() error {
				b.endAll(t, "p")
				run := b.in(t, "p", kind, c.from)
				return func() error { return c.do(b.As(t, who), run) }
			}
			if row := b.Allowed(t, ask("rita", domain.RunProposed)); !strings.HasPrefix(row.Action, "run:") {
				t.Errorf("%s: recorded %+v", name, row)
			}
			b.Denied(t, domain.CodeForbidden, ask("rita", domain.RunTracked))
			b.Allowed(t, ask("ann", domain.RunTracked))
			b.Denied(t, domain.CodeNotFound, ask("nobody", domain.RunTracked))
		}
	})
}

// in puts a run into a state, without its history.
func (b bench) in(t *testing.T, stack domain.StackID, kind domain.RunType, state domain.RunState) domain.RunID {
	t.Helper()
	r := domain.Run{ID: domain.RunID(b.IDs.ULID()), StackID: stack, Type: kind, State: domain.RunQueued, StateSerial: 1, CreatedAt: b.Clock.Now(), UpdatedAt: b.Clock.Now()}
	b.fill(t, func(tx *store.Tx, p access.Permit) error {
		if err := tx.InsertRun(t.Context(), p, r); err != nil {
			return err
		}
		r.State = state
		if state.Active() {
			r.Worker, r.LeaseUntil, r.Epoch = "worker-1", b.Clock.Now().Add(time.Minute), 1
		}
		return tx.SaveRun(t.Context(), p, r)
	})
	return r.ID
}

// endAll takes the runs of a stack out of the way.
func (b bench) endAll(t *testing.T, stack domain.StackID) {
	t.Helper()
	b.fill(t, func(tx *store.Tx, p access.Permit) error {
		open, err := tx.OpenRuns(t.Context(), stack)
		for _, r := range open {
			r.State, r.Worker, r.LeaseUntil = domain.RunFailed, "", time.Time{}
			if err := tx.SaveRun(t.Context(), p, r); err != nil {
				return err
			}
		}
		return err
	})
}

func (b bench) fill(t *testing.T, change func(tx *store.Tx, p access.Permit) error) {
	t.Helper()
	b.Fill(t, func(_ ctx, tx *store.Tx, p access.Permit) error { return change(tx, p.For(access.KindRun)) })
}

// TestEndings: each way to end a run works from its states and from no other.
func TestEndings(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		root := b.As(t, "root-admin")
		ends := map[string]struct {
			do   func(id domain.RunID) error
			from []domain.RunState
			to   domain.RunState
		}{
			"cancel":  {func(id domain.RunID) error { return second(b.Cancel(root, "k", id, "why")) }, []domain.RunState{domain.RunQueued, domain.RunReady}, domain.RunCanceled},
			"discard": {func(id domain.RunID) error { return second(b.Discard(root, "k", id, "why")) }, []domain.RunState{domain.RunQueued, domain.RunReady, domain.RunUnconfirmed, domain.RunPendingReview, domain.RunReplanRequested}, domain.RunDiscarded},
			"kill":    {func(id domain.RunID) error { return second(b.Kill(root, "k", id, "why")) }, []domain.RunState{domain.RunPreparing, domain.RunInitializing, domain.RunPlanning, domain.RunPreparingReplan}, domain.RunStopped},
		}
		for name, end := range ends {
			for _, state := range []domain.RunState{
				domain.RunQueued, domain.RunReady, domain.RunPreparing, domain.RunInitializing, domain.RunPlanning, domain.RunPendingReview,
				domain.RunUnconfirmed, domain.RunReplanRequested, domain.RunPreparingReplan, domain.RunConfirmed, domain.RunPreparingApply,
				domain.RunApplying, domain.RunFinished, domain.RunFailed, domain.RunDiscarded,
			} {
				if name == "kill" && state.Writes() {
					continue // that depends on the worker: TestCase151ForceFail
				}
				id := b.in(t, "k", domain.RunTracked, state)
				err := end.do(id)
				can := slices.Contains(end.from, state)
				if run := b.get(t, id); can && (err != nil || run.State != end.to || run.Note != "why" || !run.LeaseUntil.IsZero()) {
					t.Errorf("%s of a run that is %s: %v, it is %s", name, state, err, run.State)
				} else if !can && (domain.ErrorCode(err) != domain.CodeConflict || run.State != state) {
					t.Errorf("%s of a run that is %s: %v, it is %s", name, state, err, run.State)
				}
				b.endAll(t, "k")
			}
		}
	})
}

// TestStop: the worker hears it, and the run is stopped when the worker says so.
func TestStop(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		root := b.As(t, "root-admin")
		b.trigger(t, "k")
		a := b.lease(t)
		b.advance(t, a.Lease, domain.RunInitializing)
		wantCode(t, b.Advance(t.Context(), a.Lease, runs.Progress{To: domain.RunStopped}), domain.CodeConflict) // nobody asked
		heard := make(chan bool)
		go func() {
			stop, _ := b.Heartbeat(t.Context(), a.Lease, time.Minute)
			heard <- stop
		}()
		run, err := b.Stop(root, "k", a.Run.ID, "enough")
		if err != nil || run.State != domain.RunInitializing || run.Stop == nil {
			t.Errorf("%+v, %v", run, err)
		}
		b.WakeStops()
		if !<-heard {
			t.Error("the worker did not hear it")
		}
		if _, err := b.Stop(b.As(t, "ann"), "k", a.Run.ID, "again"); err != nil {
			t.Error(err)
		}
		if err := b.Advance(t.Context(), a.Lease, runs.Progress{To: domain.RunPlanning}); err != runs.ErrStop {
			t.Errorf("the run went on: %v", err)
		}
		b.advance(t, a.Lease, domain.RunStopped)
		history, err := b.History(root, a.Run.ID)
		if err != nil || history[0].State != domain.RunStopped || history[0].Username != b.KeyID("root-admin").AuditName() || history[0].Note != "enough" {
			t.Errorf("%+v, %v", history, err)
		}
	})
}

// TestStopOfALostWorker: whoever asked gets what he asked for.
func TestStopOfALostWorker(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.trigger(t, "k")
		a := b.lease(t)
		if _, err := b.Stop(b.As(t, "root-admin"), "k", a.Run.ID, ""); err != nil {
			t.Fatal(err)
		}
		b.Clock.Advance(runs.LeaseTTL + time.Second)
		if n, err := b.Reap(t.Context()); n != 1 || err != nil {
			t.Errorf("reaped %d, %v", n, err)
		}
		b.wantState(t, a.Run.ID, domain.RunStopped)
	})
}

// TestCase52RetryOnARoleHolder: there, retry counts as starting a run.
func TestCase52RetryOnARoleHolder(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "p", "prod", nil)
		retry := func(who string) func() error {
			id := b.in(t, "p", domain.RunProposed, domain.RunFailed)
			return func() error { return second(b.Retry(b.As(t, who), "p", id)) }
		}
		b.Allowed(t, retry("rita"))
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "p"}, "space-reader", "prod")
		b.Denied(t, domain.CodeForbidden, retry("rita"))
		b.Allowed(t, retry("ann"))
		flagged := b.in(t, "p", domain.RunProposed, domain.RunFailed)
		run, err := b.Retry(b.As(t, "ann"), "p", flagged)
		if err != nil || run.Request.Retries != flagged || run.Type != domain.RunProposed || run.State != domain.RunReady {
			t.Errorf("%+v, %v", run, err)
		}
		if may, err := b.MayRetry(b.As(t, "rita"), b.get(t, flagged)); may || err != nil {
			t.Errorf("rita may retry: %v, %v", may, err)
		}
		wantCode(t, second(b.Retry(b.As(t, "ann"), "p", run.ID)), domain.CodeConflict) // it has not ended
	})
}

// TestA67Promote: the toggle, the kind of run and the age of the commit decide.
func TestA67Promote(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		root := b.As(t, "root-admin")
		commit := func(id domain.RunID, second int64) domain.RunID {
			b.fill(t, func(tx *store.Tx, p access.Permit) error {
				run, err := tx.Run(t.Context(), id)
				run.Commit = domain.Commit{Hash: fmt.Sprintf("%040d", second), Timestamp: time.Unix(second, 0)}
				if err != nil {
					return err
				}
				return tx.SaveRun(t.Context(), p, run)
			})
			return id
		}
		fresh := commit(b.in(t, "k", domain.RunProposed, domain.RunFinished), 200)
		wantCode(t, second(b.Promote(root, "k", fresh)), domain.CodeConflict) // toggle off
		b.fill(t, func(tx *store.Tx, p access.Permit) error {
			stack, err := tx.Stack(t.Context(), "k")
			stack.PromotionEnabled = true
			if err != nil {
				return err
			}
			return tx.UpdateStack(t.Context(), p.For(access.KindStack), stack)
		})
		current := commit(b.in(t, "k", domain.RunTracked, domain.RunFinished), 100)
		wantCode(t, second(b.Promote(root, "k", current)), domain.CodeConflict)
		wantCode(t, second(b.Promote(root, "k", commit(b.in(t, "k", domain.RunProposed, domain.RunFinished), 100))), domain.CodeConflict)
		b.Denied(t, domain.CodeForbidden, func() error { return second(b.Promote(b.As(t, "will"), "k", fresh)) })
		run, err := b.Promote(root, "k", fresh)
		if err != nil || run.Type != domain.RunTracked || run.Commit.Hash != fmt.Sprintf("%040d", 200) || run.Request.Promotes != fresh {
			t.Errorf("%+v, %v", run, err)
		}
	})
}

// TestReplan: the plan is made again, limited, under a lease of its own.
// TestMetadataOfTheConfirmation: what is put on a confirmation is kept beside what
// was put on the start, and is not what a run that does it again begins with.
func TestMetadataOfTheConfirmation(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		run, err := b.Trigger(admin, runs.TriggerInput{Stack: "k", Metadata: "ticket 7"})
		if err != nil {
			t.Fatal(err)
		}
		l := b.lease(t).Lease
		b.advance(t, l, domain.RunInitializing, domain.RunPlanning)
		if err := b.PutWorkspace(t.Context(), l, []byte("w")); err != nil {
			t.Fatal(err)
		}
		b.advance(t, l, domain.RunUnconfirmed)
		b.Invalid(t, "metadata", func() error { return second(b.ConfirmWith(admin, "k", run.ID, "", "by\x07")) })
		b.wantState(t, run.ID, domain.RunUnconfirmed)
		if _, err := b.ConfirmWith(admin, "k", run.ID, "go", "by the board"); err != nil {
			t.Fatal(err)
		}
		got := b.get(t, run.ID)
		if got.State != domain.RunConfirmed || got.Metadata != "ticket 7" || got.Request.Confirmed != "by the board" || got.Note != "go" {
			t.Errorf("%s, started with %q, confirmed with %q and %q", got.State, got.Metadata, got.Request.Confirmed, got.Note)
		}
		again := b.lease(t).Lease
		b.advance(t, again, domain.RunFailed)
		retried, err := b.Retry(admin, "k", run.ID)
		if err != nil || retried.Metadata != "ticket 7" || retried.Request.Confirmed != "" {
			t.Errorf("done again with %q and %q, %v", retried.Metadata, retried.Request.Confirmed, err)
		}
	})
}

func TestReplan(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		root := b.As(t, "root-admin")
		run := b.planned(t, "k")
		for _, bad := range [][]string{nil, {""}, {"a\x00"}, make([]string, runs.MaxTargets+1)} {
			b.Invalid(t, "targets", func() error { return second(b.Replan(root, "k", run.ID, bad)) })
		}
		if _, err := b.Replan(root, "k", run.ID, []string{"null_resource.a", `module.m["x"].y`}); err != nil {
			t.Fatal(err)
		}
		b.wantState(t, run.ID, domain.RunReplanRequested)
		wantCode(t, second(b.Confirm(root, "k", run.ID, "")), domain.CodeConflict)
		a := b.lease(t)
		if a.Run.State != domain.RunPreparingReplan || len(a.Run.Targets) != 2 || a.Epoch != 2 {
			t.Errorf("%+v", a.Run)
		}
		b.advance(t, a.Lease, domain.RunPlanning, domain.RunUnconfirmed)
		if _, err := b.Confirm(root, "k", run.ID, ""); err != nil {
			t.Error(err)
		}
	})
}

// TestTask: it takes its turn, performs and says nothing about the stack.
func TestTask(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		will := b.As(t, "will")
		for _, bad := range []string{"", "  ", "a\x00", strings.Repeat("x", domain.MaxCommand+1)} {
			b.Invalid(t, "command", func() error { return second(b.CreateTask(will, runs.TaskInput{Stack: "k2", Command: bad})) })
		}
		b.Denied(t, domain.CodeForbidden, func() error { return second(b.CreateTask(will, runs.TaskInput{Stack: "k", Command: "true"})) })
		task, err := b.CreateTask(will, runs.TaskInput{Stack: "k2", Command: "tofu state list", SkipInit: true})
		if err != nil {
			t.Fatal(err)
		}
		behind := b.trigger(t, "k2")
		b.wantState(t, behind.ID, domain.RunQueued)
		a := b.lease(t)
		if a.Run.ID != task.ID || a.Run.Request.Command != "tofu state list" || !a.Run.Request.SkipInit {
			t.Errorf("%+v", a.Run)
		}
		b.advance(t, a.Lease, domain.RunInitializing)
		wantCode(t, b.Advance(t.Context(), a.Lease, runs.Progress{To: domain.RunPlanning}), domain.CodeConflict)
		b.advance(t, a.Lease, domain.RunPerforming)
		wantCode(t, second(b.Stop(will, "k2", task.ID, "")), domain.CodeConflict)
		b.advance(t, a.Lease, domain.RunFinished)
		b.wantState(t, behind.ID, domain.RunReady)
	})
}

// TestCase29Case37ChoosingWhatARoleHolderRuns: in mode ENFORCE it takes the
// stack's roles to give it a command, a commit or a run to do again.
func TestCase29Case37ChoosingWhatARoleHolderRuns(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-admin", "dev")
		failed := b.in(t, "k2", domain.RunProposed, domain.RunFailed)
		proposed := b.in(t, "k2", domain.RunProposed, domain.RunFinished)
		b.fill(t, func(tx *store.Tx, p access.Permit) error {
			stack, err := tx.Stack(t.Context(), "k2")
			if err != nil {
				return err
			}
			stack.PromotionEnabled = true
			run, err := tx.Run(t.Context(), proposed)
			run.Commit = domain.Commit{Hash: "0123456789", Timestamp: time.Unix(1, 0)}
			return errors.Join(err, tx.UpdateStack(t.Context(), p.For(access.KindStack), stack), tx.SaveRun(t.Context(), p, run))
		})
		will := b.As(t, "will")
		for name, choose := range map[string]func() error{
			"task":    func() error { return second(b.CreateTask(will, runs.TaskInput{Stack: "k2", Command: "true"})) },
			"commit":  func() error { return second(b.Trigger(will, runs.TriggerInput{Stack: "k2", Commit: "0123456789"})) },
			"retry":   func() error { return second(b.Retry(will, "k2", failed)) },
			"promote": func() error { return second(b.Promote(will, "k2", proposed)) },
		} {
			b.SetActAs(t, domain.ActAsEnforce)
			if row := b.Denied(t, domain.CodeForbidden, choose); !strings.Contains(row.Reason, "ACT_AS_REQUIRED") {
				t.Errorf("%s: recorded %+v", name, row)
			}
			b.SetActAs(t, domain.ActAsWarn)
			if name == "promote" {
				b.endAll(t, "k2") // what was let through before names a commit, too
			}
			if row := b.Allowed(t, choose); row.ActedAs == nil {
				t.Errorf("%s: recorded %+v", name, row)
			}
		}
	})
}

// TestPriorities: what is raised goes first, then what changes the state, then
// what only proposes.
func TestPriorities(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		root := b.As(t, "root-admin")
		low := b.trigger(t, "r0")
		proposed, raised := b.proposed(t, "k"), b.proposed(t, "k2")
		tracked := b.trigger(t, "k2")
		if _, err := b.SetPriority(root, "r0", low.ID, runs.PriorityLow); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Prioritize(root, "k2", raised.ID, true); err != nil {
			t.Fatal(err)
		}
		wantCode(t, second(b.SetPriority(root, "k2", raised.ID, "MAXIMAL")), domain.CodeInvalid)
		for _, want := range []domain.RunID{raised.ID, tracked.ID, proposed.ID, low.ID} {
			if a := b.lease(t); a.Run.ID != want {
				t.Errorf("leased %s, want %s", a.Run.ID, want)
			}
		}
		wantCode(t, second(b.Prioritize(root, "k2", raised.ID, true)), domain.CodeConflict)
	})
}

// TestA69CommentsAndReviews: comments and reviews are kept in their order, with who made them.
func TestA69CommentsAndReviews(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "p", "prod", nil)
		run := b.planned(t, "p")
		rita := b.As(t, "rita")
		for _, text := range []string{"first", "second"} {
			if _, err := b.Comment(rita, "p", run.ID, text); err != nil {
				t.Fatal(err)
			}
		}
		for _, bad := range []string{"", " \n", "\x00", strings.Repeat("x", 1<<20)} {
			b.Invalid(t, "body", func() error { return second(b.Comment(rita, "p", run.ID, bad)) })
		}
		got, err := b.Comments(rita, run.ID)
		if err != nil || len(got) != 2 || got[0].Body != "first" || got[1].Username != b.KeyID("rita").AuditName() {
			t.Errorf("%+v, %v", got, err)
		}
		wantCode(t, second(b.Comments(b.As(t, "nobody"), run.ID)), domain.CodeNotFound)
		b.Denied(t, domain.CodeForbidden, func() error { return second(b.Review(rita, "p", run.ID, domain.ReviewApprove, "")) }) // A69
		ann := b.As(t, "ann")
		b.Invalid(t, "decision", func() error { return second(b.Review(ann, "p", run.ID, "MAYBE", "")) })
		if _, err := b.Review(ann, "p", run.ID, domain.ReviewReject, "no"); err != nil {
			t.Fatal(err)
		}
		reviews, err := b.Reviews(rita, run.ID)
		if err != nil || len(reviews) != 1 || reviews[0].Note != "no" || reviews[0].State != domain.RunUnconfirmed {
			t.Errorf("%+v, %v", reviews, err)
		}
		if _, err := b.Confirm(ann, "p", run.ID, ""); err != nil {
			t.Fatal(err)
		}
		wantCode(t, second(b.Review(ann, "p", run.ID, domain.ReviewApprove, "")), domain.CodeConflict)
	})
}

// TestDiscardAll: everything that waits goes; what a worker has stays.
func TestDiscardAll(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		root := b.As(t, "root-admin")
		holder := b.planned(t, "k")
		queued := b.trigger(t, "k")
		proposed := b.proposed(t, "k")
		b.lease(t)
		out, err := b.DiscardAll(root, "k", "clear")
		if err != nil || len(out.Runs) != 2 || len(out.Failed) != 0 {
			t.Fatalf("%+v, %v", out, err)
		}
		b.wantState(t, holder.ID, domain.RunDiscarded)
		b.wantState(t, queued.ID, domain.RunDiscarded)
		b.wantState(t, proposed.ID, domain.RunPreparing)
		for _, s := range b.states(t, queued.ID) {
			if s == domain.RunReady {
				t.Error("a queued run began while its stack was cleared")
			}
		}
		b.Denied(t, domain.CodeForbidden, func() error { return second(b.DiscardAll(b.As(t, "will"), "k", "")) })
		b.Denied(t, domain.CodeNotFound, func() error { return second(b.DiscardAll(b.As(t, "nobody"), "k", "")) })
	})
}
