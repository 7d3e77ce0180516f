package bindings_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// TestCase28LastTwoAdmins: the last two admins of root remove or demote each
// other at once, or each himself, through two servers. In every round exactly
// one succeeds, and the other still administers the account.
func TestCase28LastTwoAdmins(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddKey(t, "second")
		names := [2]string{"root-admin", "second"}
		ids := [2]domain.BindingID{b.bindingOf(t, "root-admin"), b.Bind(t, "second", "space-admin", "root")}
		servers := [2]*bindings.Service{b.Service, service(b.Open(t), b.Kit)}
		ctx := [2]context.Context{b.As(t, names[0]), b.As(t, names[1])}
		for round := range storetest.Rounds(t) {
			var errs [2]error
			var both sync.WaitGroup
			for i := range 2 {
				whose := 1 - i // each the other's
				if round%3 == 0 {
					whose = i
				}
				both.Go(func() {
					if round%2 == 0 {
						_, errs[i] = servers[i].Delete(ctx[i], authz.ActorAPIKey, ids[whose])
						return
					}
					_, errs[i] = servers[i].Update(ctx[i], authz.ActorRef{Kind: authz.ActorAPIKey}, ids[whose],
						bindings.Input{Role: b.RoleID("space-reader"), Space: "apps"})
				})
			}
			both.Wait()
			if (errs[0] == nil) == (errs[1] == nil) {
				t.Fatalf("round %d: got %v and %v, want exactly one success", round, errs[0], errs[1])
			}
			gone := 1
			if errs[1] == nil != (round%3 == 0) {
				gone = 0
			}
			// Who is left gives the other one back what he lost: so he may.
			if round%2 == 1 {
				if _, err := servers[0].Delete(ctx[1-gone], authz.ActorAPIKey, ids[gone]); err != nil {
					t.Fatalf("round %d: %v", round, err)
				}
			}
			back, err := servers[1].Create(ctx[1-gone], grant(b.Actor(names[gone]), b.RoleID("space-admin"), "root"))
			if err != nil {
				t.Fatalf("round %d: nobody administers the account: %v", round, err)
			}
			ids[gone] = back[0].ID
		}
	})
}

// TestCase62G6RevokeWhileAsking grants and revokes while others ask two servers.
// An answer to a question that was asked after a revocation
// was acknowledged, and answered before the next grant began, denies; after a
// grant it allows.
func TestCase62G6RevokeWhileAsking(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		ctx, admin := b.As(t, "nobody"), b.As(t, "root-admin")
		var changes atomic.Int64 // odd while one is on its way; 0, 4, 8: revoked, 2, 6: granted
		var all sync.WaitGroup
		asked := [2]int{}
		servers := []*store.Store{b.Store, b.Open(t)}
		gates := []*access.Gate{b.Gate, access.NewGate()}
		question := func(i int) (bool, error) {
			var holds bool
			err := servers[i].View(ctx, func(tx *store.Tx) (err error) {
				holds, err = gates[i].Holds(ctx, tx, authz.ActionStackDelete, access.Object{Space: "dev"})
				return err
			})
			return holds, err
		}
		agrees := func(i int) (known bool) {
			before := changes.Load()
			holds, err := question(i)
			if err != nil {
				t.Errorf("server %d: %v", i, err)
				return false
			}
			if before%2 != 0 || changes.Load() != before {
				return false
			}
			if want := before%4 == 2; holds != want {
				t.Errorf("server %d: after %d changes the answer is %v", i, before, holds)
			}
			return true
		}
		starts := [2]chan bool{make(chan bool, 1), make(chan bool, 1)}
		for i := range servers {
			all.Go(func() {
				for range starts[i] {
					for range 3 {
						if agrees(i) {
							asked[i]++
						}
					}
				}
			})
		}
		begin := func() {
			for i := range starts {
				select {
				case starts[i] <- true:
				default: // still asks
				}
			}
			changes.Add(1)
		}
		for range storetest.Rounds(t) {
			begin()
			granted, err := b.Create(admin, grant(b.Actor("nobody"), b.RoleID("space-admin"), "dev"))
			changes.Add(1)
			if err != nil {
				t.Error(err)
				break
			}
			agrees(0)
			agrees(1)
			begin()
			_, err = b.Delete(admin, authz.ActorAPIKey, granted[0].ID)
			changes.Add(1)
			if err != nil {
				t.Error(err)
				break
			}
			agrees(1)
			agrees(0)
		}
		close(starts[0])
		close(starts[1])
		all.Wait()
		t.Logf("besides, %v questions were asked between two changes", asked)
	})
}
