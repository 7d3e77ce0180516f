package runs_test

import (
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

func (b bench) asks(t *testing.T, who string, ask func(c ctx) error) func() error {
	return func() error { return ask(b.As(t, who)) }
}

func (b bench) asksLock(t *testing.T, who, note string) func() error {
	return b.asks(t, who, func(c ctx) error { return second(b.Lock(c, "k2", note)) })
}

func (b bench) asksUnlock(t *testing.T, who, lock string) func() error {
	return b.asks(t, who, func(c ctx) error { return second(b.Unlock(c, "k2", lock)) })
}

func (b bench) stack(t *testing.T, id domain.StackID) (st domain.Stack) {
	t.Helper()
	b.View(t, func(tx *store.Tx) (err error) { st, err = tx.Stack(t.Context(), id); return err })
	return st
}

// another makes a second writer of dev, beside will.
func (b bench) another(t *testing.T, name, role string) {
	t.Helper()
	b.AddKey(t, name)
	b.Bind(t, name, role, "dev")
}

func TestA61UnlockByOthers(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.another(t, "wanda", domain.RoleSpaceWriter)
		b.Denied(t, domain.CodeForbidden, b.asksLock(t, "ops", "")) // Reader
		row := b.Allowed(t, b.asksLock(t, "will", "migration"))
		if row.Event != "stack.lock" || row.Action != "stack:lock" {
			t.Errorf("recorded %+v", row)
		}
		lock := *b.stack(t, "k2").Lock
		if lock.By != b.KeyID("will").AuditName() || lock.Note != "migration" || !lock.At.Equal(b.Clock.Now()) || lock.ID == "" {
			t.Errorf("lock %+v", lock)
		}
		row = b.Denied(t, domain.CodeForbidden, b.asksUnlock(t, "wanda", ""))
		if row.Action != "stack:unlock-force" || row.Event != "stack.unlock_force" {
			t.Errorf("recorded %+v", row)
		}
		b.Denied(t, domain.CodeConflict, b.asksLock(t, "ann", "")) // an admin unlocks first, too
		row = b.Allowed(t, b.asksUnlock(t, "ann", ""))
		if row.Action != "stack:unlock-force" || row.Event != "stack.unlock_force" || b.stack(t, "k2").Lock != nil {
			t.Errorf("recorded %+v", row)
		}
	})
}

func TestA62OwnUnlock(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Allowed(t, b.asksLock(t, "will", "one"))
		first := b.stack(t, "k2").Lock
		b.Allowed(t, b.asksLock(t, "will", "two")) // his own: the note changes
		if again := b.stack(t, "k2").Lock; again.Note != "two" || again.ID != first.ID || !again.At.Equal(first.At) {
			t.Errorf("%+v became %+v", first, again)
		}
		row := b.Allowed(t, b.asksUnlock(t, "will", ""))
		if row.Action != "stack:unlock" || row.Event != "stack.unlock" || b.stack(t, "k2").Lock != nil {
			t.Errorf("recorded %+v", row)
		}
		b.Allowed(t, b.asksUnlock(t, "will", "")) // nobody's is nobody else's
		b.Invalid(t, "note", b.asksLock(t, "will", "\x00"))
	})
}

// TestCase168ForceUnlock releases only the lock that was meant.
func TestCase168ForceUnlock(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Allowed(t, b.asksLock(t, "will", ""))
		stale := b.stack(t, "k2").Lock.ID
		b.Allowed(t, b.asksUnlock(t, "ann", stale))
		b.Denied(t, domain.CodeConflict, b.asksUnlock(t, "ann", stale)) // nothing is locked
		b.Allowed(t, b.asksLock(t, "will", ""))
		b.Denied(t, domain.CodeConflict, b.asksUnlock(t, "ann", stale))
		b.Denied(t, domain.CodeForbidden, b.asksUnlock(t, "ops", ""))
		if b.stack(t, "k2").Lock == nil {
			t.Error("a stale lock id released a later lock")
		}
	})
}

// TestA63LockedStack asks for everything that starts a run, or lets one go on.
func TestA63LockedStack(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		failed := b.lease2failed(t, "k2")
		planned := b.planned(t, "k2")
		b.Allowed(t, b.asksLock(t, "will", "mine"))
		for name, ask := range map[string]func(c ctx) error{
			"trigger": func(c ctx) error { return second(b.Trigger(c, runs.TriggerInput{Stack: "k2"})) },
			"propose": func(c ctx) error {
				return second(b.Trigger(c, runs.TriggerInput{Stack: "k2", Type: domain.RunProposed}))
			},
			"task":    func(c ctx) error { return second(b.CreateTask(c, runs.TaskInput{Stack: "k2", Command: "ls"})) },
			"retry":   func(c ctx) error { return second(b.Retry(c, "k2", failed.ID)) },
			"confirm": func(c ctx) error { return second(b.Confirm(c, "k2", planned.ID, "")) },
			"replan":  func(c ctx) error { return second(b.Replan(c, "k2", planned.ID, []string{"a.b"})) },
			"destroy": func(c ctx) error { return second(b.Destroy(c, "k2")) },
		} {
			row := b.Denied(t, domain.CodeConflict, b.asks(t, "ann", ask))
			if want := "stack k2 is locked by " + b.KeyID("will").AuditName() + ": mine"; row.Reason != want {
				t.Errorf("%s: %q, want %q", name, row.Reason, want)
			}
		}
		b.Allowed(t, b.asks(t, "ann", func(c ctx) error { return second(b.Discard(c, "k2", planned.ID, "")) })) // what ends a run starts none
		b.Allowed(t, b.asks(t, "will", func(c ctx) error { return second(b.Trigger(c, runs.TriggerInput{Stack: "k2"})) }))
		b.Clock.Advance(1000 * 3600e9)
		b.Denied(t, domain.CodeConflict, b.asksTrigger(t, "ann", "k2")) // locks do not expire
		b.Allowed(t, b.asksUnlock(t, "will", ""))
		b.Allowed(t, b.asksTrigger(t, "ann", "k2"))
	})
}

// lease2failed leaves a run that may be retried.
func (b bench) lease2failed(t *testing.T, stack domain.StackID) domain.Run {
	t.Helper()
	run := b.trigger(t, stack)
	b.advance(t, b.lease(t).Lease, domain.RunFailed)
	return b.get(t, run.ID)
}

// TestA63TheQueue lets the owner's runs pass those of the others.
func TestA63TheQueue(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		others := b.trigger(t, "k2")
		proposed, err := b.Trigger(b.As(t, "ann"), runs.TriggerInput{Stack: "k2", Type: domain.RunProposed})
		if err != nil {
			t.Fatal(err)
		}
		own, err := b.Trigger(b.As(t, "will"), runs.TriggerInput{Stack: "k2"})
		if err != nil {
			t.Fatal(err)
		}
		b.wantState(t, others.ID, domain.RunReady)
		b.wantState(t, own.ID, domain.RunQueued)
		b.Allowed(t, b.asksLock(t, "will", ""))
		b.wantState(t, others.ID, domain.RunQueued)
		b.wantState(t, own.ID, domain.RunReady)
		b.wantState(t, proposed.ID, domain.RunReady) // changes nothing
		b.advance(t, b.lease(t).Lease, domain.RunFailed)
		b.wantState(t, own.ID, domain.RunFailed)
		b.wantState(t, others.ID, domain.RunQueued)
		b.Allowed(t, b.asksUnlock(t, "will", ""))
		b.wantState(t, others.ID, domain.RunReady)
	})
}

// TestA63Autodeploy keeps a plan from being applied by itself.
func TestA63Autodeploy(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "auto", "dev", func(s *domain.Stack) { s.Autodeploy = true })
		b.trigger(t, "auto")
		a := b.lease(t)
		b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning)
		if _, err := b.Lock(b.As(t, "will"), "auto", ""); err != nil {
			t.Fatal(err)
		}
		if err := b.Advance(t.Context(), a.Lease, runs.Progress{To: domain.RunConfirmed}); err == nil || err.Error() != runs.ErrHold.Error() {
			t.Errorf("deployed by itself: %v", err)
		}
		b.advance(t, a.Lease, domain.RunUnconfirmed)
		if _, err := b.Confirm(b.As(t, "will"), "auto", a.Run.ID, ""); err != nil {
			t.Error(err)
		}
		own, err := b.Trigger(b.As(t, "will"), runs.TriggerInput{Stack: "auto"})
		if err != nil || own.Autodeploy {
			t.Errorf("the owner's run deploys by itself: %v, %v", own.Autodeploy, err)
		}
	})
}

func TestDisabledStack(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		set := func(who string, on bool) func() error {
			return b.asks(t, who, func(c ctx) error {
				if on {
					return second(b.Enable(c, "k2"))
				}
				return second(b.Disable(c, "k2"))
			})
		}
		run := b.trigger(t, "k2")
		proposed, err := b.Trigger(b.As(t, "will"), runs.TriggerInput{Stack: "k2", Type: domain.RunProposed})
		if err != nil {
			t.Fatal(err)
		}
		b.Denied(t, domain.CodeForbidden, set("will", false))
		b.Allowed(t, set("ann", false))
		for _, id := range []domain.RunID{run.ID, proposed.ID} {
			b.wantState(t, id, domain.RunQueued)
		}
		b.noLease(t)
		row := b.Denied(t, domain.CodeConflict, b.asksTrigger(t, "ann", "k2"))
		if !strings.Contains(row.Reason, "stack k2 is disabled") {
			t.Errorf("reason %q", row.Reason)
		}
		b.Denied(t, domain.CodeForbidden, set("will", true))
		b.Allowed(t, set("ann", true))
		for _, id := range []domain.RunID{run.ID, proposed.ID} {
			b.wantState(t, id, domain.RunReady)
		}
	})
}

func TestTrackedCommit(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		head := domain.Commit{Hash: "00aa11bb22cc33dd44ee55ff66aa77bb88cc99dd", Message: "second\n\nlong", AuthorName: "Ann"}
		b.trigger(t, "k2")
		a := b.lease(t)
		if err := b.Advance(t.Context(), a.Lease, runs.Progress{To: domain.RunInitializing, Commit: &head}); err != nil {
			t.Fatal(err)
		}
		b.advance(t, a.Lease, domain.RunFailed)
		if got := b.stack(t, "k2"); got.Head == nil || *got.Head != head || got.Tracked != nil {
			t.Errorf("head %+v, tracked %+v", got.Head, got.Tracked)
		}
		set := func(who, sha string) func() error {
			return b.asks(t, who, func(c ctx) error { return second(b.SetCurrentCommit(c, "k2", sha)) })
		}
		b.Denied(t, domain.CodeForbidden, set("ops", "00aa11b"))
		b.Invalid(t, "sha", set("will", "main"))
		if row := b.Allowed(t, set("will", "00AA11B")); row.Event != "stack.set_current_commit" {
			t.Errorf("recorded %+v", row)
		}
		if got := b.stack(t, "k2").Tracked; got == nil || got.Commit != head || got.By != b.KeyID("will").AuditName() {
			t.Errorf("tracked %+v", got)
		}
		if run := b.trigger(t, "k2"); run.Commit != head {
			t.Errorf("a run uses %+v", run.Commit)
		}
		other, err := b.Trigger(b.As(t, "will"), runs.TriggerInput{Stack: "k2", Commit: "1234567"})
		if err != nil || other.Commit != (domain.Commit{Hash: "1234567"}) {
			t.Errorf("a run that names its commit uses %+v, %v", other.Commit, err)
		}
		b.Allowed(t, set("will", "fedcba9876543210")) // not known
		if got := b.stack(t, "k2").Tracked; got.Commit != (domain.Commit{Hash: "fedcba9876543210"}) {
			t.Errorf("tracked %+v", got)
		}
		sync := func(who string) func() error {
			return b.asks(t, who, func(c ctx) error { return second(b.SyncCommit(c, "k2")) })
		}
		b.Denied(t, domain.CodeForbidden, sync("ops"))
		b.Allowed(t, sync("will"))
		if got := b.stack(t, "k2"); got.Tracked != nil || got.Head == nil {
			t.Errorf("after the sync: %+v", got.StackLife)
		}
	})
}

// TestCase37SetCurrentCommit chooses the code of a stack that holds a role its
// chooser lacks.
func TestCase37SetCurrentCommit(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-admin", "platform")
		lent := domain.LentRole{Stack: "k2", Role: "space-admin", Space: "platform", Binding: id}
		b.ActAs(t, lent, b.asks(t, "will", func(c ctx) error { return second(b.SetCurrentCommit(c, "k2", "0123456789")) }))
		b.ActAs(t, lent, b.asks(t, "will", func(c ctx) error { return second(b.SyncCommit(c, "k2")) }))
	})
}
