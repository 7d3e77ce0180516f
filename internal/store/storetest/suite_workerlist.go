package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// testWorkers keeps what is known of each worker.
func testWorkers(t *testing.T, k *Kit) {
	k.Pool(t, "p", "root")
	k.Pool(t, "q", "root")
	list := func(pools ...domain.WorkerPoolID) []domain.Worker {
		return read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Worker, error) { return tx.Workers(ctx, pools) })
	}
	change := func(fn write) { k.must(t, access.KindWorkerPool, fn) }
	now := k.Clock.Now()
	one := domain.Worker{Pool: "p", ID: "one", Metadata: map[string]string{"a": "b"}, Slots: 3, CreatedAt: now, AvailableAt: now, SeenAt: now}
	two := domain.Worker{Pool: "q", ID: "two", Slots: 1, CreatedAt: now.Add(1000), SeenAt: now}
	for _, w := range []domain.Worker{two, one} {
		change(func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.RegisterWorker(ctx, p, w) })
	}
	same(t, []domain.Worker{one, two}, list("p", "q"))
	same(t, []domain.Worker{two}, list("q"))

	k.Clock.Advance(time.Second)
	again := one
	again.Slots, again.Metadata, again.SeenAt, again.CreatedAt, again.Drained = 4, nil, k.Clock.Now(), k.Clock.Now(), true
	change(func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.RegisterWorker(ctx, p, again)
	})
	again.CreatedAt, again.Drained = one.CreatedAt, false // a registration decides neither
	same(t, []domain.Worker{again}, list("p"))

	later := k.Clock.Now().Add(time.Second)
	change(func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		if err := tx.SawWorker(ctx, p, "q", "two", later); err != nil {
			return err
		}
		return tx.SawWorker(ctx, p, "q", "two", now) // an older sighting changes nothing
	})
	two.SeenAt, two.AvailableAt = later, later
	same(t, []domain.Worker{two}, list("q"))
	k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.OccupyWorkers(ctx, p, "q", []string{"nobody", "two"})
	})
	two.AvailableAt = time.Time{}
	same(t, []domain.Worker{two}, list("q"))
	k.lostWorkers(t, again)
}

// lostWorkers lets all workers be silent while one of them holds a run.
func (k *Kit) lostWorkers(t *testing.T, busy domain.Worker) {
	t.Helper()
	k.Stack(t, "s", "root", func(s *domain.Stack) { s.WorkerPool = busy.Pool })
	run := k.Run(t, "s", domain.RunPlanning)
	run.Worker, run.LeaseUntil = busy.ID, k.Clock.Now().Add(time.Hour)
	k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.SaveRun(ctx, p, run) })
	lost := func() []domain.Worker {
		return read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Worker, error) { return tx.LostWorkers(ctx) })
	}
	same(t, 0, len(lost()))
	k.Clock.Advance(2 * domain.WorkerSilence)
	gone := lost()
	if len(gone) != 1 || gone[0].ID != "two" {
		t.Errorf("lost: %+v", gone)
	}
	list := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Worker, error) {
		return tx.Workers(ctx, []domain.WorkerPoolID{"p", "q"})
	})
	if len(list) != 1 || list[0].ID != busy.ID || !list[0].Busy {
		t.Errorf("listed: %+v", list)
	}
	k.must(t, access.KindWorkerPool, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DropWorkers(ctx, p, gone) })
	same(t, 0, len(lost()))
	k.must(t, access.KindWorkerPool, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.DeleteWorkerPool(ctx, p, "q")
	})
}

// testWorkerAuthority keeps the first authority and its key encrypted.
func testWorkerAuthority(t *testing.T, k *Kit) {
	type authority struct {
		Certificate string
		Key         []byte
	}
	get := func() (authority, error) {
		return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (a authority, err error) {
			a.Certificate, a.Key, err = tx.WorkerAuthority(ctx)
			return a, err
		})
	}
	_, err := get()
	gone(t, err)
	for _, text := range []string{"first", "second"} {
		k.must(t, access.KindWorkerPool, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertWorkerAuthority(ctx, p, text, []byte("key of the "+text))
		})
	}
	got, err := get()
	if err != nil {
		t.Fatal(err)
	}
	same(t, authority{"first", []byte("key of the first")}, got)
	if strings.Contains(k.Digest(t)["worker_authority"], "key of") {
		t.Error("the key is kept in the clear")
	}
}
