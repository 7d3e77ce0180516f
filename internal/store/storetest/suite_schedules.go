package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

func testSchedules(t *testing.T, k *Kit) {
	k.Stack(t, "a", "legacy", nil)
	k.Stack(t, "b", "legacy", nil)
	full := filled[domain.Schedule](k)
	full.Stack, full.Author.Kind, full.NextAt = "a", authz.ActorStack, k.Clock.Now()
	later := domain.Schedule{ID: "later", Stack: "a", NextAt: k.Clock.Now().Add(time.Second), CreatedAt: k.Clock.Now()}
	also := domain.Schedule{ID: "also", Stack: "b", NextAt: k.Clock.Now(), CreatedAt: k.Clock.Now()}
	spent := domain.Schedule{ID: "spent", Stack: "a", CreatedAt: k.Clock.Now()}
	write := func(fn func(ctx context.Context, tx *store.Tx, p access.Permit) error) {
		k.must(t, access.KindSchedule, fn)
	}
	for _, d := range []domain.Schedule{full, later, also, spent} {
		write(func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertSchedule(ctx, p, d) })
	}
	get := func(id domain.ScheduleID) domain.Schedule {
		return read(t, k, func(ctx context.Context, tx *store.Tx) (domain.Schedule, error) { return tx.Schedule(ctx, id) })
	}
	last := full.Last
	config := full.Config
	full.Last, full.Config = nil, nil // it was never due, and has none
	same(t, full, get(full.ID))
	kept := func() *domain.RuntimeConfig {
		return read(t, k, func(ctx context.Context, tx *store.Tx) (*domain.RuntimeConfig, error) {
			return tx.ScheduleConfig(ctx, full.ID)
		})
	}
	for _, c := range []*domain.RuntimeConfig{nil, config, nil} {
		write(func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.SetScheduleConfig(ctx, p, full.ID, c)
		})
		same(t, c, kept())
	}
	write(func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.PassSchedule(ctx, p, full.ID, *last, full.NextAt)
	})
	full.Last = last
	same(t, full, get(full.ID))

	due := func(after domain.Schedule, limit int) (ids []domain.ScheduleID) {
		list := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Schedule, error) {
			return tx.DueSchedules(ctx, after, limit)
		})
		for _, d := range list {
			ids = append(ids, d.ID)
		}
		return ids
	}
	first := due(domain.Schedule{}, 1)
	both := due(domain.Schedule{}, 5)
	if len(first) != 1 || len(both) != 2 || first[0] != both[0] {
		t.Fatalf("due: %v, %v", first, both)
	}
	same(t, both[1:], due(get(first[0]), 5))

	change := full
	change.Cron, change.At, change.Timezone, change.Author, change.AuthorName = nil, time.Time{}, "", authz.ActorRef{Kind: authz.ActorUser, ID: "u"}, "user::u"
	change.ScheduleAim, change.NextAt = domain.ScheduleAim{}, time.Time{}
	write(func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.UpdateSchedule(ctx, p, change)
	})
	change.Cron = []string{}
	same(t, change, get(full.ID))
	same(t, []domain.ScheduleID{"also"}, due(domain.Schedule{}, 5))

	write(func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.DeleteSchedule(ctx, p, "later")
	})
	of := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Schedule, error) { return tx.SchedulesOf(ctx, "a") })
	if len(of) != 2 {
		t.Errorf("schedules of a: %+v", of)
	}
	testScheduleWaits(t, k, also)
}

func testScheduleWaits(t *testing.T, k *Kit, d domain.Schedule) {
	for _, c := range []struct {
		state domain.RunState
		by    string
		want  bool
	}{
		{domain.RunPlanning, d.ID.AuditName(), false},
		{domain.RunFinished, d.ID.AuditName(), false},
		{domain.RunQueued, "somebody", false},
		{domain.RunReady, d.ID.AuditName(), true},
	} {
		run := k.Run(t, d.Stack, c.state)
		if err := k.Exec(t, `update runs set triggered_by = $1 where id = $2`, c.by, string(run.ID)); err != nil {
			t.Fatal(err)
		}
		waits := read(t, k, func(ctx context.Context, tx *store.Tx) (bool, error) { return tx.ScheduleWaits(ctx, d) })
		if waits != c.want {
			t.Errorf("with a run %s by %s: waits %v", c.state, c.by, waits)
		}
		if err := k.Exec(t, `update runs set state = 'FINISHED' where id = $1`, string(run.ID)); err != nil {
			t.Fatal(err)
		}
	}
}
