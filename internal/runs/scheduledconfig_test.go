package runs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/schedules"
	"github.com/airlock-project/airlock/internal/store"
)

// TestA65E29ScheduledSettings: runs of a schedule have its settings, as long as
// its author may bring some.
func TestA65E29ScheduledSettings(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		in := hourly(domain.ScheduleRun)
		in.Config = configured("k2").Config
		kept := schedules.New(store.Bind[schedules.Tx](b.Store), access.NewGate(), b.IDs)
		b.Role(t, "triggers", authz.ActionSpaceRead, authz.ActionRunTrigger, authz.ActionScheduleCreate, authz.ActionScheduleUpdate)
		b.AddKey(t, "planner")
		b.Bind(t, "planner", "triggers", "dev")
		row := b.Denied(t, domain.CodeForbidden, func() error { _, err := kept.Create(b.As(t, "planner"), "k2", in); return err })
		if row.Action != "run:trigger-with-custom-runtime-config" {
			t.Errorf("it takes %s", row.Action)
		}
		bad := in
		bad.Config = &domain.RuntimeConfig{Env: []domain.EnvOverride{{Name: "LD_PRELOAD"}}}
		b.Invalid(t, "environment", func() error { _, err := kept.Create(b.As(t, "ann"), "k2", bad); return err })

		d := b.schedule(t, "ann", "k2", in)
		b.Clock.Advance(time.Hour)
		b.startDue(t, 1)
		a := b.lease(t)
		if diff := cmp.Diff(in.Config, a.Custom); diff != "" || a.Run.TriggeredBy != d.ID.AuditName() {
			t.Errorf("%s has other settings:\n%s", a.Run.TriggeredBy, diff)
		}
		for table, content := range b.Digest(t) {
			if strings.Contains(content, "correct-horse") {
				t.Errorf("table %s shows a value", table)
			}
		}
		b.advance(t, a.Lease, domain.RunFailed)

		// Whoever may only trigger runs changes it by taking the settings away.
		plain := hourly(domain.ScheduleRun)
		b.Denied(t, domain.CodeForbidden, func() error { _, err := kept.Update(b.As(t, "planner"), "k2", d.ID, in); return err })
		b.Allowed(t, func() error { _, err := kept.Update(b.As(t, "planner"), "k2", d.ID, plain); return err })
		if list, err := kept.List(b.As(t, "planner"), "k2", domain.ScheduleRun); err != nil || len(list) != 1 || list[0].Config != nil {
			t.Errorf("settings stay: %+v, %v", list, err)
		}

		b.AddKey(t, "chief")
		binding := b.Bind(t, "chief", "space-admin", "dev")
		if _, err := kept.Update(b.As(t, "chief"), "k2", d.ID, in); err != nil {
			t.Fatal(err)
		}
		list, err := kept.List(b.As(t, "will"), "k2", domain.ScheduleRun)
		if diff := cmp.Diff(in.Config, list[0].Config); diff != "" || err != nil {
			t.Errorf("shown, %v:\n%s", err, diff)
		}
		b.Unbind(t, binding)
		b.Bind(t, "chief", "space-writer", "dev")
		b.Clock.Advance(time.Hour)
		trail := len(b.Audit(t))
		b.startDue(t, 1)
		rows := b.Audit(t)[trail:]
		if len(rows) != 1 || rows[0].Action != "run:trigger-with-custom-runtime-config" || rows[0].Outcome != domain.AuditDenied || len(b.runsBy(t, d)) != 1 {
			t.Errorf("%+v with %d runs", rows, len(b.runsBy(t, d)))
		}
	})
}

// TestG2ScheduledSettings: settings decide what a stack does with its roles.
func TestG2ScheduledSettings(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		binding := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-admin", "platform")
		in := hourly(domain.ScheduleRun)
		in.Config = configured("k2").Config
		kept := schedules.New(store.Bind[schedules.Tx](b.Store), access.NewGate(), b.IDs)
		b.ActAs(t, domain.LentRole{Stack: "k2", Role: "space-admin", Space: "platform", Binding: binding},
			func() error { _, err := kept.Create(b.As(t, "ann"), "k2", in); return err })
	})
}
