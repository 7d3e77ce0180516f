package runs_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

// waits lets a stack depend on another, with references "output=>INPUT".
func (b bench) waits(t *testing.T, stack, on domain.StackID, references ...string) domain.StackDependency {
	t.Helper()
	d := domain.StackDependency{ID: domain.DependencyID(b.IDs.ULID()), Stack: stack, DependsOn: on}
	b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		p = p.For(access.KindStack)
		if err := tx.InsertDependency(ctx, p, d); err != nil {
			return err
		}
		for _, r := range references {
			output, input, _ := strings.Cut(r, "=>")
			ref := domain.OutputReference{ID: domain.ReferenceID(b.IDs.ULID()), Dependency: d.ID, Output: output, Input: input}
			if err := tx.InsertReference(ctx, p, ref); err != nil {
				return err
			}
			d.References = append(d.References, ref)
		}
		return nil
	})
	return d
}

func (b bench) chained(t *testing.T, id domain.StackID) domain.Run {
	t.Helper()
	var list []domain.Run
	b.View(t, func(tx *store.Tx) (err error) {
		list, err = tx.RunsOf(t.Context(), id, []domain.RunType{domain.RunTracked}, "", 10)
		return err
	})
	if len(list) == 0 {
		t.Fatalf("stack %s has no tracked run", id)
	}
	return list[0]
}

func (b bench) follow(t *testing.T) {
	t.Helper()
	if _, err := b.Follow(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// finish takes the next leased run through an apply with outputs.
func (b bench) finish(t *testing.T, want domain.StackID, outputs ...domain.Output) *runs.Assignment {
	t.Helper()
	a := b.lease(t)
	if a.Stack.ID != want {
		t.Fatalf("leased a run of %s, want %s", a.Stack.ID, want)
	}
	if a.FailReason != "" {
		t.Fatalf("the run of %s fails: %s", want, a.FailReason)
	}
	b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning, domain.RunConfirmed, domain.RunApplying)
	if outputs == nil {
		outputs = []domain.Output{}
	}
	if err := b.Advance(t.Context(), a.Lease, runs.Progress{To: domain.RunFinished, Outputs: outputs}); err != nil {
		t.Fatal(err)
	}
	b.follow(t)
	return a
}

// fail ends the next leased run without success.
func (b bench) fail(t *testing.T) {
	t.Helper()
	a := b.lease(t)
	b.advance(t, a.Lease, domain.RunInitializing, domain.RunFailed)
	b.follow(t)
}

func (b bench) auto(t *testing.T, ids ...domain.StackID) {
	t.Helper()
	for _, id := range ids {
		b.Stack(t, id, "apps", func(s *domain.Stack) { s.Autodeploy = true })
	}
}

func text(name, value string) domain.Output {
	return domain.Output{Name: name, Value: fmt.Sprintf("%q", value)}
}

func given(a *runs.Assignment, name string) (v runs.Variable) {
	for _, e := range a.Env { // the last one wins
		if e.Name == name {
			v = e
		}
	}
	return v
}

// TestRunsFollowTheirChain is base -> left, right -> top: each waits for those
// above it, and for no other.
func TestRunsFollowTheirChain(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.auto(t, "base", "left", "right", "top", "aside")
		b.waits(t, "left", "base")
		b.waits(t, "right", "base")
		b.waits(t, "top", "left")
		b.waits(t, "top", "right")
		b.waits(t, "aside", "right")
		first := b.trigger(t, "base")
		top := b.chained(t, "top")
		if top.State != domain.RunQueued || top.TriggeredBy != "stack::base" {
			t.Errorf("the run of top is %s, triggered by %s", top.State, top.TriggeredBy)
		}
		waitsFor, err := b.DependenciesOf(b.As(t, "root-admin"), top.ID)
		if err != nil || len(waitsFor) != 2 || waitsFor[0].Stack != "left" || waitsFor[1].Stack != "right" {
			t.Errorf("top waits for %+v, %v", waitsFor, err)
		}
		b.finish(t, "base")
		b.wantState(t, first.ID, domain.RunFinished)
		b.finish(t, "left")
		b.wantState(t, top.ID, domain.RunQueued) // right has not finished
		b.finish(t, "right")
		b.wantState(t, top.ID, domain.RunReady)
		b.finish(t, "top")
		b.finish(t, "aside")
		b.noLease(t)
	})
}

// TestAFailureSkipsWhatFollows: only what is below, however far.
func TestAFailureSkipsWhatFollows(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.auto(t, "base", "left", "right", "top", "peak")
		b.waits(t, "left", "base")
		b.waits(t, "right", "base")
		b.waits(t, "top", "left")
		b.waits(t, "peak", "top")
		b.waits(t, "peak", "right")
		b.trigger(t, "base")
		b.finish(t, "base")
		b.fail(t) // left
		b.wantState(t, b.chained(t, "left").ID, domain.RunFailed)
		for _, id := range []domain.StackID{"top", "peak"} {
			run := b.chained(t, id)
			if run.State != domain.RunSkipped || !strings.Contains(run.Note, "did not finish run") {
				t.Errorf("run of %s is %s: %s", id, run.State, run.Note)
			}
		}
		b.finish(t, "right")
		b.noLease(t)
		b.View(t, func(tx *store.Tx) error {
			s, err := tx.Stack(t.Context(), "top")
			if s.RunState != domain.RunNone {
				t.Errorf("a stack shows %s for a run that never began", s.RunState)
			}
			return err
		})
	})
}

// TestDiscardingAboveSkipsBelow: people, too, end what others wait for.
func TestDiscardingAboveSkipsBelow(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.waits(t, "k2", "k")
		b.planned(t, "k")
		below := b.chained(t, "k2")
		if _, err := b.Discard(b.As(t, "root-admin"), "k", "", ""); err != nil {
			t.Fatal(err)
		}
		b.follow(t)
		b.wantState(t, below.ID, domain.RunSkipped)
	})
}

// TestOtherRunsDoNotWait: what is queued behind a run that waits goes first, and
// a task or a proposed run starts no chain.
func TestOtherRunsDoNotWait(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.auto(t, "base", "app")
		b.waits(t, "app", "base")
		b.trigger(t, "base")
		waiting := b.chained(t, "app")
		own := b.trigger(t, "app")
		b.wantState(t, own.ID, domain.RunReady)
		root := b.As(t, "root-admin")
		if _, err := b.Trigger(root, runs.TriggerInput{Stack: "base", Type: domain.RunProposed}); err != nil {
			t.Fatal(err)
		}
		if _, err := b.CreateTask(root, runs.TaskInput{Stack: "base", Command: "true"}); err != nil {
			t.Fatal(err)
		}
		if newest := b.chained(t, "app"); newest.ID != own.ID {
			t.Errorf("a run of another kind started %s", newest.ID)
		}
		if _, err := b.Cancel(root, "app", waiting.ID, ""); err != nil {
			t.Fatal(err)
		}
		b.finish(t, "base")
		b.wantState(t, waiting.ID, domain.RunCanceled)
	})
}

// TestOutputsAreHandedOnWhenTheyChange walks app through the reasons to run.
func TestOutputsAreHandedOnWhenTheyChange(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.auto(t, "base", "app")
		d := b.waits(t, "app", "base", "address=>TF_VAR_address")
		again := func(value string) domain.Run {
			b.trigger(t, "base")
			b.finish(t, "base", text("address", value))
			return b.chained(t, "app")
		}
		b.wantState(t, again("10.0.0.1").ID, domain.RunReady) // it has never got it
		a := b.finish(t, "app")
		if v := given(a, "TF_VAR_address"); v.Value != "10.0.0.1" || v.Secret || !v.Literal {
			t.Errorf("app got %+v", v)
		}
		skipped := again("10.0.0.1")
		if skipped.State != domain.RunSkipped || !strings.Contains(skipped.Note, "nothing has changed") {
			t.Errorf("after no change: %s, %s", skipped.State, skipped.Note)
		}
		b.wantState(t, again("10.0.0.2").ID, domain.RunReady)
		b.fail(t)
		b.wantState(t, again("10.0.0.2").ID, domain.RunReady) // the last run of app did not succeed
		b.finish(t, "app")
		b.wantState(t, again("10.0.0.2").ID, domain.RunSkipped)
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			d.TriggerAlways = true
			return tx.UpdateDependency(ctx, p.For(access.KindStack), d)
		})
		b.wantState(t, again("10.0.0.2").ID, domain.RunReady)
		b.finish(t, "app")
	})
}

// TestSkippedForNoChangeIsNoFailure: what is below a stack that had nothing to
// do runs if another one above it gives a reason.
func TestSkippedForNoChangeIsNoFailure(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.auto(t, "base", "mid", "top", "alone")
		b.waits(t, "mid", "base", "o=>O")
		b.waits(t, "top", "mid")
		b.waits(t, "top", "base")
		b.waits(t, "alone", "mid")
		b.trigger(t, "base")
		b.finish(t, "base") // has no output o
		b.wantState(t, b.chained(t, "mid").ID, domain.RunSkipped)
		b.wantState(t, b.chained(t, "alone").ID, domain.RunSkipped)
		b.finish(t, "top")
	})
}

// TestForcedCascadeRunsEverything: also what has nothing new to take.
func TestForcedCascadeRunsEverything(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.auto(t, "base", "app")
		b.waits(t, "app", "base", "o=>O")
		trigger := func(force string) {
			t.Helper()
			if _, err := b.Trigger(b.As(t, "root-admin"), runs.TriggerInput{Stack: "base", Force: force}); err != nil {
				t.Fatal(err)
			}
		}
		trigger("")
		b.finish(t, "base", text("o", "x"))
		b.finish(t, "app")
		trigger(runs.ForceSingle)
		if a := b.finish(t, "base", text("o", "x")); a.Run.Request.Force != runs.ForceSingle {
			t.Errorf("the run is not forced: %+v", a.Run.Request)
		}
		b.wantState(t, b.chained(t, "app").ID, domain.RunSkipped)
		trigger(runs.ForceCascade)
		b.finish(t, "base", text("o", "x"))
		if a := b.finish(t, "app"); a.Run.Request.Force != runs.ForceCascade {
			t.Errorf("the run below is not forced: %+v", a.Run.Request)
		}
		_, err := b.Trigger(b.As(t, "root-admin"), runs.TriggerInput{Stack: "base", Type: domain.RunProposed, Force: runs.ForceSingle})
		wantCode(t, err, domain.CodeInvalid)
	})
}

// TestMissingInputsFailPlans: nothing is planned with a default in place of
// what another stack has not made yet; a task gets what there is.
func TestMissingInputsFailPlans(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.auto(t, "base", "app")
		b.waits(t, "app", "base", "address=>TF_VAR_address")
		root := b.As(t, "root-admin")
		for _, kind := range []domain.RunType{domain.RunTracked, domain.RunProposed} {
			if _, err := b.Trigger(root, runs.TriggerInput{Stack: "app", Type: kind}); err != nil {
				t.Fatal(err)
			}
			a := b.lease(t)
			if !strings.Contains(a.FailReason, "inputs are missing: base.address => TF_VAR_address") {
				t.Errorf("%s: %q", kind, a.FailReason)
			}
			b.advance(t, a.Lease, domain.RunFailed)
		}
		if _, err := b.CreateTask(root, runs.TaskInput{Stack: "app", Command: "true"}); err != nil {
			t.Fatal(err)
		}
		a := b.lease(t)
		if a.FailReason != "" || !slices.ContainsFunc(a.Notices, func(n string) bool { return strings.Contains(n, "inputs are missing") }) {
			t.Errorf("a task: %q, %q", a.FailReason, a.Notices)
		}
	})
}

// TestSensitiveOutputsNeedBothStacks: the value is kept, sealed, only where the
// stack that makes it allows it, and handed on only where both do.
func TestSensitiveOutputsNeedBothStacks(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		const canary = "the-secret-canary"
		allow := func(id domain.StackID, on bool) {
			b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
				s, err := tx.LockStack(ctx, id)
				s.UploadSensitiveOutputs = on
				if err != nil {
					return err
				}
				return tx.UpdateStack(ctx, p.For(access.KindStack), s)
			})
		}
		b.auto(t, "base", "app")
		b.waits(t, "app", "base", "password=>TF_VAR_password")
		secret := domain.Output{Name: "password", Value: `"` + canary + `"`, Sensitive: true}
		got := func(base, app bool) (runs.Variable, string) {
			allow("base", base)
			allow("app", app)
			b.trigger(t, "base")
			b.finish(t, "base", secret)
			if run := b.chained(t, "app"); run.State == domain.RunSkipped {
				b.trigger(t, "app")
			}
			a := b.lease(t)
			b.advance(t, a.Lease, domain.RunFailed)
			return given(a, "TF_VAR_password"), a.FailReason
		}
		for _, on := range [][2]bool{{false, false}, {true, false}, {false, true}} {
			if v, why := got(on[0], on[1]); v.Value != "" || !strings.Contains(why, "only where both stacks allow it") {
				t.Errorf("%v: %+v, %q", on, v, why)
			}
		}
		if v, why := got(true, true); v.Value != canary || !v.Secret || why != "" {
			t.Errorf("both allow it: %+v, %q", v, why)
		}
		b.View(t, func(tx *store.Tx) error {
			shown, err := tx.Outputs(t.Context(), "base")
			if diff := cmp.Diff([]domain.Output{{Name: "password", Sensitive: true}}, shown); diff != "" {
				t.Error(diff)
			}
			return err
		})
		if strings.Contains(fmt.Sprint(b.Digest(t)), canary) {
			t.Error("the database shows the value")
		}
	})
}

// TestTwoServersFollowOnce: both look at the same runs at the same time.
func TestTwoServersFollowOnce(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		other := service(b.Open(t), b.Kit)
		b.auto(t, "base", "a", "b", "c", "d")
		for _, id := range []domain.StackID{"a", "b", "c", "d"} {
			b.waits(t, id, "base")
		}
		b.trigger(t, "base")
		a := b.lease(t)
		b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning, domain.RunFinished)
		var both sync.WaitGroup
		for _, s := range []*runs.Service{b.Service, other} {
			both.Go(func() {
				if _, err := s.Follow(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		both.Wait()
		for _, id := range []domain.StackID{"a", "b", "c", "d"} {
			run := b.chained(t, id)
			if diff := cmp.Diff([]domain.RunState{domain.RunQueued, domain.RunReady}, b.states(t, run.ID)); diff != "" {
				t.Errorf("%s: %s", id, diff)
			}
		}
	})
}

// TestAChainSurvivesEdgesThatChange: a dependency that is gone when the run
// above has finished is no reason to run, and a stack that is gone is none to
// wait for.
func TestAChainSurvivesEdgesThatChange(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.auto(t, "base", "app", "other")
		first, second := b.waits(t, "app", "base"), b.waits(t, "other", "base")
		b.trigger(t, "base")
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			p = p.For(access.KindStack)
			if err := tx.DeleteDependency(ctx, p, first.ID); err != nil {
				return err
			}
			return nil
		})
		b.finish(t, "base")
		b.wantState(t, b.chained(t, "app").ID, domain.RunSkipped)
		b.finish(t, "other")

		b.trigger(t, "base")
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			p = p.For(access.KindStack)
			if err := tx.DeleteDependency(ctx, p, second.ID); err != nil {
				return err
			}
			return tx.DeleteStack(ctx, p, "base")
		})
		b.follow(t)
		if run := b.chained(t, "other"); run.State != domain.RunSkipped || !strings.Contains(run.Note, "was deleted") {
			t.Errorf("run of other is %s: %s", run.State, run.Note)
		}
	})
}

// TestStacksThatStartNothingAreLeftOut: a disabled stack gets no run, and what
// is below it only those that it has another reason for.
func TestStacksThatStartNothingAreLeftOut(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.auto(t, "base", "off", "below", "both")
		b.waits(t, "off", "base")
		b.waits(t, "below", "off")
		b.waits(t, "both", "off")
		b.waits(t, "both", "base")
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			s, err := tx.LockStack(ctx, "off")
			s.Disabled = true
			if err != nil {
				return err
			}
			return tx.SetStackLife(ctx, p.For(access.KindStack), "off", s.StackLife)
		})
		b.trigger(t, "base")
		b.View(t, func(tx *store.Tx) error {
			for _, id := range []domain.StackID{"off", "below"} {
				if list, err := tx.RunsOf(t.Context(), id, []domain.RunType{domain.RunTracked}, "", 1); err != nil || len(list) > 0 {
					t.Errorf("%s has runs %+v, %v", id, list, err)
				}
			}
			return nil
		})
		b.finish(t, "base")
		b.finish(t, "both")
	})
}

func TestWhatOthersDependOnIsNotDestroyed(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.waits(t, "k2", "k")
		b.Denied(t, domain.CodeConflict, func() error { _, err := b.Destroy(b.As(t, "root-admin"), "k"); return err })
		b.Allowed(t, func() error { _, err := b.Destroy(b.As(t, "root-admin"), "k2"); return err })
	})
}
