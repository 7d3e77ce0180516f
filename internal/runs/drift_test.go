package runs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/schedules"
	"github.com/airlock-project/airlock/internal/store"
)

func drift(reconcile, ignoreState bool) schedules.Input {
	in := hourly(domain.ScheduleDrift)
	in.Reconcile, in.IgnoreState = reconcile, ignoreState
	return in
}

// deploy applies a commit.
func (b bench) deploy(t *testing.T, stack domain.StackID, hash string) {
	t.Helper()
	b.trigger(t, stack)
	a := b.lease(t)
	commit := domain.Commit{Hash: hash, Message: hash, Timestamp: time.Unix(1, 0)}
	if err := b.Advance(t.Context(), a.Lease, runs.Progress{To: domain.RunInitializing, Commit: &commit}); err != nil {
		t.Fatal(err)
	}
	b.advance(t, a.Lease, domain.RunPlanning, domain.RunFinished)
}

// due is what drift detection started when it was due last.
func (b bench) due(t *testing.T, d domain.Schedule) (run domain.Run) {
	t.Helper()
	b.Clock.Advance(time.Hour)
	b.startDue(t, 1)
	last := b.scheduled(t, d.ID).Last
	if last.Run == "" {
		t.Fatalf("nothing was started: %s", last.Note)
	}
	return b.get(t, last.Run)
}

// look carries out what looks for drift, with changes in its plan.
func (b bench) look(t *testing.T, changes ...domain.ResourceChange) {
	t.Helper()
	a := b.lease(t)
	b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning)
	if err := b.Advance(t.Context(), a.Lease, runs.Progress{To: domain.RunFinished, Changes: changes, Delta: &domain.Delta{}}); err != nil {
		t.Fatal(err)
	}
}

func (b bench) drifted(t *testing.T, stack domain.StackID) (out []string) {
	t.Helper()
	b.View(t, func(tx *store.Tx) error {
		list, err := tx.ManagedEntities(t.Context(), stack)
		for _, e := range list {
			if !e.DriftedAt.IsZero() {
				out = append(out, e.Address)
			}
		}
		return err
	})
	return out
}

var changed = []domain.ResourceChange{{Address: "a.b", Action: "update"}, {Address: "c.d", Action: "read"}}

func TestDriftDetection(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		d := b.schedule(t, "ann", "k2", drift(false, false))
		b.Fill(t, func(c ctx, tx *store.Tx, p access.Permit) error {
			return tx.SetManagedEntities(c, p.For(access.KindState), "k2", "r", []domain.ManagedEntity{{Address: "a.b"}, {Address: "c.d"}})
		})
		b.deploy(t, "k2", "0123456789")
		if b.stack(t, "k2").Drift != nil {
			t.Error("drift is known before anybody has looked")
		}
		row := b.Allowed(t, func() error { b.due(t, d); return nil })
		run := b.get(t, b.scheduled(t, d.ID).Last.Run)
		if run.Type != domain.RunProposed || !run.Drift || run.Priority != domain.RunPriorityDrift || run.Commit.Hash != "0123456789" ||
			run.TriggeredBy != d.ID.AuditName() || run.Title != "Drift detection" || row.Event != "drift_detection.run" || row.Actor != d.ID.AuditName() {
			t.Errorf("run %+v, recorded %+v", run, row)
		}
		b.Clock.Advance(time.Hour)
		b.startDue(t, 1)
		if last := b.scheduled(t, d.ID).Last; last.Run != "" || last.Note == "" {
			t.Errorf("one more while it waits: %+v", last)
		}
		b.look(t, changed...)
		want := &domain.DriftCheck{Run: run.ID, At: b.Clock.Now(), Found: true}
		if diff := cmp.Diff(want, b.stack(t, "k2").Drift) + cmp.Diff([]string{"a.b"}, b.drifted(t, "k2")); diff != "" {
			t.Errorf("found (-want +got):\n%s", diff)
		}
		b.noLease(t) // nobody has asked that it be put right

		b.due(t, d)
		b.look(t)
		if got := b.stack(t, "k2").Drift; got == nil || got.Found || len(b.drifted(t, "k2")) != 0 {
			t.Errorf("after it is gone: %+v", got)
		}
		b.due(t, d)
		b.look(t, changed...)
		b.deploy(t, "k2", "1123456789")
		if got := b.stack(t, "k2").Drift; got.Found || len(b.drifted(t, "k2")) != 0 {
			t.Errorf("after a tracked run: %+v", got)
		}
	})
}

// TestDriftIsPutRight starts a tracked run of the commit that was applied last,
// not of what is at the head of the branch by now.
func TestDriftIsPutRight(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		d := b.schedule(t, "ann", "k2", drift(true, false))
		b.deploy(t, "k2", "0123456789")
		b.due(t, d)
		row := b.Allowed(t, func() error { b.look(t, changed...); return nil })
		list := b.runsBy(t, d)
		if len(list) != 1 || !list[0].Drift || list[0].Type != domain.RunTracked || list[0].Commit.Hash != "0123456789" || list[0].State != domain.RunReady ||
			list[0].Priority != domain.RunPriorityBlocking || row.Event != "drift_detection.reconcile" || row.Actor != d.ID.AuditName() {
			t.Fatalf("runs %+v, recorded %+v", list, row)
		}
		b.Clock.Advance(time.Hour)
		b.startDue(t, 1)
		if last := b.scheduled(t, d.ID).Last; last.Run != "" {
			t.Errorf("looked for drift while it is put right: %+v", last)
		}
		a := b.lease(t)
		b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning, domain.RunUnconfirmed)
		b.Allowed(t, b.asks(t, "ann", func(c ctx) error { return second(b.Confirm(c, "k2", list[0].ID, "")) }))
		b.advance(t, b.lease(t).Lease, domain.RunApplying, domain.RunFinished)
		if b.stack(t, "k2").Drift.Found {
			t.Error("it is not put right")
		}
		b.due(t, d)
		b.look(t)
		if n := len(b.runsBy(t, d)); n != 1 {
			t.Errorf("%d tracked runs, and there is no drift", n)
		}
	})
}

// TestE29DriftOutlivesItsAuthor: what drift detection finds is kept, and not put
// right any more.
func TestE29DriftOutlivesItsAuthor(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddKey(t, "eve")
		binding := b.Bind(t, "eve", "space-admin", "dev")
		d := b.schedule(t, "eve", "k2", drift(true, false))
		b.deploy(t, "k2", "0123456789")
		b.due(t, d)
		b.Unbind(t, binding)
		trail := len(b.Audit(t))
		b.look(t, changed...)
		rows := b.Audit(t)[trail:]
		if len(rows) != 1 || rows[0].Outcome != domain.AuditDenied || rows[0].Event != "drift_detection.reconcile" || len(b.runsBy(t, d)) != 0 {
			t.Errorf("recorded %+v", rows)
		}
		if !b.stack(t, "k2").Drift.Found || !strings.Contains(b.scheduled(t, d.ID).Last.Note, "not put right") {
			t.Errorf("last %+v", b.scheduled(t, d.ID).Last)
		}
		b.Clock.Advance(time.Hour)
		b.startDue(t, 1)
		if last := b.scheduled(t, d.ID).Last; last.Run != "" {
			t.Errorf("looked again: %+v", last)
		}
	})
}

// TestDriftNeedsSomethingToHaveDrifted looks at stacks whose last run has not
// finished only where that is to be ignored.
func TestDriftNeedsSomethingToHaveDrifted(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		strict := b.schedule(t, "ann", "k2", drift(false, false))
		b.Stack(t, "other", "dev", nil)
		lenient := b.schedule(t, "ann", "other", drift(false, true))
		says := func(d domain.Schedule, want string) {
			t.Helper()
			if last := b.scheduled(t, d.ID).Last; last.Run != "" || !strings.Contains(last.Note, want) {
				t.Errorf("last %+v, want %q", last, want)
			}
		}
		next := func() { b.Clock.Advance(time.Hour); b.startDue(t, 2) }
		next()
		says(strict, "NONE")
		says(lenient, "NONE")
		for _, stack := range []domain.StackID{"k2", "other"} {
			b.trigger(t, stack)
			b.advance(t, b.lease(t).Lease, domain.RunFailed)
		}
		next()
		says(strict, "FAILED")
		says(lenient, "no tracked run has finished")
		b.deploy(t, "other", "0123456789")
		b.trigger(t, "other")
		next()
		says(lenient, "READY")
		b.advance(t, b.lease(t).Lease, domain.RunFailed)
		next()
		if last := b.scheduled(t, lenient.ID).Last; last.Run == "" {
			t.Errorf("last %+v", last)
		}
		if _, err := schedules.New(store.Bind[schedules.Tx](b.Store), access.NewGate(), b.IDs).Create(b.As(t, "ann"), "k2", drift(false, false)); domain.ErrorCode(err) != domain.CodeConflict {
			t.Errorf("a second one: %v", err)
		}
	})
}

// TestR20DriftDetection: putting right what has drifted takes run:trigger, too.
func TestR20DriftDetection(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		s := schedules.New(store.Bind[schedules.Tx](b.Store), access.NewGate(), b.IDs)
		b.AddKey(t, "looks")
		b.Role(t, "looks", authz.ActionSpaceRead, authz.ActionDriftDetectionCreate, authz.ActionDriftDetectionUpdate, authz.ActionDriftDetectionDelete)
		b.Bind(t, "looks", "looks", "dev")
		for who, code := range map[string]domain.Code{"will": domain.CodeForbidden, "ops": domain.CodeForbidden, "rita": domain.CodeNotFound} {
			b.Denied(t, code, b.asks(t, who, func(c ctx) error { return second(s.Create(c, "k2", drift(false, false))) }))
		}
		b.Denied(t, domain.CodeForbidden, b.asks(t, "looks", func(c ctx) error { return second(s.Create(c, "k2", drift(true, false))) }))
		b.Denied(t, domain.CodeNotFound, b.asks(t, "looks", func(c ctx) error { return second(s.Update(c, "k2", "", drift(false, false))) }))
		b.Allowed(t, b.asks(t, "looks", func(c ctx) error { return second(s.Create(c, "k2", drift(false, false))) }))
		b.Denied(t, domain.CodeForbidden, b.asks(t, "looks", func(c ctx) error { return second(s.Update(c, "k2", "", drift(true, false))) }))
		b.Allowed(t, b.asks(t, "looks", func(c ctx) error { return second(s.Update(c, "k2", "", drift(false, true))) }))
		b.Allowed(t, b.asks(t, "looks", func(c ctx) error { return second(s.Delete(c, "k2", "", domain.ScheduleDrift)) }))
		b.Invalid(t, "schedule", b.asks(t, "ann", func(c ctx) error {
			return second(s.Create(c, "k2", schedules.Input{Kind: domain.ScheduleDrift, Timing: domain.Timing{At: b.Clock.Now().Add(time.Hour)}}))
		}))
	})
}
