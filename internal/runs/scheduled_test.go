package runs_test

import (
	"strings"
	"sync"
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

// schedule makes a schedule of a stack.
func (b bench) schedule(t *testing.T, who string, stack domain.StackID, in schedules.Input) domain.Schedule {
	t.Helper()
	s := schedules.New(store.Bind[schedules.Tx](b.Store), access.NewGate(), b.IDs)
	d, err := s.Create(b.As(t, who), stack, in)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// startDue starts what is due, and wants n schedules to be.
func (b bench) startDue(t *testing.T, n int) {
	t.Helper()
	if got, err := b.StartDue(t.Context()); err != nil || got != n {
		t.Errorf("%d schedules were due, error %v; want %d", got, err, n)
	}
}

func (b bench) scheduled(t *testing.T, id domain.ScheduleID) (d domain.Schedule) {
	t.Helper()
	b.View(t, func(tx *store.Tx) (err error) { d, err = tx.Schedule(t.Context(), id); return err })
	return d
}

func (b bench) runsBy(t *testing.T, d domain.Schedule) (out []domain.Run) {
	t.Helper()
	b.View(t, func(tx *store.Tx) error {
		for _, kind := range []domain.RunType{domain.RunTracked, domain.RunTask, domain.RunDestroy} {
			list, err := tx.RunsOf(t.Context(), d.Stack, []domain.RunType{kind}, "", 100)
			if err != nil {
				return err
			}
			for _, r := range list {
				if r.TriggeredBy == d.ID.AuditName() {
					out = append(out, r)
				}
			}
		}
		return nil
	})
	return out
}

func hourly(kind domain.ScheduleKind) schedules.Input {
	in := schedules.Input{Kind: kind, Timing: domain.Timing{Cron: []string{"0 * * * *"}}}
	if kind == domain.ScheduleTask {
		in.Command = "tofu state list"
	}
	return in
}

func (b bench) once(kind domain.ScheduleKind, destroy bool) schedules.Input {
	return schedules.Input{Kind: kind, Timing: domain.Timing{At: b.Clock.Now().Add(time.Hour)}, ScheduleAim: domain.ScheduleAim{DestroyResources: destroy}}
}

func TestScheduledRun(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		in := hourly(domain.ScheduleRun)
		in.Name = "every hour"
		d := b.schedule(t, "ann", "k2", in)
		b.startDue(t, 0)
		b.Clock.Advance(time.Hour) // now 13:00
		row := b.Allowed(t, func() error { b.startDue(t, 1); return nil })
		list := b.runsBy(t, d)
		if len(list) != 1 || list[0].State != domain.RunReady || list[0].Title != "Scheduled run: every hour" || list[0].Type != domain.RunTracked {
			t.Fatalf("runs %+v", list)
		}
		if row.Actor != d.ID.AuditName() || row.Event != "run.trigger" || row.ObjectID != string(list[0].ID) || len(row.Uses) != 1 ||
			!strings.Contains(row.Reason, "set by "+b.KeyID("ann").AuditName()+", was due at 2026-03-01T13:00:00Z") {
			t.Errorf("recorded %+v", row)
		}
		got := b.scheduled(t, d.ID)
		want := &domain.Tick{At: d.NextAt, Run: list[0].ID}
		if diff := cmp.Diff(want, got.Last); diff != "" || !got.NextAt.Equal(d.NextAt.Add(time.Hour)) {
			t.Errorf("next at %s, last (-want +got):\n%s", got.NextAt, diff)
		}
		b.startDue(t, 0)
	})
}

// TestScheduleAfterAPause starts one run for all the times that went by while no
// server was there.
func TestScheduleAfterAPause(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		cron := b.schedule(t, "ann", "k2", hourly(domain.ScheduleRun))
		once := b.schedule(t, "ann", "k", b.once(domain.ScheduleRun, false))
		b.Clock.Advance(30*time.Hour + time.Minute)
		b.startDue(t, 2)
		if n := len(b.runsBy(t, cron)); n != 1 {
			t.Errorf("%d runs for 30 hours", n)
		}
		if got := b.scheduled(t, cron.ID); !got.NextAt.Equal(time.Date(2026, 3, 2, 19, 0, 0, 0, time.UTC)) {
			t.Errorf("next at %s", got.NextAt)
		}
		if got := b.scheduled(t, once.ID); !got.Spent() || got.Last == nil || got.Last.Run == "" || len(b.runsBy(t, once)) != 1 {
			t.Errorf("the one for once: %+v", got)
		}
		b.Clock.Advance(100 * time.Hour)
		b.startDue(t, 1)
		if n := len(b.runsBy(t, once)); n != 1 {
			t.Errorf("%d runs of a schedule for one time", n)
		}
	})
}

// TestScheduleDoesNotPileUp starts nothing while what it started waits.
func TestScheduleDoesNotPileUp(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.trigger(t, "k2") // in the way
		run := b.schedule(t, "ann", "k2", hourly(domain.ScheduleRun))
		task := b.schedule(t, "ann", "k2", hourly(domain.ScheduleTask))
		for range 3 {
			b.Clock.Advance(time.Hour)
			b.startDue(t, 2)
		}
		for _, d := range []domain.Schedule{run, task} {
			if n, last := len(b.runsBy(t, d)), b.scheduled(t, d.ID).Last; n != 1 || last.Run != "" || !strings.Contains(last.Note, "still waits") {
				t.Errorf("%s: %d runs, last %+v", d.Kind, n, last)
			}
		}
	})
}

// TestScheduleOnAStackThatIsHeld: a disabled stack starts nothing, a locked one
// lets it wait.
func TestScheduleOnAStackThatIsHeld(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		d := b.schedule(t, "ann", "k2", hourly(domain.ScheduleTask))
		b.Allowed(t, b.asks(t, "ann", func(c ctx) error { return second(b.Disable(c, "k2")) }))
		b.Clock.Advance(time.Hour)
		b.startDue(t, 1)
		if got := b.scheduled(t, d.ID); len(b.runsBy(t, d)) != 0 || !strings.Contains(got.Last.Note, "disabled") || got.Spent() {
			t.Errorf("disabled: %+v", got)
		}
		b.Allowed(t, b.asks(t, "ann", func(c ctx) error { return second(b.Enable(c, "k2")) }))
		b.Allowed(t, b.asksLock(t, "will", "mine"))
		b.Clock.Advance(time.Hour)
		b.startDue(t, 1)
		list := b.runsBy(t, d)
		if len(list) != 1 || list[0].State != domain.RunQueued || list[0].Request.Command != "tofu state list" {
			t.Fatalf("locked: %+v", list)
		}
		b.Allowed(t, b.asksUnlock(t, "will", ""))
		b.wantState(t, list[0].ID, domain.RunReady)
	})
}

// TestCase51ScheduleOutlivesItsAuthor: what somebody has scheduled is not
// started once he may not start it himself, and that is recorded.
func TestCase51ScheduleOutlivesItsAuthor(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, c := range []struct {
			name  string
			leave func(who string, binding domain.BindingID)
		}{
			{"role", func(_ string, id domain.BindingID) { b.Unbind(t, id) }},
			{"moved", func(string, domain.BindingID) { b.moveStack(t, "k2", "prod") }},
			{"key", func(who string, _ domain.BindingID) { b.deleteKey(t, who) }},
			{"act as", func(string, domain.BindingID) {
				b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-admin", "platform")
			}},
		} {
			name, leave := c.name, c.leave
			b.AddKey(t, name)
			binding := b.Bind(t, name, "space-admin", "dev")
			b.SetActAs(t, domain.ActAsEnforce)
			d := b.schedule(t, name, "k2", hourly(domain.ScheduleTask))
			leave(name, binding)
			b.Clock.Advance(time.Hour)
			trail := len(b.Audit(t))
			b.startDue(t, 1)
			rows := b.Audit(t)[trail:]
			if len(rows) != 1 || rows[0].Outcome != domain.AuditDenied || rows[0].Actor != d.ID.AuditName() || rows[0].ObjectID != string(d.ID) || rows[0].Event != "task.create" {
				t.Errorf("%s: recorded %+v", name, rows)
			}
			got := b.scheduled(t, d.ID)
			if len(b.runsBy(t, d)) != 0 || got.Last == nil || got.Last.Run != "" || got.Last.Note == "" || !got.NextAt.Equal(d.NextAt.Add(time.Hour)) {
				t.Errorf("%s: came to %+v", name, got)
			}
			b.dropSchedule(t, d.ID)
			b.moveStack(t, "k2", "dev")
		}
	})
}

// TestA184ScheduleOfAnExpiredKey: a key that may not come any more starts nothing
// by what it has left behind.
func TestA184ScheduleOfAnExpiredKey(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		who := authz.ActorRef{Kind: authz.ActorAPIKey, ID: b.IDs.ULID()}
		b.Fill(t, func(c ctx, tx *store.Tx, p access.Permit) error {
			return tx.InsertAPIKey(c, p.For(access.KindAPIKey), domain.APIKey{
				ID: domain.APIKeyID(who.ID), Name: "short", Type: domain.APIKeySecret, SecretHash: []byte("short"), Creator: "test",
				CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(90 * time.Minute),
			})
		})
		b.BindActor(t, who, "space-admin", "dev")
		s := schedules.New(store.Bind[schedules.Tx](b.Store), access.NewGate(), b.IDs)
		d, err := s.Create(access.OnBehalf(t.Context(), who, "api::short"), "k2", hourly(domain.ScheduleRun))
		if err != nil {
			t.Fatal(err)
		}
		b.Clock.Advance(time.Hour)
		b.startDue(t, 1)
		b.endAll(t, "k2")
		b.Clock.Advance(time.Hour)
		b.startDue(t, 1)
		if n, last := len(b.runsBy(t, d)), b.scheduled(t, d.ID).Last; n != 1 || !strings.Contains(last.Note, "api::short, who has set the schedule, is no longer here") {
			t.Errorf("%d runs, last %+v", n, last)
		}
	})
}

func (b bench) moveStack(t *testing.T, id domain.StackID, to domain.SpaceID) {
	t.Helper()
	b.Fill(t, func(c ctx, tx *store.Tx, p access.Permit) error {
		st, err := tx.LockStack(c, id)
		if err != nil {
			return err
		}
		st.Space = to
		return tx.UpdateStack(c, p.For(access.KindStack), st)
	})
}

func (b bench) deleteKey(t *testing.T, name string) {
	t.Helper()
	b.Fill(t, func(c ctx, tx *store.Tx, p access.Permit) error {
		return tx.DeleteAPIKey(c, p.For(access.KindAPIKey), b.KeyID(name))
	})
}

func (b bench) dropSchedule(t *testing.T, id domain.ScheduleID) {
	t.Helper()
	b.Fill(t, func(c ctx, tx *store.Tx, p access.Permit) error {
		return tx.DeleteSchedule(c, p.For(access.KindSchedule), id)
	})
}

// TestScheduleOfAStack: what a run has scheduled is started as long as its stack
// holds the roles for it.
func TestScheduleOfAStack(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		binding := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k"}, "space-admin", "dev")
		run := b.Run(t, "k", domain.RunApplying)
		s := schedules.New(store.Bind[schedules.Tx](b.Store), access.NewGate(), b.IDs)
		d, err := s.Create(b.AsStack(t, run), "k2", hourly(domain.ScheduleRun))
		if err != nil {
			t.Fatal(err)
		}
		b.Clock.Advance(time.Hour)
		row := b.Allowed(t, func() error { b.startDue(t, 1); return nil })
		if row.StackID != "k" || len(b.runsBy(t, d)) != 1 {
			t.Errorf("recorded %+v", row)
		}
		b.endAll(t, "k2")
		b.Unbind(t, binding)
		b.Clock.Advance(time.Hour)
		b.startDue(t, 1)
		if got := b.scheduled(t, d.ID); got.Last.Run != "" || len(b.runsBy(t, d)) != 1 {
			t.Errorf("came to %+v", got)
		}
	})
}

// TestSchedulesStartOnce lets several servers look at the same time: each time
// of each schedule is started by one of them.
func TestSchedulesStartOnce(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		servers := []*runs.Service{b.Service, service(b.Open(t), b.Kit), service(b.Open(t), b.Kit)}
		var all []domain.Schedule
		for _, stack := range []domain.StackID{"s1", "s2", "s3", "s4"} {
			b.Stack(t, stack, "dev", nil)
			all = append(all, b.schedule(t, "ann", stack, hourly(domain.ScheduleRun)), b.schedule(t, "ann", stack, hourly(domain.ScheduleTask)))
		}
		const rounds = 5
		for round := range rounds {
			b.Clock.Advance(time.Hour)
			var together sync.WaitGroup
			for _, s := range servers {
				together.Go(func() {
					if _, err := s.StartDue(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			together.Wait()
			for _, d := range all {
				if n, last := len(b.runsBy(t, d)), b.scheduled(t, d.ID).Last; n != round+1 || last == nil || last.Run == "" {
					t.Fatalf("round %d: %d runs of %s, last %+v", round, n, d.ID, last)
				}
				if _, err := b.DiscardAll(b.As(t, "ann"), d.Stack, ""); err != nil {
					t.Fatal(err)
				}
			}
		}
		if rows := b.Rows(t, `select count(*) from audit_log where actor like 'schedule::%'`); rows[0][0] != int64(len(all)*rounds) {
			t.Errorf("%v rows in the audit trail", rows[0][0])
		}
		b.Invariants(t, nil)
	})
}

func TestScheduledDeletion(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "plain", "dev", nil)
		plain := b.schedule(t, "ann", "plain", b.once(domain.ScheduleDelete, false))
		destroy := b.schedule(t, "ann", "k2", b.once(domain.ScheduleDelete, true))
		b.Clock.Advance(time.Hour)
		trail := len(b.Audit(t))
		b.startDue(t, 2)
		var left int
		b.View(t, func(tx *store.Tx) error {
			_, err := tx.Stack(t.Context(), "plain")
			wantCode(t, err, domain.CodeNotFound)
			list, err := tx.SchedulesOf(t.Context(), "plain")
			left = len(list)
			return err
		})
		list := b.runsBy(t, destroy)
		if len(list) != 1 || list[0].Type != domain.RunDestroy || b.stack(t, "k2").Destroyer != list[0].ID || left != 0 {
			t.Errorf("runs %+v, schedules left %d", list, left)
		}
		for _, row := range b.Audit(t)[trail:] {
			if row.Event != "stack.delete" || row.Actor != plain.ID.AuditName() && row.Actor != destroy.ID.AuditName() || row.ObjectKind != "stack" {
				t.Errorf("recorded %+v", row)
			}
		}
		b.advance(t, b.lease(t).Lease, domain.RunInitializing, domain.RunDestroying, domain.RunFinished)
		if b.stack(t, "k2").Destroyer != list[0].ID {
			t.Error("the stack forgot that it is to be deleted")
		}
	})
}

// TestScheduledDeletionThatMayNotBe leaves the stack, and says why.
func TestScheduledDeletionThatMayNotBe(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, destroys := range []bool{false, true} {
			for name, c := range map[string]struct {
				hold func(*domain.Stack)
				says string
			}{
				"protected": {func(s *domain.Stack) { s.ProtectFromDeletion = true }, "protected"},
				"locked":    {func(s *domain.Stack) { s.Lock = &domain.StackLock{ID: "l", By: "somebody"} }, "locked by somebody"},
				"deleting":  {func(s *domain.Stack) { s.Destroyer = "r" }, "already"},
			} {
				id := domain.StackID(name)
				b.Stack(t, id, "dev", c.hold)
				d := b.schedule(t, "ann", id, b.once(domain.ScheduleDelete, destroys))
				b.Clock.Advance(time.Hour)
				b.startDue(t, 1)
				b.stack(t, id)
				if got := b.scheduled(t, d.ID); !strings.Contains(got.Last.Note, c.says) || got.Last.Run != "" || !got.Spent() {
					t.Errorf("%s: %+v", name, got)
				}
				b.Fill(t, func(c ctx, tx *store.Tx, p access.Permit) error {
					return tx.DeleteStack(c, p.For(access.KindStack), id)
				})
			}
		}
		b.Stack(t, "busy", "dev", nil)
		d := b.schedule(t, "ann", "busy", b.once(domain.ScheduleDelete, false))
		run := b.Run(t, "busy", domain.RunPlanning)
		b.Clock.Advance(time.Hour)
		b.startDue(t, 1)
		if got := b.scheduled(t, d.ID); !strings.Contains(got.Last.Note, string(run.ID)) || got.Spent() {
			t.Errorf("busy: %+v", got)
		}
		b.endAll(t, "busy")
		b.startDue(t, 0)
		b.Clock.Advance(time.Minute)
		b.startDue(t, 1)
		b.View(t, func(tx *store.Tx) error {
			_, err := tx.Stack(t.Context(), "busy")
			wantCode(t, err, domain.CodeNotFound)
			return nil
		})
	})
}
