package storetest

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

func testWorkerPools(t *testing.T, k *Kit) {
	get := func(id domain.WorkerPoolID) (domain.WorkerPool, error) {
		return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.WorkerPool, error) { return tx.WorkerPool(ctx, id) })
	}
	insert := func(w domain.WorkerPool, token string, hash ...byte) error {
		return k.try(t, access.KindWorkerPool, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertWorkerPool(ctx, p, w, token, hash)
		})
	}
	full := filled[domain.WorkerPool](k)
	full.ID, full.Space = "full", "legacy"
	bare := domain.WorkerPool{ID: "bare", Name: "bare", Space: "root"}
	for i, w := range []domain.WorkerPool{full, bare} {
		if err := insert(w, "token of "+string(w.ID), byte(i)); err != nil {
			t.Fatal(err)
		}
		got, err := get(w.ID)
		if err != nil {
			t.Fatal(err)
		}
		same(t, w, got)
	}
	if err := insert(domain.WorkerPool{ID: "other", Space: "root"}, "", 0); err == nil {
		t.Error("a token was used twice")
	}
	if err := insert(domain.WorkerPool{ID: "other", Space: "nope"}, "", 9); err == nil {
		t.Error("a pool lives in a space that does not exist")
	}
	_, err := get(domain.DefaultWorkerPool) // lives in no space
	gone(t, err)

	full.Name, full.Description, full.Labels, full.DriftRunLimit, full.Space = "new", "", nil, nil, "root"
	full.UpdatedAt = full.UpdatedAt.Add(time.Hour)
	k.must(t, access.KindWorkerPool, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.UpdateWorkerPool(ctx, p, full)
	})
	got, _ := get("full")
	same(t, full, got)
	k.poolTokens(t, full)
	k.Stack(t, "s", "legacy", func(s *domain.Stack) { s.WorkerPool = "bare" })
	same(t, []domain.Use{{Stack: "s", StackSpace: "legacy", EntityKind: "worker_pool", Entity: "bare", EntityName: "bare", EntitySpace: "root"}},
		read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Use, error) { return tx.UsesOfStack(ctx, "s") }))
	k.poolLoads(t)
	k.Stack(t, "acts", "legacy", func(s *domain.Stack) { s.WorkerPool = "bare" })
	k.Stack(t, "flagged", "root", func(s *domain.Stack) { s.WorkerPool, s.Administrative = "bare", true })
	k.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "acts"}, "space-reader", "root")
	k.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "default"}, "space-reader", "root")
	same(t, []domain.StackActor{{ID: "acts", Space: "legacy"}, {ID: "flagged", Space: "root", Administrative: true}},
		read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.StackActor, error) {
			return tx.ActorsUsing(ctx, access.KindWorkerPool, "bare")
		}))

	k.must(t, access.KindWorkerPool, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.DeleteWorkerPool(ctx, p, "full")
	})
	_, err = get("full")
	gone(t, err)
}

// poolTokens reads the token of a pool, which was inserted under {0}, and
// resets it.
func (k *Kit) poolTokens(t *testing.T, w domain.WorkerPool) {
	t.Helper()
	token := func(id domain.WorkerPoolID) (string, error) {
		return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (string, error) { return tx.WorkerPoolToken(ctx, id) })
	}
	of := func(hash ...byte) (domain.PoolKey, error) {
		return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.PoolKey, error) {
			return tx.WorkerPoolByToken(ctx, hash)
		})
	}
	lives := func(key domain.PoolKey) bool {
		return read(t, k, func(ctx context.Context, tx *store.Tx) (bool, error) { return tx.PoolKeyLives(ctx, key) })
	}
	if strings.Contains(k.Digest(t)["worker_pools"], "token of") {
		t.Error("a token is kept in the clear")
	}
	if got, err := token(w.ID); got != "token of full" || err != nil {
		t.Errorf("token %q, %v", got, err)
	}
	_, err := token(domain.DefaultWorkerPool)
	gone(t, err)
	old, err := of(0)
	if want := (domain.PoolKey{Pool: w.ID, Generation: w.Generation}); old != want || err != nil || !lives(old) {
		t.Errorf("key %+v, %v", old, err)
	}
	k.must(t, access.KindWorkerPool, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.ResetWorkerPool(ctx, p, w, "another", []byte{7})
	})
	if got, _ := token(w.ID); got != "another" || lives(old) {
		t.Errorf("after a reset the token is %q, and the old one lives: %v", got, lives(old))
	}
	_, err = of(0)
	gone(t, err)
	if now, err := of(7); err != nil || now.Generation != w.Generation+1 || !lives(now) || lives(domain.PoolKey{Pool: "nope"}) {
		t.Errorf("key %+v, %v", now, err)
	}
}

func (k *Kit) poolLoads(t *testing.T) {
	t.Helper()
	k.Stack(t, "waits", "legacy", func(s *domain.Stack) { s.WorkerPool = "bare" })
	k.Stack(t, "default", "legacy", nil)
	k.Stack(t, "asks", "legacy", nil)
	k.Run(t, "waits", domain.RunReady)
	k.Run(t, "asks", domain.RunUnconfirmed) // waits for a person
	for i, stack := range []domain.StackID{"s", "default"} {
		run := k.Run(t, stack, domain.RunPlanning)
		run.Worker, run.LeaseUntil = []string{"w1", "w2"}[i], k.Clock.Now()
		k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.SaveRun(ctx, p, run) })
	}
	same(t, map[domain.WorkerPoolID]domain.PoolLoad{
		"bare": {Pending: 1, Busy: []string{"w1"}}, domain.DefaultWorkerPool: {Busy: []string{"w2"}},
	}, read(t, k, func(ctx context.Context, tx *store.Tx) (map[domain.WorkerPoolID]domain.PoolLoad, error) {
		return tx.PoolLoads(ctx)
	}))
}
