package bindings_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// people are a user and a mapped group, the two kinds of actors that are.
var people = map[string]authz.ActorKind{"carol": authz.ActorUser, "DevOps": authz.ActorGroup}

func (b bench) addPeople(t *testing.T) {
	t.Helper()
	b.AddUser(t, "carol")
	b.AddGroup(t, "DevOps")
}

// TestA79A89A90A91People: what holds of bindings of keys holds of those of
// users and groups.
func TestA79A89A90A91People(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.addPeople(t)
		for name, kind := range people {
			actor := b.Actor(name)
			b.Allowed(t, b.create(t, "ann", actor, "space-admin", "prod")) // A79, A89
			b.Allowed(t, b.create(t, "ann", actor, "operator", "dev"))
			b.Denied(t, domain.CodeNotFound, b.create(t, "ann", actor, "space-reader", "platform"))
			b.Denied(t, domain.CodeForbidden, b.create(t, "ann", actor, "space-reader", "root"))
			b.Denied(t, domain.CodeForbidden, b.create(t, "will", actor, "space-reader", "dev"))
			b.Denied(t, domain.CodeNotFound, b.create(t, "nobody", actor, "space-reader", "dev"))
			for _, who := range []string{"ann", "root-admin"} { // A15
				b.Denied(t, domain.CodeNotFound, b.create(t, who, actor, "space-reader", "nope"))
			}

			ofRoot := b.Bind(t, name, "space-reader", "apps") // A90: made by a root admin, in ann's space
			above := b.Bind(t, name, "space-reader", "root")
			row := b.Allowed(t, b.remove(t, "ann", kind, ofRoot))
			if row.Event != "role_binding.delete" || row.ObjectID != string(ofRoot) || !cmp.Equal(row.Spaces, []domain.SpaceID{"apps"}) {
				t.Errorf("recorded %+v", row)
			}
			b.Denied(t, domain.CodeForbidden, b.remove(t, "ann", kind, above)) // A91
			b.Denied(t, domain.CodeNotFound, b.remove(t, "root-admin", authz.ActorAPIKey, above))
			b.Allowed(t, b.remove(t, "root-admin", kind, above))
		}
		b.Invalid(t, "userID", b.create(t, "ann", authz.ActorRef{Kind: authz.ActorUser, ID: "missing"}, "space-reader", "dev"))
		b.Invalid(t, "userGroupID", b.create(t, "ann", authz.ActorRef{Kind: authz.ActorGroup, ID: "DevOps"}, "space-reader", "dev")) // a name is no id
	})
}

// TestA78BindingsOfPeople: they are seen by whoever may view the account.
func TestA78BindingsOfPeople(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.addPeople(t)
		for name, kind := range people {
			id := b.Bind(t, name, "space-writer", "vault")
			v, err := b.Get(b.As(t, "ann"), kind, id)
			of, ofErr := b.Of(b.As(t, "ann"), b.Actor(name))
			if err != nil || ofErr != nil || v.ActorName != name || v.Role.Slug != "space-writer" || v.Space != "vault" || !cmp.Equal(of, []bindings.View{v}) {
				t.Errorf("ann sees %+v and %+v, %v, %v", v, of, err, ofErr)
			}
			_, err = b.Get(b.As(t, "will"), kind, id)
			wantCode(t, err, domain.CodeForbidden)
			_, err = b.Of(b.As(t, "will"), b.Actor(name))
			wantCode(t, err, domain.CodeForbidden)
			_, err = b.Get(b.As(t, "ann"), authz.ActorAPIKey, id)
			wantCode(t, err, domain.CodeNotFound)
		}
	})
}

// TestA92NoMoreThanHeld: what ann gives in her space climbs as sight at most.
func TestA92NoMoreThanHeld(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.addPeople(t)
		for name := range people {
			b.Allowed(t, b.create(t, "ann", b.Actor(name), "space-admin", "dev"))
		}
		dave := b.AddUser(t, "dave", "DevOps")
		for name, actor := range map[string]authz.ActorRef{"carol": b.Actor("carol"), "dave, by his group": {Kind: authz.ActorUser, ID: string(dave)}} {
			for space, want := range map[domain.SpaceID][2]bool{"dev": {true, true}, "apps": {true, false}, "root": {true, false}, "prod": {false, false}} {
				if reads := b.Holds(t, actor, authz.ActionSpaceRead, space); reads != want[0] {
					t.Errorf("%s reads %s: %v", name, space, reads)
				}
				if manages := b.Holds(t, actor, authz.ActionSpaceAdmin, space); manages != want[1] {
					t.Errorf("%s manages %s: %v", name, space, manages)
				}
			}
		}
		// What carol was given, she may give on, and no more.
		b.Allowed(t, b.create(t, "carol", b.Actor("nobody"), "space-admin", "dev"))
		b.Denied(t, domain.CodeForbidden, b.create(t, "carol", b.Actor("nobody"), "space-reader", "apps"))
	})
}

// TestA12Immutable: a binding never passes to another actor; another role or
// space is a new grant under the old id (R28), and no access rule any more.
func TestA12Immutable(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.addPeople(t)
		b.AddUser(t, "dave")
		b.AddGroup(t, "other")
		for name, other := range map[string]string{"carol": "dave", "DevOps": "other"} {
			actor := b.Actor(name)
			id := domain.BindingID(b.IDs.ULID())
			b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
				return tx.InsertBinding(ctx, p.For(access.KindRoleBinding), domain.Binding{
					ID: id, Actor: actor, Role: b.RoleID("space-reader"), Space: "dev", CreatedAt: tx.Now(), AccessRule: true,
				})
			})
			update := func(actor authz.ActorRef, in bindings.Input) error {
				_, err := b.Update(b.As(t, "ann"), actor, id, in)
				return err
			}
			b.Invalid(t, "input", func() error { return update(b.Actor(other), bindings.Input{}) })
			b.Denied(t, domain.CodeNotFound, func() error { return update(actor, bindings.Input{Space: "net"}) })
			b.Allowed(t, func() error { return update(actor, bindings.Input{Role: b.RoleID("space-writer"), Space: "prod"}) })
			of, err := b.Of(b.As(t, "ann"), actor)
			if err != nil || len(of) != 1 || of[0].ID != id || of[0].Actor != actor || of[0].Role.Slug != "space-writer" || of[0].Space != "prod" || of[0].AccessRule {
				t.Errorf("now %+v, %v", of, err)
			}
		}
	})
}

// TestA13A14WholeSpace: one role is bound in many spaces, and counts for
// everything in each of them alike.
func TestA13A14WholeSpace(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.addPeople(t)
		b.Stack(t, "k3", "dev", nil)
		b.Stack(t, "p", "prod", nil)
		for name := range people {
			for _, space := range []domain.SpaceID{"dev", "prod"} {
				b.Allowed(t, b.create(t, "ann", b.Actor(name), "operator", space))
			}
		}
		for stack, space := range map[string]domain.SpaceID{"k2": "dev", "k3": "dev", "p": "prod", "k": "apps"} {
			want := space != "apps"
			b.View(t, func(tx *store.Tx) error {
				got, err := b.Gate.Holds(b.As(t, "carol"), tx, authz.ActionRunTrigger, access.Object{
					Kind: access.KindStack, ID: stack, Noun: "stack", Space: space, Entity: authz.EntityRef{Kind: authz.EntityStack, ID: stack},
				})
				if got != want {
					t.Errorf("carol starts runs of %s in %s: %v", stack, space, got)
				}
				return err
			})
		}
	})
}
