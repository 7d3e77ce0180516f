package storetest

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// testRehearsal tries changes out: each sees those before it, a refused one
// leaves nothing, and afterwards nothing is there.
func testRehearsal(t *testing.T, k *Kit) {
	World(t, k)
	ctx := k.As(t, "root-admin")
	before, trail := k.Digest(t), len(k.Audit(t))
	put := func(ctx context.Context, id domain.SpaceID, end error) error {
		return k.Store.ChangeAccess(ctx, func(tx *store.Tx) error {
			p, err := k.permit(ctx, tx, access.KindSpace)
			if err != nil {
				return err
			}
			if err := tx.InsertSpace(ctx, p, domain.Space{ID: id, Parent: "sandbox", Name: string(id), CreatedAt: tx.Now()}); err != nil {
				return err
			}
			return end
		})
	}
	refused := errors.New("refused")
	err := k.Store.Rehearse(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := put(ctx, "a", nil); err != nil {
			return err
		}
		if err := put(ctx, "b", refused); !errors.Is(err, refused) {
			t.Errorf("b: %v", err)
		}
		if err := put(ctx, "a", nil); err == nil { // ends a statement, not the rehearsal
			t.Error("a was made twice")
		}
		if err := put(ctx, "c", nil); err != nil {
			return err
		}
		nobody := k.As(t, "nobody")
		denied := k.Store.Change(ctx, func(tx *store.Tx) error {
			_, err := k.Gate.Permit(nobody, tx, access.Op{Event: "test", Action: authz.ActionSpaceAdmin, Object: access.Object{Kind: access.KindSpace, Noun: "space", Space: "a"}})
			return err
		})
		if domain.ErrorCode(denied) != domain.CodeNotFound {
			t.Errorf("denied: %v", denied)
		}
		if err := k.Store.View(ctx, func(tx *store.Tx) error {
			for id, want := range map[domain.SpaceID]authz.Level{"a": authz.LevelAdmin, "b": authz.LevelNone, "c": authz.LevelAdmin} {
				if got, err := k.Gate.Level(ctx, tx, id); err != nil || got != want {
					t.Errorf("%s is %v, %v; want %v", id, got, err, want)
				}
			}
			return nil
		}); err != nil {
			return err
		}
		changed, err := tx.Changed(ctx)
		if len(changed.Put.Spaces) != 2 || changed.Put.Spaces[0].ID != "a" || changed.Put.Spaces[1].ID != "c" || len(changed.Gone) != 0 {
			t.Errorf("changed %+v", changed)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, k.Digest(t)); diff != "" {
		t.Errorf("left behind:\n%s", diff)
	}
	if n := len(k.Audit(t)); n != trail {
		t.Errorf("%d rows of the audit trail, before it %d", n, trail)
	}
	if err := put(ctx, "a", nil); err != nil { // and others see what is really there
		t.Error(err)
	}
	same(t, authz.LevelAdmin, read(t, k, func(_ context.Context, tx *store.Tx) (authz.Level, error) { return k.Gate.Level(ctx, tx, "a") }))
	same(t, authz.LevelNone, read(t, k, func(_ context.Context, tx *store.Tx) (authz.Level, error) { return k.Gate.Level(ctx, tx, "c") }))
}

// testUsesAreAccess: what a stack uses is followed like the access world, for
// it decides who can make the stack act.
func testUsesAreAccess(t *testing.T, k *Kit) {
	World(t, k)
	k.Pool(t, "build", "apps")
	k.Context(t, "net", "apps")
	revision := func() int64 {
		return read(t, k, func(ctx context.Context, tx *store.Tx) (int64, error) {
			s, err := tx.Stamp(ctx)
			return s.Revision, err
		})
	}
	old := revision()
	grows := func(what string, kind access.Kind, fn write) {
		t.Helper()
		k.must(t, kind, fn)
		if now := revision(); now <= old {
			t.Errorf("%s leaves revision %d", what, now)
		} else {
			old = now
		}
	}
	a := domain.ContextAttachment{ID: "x", Context: "net", Stack: "k"}
	grows("attaching", access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertContextAttachment(ctx, p, a)
	})
	grows("another pool", access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		st, err := tx.Stack(ctx, "k")
		if err != nil {
			return err
		}
		st.WorkerPool = "build"
		return tx.UpdateStack(ctx, p, st)
	})
	want := authz.Estate{
		Stacks: []authz.StackUse{{ID: "k", Space: "apps", Uses: []authz.EntityRef{
			{Kind: authz.EntityContext, ID: "net"}, {Kind: authz.EntityWorkerPool, ID: "build"}}}},
		Objects: []authz.EntityHome{
			{Entity: authz.EntityRef{Kind: authz.EntityContext, ID: "net"}, Space: "apps"},
			{Entity: authz.EntityRef{Kind: authz.EntityWorkerPool, ID: "build"}, Space: "apps"}},
	}
	estate := func() {
		t.Helper()
		got := read(t, k, func(ctx context.Context, tx *store.Tx) (authz.Estate, error) { return tx.Estate(ctx) })
		got.Stacks = got.Stacks[:1] // k2 and r0 use nothing
		same(t, want, got)
	}
	estate()
	source := func(provider domain.VCSProvider, repository string) write {
		return func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			st, err := tx.Stack(ctx, "k")
			if err != nil {
				return err
			}
			st.Provider, st.Repository = provider, repository
			return tx.UpdateStack(ctx, p, st)
		}
	}
	grows("a repository", access.KindRepo, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertRepo(ctx, p, domain.Repo{ID: "code", Space: "apps", Name: "Code"})
	})
	k.must(t, access.KindStack, source(domain.ProviderGitHub, "code")) // what another host calls so
	estate()
	grows("the repository as source", access.KindStack, source(domain.ProviderBuiltIn, "code"))
	want.Stacks[0].Repo = "code"
	want.Objects = append(want.Objects, authz.EntityHome{Entity: authz.EntityRef{Kind: authz.EntityRepo, ID: "code"}, Space: "apps"})
	estate()
	grows("another repository as source", access.KindStack, source(domain.ProviderBuiltIn, "none"))
	want.Stacks[0].Repo, want.Objects = "", want.Objects[:2]
	estate()
	grows("the old one again", access.KindStack, source(domain.ProviderBuiltIn, "code"))
	grows("another host", access.KindStack, source(domain.ProviderGitHub, "code"))
	estate()
	grows("the end of the repository", access.KindRepo, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.DeleteRepo(ctx, p, "code")
	})
	grows("detaching", access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.DeleteContextAttachment(ctx, p, "x")
	})
}
