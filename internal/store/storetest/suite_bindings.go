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

var actorKinds = []authz.ActorKind{authz.ActorUser, authz.ActorAPIKey, authz.ActorGroup, authz.ActorStack}

func (k *Kit) insertBinding(t *testing.T, b domain.Binding) error {
	t.Helper()
	return k.try(t, access.KindRoleBinding, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertBinding(ctx, p, b)
	})
}

func (k *Kit) binding(t *testing.T, id domain.BindingID) (domain.Binding, error) {
	t.Helper()
	return tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.Binding, error) { return tx.Binding(ctx, id) })
}

// newBinding fills a binding of the reader's role, to space legacy or to the
// stack or context of its name.
func (k *Kit) newBinding(kind authz.ActorKind, entity authz.EntityKind) domain.Binding {
	b := filled[domain.Binding](k)
	b.ID, b.Actor.Kind, b.Role = domain.BindingID(k.IDs.ULID()), kind, k.RoleID("space-reader")
	b.Space, b.Entity = "legacy", authz.EntityRef{}
	if entity != authz.EntityNone {
		b.Space, b.Entity = "", authz.EntityRef{Kind: entity, ID: entity.String()}
	}
	return b
}

func testBindings(t *testing.T, k *Kit) {
	k.Stack(t, "stack", "legacy", nil)
	k.Context(t, "context", "legacy")
	for _, entity := range []authz.EntityKind{authz.EntityNone, authz.EntityStack, authz.EntityContext} {
		for _, kind := range actorKinds {
			b := k.newBinding(kind, entity)
			b.Actor.ID += entity.String()
			if err := k.insertBinding(t, b); err != nil {
				t.Fatal(err)
			}
			got, err := k.binding(t, b.ID)
			if err != nil {
				t.Fatal(err)
			}
			same(t, b, got)

			first := b.ID
			b.ID, b.NotAfter = domain.BindingID(k.IDs.ULID()), time.Time{}
			wantCode(t, k.insertBinding(t, b), domain.CodeConflict)
			b.Role = "nope"
			if err := k.insertBinding(t, b); err == nil {
				t.Error("a binding of a role that does not exist was kept")
			}
			b.Role = k.RoleID("space-writer")
			if err := k.insertBinding(t, b); err != nil {
				t.Fatal(err)
			}
			of := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Binding, error) { return tx.BindingsOf(ctx, b.Actor) })
			if len(of) != 2 || of[0].ID != first || of[1].ID != b.ID || !of[1].NotAfter.IsZero() {
				t.Errorf("bindings of %v are %+v, want two, oldest first", b.Actor, of)
			}
			ofKind := read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.Binding, error) { return tx.BindingsOfKind(ctx, kind) })
			if n := len(ofKind); n < 2 || ofKind[n-2].ID != first || ofKind[n-1].ID != b.ID {
				t.Errorf("bindings of kind %v are %+v, want the two last", kind, ofKind)
			}
			k.Unbind(t, b.ID)
			_, err = k.binding(t, b.ID)
			gone(t, err)
		}
	}
}

// testBindingTargets holds the database to one target a binding.
func testBindingTargets(t *testing.T, k *Kit) {
	k.Stack(t, "stack", "legacy", nil)
	for name, change := range map[string]func(*domain.Binding){
		"A15: a space that does not exist": func(b *domain.Binding) { b.Space = "nope" },
		"nothing":                          func(b *domain.Binding) { b.Space = "" },
		"both":                             func(b *domain.Binding) { b.Entity = authz.EntityRef{Kind: authz.EntityStack, ID: "stack"} },
		"a kind without an id":             func(b *domain.Binding) { b.Space, b.Entity.Kind = "", authz.EntityStack },
		"an id without a kind":             func(b *domain.Binding) { b.Space, b.Entity.ID = "", "stack" },
	} {
		b := k.newBinding(authz.ActorUser, authz.EntityNone)
		change(&b)
		if err := k.insertBinding(t, b); err == nil {
			t.Errorf("a binding to %s was kept", name)
		}
	}
	for _, ref := range []authz.EntityRef{{Kind: authz.EntityStack, ID: "nope"}, {Kind: authz.EntityContext, ID: "stack"}, {Kind: authz.EntityPolicy, ID: "stack"}, {}} {
		_, err := tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.Entity, error) { return tx.Entity(ctx, ref) })
		gone(t, err)
	}
	same(t, domain.Entity{EntityRef: authz.EntityRef{Kind: authz.EntityStack, ID: "stack"}, Space: "legacy", Name: "stack"},
		read(t, k, func(ctx context.Context, tx *store.Tx) (domain.Entity, error) {
			return tx.Entity(ctx, authz.EntityRef{Kind: authz.EntityStack, ID: "stack"})
		}))
}

// testExpiredBinding: an expired binding makes room for the same one anew, and
// not an instant earlier.
func testExpiredBinding(t *testing.T, k *Kit) {
	k.Stack(t, "stack", "legacy", nil)
	for _, entity := range []authz.EntityKind{authz.EntityNone, authz.EntityStack} {
		old := k.newBinding(authz.ActorUser, entity)
		old.NotAfter = k.Clock.Now().Add(time.Hour)
		if err := k.insertBinding(t, old); err != nil {
			t.Fatal(err)
		}
		next := old
		next.ID, next.NotAfter = domain.BindingID(k.IDs.ULID()), time.Time{}
		k.Clock.Advance(time.Hour)
		wantCode(t, k.insertBinding(t, next), domain.CodeConflict)
		k.Clock.Advance(time.Microsecond)
		if err := k.insertBinding(t, next); err != nil {
			t.Fatal(err)
		}
		_, err := k.binding(t, old.ID)
		gone(t, err)
		got, _ := k.binding(t, next.ID)
		same(t, next, got)
	}
}

// testBoundEntities: what bindings name is part of the world that decisions
// are made from, moves with its entity and ends with it (R24).
func testBoundEntities(t *testing.T, k *Kit) {
	World(t, k)
	k.Context(t, "c", "apps")
	k.Context(t, "other", "apps")
	stack := authz.EntityRef{Kind: authz.EntityStack, ID: "k"}
	shared := authz.EntityRef{Kind: authz.EntityContext, ID: "c"}
	for _, ref := range []authz.EntityRef{stack, shared} {
		k.BindEntity(t, "nobody", "space-reader", ref)
	}
	homes := func() (stacks, others []domain.SpaceID) {
		w := read(t, k, func(ctx context.Context, tx *store.Tx) (domain.World, error) { return tx.World(ctx) })
		for _, s := range w.Stacks {
			stacks = append(stacks, s.Space)
		}
		for _, e := range w.Entities {
			if e.EntityRef != shared {
				t.Errorf("the world knows %v, which no binding names", e.EntityRef)
			}
			others = append(others, e.Space)
		}
		return stacks, others
	}
	stacks, others := homes()
	same(t, []domain.SpaceID{"apps"}, stacks)
	same(t, []domain.SpaceID{"apps"}, others)

	revision := k.revision(t)
	k.must(t, access.KindContext, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		c, err := tx.Context(ctx, "c")
		if err != nil {
			return err
		}
		c.Description = "changed"
		return tx.UpdateContext(ctx, p, c)
	})
	if now := k.revision(t); now != revision {
		t.Errorf("a context that stays changes the access world: revision %d, then %d", revision, now)
	}
	k.must(t, access.KindContext, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		c, err := tx.Context(ctx, "c")
		if err != nil {
			return err
		}
		c.Space = "sandbox"
		return tx.UpdateContext(ctx, p, c)
	})
	if _, others = homes(); k.revision(t) == revision {
		t.Error("a move changes nothing for those who compiled the world before")
	}
	same(t, []domain.SpaceID{"sandbox"}, others)

	k.must(t, access.KindContext, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteContext(ctx, p, "c") })
	k.must(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteStack(ctx, p, "k") })
	if left := k.bindingsOf(t, "nobody"); len(left) != 0 {
		t.Errorf("case 23: deleted entities left %+v", left)
	}
}

func testEntityRevision(t *testing.T, k *Kit) {
	World(t, k)
	k.Context(t, "c", "dev")
	k.revisions(t, []change{
		{"binding on a context", access.KindRoleBinding, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			b := domain.Binding{ID: "b", Actor: k.Actor("nobody"), Role: k.RoleID("operator"), Entity: authz.EntityRef{Kind: authz.EntityContext, ID: "c"}}
			return tx.InsertBinding(ctx, p, b)
		}},
		{"binding on a stack", access.KindRoleBinding, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			b := domain.Binding{ID: "b2", Actor: k.Actor("nobody"), Role: k.RoleID("operator"), Entity: authz.EntityRef{Kind: authz.EntityStack, ID: "k"}}
			return tx.InsertBinding(ctx, p, b)
		}},
		{"bound context", access.KindContext, false, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.UpdateContext(ctx, p, domain.Context{ID: "c", Name: "renamed", Space: "dev"})
		}},
		{"move of a bound context", access.KindContext, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.UpdateContext(ctx, p, domain.Context{ID: "c", Name: "c", Space: "apps"})
		}},
		{"bound context end", access.KindContext, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteContext(ctx, p, "c") }},
		{"bound stack end", access.KindStack, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteStack(ctx, p, "k") }},
	})
}
