package schedules_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/schedules"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

type bench struct {
	*storetest.Kit
	*schedules.Service
}

func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		test(t, bench{k, schedules.New(store.Bind[schedules.Tx](k.Store), access.NewGate(), k.IDs)})
	})
}

var hourly = domain.Timing{Cron: []string{"0 * * * *"}}

func (b bench) nightly(kind domain.ScheduleKind) schedules.Input {
	in := schedules.Input{Kind: kind, Timing: domain.Timing{Cron: []string{" 0  3 * * *"}, Timezone: "Europe/Paris"}}
	switch kind {
	case domain.ScheduleTask:
		in.Command = "tofu state list"
	case domain.ScheduleDelete:
		in.Timing, in.DestroyResources = domain.Timing{At: b.Clock.Now().Add(time.Hour)}, true
	case domain.ScheduleRun:
		in.Name = "nightly"
	case domain.ScheduleDrift: // takes no more
	}
	return in
}

var kinds = []domain.ScheduleKind{domain.ScheduleRun, domain.ScheduleTask, domain.ScheduleDelete}

func second[T any](_ T, err error) error { return err }

func TestSchedule(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, kind := range kinds {
			in := b.nightly(kind)
			var made domain.Schedule
			row := b.Allowed(t, func() (err error) { made, err = b.Create(b.As(t, "ann"), "k2", in); return err })
			if row.ObjectKind != "schedule" || row.ObjectID != string(made.ID) || row.Action != "schedule:create" || !strings.HasSuffix(row.Event, ".create") {
				t.Errorf("recorded %+v", row)
			}
			next := b.Clock.Now().Add(14 * time.Hour).Truncate(time.Hour) // 03:00 in Paris
			if kind == domain.ScheduleDelete {
				next = b.Clock.Now().Add(time.Hour).Truncate(time.Second)
				in.At = next
			} else {
				in.Cron = []string{"0 3 * * *"}
			}
			want := domain.Schedule{
				ID: made.ID, Stack: "k2", Kind: kind, Timing: in.Timing, ScheduleAim: in.ScheduleAim, Author: b.Actor("ann"),
				AuthorName: b.KeyID("ann").AuditName(), CreatedAt: b.Clock.Now(), NextAt: next,
			}
			if diff := cmp.Diff(want, made); diff != "" {
				t.Errorf("made (-want +got):\n%s", diff)
			}
			if kind == domain.ScheduleDelete {
				want.Cron = []string{}
			}
			list, err := b.List(b.As(t, "will"), "k2", kind)
			if diff := cmp.Diff([]domain.Schedule{want}, list); err != nil || diff != "" {
				t.Errorf("%v, list (-want +got):\n%s", err, diff)
			}
			b.change(t, made)
		}
	})
}

// change updates and deletes a schedule.
func (b bench) change(t *testing.T, made domain.Schedule) {
	t.Helper()
	in := b.nightly(made.Kind)
	in.Timing = domain.Timing{At: b.Clock.Now().Add(time.Minute)}
	root := b.As(t, "root-admin")
	var changed domain.Schedule
	b.Allowed(t, func() (err error) { changed, err = b.Update(root, made.Stack, made.ID, in); return err })
	if changed.AuthorName != access.Name(root) || !changed.NextAt.Equal(in.At.Truncate(time.Second)) || changed.CreatedAt != made.CreatedAt {
		t.Errorf("changed to %+v", changed)
	}
	other := domain.ScheduleTask
	if made.Kind == other {
		other = domain.ScheduleRun
	}
	b.Denied(t, domain.CodeNotFound, func() error { return second(b.Delete(root, made.Stack, made.ID, other)) }) // another kind
	b.Denied(t, domain.CodeNotFound, func() error { return second(b.Delete(root, "k", made.ID, made.Kind)) })    // of another stack
	b.Denied(t, domain.CodeNotFound, func() error { return second(b.Update(root, made.Stack, "nope", in)) })
	b.Denied(t, domain.CodeNotFound, func() error { return second(b.Delete(root, "nope", made.ID, made.Kind)) })
	b.Allowed(t, func() error { return second(b.Delete(root, made.Stack, made.ID, made.Kind)) })
	b.Denied(t, domain.CodeNotFound, func() error { return second(b.Delete(root, made.Stack, made.ID, made.Kind)) })
}

// TestR20Schedules asks as everybody, and as keys that hold only one of the two
// actions that it takes.
func TestR20Schedules(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, kind := range kinds {
			in := b.nightly(kind)
			name := strings.ToLower(string(kind))
			for who, actions := range map[string][]authz.Action{
				"only-" + name: {authz.ActionSpaceRead, authz.ActionScheduleCreate, authz.ActionScheduleUpdate, authz.ActionScheduleDelete},
				"may-" + name:  {authz.ActionSpaceRead, kind.Starts()},
				"both-" + name: {authz.ActionSpaceRead, kind.Starts(), authz.ActionScheduleCreate, authz.ActionScheduleUpdate},
			} {
				b.AddKey(t, who)
				b.Role(t, who, actions...)
				b.Bind(t, who, who, "dev")
			}
			create := func(who string) func() error {
				return func() error { return second(b.Create(b.As(t, who), "k2", in)) }
			}
			for _, who := range []string{"will", "ops", "only-" + name, "may-" + name} {
				b.Denied(t, domain.CodeForbidden, create(who))
			}
			b.Denied(t, domain.CodeNotFound, create("rita"))
			b.Denied(t, domain.CodeNotFound, create("nobody"))
			b.Allowed(t, create("both-"+name))
			made := b.made(t, kind)
			update := func(who string) func() error {
				return func() error { return second(b.Update(b.As(t, who), "k2", made.ID, in)) }
			}
			remove := func(who string) func() error {
				return func() error { return second(b.Delete(b.As(t, who), "k2", made.ID, kind)) }
			}
			b.Denied(t, domain.CodeForbidden, update("only-"+name))
			b.Denied(t, domain.CodeForbidden, update("will"))
			b.Denied(t, domain.CodeNotFound, update("rita"))
			b.Denied(t, domain.CodeForbidden, remove("both-"+name))
			b.Denied(t, domain.CodeNotFound, remove("nobody"))
			b.Allowed(t, update("both-"+name))
			b.Allowed(t, remove("only-"+name)) // who starts nothing needs no more
		}
		if _, err := b.List(b.As(t, "rita"), "k2", domain.ScheduleRun); domain.ErrorCode(err) != domain.CodeNotFound {
			t.Errorf("rita lists schedules: %v", err)
		}
	})
}

func (b bench) made(t *testing.T, kind domain.ScheduleKind) domain.Schedule {
	t.Helper()
	list, err := b.List(b.As(t, "root-admin"), "k2", kind)
	if err != nil || len(list) != 1 {
		t.Fatalf("%d schedules, %v", len(list), err)
	}
	return list[0]
}

// TestG2ScheduledTask schedules tasks on a stack whose role the author lacks.
func TestG2ScheduledTask(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-admin", "platform")
		lent := domain.LentRole{Stack: "k2", Role: "space-admin", Space: "platform", Binding: id}
		create := func(who string, kind domain.ScheduleKind) func() error {
			return func() error { return second(b.Create(b.As(t, who), "k2", b.nightly(kind))) }
		}
		b.ActAs(t, lent, create("ann", domain.ScheduleTask))
		b.NoActAs(t, create("root-admin", domain.ScheduleTask))
		b.NoActAs(t, create("ann", domain.ScheduleRun)) // as starting a run does not
		list, err := b.List(b.As(t, "ann"), "k2", domain.ScheduleTask)
		if err != nil {
			t.Fatal(err)
		}
		b.ActAs(t, lent, func() error {
			return second(b.Update(b.As(t, "ann"), "k2", list[0].ID, b.nightly(domain.ScheduleTask)))
		})
		b.SetActAs(t, domain.ActAsEnforce)
		b.Allowed(t, func() error { return second(b.Delete(b.As(t, "ann"), "k2", list[0].ID, domain.ScheduleTask)) })
	})
}

// TestR25Schedules: a plan cannot leave anything behind to be done later, an
// apply can, by the roles of its stack.
func TestR25Schedules(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k"}, "space-admin", "dev")
		run := b.Run(t, "k", domain.RunPlanning)
		b.Denied(t, domain.CodeForbidden, func() error { return second(b.Create(b.AsStack(t, run), "k2", b.nightly(domain.ScheduleRun))) })
		run.State = domain.RunApplying
		if err := b.Exec(t, `update runs set state = 'APPLYING' where id = $1`, string(run.ID)); err != nil {
			t.Fatal(err)
		}
		b.Allowed(t, func() error { return second(b.Create(b.AsStack(t, run), "k2", b.nightly(domain.ScheduleRun))) })
		if made := b.made(t, domain.ScheduleRun); made.Author != (authz.ActorRef{Kind: authz.ActorStack, ID: "k"}) || made.AuthorName != "stack::k" {
			t.Errorf("made %+v", made)
		}
	})
}

func TestScheduleInput(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		soon := domain.Timing{At: b.Clock.Now().Add(time.Hour)}
		for _, c := range []struct {
			field string
			in    schedules.Input
		}{
			{"cronSchedule", schedules.Input{Kind: domain.ScheduleRun}},
			{"cronSchedule", schedules.Input{Kind: domain.ScheduleDelete, Timing: hourly}},
			{"cronSchedule", schedules.Input{Kind: domain.ScheduleRun, Timing: domain.Timing{Cron: []string{strings.Repeat("x", 100000)}}}},
			{"timezone", schedules.Input{Kind: domain.ScheduleRun, Timing: domain.Timing{Cron: hourly.Cron, Timezone: "x\x00"}}},
			{"timestampSchedule", schedules.Input{Kind: domain.ScheduleDelete, Timing: domain.Timing{At: b.Clock.Now().Add(-time.Hour)}}},
			{"name", schedules.Input{Kind: domain.ScheduleRun, Timing: soon, ScheduleAim: domain.ScheduleAim{Name: "a\nb"}}},
			{"command", schedules.Input{Kind: domain.ScheduleTask, Timing: soon}},
			{"command", schedules.Input{Kind: domain.ScheduleTask, Timing: soon, ScheduleAim: domain.ScheduleAim{Command: strings.Repeat("x", domain.MaxCommand+1)}}},
		} {
			b.Invalid(t, c.field, func() error { return second(b.Create(b.As(t, "root-admin"), "k", c.in)) })
		}
		for range domain.MaxSchedules {
			if _, err := b.Create(b.As(t, "root-admin"), "k", schedules.Input{Kind: domain.ScheduleRun, Timing: hourly}); err != nil {
				t.Fatal(err)
			}
		}
		_, err := b.Create(b.As(t, "root-admin"), "k", schedules.Input{Kind: domain.ScheduleRun, Timing: hourly})
		if domain.ErrorCode(err) != domain.CodeConflict {
			t.Errorf("one more than there may be: %v", err)
		}
		if _, err := b.Create(context.Background(), "k", schedules.Input{Kind: domain.ScheduleRun, Timing: hourly}); domain.ErrorCode(err) != domain.CodeUnauthenticated {
			t.Errorf("without credentials: %v", err)
		}
	})
}
