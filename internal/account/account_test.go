package account_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/account"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// each gives an empty database, and a way to open it more than once.
func each(t *testing.T, test func(t *testing.T, open func() *store.Store)) {
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			url, box, ids := d.URL(t), secrets.NewBox(secrets.NewKey()), &storetest.IDs{}
			test(t, func() *store.Store {
				s, err := store.Open(t.Context(), url, store.Options{Sealer: box, IDs: ids, Now: time.Now})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				return s
			})
		})
	}
}

func create(ctx context.Context, s *store.Store, deliver func(account.Secrets) error) (bool, error) {
	return account.Create(ctx, store.Bind[account.Tx](s), access.NewGate(), s.IDs, deliver)
}

// TestFirstStart looks at all that a new account has (A1, A2, A42-A48).
func TestFirstStart(t *testing.T) {
	each(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		var kept account.Secrets
		created, err := create(t.Context(), s, func(x account.Secrets) error { kept = x; return nil })
		if err != nil || !created {
			t.Fatalf("created %v, %v", created, err)
		}
		err = s.View(t.Context(), func(tx *store.Tx) error {
			world, err := tx.World(t.Context())
			if err != nil {
				return err
			}
			if len(world.Spaces) != 2 || len(world.Bindings) != 1 || len(world.Roles) != len(domain.SystemRoles()) || len(world.Stacks) > 0 {
				t.Errorf("a new account is %+v", world)
			}
			legacy, err := tx.Space(t.Context(), domain.LegacySpace)
			if err != nil || legacy.Parent != domain.RootSpace || !legacy.Inherit {
				t.Errorf("legacy is %+v, %v", legacy, err)
			}
			for _, want := range domain.SystemRoles() {
				got, err := tx.RoleBySlug(t.Context(), want.Slug)
				if err != nil || !got.System || got.Name != want.Name || authz.SetOf(got.Actions...) != authz.SetOf(want.Actions...) {
					t.Errorf("role %s is %+v, %v", want.Slug, got, err)
				}
			}
			pool, err := tx.WorkerPoolByToken(t.Context(), identity.HashSecret(kept.PoolToken))
			if err != nil || pool != (domain.PoolKey{Pool: domain.DefaultWorkerPool}) {
				t.Errorf("the token's pool is %v, %v", pool, err)
			}
			b := world.Bindings[0]
			if b.Actor != (authz.ActorRef{Kind: authz.ActorAPIKey, ID: string(kept.AdminKeyID)}) || b.Space != domain.RootSpace || !b.NotAfter.IsZero() {
				t.Errorf("the first binding is %+v", b)
			}
			n, err := tx.RootAdmins(t.Context())
			if n != 1 {
				t.Errorf("%d root admins", n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		again, err := create(t.Context(), s, func(account.Secrets) error { t.Error("delivered twice"); return nil })
		if err != nil || again {
			t.Errorf("created again: %v, %v", again, err)
		}
	})
}

// TestDeliverFails leaves nothing, so that no account exists whose key nobody
// has; the next start tries again.
func TestDeliverFails(t *testing.T) {
	each(t, func(t *testing.T, open func() *store.Store) {
		s := open()
		full := errors.New("the disk is full")
		created, err := create(t.Context(), s, func(account.Secrets) error { return full })
		if created || !errors.Is(err, full) {
			t.Errorf("created %v, %v", created, err)
		}
		err = s.View(t.Context(), func(tx *store.Tx) error {
			exists, err := tx.AccountExists(t.Context())
			keys, err2 := tx.APIKeys(t.Context())
			if exists || len(keys) != 0 {
				t.Errorf("account %v, keys %+v", exists, keys)
			}
			return errors.Join(err, err2)
		})
		if err != nil {
			t.Fatal(err)
		}
		if created, err := create(t.Context(), s, func(account.Secrets) error { return nil }); err != nil || !created {
			t.Errorf("the next start: %v, %v", created, err)
		}
	})
}

// TestServersRace creates one account, however many servers start.
func TestServersRace(t *testing.T) {
	each(t, func(t *testing.T, open func() *store.Store) {
		const servers = 4
		stores := make([]*store.Store, servers)
		for i := range stores {
			stores[i] = open()
		}
		var created, delivered atomic.Int32
		var all sync.WaitGroup
		for _, s := range stores {
			all.Go(func() {
				ok, err := create(t.Context(), s, func(account.Secrets) error { delivered.Add(1); return nil })
				if err != nil {
					t.Error(err)
				}
				if ok {
					created.Add(1)
				}
			})
		}
		all.Wait()
		if created.Load() != 1 || delivered.Load() != 1 {
			t.Errorf("created %d times, delivered %d times", created.Load(), delivered.Load())
		}
	})
}
