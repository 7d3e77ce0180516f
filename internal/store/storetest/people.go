package storetest

import (
	"context"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// AddUser makes a user who has signed in, with the groups that the identity
// provider reported then. He is called name in the rest of the test.
func (k *Kit) AddUser(t *testing.T, name string, groups ...string) domain.UserID {
	t.Helper()
	id := domain.UserID(k.IDs.ULID())
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertUser(ctx, p.For(access.KindUser), domain.User{
			ID: id, Username: name, State: domain.UserActive, Groups: groups, LastLoginAt: tx.Now(), CreatedAt: tx.Now(), CreatedBy: "test",
		})
	})
	k.actors[name] = authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorUser, ID: string(id)}}
	return id
}

// Report is what a sign-in of a user will do: keep the groups that the identity
// provider reported.
func (k *Kit) Report(t *testing.T, id domain.UserID, groups ...string) {
	t.Helper()
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		u, err := tx.User(ctx, id)
		if err != nil {
			return err
		}
		u.Groups, u.LastLoginAt, u.State = groups, tx.Now(), domain.UserActive
		return tx.UpdateUser(ctx, p.For(access.KindUser), u)
	})
}

// AddGroup maps a group of the identity provider. Its actor is called name in
// the rest of the test.
func (k *Kit) AddGroup(t *testing.T, name string) domain.UserGroupID {
	t.Helper()
	id := domain.UserGroupID(k.IDs.ULID())
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertUserGroup(ctx, p.For(access.KindUserGroup), domain.UserGroup{ID: id, Name: name, CreatedAt: tx.Now(), CreatedBy: "test"})
	})
	k.actors[name] = authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorGroup, ID: string(id)}}
	return id
}

// UserID returns the id of a user by the test's name for him.
func (k *Kit) UserID(name string) domain.UserID { return domain.UserID(k.actors[name].Actor.ID) }

// GroupID returns the id of a group mapping by its name.
func (k *Kit) GroupID(name string) domain.UserGroupID {
	return domain.UserGroupID(k.actors[name].Actor.ID)
}

// Holds asks, at the gate, whether any actor may do an action on an object of
// a space. Users cannot sign in yet; this is how tests ask for them.
func (k *Kit) Holds(t *testing.T, actor authz.ActorRef, action authz.Action, space domain.SpaceID) (yes bool) {
	t.Helper()
	ctx := access.WithCaller(t.Context(), access.Caller{Subject: authz.Subject{Actor: actor}, Name: actor.Kind.String() + "::" + actor.ID})
	k.View(t, func(tx *store.Tx) (err error) {
		yes, err = k.Gate.Holds(ctx, tx, action, access.Object{Kind: access.KindSpace, ID: string(space), Noun: "space", Space: space})
		return err
	})
	return yes
}
