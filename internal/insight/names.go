package insight

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// know looks up the names of many actors and spaces at once.
func (t *teller) know(ctx context.Context, actors []authz.ActorRef, spaces []string) error {
	var refs []authz.ActorRef
	for _, a := range actors {
		if _, known := t.actors[a]; !known && a.ID != "" {
			refs = append(refs, a)
		}
	}
	if refs != nil {
		names, err := t.tx.ActorNames(ctx, refs)
		if err != nil {
			return err
		}
		for ref, name := range names {
			t.actors[ref] = name
		}
	}
	var ids []domain.SpaceID
	for _, s := range spaces {
		if _, known := t.spaces[s]; !known && s != "" {
			ids = append(ids, domain.SpaceID(s))
		}
	}
	if ids == nil {
		return nil
	}
	list, err := t.tx.Spaces(ctx, ids)
	for _, s := range list {
		t.spaces[string(s.ID)] = s.Name
	}
	return err
}

// actor shows an actor that know has looked up. Names of users, keys and groups
// are for those who may view the account, that of a stack for those who see it.
func (t *teller) actor(ctx context.Context, ref authz.ActorRef) (Actor, error) {
	named, err := t.Self(ref), error(nil)
	switch {
	case named:
	case ref.Kind == authz.ActorStack:
		named, err = t.seesStack(ctx, ref.ID)
	default:
		named = t.ViewsAccount()
	}
	a := Actor{ActorRef: ref}
	if named {
		a.Name = t.actors[ref]
	}
	return a, err
}

// place shows a space that know has looked up. Its name is for those who see it
// at least as a part of a path; its id also for those who may view the account,
// which shows where roles are bound, and where the caller knows it anyway.
func (t *teller) place(id string, known bool) Place {
	switch {
	case id == "":
		return Place{}
	case t.Snapshot.Level(t.Caller.Subject, id, t.Time) != authz.LevelNone:
		return Place{domain.SpaceID(id), t.spaces[id]}
	case known || t.ViewsAccount():
		return Place{ID: domain.SpaceID(id)}
	default:
		return Place{}
	}
}

// target shows what a question is about to a caller who may ask it.
func (t *teller) target(ctx context.Context, ref access.Ref, at authz.Target) (Target, error) {
	if err := t.know(ctx, nil, []string{at.Space}); err != nil {
		return Target{Ref: ref}, err
	}
	out := Target{Ref: ref, Space: t.place(at.Space, true)}
	switch {
	case ref.Kind == access.KindSpace:
		out.Name = out.Space.Name
	case ref.Kind != access.KindRun && t.sees(at):
		e, err := t.tx.Entity(ctx, at.Entity)
		if err != nil {
			return out, err
		}
		out.Name = e.Name
	}
	return out, nil
}

// finerRead are the actions that show an entity to whoever holds them by name
// (access model R20).
var finerRead = map[authz.EntityKind]authz.Action{
	authz.EntityStack: authz.ActionStackRead, authz.EntityContext: authz.ActionContextRead,
	authz.EntityPolicy: authz.ActionPolicyRead,
}

func (t *teller) sees(at authz.Target) bool {
	return t.Snapshot.DecideRead(t.Caller.Subject, finerRead[at.Entity.Kind], at, t.Time).Allowed()
}
