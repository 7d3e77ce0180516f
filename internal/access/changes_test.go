package access_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/roles"
	"github.com/airlock-project/airlock/internal/spaces"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
	"github.com/airlock-project/airlock/internal/workers"
)

// errNothing is a change that this world has nothing for.
var errNothing = domain.Conflict("nothing to change")

// changes are all ways to change the world, those that matter most more than
// once. Each tries one and returns what the world is to be changed by.
var changes = []struct {
	name string
	try  func(t *testing.T, e *estate) ([]authz.Change, error)
}{
	{"space.create", createSpace}, {"space.create", createSpace},
	{"space.move", moveSpace}, {"space.move", moveSpace},
	{"space.inherit", inheritSpace},
	{"space.delete", deleteSpace},
	{"role.create", createRole},
	{"role.update", updateRole},
	{"role.delete", deleteRole},
	{"binding.create", bind}, {"binding.create", bind}, {"binding.create", bind}, {"binding.create", bind},
	{"binding.delete", unbind}, {"binding.delete", unbind},
	{"binding.update", rebind},
	{"group.create", createGroup}, {"group.create", createGroup},
	{"group.delete", deleteGroup},
	{"user.invite", inviteUser},
	{"user.report", reportGroups},
	{"user.delete", deleteUser},
	{"key.create", createKey}, {"key.update", updateKey}, {"key.delete", deleteKey},
	{"stack.create", createStack}, {"stack.update", updateStack}, {"stack.delete", deleteStack},
	{"context.create", createContext}, {"context.move", moveContext}, {"context.delete", deleteContext},
	{"pool.create", createPool}, {"pool.move", movePool}, {"pool.delete", deletePool},
	{"time", letTimePass},
}

func createSpace(_ *testing.T, e *estate) ([]authz.Change, error) {
	if len(e.world.Spaces) > 14 {
		return nil, errNothing
	}
	in := spaces.Input{Name: e.name(), Parent: domain.SpaceID(e.space()), Inherit: !e.one(3)}
	v, err := e.spaces.Create(e.ctx, in)
	return []authz.Change{authz.PutSpace{ID: string(v.ID), Parent: string(in.Parent), Inherit: in.Inherit}}, err
}

func changeSpace(e *estate, change func(*authz.Space)) ([]authz.Change, error) {
	next := pick(e, e.world.Spaces)
	change(&next)
	_, err := e.spaces.Update(e.ctx, domain.SpaceID(next.ID), spaces.Input{
		Name: next.ID, Parent: domain.SpaceID(next.Parent), Inherit: next.Inherit,
	})
	if next.ID == "root" {
		return nil, err // stays as it is
	}
	return []authz.Change{authz.PutSpace(next)}, err
}

func moveSpace(_ *testing.T, e *estate) ([]authz.Change, error) {
	return changeSpace(e, func(s *authz.Space) { s.Parent = e.space() })
}

func inheritSpace(_ *testing.T, e *estate) ([]authz.Change, error) {
	return changeSpace(e, func(s *authz.Space) { s.Inherit = !s.Inherit })
}

func deleteSpace(_ *testing.T, e *estate) ([]authz.Change, error) {
	id := e.space()
	_, err := e.spaces.Delete(e.ctx, domain.SpaceID(id))
	gone := e.without(func(b authz.Binding) bool { return b.Space == id })
	return append(gone, authz.DeleteSpace(id)), err
}

// someActions are up to four, the ones that the rules treat differently.
func (e *estate) someActions() (list []authz.Action, names []string) {
	for range 1 + e.src.IntN(4) {
		a := interesting[e.src.IntN(len(interesting))]
		list, names = append(list, a), append(names, a.String())
	}
	return list, names
}

var interesting = []authz.Action{
	authz.ActionSpaceRead, authz.ActionSpaceRead, authz.ActionSpaceRead, authz.ActionSpaceWrite, authz.ActionSpaceAdmin,
	authz.ActionStackManage, authz.ActionStackManage, authz.ActionStackCreate, authz.ActionStackUpdate, authz.ActionStackReslug,
	authz.ActionStackDelete, authz.ActionRunTrigger,
	authz.ActionRunComment, authz.ActionRunRead, authz.ActionStackStateRead, authz.ActionRoleBindingManage, authz.ActionStackActAs,
}

func createRole(_ *testing.T, e *estate) ([]authz.Change, error) {
	if len(e.world.Roles) > 10 {
		return nil, errNothing
	}
	name := e.name()
	list, names := e.someActions()
	v, err := e.roles.Create(e.ctx, roles.Input{Name: &name, Actions: names})
	return []authz.Change{authz.PutRole{ID: string(v.ID), Slug: name, Actions: authz.SetOf(list...)}}, err
}

func updateRole(_ *testing.T, e *estate) ([]authz.Change, error) {
	r := pick(e, e.world.Roles)
	list, names := e.someActions()
	_, err := e.roles.Update(e.ctx, domain.RoleID(r.ID), roles.Input{Actions: names})
	return []authz.Change{authz.PutRole{ID: r.ID, Slug: r.Slug, Actions: authz.SetOf(list...)}}, err
}

func deleteRole(_ *testing.T, e *estate) ([]authz.Change, error) {
	r := pick(e, e.world.Roles)
	gone := e.without(func(b authz.Binding) bool { return b.Role == r.ID })
	force := e.one(2)
	_, err := e.roles.Delete(e.ctx, domain.RoleID(r.ID), force)
	if err == nil && !force && len(gone) > 0 {
		err = errors.New("a role that is bound was deleted without force (R15)")
	}
	return append(gone, authz.DeleteRole(r.ID)), err
}

func bind(_ *testing.T, e *estate) ([]authz.Change, error) {
	everybody := e.everybody()
	if len(everybody) == 0 || len(e.world.Bindings) > 40 {
		return nil, errNothing
	}
	if groups := e.groupActors(); e.one(3) && len(groups) > 0 {
		everybody = groups
	}
	b := authz.Binding{Actor: pick(e, everybody), Role: pick(e, e.world.Roles).ID, NotAfter: e.ends()}
	if homes := e.homes(); e.one(4) && len(homes) > 0 {
		b.Entity = pick(e, homes).Entity
	} else {
		b.Space = e.space()
	}
	v, err := e.bindings.Create(e.ctx, bindings.Grant{Actor: b.Actor, Input: bindings.Input{
		Role: domain.RoleID(b.Role), Space: domain.SpaceID(b.Space), Entity: b.Entity, NotAfter: b.NotAfter,
	}})
	if err != nil {
		return nil, err
	}
	b.ID = string(v[0].ID)
	return []authz.Change{authz.PutBinding(b)}, nil
}

// binding picks any but the first admin's, on which all changes rest.
func (e *estate) binding() (authz.Binding, bool) {
	list := slices.DeleteFunc(slices.Clone(e.world.Bindings), func(b authz.Binding) bool { return b.Actor == e.Actor("root-admin") })
	if len(list) == 0 {
		return authz.Binding{}, false
	}
	return pick(e, list), true
}

func unbind(_ *testing.T, e *estate) ([]authz.Change, error) {
	b, ok := e.binding()
	if !ok {
		return nil, errNothing
	}
	_, err := e.bindings.Remove(e.ctx, domain.BindingID(b.ID))
	return []authz.Change{authz.DeleteBinding{Actor: b.Actor, ID: b.ID}}, err
}

func rebind(_ *testing.T, e *estate) ([]authz.Change, error) {
	b, ok := e.binding()
	if !ok || b.Space == "" || b.Actor.Kind == authz.ActorGroup && !b.NotAfter.IsZero() {
		return nil, errNothing
	}
	b.Role, b.Space = pick(e, e.world.Roles).ID, e.space()
	_, err := e.bindings.Update(e.ctx, b.Actor, domain.BindingID(b.ID), bindings.Input{Role: domain.RoleID(b.Role), Space: domain.SpaceID(b.Space)})
	return []authz.Change{authz.PutBinding(b)}, err
}

func createGroup(_ *testing.T, e *estate) ([]authz.Change, error) {
	name := pick(e, groupNames)
	v, err := e.people.CreateGroup(e.ctx, identity.GroupInput{Name: name})
	return []authz.Change{authz.PutGroup{ID: string(v.ID), Name: name}}, err
}

func deleteGroup(_ *testing.T, e *estate) ([]authz.Change, error) {
	if len(e.world.Groups) == 0 || e.one(2) {
		return nil, errNothing
	}
	g := pick(e, e.world.Groups)
	_, err := e.people.DeleteGroup(e.ctx, domain.UserGroupID(g.ID))
	return append(e.bound(authz.ActorRef{Kind: authz.ActorGroup, ID: g.ID}), authz.DeleteGroup(g.ID)), err
}

// bound are the bindings that an actor takes with it.
func (e *estate) bound(a authz.ActorRef) []authz.Change {
	return e.without(func(b authz.Binding) bool { return b.Actor == a })
}

func inviteUser(_ *testing.T, e *estate) ([]authz.Change, error) {
	name := e.name()
	v, err := e.people.InviteUser(e.ctx, identity.InviteInput{Username: name, Email: name + "@example.com"})
	return []authz.Change{authz.PutActor{Ref: authz.ActorRef{Kind: authz.ActorUser, ID: string(v.ID)}}}, err
}

func reportGroups(t *testing.T, e *estate) ([]authz.Change, error) {
	users := e.actors(authz.ActorUser)
	if len(users) == 0 {
		return nil, errNothing
	}
	who, names := pick(e, users), e.groups()
	e.Report(t, domain.UserID(who.ID), names...)
	return []authz.Change{authz.PutActor{Ref: who, Groups: names}}, nil
}

func deleteUser(_ *testing.T, e *estate) ([]authz.Change, error) {
	users := e.actors(authz.ActorUser)
	if len(users) < 3 {
		return nil, errNothing
	}
	who := pick(e, users)
	_, err := e.people.DeleteUser(e.ctx, domain.UserID(who.ID))
	return append(e.bound(who), authz.DeleteActor(who)), err
}

// dead is the last moment at which a key that ends lives.
func dead(end time.Time) time.Time {
	if end.IsZero() {
		return end
	}
	return end.Add(-time.Nanosecond)
}

func createKey(_ *testing.T, e *estate) ([]authz.Change, error) {
	in := identity.KeyInput{Name: e.name(), Groups: e.groups(), ExpiresAt: e.ends()}
	v, err := e.people.CreateKey(e.ctx, in)
	return []authz.Change{authz.PutActor{Ref: authz.ActorRef{Kind: authz.ActorAPIKey, ID: string(v.ID)}, Groups: in.Groups, NotAfter: dead(in.ExpiresAt)}}, err
}

func updateKey(_ *testing.T, e *estate) ([]authz.Change, error) {
	keys := e.actors(authz.ActorAPIKey)
	if len(keys) == 0 {
		return nil, errNothing
	}
	who, names := pick(e, keys), e.groups()
	_, err := e.people.UpdateKey(e.ctx, domain.APIKeyID(who.ID), identity.KeyUpdate{Groups: &names})
	at := slices.IndexFunc(e.world.Actors, func(a authz.Actor) bool { return a.Ref == who })
	return []authz.Change{authz.PutActor{Ref: who, Groups: names, NotAfter: e.world.Actors[at].NotAfter}}, err
}

func deleteKey(_ *testing.T, e *estate) ([]authz.Change, error) {
	keys := e.actors(authz.ActorAPIKey)
	if len(keys) < 3 {
		return nil, errNothing
	}
	who := pick(e, keys)
	_, err := e.people.DeleteKey(e.ctx, domain.APIKeyID(who.ID))
	return append(e.bound(who), authz.DeleteActor(who)), err
}

func createStack(_ *testing.T, e *estate) ([]authz.Change, error) {
	if len(e.world.Stacks) > 5 {
		return nil, errNothing
	}
	settings := storetest.Settings(e.name(), domain.SpaceID(e.space()))
	settings.Administrative = e.one(4)
	st, err := e.stacks.Create(e.ctx, stacks.CreateInput{StackSettings: settings, ManageState: true})
	return []authz.Change{authz.PutStack{ID: string(st.ID), Space: string(settings.Space), Administrative: settings.Administrative}}, err
}

func updateStack(_ *testing.T, e *estate) ([]authz.Change, error) {
	if len(e.world.Stacks) == 0 {
		return nil, errNothing
	}
	st := pick(e, e.world.Stacks)
	if e.one(2) {
		st.Space = e.space()
	} else {
		st.Administrative = !st.Administrative
	}
	settings := storetest.Settings(st.ID, domain.SpaceID(st.Space))
	settings.Administrative = st.Administrative
	_, err := e.stacks.Update(e.ctx, domain.StackID(st.ID), settings)
	return []authz.Change{authz.PutStack(st)}, err
}

func deleteStack(_ *testing.T, e *estate) ([]authz.Change, error) {
	if len(e.world.Stacks) < 3 {
		return nil, errNothing
	}
	st := pick(e, e.world.Stacks)
	_, err := e.stacks.Delete(e.ctx, domain.StackID(st.ID))
	gone := append(e.bound(authz.ActorRef{Kind: authz.ActorStack, ID: st.ID}), e.boundTo(authz.EntityRef{Kind: authz.EntityStack, ID: st.ID})...)
	return append(gone, authz.DeleteStack(st.ID)), err
}

// boundTo are the bindings to an entity that go with it.
func (e *estate) boundTo(ref authz.EntityRef) []authz.Change {
	return e.without(func(b authz.Binding) bool { return b.Entity == ref })
}

func createContext(_ *testing.T, e *estate) ([]authz.Change, error) {
	if len(e.homesOf(authz.EntityContext)) > 2 {
		return nil, errNothing
	}
	in := contexts.Input{Name: e.name(), Space: domain.SpaceID(e.space())}
	c, err := e.contexts.Create(e.ctx, in)
	return []authz.Change{authz.PutEntity{Entity: authz.EntityRef{Kind: authz.EntityContext, ID: string(c.ID)}, Space: string(in.Space)}}, err
}

func moveContext(_ *testing.T, e *estate) ([]authz.Change, error) {
	return e.moveEntity(authz.EntityContext, func(ctx context.Context, id string, to domain.SpaceID) error {
		_, err := e.contexts.Update(ctx, domain.ContextID(id), contexts.Input{Name: id, Space: to}, false)
		return err
	})
}

func deleteContext(_ *testing.T, e *estate) ([]authz.Change, error) {
	return e.deleteEntity(authz.EntityContext, func(ctx context.Context, id string) error {
		_, err := e.contexts.Delete(ctx, domain.ContextID(id))
		return err
	})
}

func createPool(t *testing.T, e *estate) ([]authz.Change, error) {
	if len(e.homesOf(authz.EntityWorkerPool)) > 1 {
		return nil, errNothing
	}
	p := e.Pool(t, domain.WorkerPoolID(e.name()), domain.SpaceID(e.space()))
	return []authz.Change{authz.PutEntity{Entity: authz.EntityRef{Kind: authz.EntityWorkerPool, ID: string(p.ID)}, Space: string(p.Space)}}, nil
}

func movePool(_ *testing.T, e *estate) ([]authz.Change, error) {
	return e.moveEntity(authz.EntityWorkerPool, func(ctx context.Context, id string, to domain.SpaceID) error {
		_, err := e.pools.Update(ctx, domain.WorkerPoolID(id), workers.Input{Name: id, Space: to})
		return err
	})
}

func deletePool(_ *testing.T, e *estate) ([]authz.Change, error) {
	return e.deleteEntity(authz.EntityWorkerPool, func(ctx context.Context, id string) error {
		_, err := e.pools.Delete(ctx, domain.WorkerPoolID(id))
		return err
	})
}

func (e *estate) moveEntity(kind authz.EntityKind, move func(context.Context, string, domain.SpaceID) error) ([]authz.Change, error) {
	list := e.homesOf(kind)
	if len(list) == 0 {
		return nil, errNothing
	}
	h := pick(e, list)
	h.Space = e.space()
	return []authz.Change{authz.PutEntity{Entity: h.Entity, Space: h.Space}}, move(e.ctx, h.Entity.ID, domain.SpaceID(h.Space))
}

func (e *estate) deleteEntity(kind authz.EntityKind, remove func(context.Context, string) error) ([]authz.Change, error) {
	list := e.homesOf(kind)
	if len(list) < 2 {
		return nil, errNothing
	}
	h := pick(e, list)
	return append(e.boundTo(h.Entity), authz.DeleteEntity(h.Entity)), remove(e.ctx, h.Entity.ID)
}

// letTimePass changes nothing in the database, and ends what ends.
func letTimePass(_ *testing.T, e *estate) ([]authz.Change, error) {
	e.Clock.Advance(time.Duration(1+e.src.IntN(8)) * time.Minute)
	return nil, nil
}

// errUndone rolls back.
var errUndone = errors.New("undone")

// trial changes the world in a transaction that does not end well, asks in it,
// and leaves no trace.
func (e *estate) trial(t *testing.T, ask func(ctx context.Context, tx *store.Tx, w authz.World) error) error {
	everybody := e.everybody()
	if len(everybody) == 0 {
		return nil
	}
	b := authz.Binding{ID: e.IDs.ULID(), Actor: pick(e, everybody), Role: pick(e, e.world.Roles).ID, Space: e.space()}
	sp := pick(e, e.world.Spaces)
	err := e.Store.ChangeAccess(e.ctx, func(tx *store.Tx) error {
		p, err := e.Gate.Account(e.ctx, tx, access.Op{Event: "test", Object: access.Object{Kind: access.KindSpace, Noun: "space"}})
		if err != nil {
			return err
		}
		row := domain.Binding{ID: domain.BindingID(b.ID), Actor: b.Actor, Role: domain.RoleID(b.Role), Space: domain.SpaceID(b.Space), CreatedAt: tx.Now()}
		if err := tx.InsertBinding(e.ctx, p.For(access.KindRoleBinding), row); err != nil {
			return err
		}
		w := after(e.world, authz.PutBinding(b))
		if err := ask(e.ctx, tx, w); err != nil {
			return err
		}
		if sp.ID != "root" {
			sp.Inherit = !sp.Inherit
			row := domain.Space{ID: domain.SpaceID(sp.ID), Name: sp.ID, Parent: domain.SpaceID(sp.Parent), Inherit: sp.Inherit}
			if err := tx.UpdateSpace(e.ctx, p, row); err != nil {
				return err
			}
			w = after(w, authz.PutSpace(sp))
		}
		if err := ask(e.ctx, tx, w); err != nil {
			return err
		}
		return errUndone
	})
	if errors.Is(err, errUndone) || domain.ErrorCode(err) == domain.CodeConflict { // it is bound so already
		return nil
	}
	return err
}
