package storetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// pulse asks a store for the present.
func pulse(t *testing.T, s *store.Store) access.Pulse {
	t.Helper()
	p, err := s.Pulse(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// testPulse compares what is known without a transaction with what one reads,
// on the server that writes and on another one.
func testPulse(t *testing.T, k *Kit) {
	other := k.Open(t)
	k.AddKey(t, "nobody")
	for round := range 3 {
		id := k.Bind(t, "nobody", "space-reader", "legacy")
		k.Unbind(t, id)
		want := access.Pulse{Revision: k.revision(t), Time: k.Clock.Now()}
		for n, s := range []*store.Store{k.Store, other, k.Store} {
			if diff := cmp.Diff(want, pulse(t, s)); diff != "" {
				t.Errorf("round %d, ask %d (-read +pulse):\n%s", round, n, diff)
			}
		}
		k.Clock.Advance(1)
	}
	before := pulse(t, k.Store)
	if err := k.try(t, access.KindRoleBinding, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		if err := tx.InsertBinding(ctx, p, domain.Binding{ID: "b", Actor: k.Actor("nobody"), Role: k.RoleID("space-reader"), Space: "legacy"}); err != nil {
			return err
		}
		return domain.Conflict("undo")
	}); err == nil {
		t.Fatal("the change was not undone")
	}
	if after := pulse(t, k.Store); after != before {
		t.Errorf("an undone change moved the pulse from %+v to %+v", before, after)
	}
}

// testPulseBesideCommits asks while others commit: nobody is told a revision
// older than what was acknowledged to anybody, or than what he has seen in a
// transaction of his own.
func testPulseBesideCommits(t *testing.T, k *Kit) {
	const writers, readers, rounds = 2, 4, 40
	other := k.Open(t)
	k.AddKey(t, "nobody")
	var acknowledged atomic.Int64
	var writing, all sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for n := range rounds {
				revision := int64(0)
				ctx := k.As(t, "root-admin")
				err := k.Store.ChangeAccess(ctx, func(tx *store.Tx) error {
					p, err := k.permit(ctx, tx, access.KindRoleBinding)
					if err == nil {
						err = tx.InsertBinding(ctx, p, domain.Binding{
							ID: domain.BindingID(fmt.Sprint(w, "-", n)), Actor: authz.ActorRef{Kind: authz.ActorUser, ID: fmt.Sprint(w, "-", n)},
							Role: k.RoleID("space-reader"), Space: "legacy",
						})
					}
					stamp, stampErr := tx.Stamp(ctx)
					revision = stamp.Revision
					if err == nil {
						err = stampErr
					}
					return err
				})
				if err != nil {
					t.Error(err)
					return
				}
				for old := acknowledged.Load(); old < revision && !acknowledged.CompareAndSwap(old, revision); old = acknowledged.Load() {
				}
			}
		})
	}
	done := make(chan struct{})
	for r := range readers {
		s := []*store.Store{k.Store, other}[r%2]
		all.Go(func() { k.follow(t, s, &acknowledged, done) })
	}
	writing.Wait()
	close(done)
	all.Wait()
}

// follow asks one store until done.
func (k *Kit) follow(t *testing.T, s *store.Store, acknowledged *atomic.Int64, done <-chan struct{}) {
	for {
		seen := acknowledged.Load()
		p, err := s.Pulse(t.Context())
		if err != nil || p.Revision < seen {
			t.Errorf("pulse %d after %d was acknowledged, %v", p.Revision, seen, err)
			return
		}
		err = s.View(t.Context(), func(tx *store.Tx) error {
			stamp, err := tx.Stamp(t.Context())
			seen = stamp.Revision
			return err
		})
		if p, again := s.Pulse(t.Context()); err != nil || again != nil || p.Revision < seen {
			t.Errorf("pulse %d after %d was read, %v, %v", p.Revision, seen, err, again)
			return
		}
		select {
		case <-done:
			return
		default:
		}
	}
}

// testCurrent is revoke then ask without a transaction, on the server that
// revokes and on another one (security cases 62, 69).
func testCurrent(t *testing.T, k *Kit) {
	World(t, k)
	other := k.Open(t)
	gates := map[*store.Store]*access.Gate{k.Store: k.Gate, other: access.NewGate()}
	at := authz.Target{Space: "dev"}
	check := func(round int, s *store.Store, actor authz.ActorRef, wantLive, wantAllowed bool) {
		m, err := access.Current(t.Context(), gates[s], store.Bind[access.Reader](s))
		if err != nil {
			t.Fatal(err)
		}
		_, live := m.Snapshot.Alive(actor, m.Time)
		allowed := m.Snapshot.Decide(authz.Subject{Actor: actor}, authz.ActionStackDelete, at, m.Time).Allowed()
		if live != wantLive || allowed != wantAllowed {
			t.Errorf("round %d: lives %v, allowed %v; want %v, %v", round, live, allowed, wantLive, wantAllowed)
		}
	}
	for round := range 30 {
		k.AddKey(t, "key")
		actor := k.Actor("key")
		id := k.Bind(t, "key", "space-admin", "dev")
		for s := range gates {
			check(round, s, actor, true, true)
		}
		k.Unbind(t, id)
		for s := range gates {
			check(round, s, actor, true, false)
		}
		k.Bind(t, "key", "space-admin", "apps")
		k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.DeleteAPIKey(ctx, p.For(access.KindAPIKey), k.KeyID("key"))
		})
		for s := range gates {
			check(round, s, actor, false, false)
		}
	}
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertAPIKey(ctx, p.For(access.KindAPIKey), domain.APIKey{
			ID: "ends", Name: "ends", Type: domain.APIKeySecret, CreatedAt: tx.Now(), ExpiresAt: tx.Now().Add(time.Hour),
		})
	})
	ends := authz.ActorRef{Kind: authz.ActorAPIKey, ID: "ends"}
	k.BindActor(t, ends, "space-admin", "root")
	k.Clock.Advance(time.Hour - 1)
	check(0, other, ends, true, true)
	k.Clock.Advance(1)
	check(1, other, ends, false, false)
}

// testHomes finds objects of all kinds in a transaction and without one.
func testHomes(t *testing.T, k *Kit) {
	World(t, k)
	k.Context(t, "c", "net")
	run := k.Run(t, "k2", domain.RunQueued)
	stack := authz.EntityRef{Kind: authz.EntityStack, ID: "k2"}
	known := map[access.Ref]authz.Target{
		{Kind: access.KindStack, ID: "k2"}:         {Space: "dev", Entity: stack},
		{Kind: access.KindStack, ID: "r0"}:         {Space: "root", Entity: authz.EntityRef{Kind: authz.EntityStack, ID: "r0"}},
		{Kind: access.KindRun, ID: string(run.ID)}: {Space: "dev", Entity: stack},
		{Kind: access.KindContext, ID: "c"}:        {Space: "net", Entity: authz.EntityRef{Kind: authz.EntityContext, ID: "c"}},
	}
	var refs []access.Ref
	for r := range known {
		refs = append(refs, r, r) // twice does no harm
	}
	for _, kind := range []access.Kind{access.KindStack, access.KindRun, access.KindContext, access.KindSpace, "", "policy"} {
		for _, id := range []string{"nope", "", "c'", "a\x00b", "\xff", "Ωé漢\U0001F600<&>\"'\\%"} {
			refs = append(refs, access.Ref{Kind: kind, ID: id})
		}
	}
	refs = append(refs, access.Ref{Kind: access.KindContext, ID: "k2"}, access.Ref{Kind: access.KindStack, ID: "c"})
	found := func() (in, without map[access.Ref]authz.Target) {
		k.View(t, func(tx *store.Tx) (err error) {
			in, err = tx.Homes(t.Context(), refs)
			return err
		})
		without, p, err := k.Store.Find(t.Context(), refs)
		if err != nil || p != pulse(t, k.Store) {
			t.Errorf("pulse %+v, want %+v, %v", p, pulse(t, k.Store), err)
		}
		return in, without
	}
	in, without := found()
	same(t, known, in)
	same(t, known, without)

	moved := access.Ref{Kind: access.KindStack, ID: "k2"}
	k.must(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		st, err := tx.Stack(ctx, "k2")
		st.Space = "prod"
		if err != nil {
			return err
		}
		return tx.UpdateStack(ctx, p, st)
	})
	if in, without = found(); in[moved].Space != "prod" || without[moved].Space != "prod" {
		t.Errorf("a moved stack is found at %+v and %+v", in[moved], without[moved])
	}
}

// testHomesIn lists what a subject may list, kind by kind and page by page.
func testHomesIn(t *testing.T, k *Kit) {
	World(t, k)
	k.Context(t, "c", "dev")
	k.Context(t, "c2", "prod")
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertRepo(ctx, p.For(access.KindRepo), domain.Repo{ID: "code", Space: "dev", Name: "Code"})
	})
	for range 2 {
		k.Run(t, "k2", domain.RunQueued)
	}
	k.Stack(t, "p1", "prod", nil)
	k.Stack(t, "p2", "prod", nil)
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertBinding(ctx, p.For(access.KindRoleBinding), domain.Binding{
			ID: "one", Actor: k.Actor("will"), Role: k.RoleID("space-reader"), Entity: authz.EntityRef{Kind: authz.EntityStack, ID: "p2"}, CreatedAt: tx.Now(),
		})
	})
	for _, c := range []struct {
		who  string
		kind access.Kind
		want int
	}{
		{"root-admin", access.KindStack, 5}, {"ann", access.KindStack, 5}, {"will", access.KindStack, 4}, {"rita", access.KindStack, 2}, {"nobody", access.KindStack, 0},
		{"root-admin", access.KindContext, 2}, {"will", access.KindContext, 1}, {"root-admin", access.KindRun, 2}, {"rita", access.KindRun, 0},
		{"root-admin", access.KindRepo, 1}, {"will", access.KindRepo, 1}, {"rita", access.KindRepo, 0},
		{"root-admin", access.KindWorkerPool, 0}, {"root-admin", access.KindSpace, 0}, {"root-admin", "policy", 0},
	} {
		k.View(t, func(tx *store.Tx) error {
			m, err := k.Gate.Moment(t.Context(), tx)
			if err != nil {
				return err
			}
			kind, _ := domain.ParseEntityKind(string(c.kind))
			if c.kind == access.KindRun {
				kind = authz.EntityStack
			}
			scope := m.Scope(authz.Subject{Actor: k.Actor(c.who)}, authz.ActionSpaceRead, kind, m.Snapshot.Everywhere())
			whole, err := tx.HomesIn(t.Context(), c.kind, scope, "", 100)
			if err != nil || len(whole) != c.want {
				t.Errorf("%s has %d of %s, want %d, %v", c.who, len(whole), c.kind, c.want, err)
			}
			var refs []access.Ref
			found := map[access.Ref]authz.Target{}
			after := ""
			for range whole {
				page, err := tx.HomesIn(t.Context(), c.kind, scope, after, 1)
				if err != nil || len(page) != 1 {
					t.Fatalf("after %q: %v, %v", after, page, err)
				}
				after = page[0].ID
				ref := access.Ref{Kind: c.kind, ID: after}
				refs, found[ref] = append(refs, ref), page[0].Target
			}
			homes, err := tx.Homes(t.Context(), refs)
			if len(refs) > 0 {
				same(t, homes, found)
			}
			return err
		})
	}
}
