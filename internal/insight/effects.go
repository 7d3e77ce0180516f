package insight

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// ActorEffect is what one actor would gain and lose.
type ActorEffect struct {
	Actor Actor
	Parts []EffectPart
}

// EffectPart is a gain and loss that is the same in some spaces, or on one
// entity.
type EffectPart struct {
	Gained, Lost authz.ActionSet
	// Spaces is how many spaces it is in, HiddenSpaces how many of these are
	// hidden from the caller.
	Spaces, HiddenSpaces int
	// Tops are the highest of the others, at most maxTops.
	Tops []SpaceTop
	// Entity is what it is about, if not spaces.
	Entity *Target
}

// SpaceTop is a space with how many of those below it go with it.
type SpaceTop struct {
	Place
	Below int
}

// maxTops is how many spaces one part of an effect names.
const maxTops = 20

// effects tells a caller what changes come to. He is told about the spaces in
// which he may ask about others, before or after.
type effects struct {
	*teller         // before
	after           access.Asker
	f               access.Foresight
	homes           map[authz.EntityRef]authz.Target // after, of what moves
	wasSeen, isSeen authz.SpaceSet
	fresh           map[string]bool // bindings that are tried out
}

func (r *rehearsal) effects(t *teller, f access.Foresight) *effects {
	e := &effects{teller: t, f: f, homes: map[authz.EntityRef]authz.Target{}, fresh: map[string]bool{}}
	for _, b := range r.change.Put.Bindings {
		e.fresh[string(b.ID)] = true
	}
	e.after = access.Asker{Caller: t.Caller, Moment: r.moment}
	e.after.Snapshot = f.After
	for _, s := range r.change.Put.Stacks {
		ref := authz.EntityRef{Kind: authz.EntityStack, ID: string(s.ID)}
		e.homes[ref] = authz.Target{Space: string(s.Space), Entity: ref}
	}
	for _, x := range r.change.Put.Entities {
		e.homes[x.EntityRef] = authz.Target{Space: string(x.Space), Entity: x.EntityRef}
	}
	// What is new has its name only in what was tried out.
	for _, s := range r.change.Put.Spaces {
		t.spaces[string(s.ID)] = s.Name
	}
	for _, g := range r.change.Put.Groups {
		t.actors[authz.ActorRef{Kind: authz.ActorGroup, ID: g.ID}] = g.Name
	}
	e.wasSeen = f.Before.Spaces(t.Caller.Subject, authz.ActionSpaceRead, t.Time)
	e.isSeen = f.After.Spaces(t.Caller.Subject, authz.ActionSpaceRead, t.Time)
	return e
}

// tell fills in who gains and loses: everybody is counted, and those of the
// page are told.
func (e *effects) tell(ctx context.Context, p *Preview, in *PreviewInput) error {
	for list := e.f.Effects; len(list) > 0; {
		n := 1
		for n < len(list) && list[n].Actor == list[0].Actor {
			n++
		}
		told, err := e.parts(ctx, list[:n])
		if err != nil {
			return err
		}
		who := list[0].Actor
		list = list[n:]
		if len(told) == 0 {
			p.Hidden++
			continue
		}
		if slices.ContainsFunc(told, func(x EffectPart) bool { return !x.Gained.Empty() }) {
			p.Gaining++
		}
		if slices.ContainsFunc(told, func(x EffectPart) bool { return !x.Lost.Empty() }) {
			p.Losing++
		}
		if compareActors(who, in.After) <= 0 && in.After.ID != "" {
			continue
		}
		if len(p.Actors) == in.First {
			p.More = true
			continue
		}
		p.Actors = append(p.Actors, ActorEffect{Actor{ActorRef: who}, told})
	}
	return e.name(ctx, p.Actors)
}

// parts are the effects on one actor that the caller may know of, without
// names. Of a stack that he does not see he learns nothing.
func (e *effects) parts(ctx context.Context, list []authz.Effect) (told []EffectPart, err error) {
	if who := list[0].Actor; who.Kind == authz.ActorStack && !e.RootAdmin() && !e.Self(who) {
		if sees, err := e.seesStack(ctx, who.ID); err != nil || !sees {
			return nil, err
		}
	}
	for _, x := range list {
		part := EffectPart{Gained: x.Gained, Lost: x.Lost}
		if x.Entity.Kind != authz.EntityNone {
			if part.Entity, err = e.entity(ctx, x.Entity); err != nil {
				return nil, err
			}
			if part.Entity != nil {
				told = append(told, part)
			}
			continue
		}
		shown := x.Spaces
		if !e.RootAdmin() {
			if shown = x.Spaces.Intersect(e.isSeen); shown.Empty() { // or of before
				shown = x.Spaces.Intersect(e.wasSeen)
			}
		}
		if shown.Empty() {
			continue
		}
		part.Spaces = x.Spaces.Len()
		part.HiddenSpaces = part.Spaces - shown.Len()
		for _, top := range shown.Tops(maxTops) {
			part.Tops = append(part.Tops, SpaceTop{Place{ID: domain.SpaceID(top.Space)}, top.Below})
		}
		told = append(told, part)
	}
	return told, nil
}

// entity is what an effect is about, without names; nil if it is hidden from
// the caller.
func (e *effects) entity(ctx context.Context, ref authz.EntityRef) (*Target, error) {
	kind := access.Ref{Kind: access.Kind(ref.Kind.String()), ID: ref.ID}
	was, err := e.find(ctx, kind)
	if err != nil {
		return nil, err
	}
	is, moves := e.homes[ref]
	if !moves {
		is = was
	}
	if !e.MayAsk(was) && !e.after.MayAsk(is) {
		return nil, nil
	}
	return &Target{Ref: kind, Space: Place{ID: domain.SpaceID(is.Space)}}, nil
}

// name fills in the names of a page.
func (e *effects) name(ctx context.Context, list []ActorEffect) (err error) {
	var actors []authz.ActorRef
	var spaces []string
	for _, a := range list {
		actors = append(actors, a.Actor.ActorRef)
		for _, p := range a.Parts {
			for _, top := range p.Tops {
				spaces = append(spaces, string(top.ID))
			}
			if p.Entity != nil {
				spaces = append(spaces, string(p.Entity.Space.ID))
			}
		}
	}
	if err := e.know(ctx, actors, spaces); err != nil {
		return err
	}
	for i := range list {
		if list[i].Actor, err = e.actor(ctx, list[i].Actor.ActorRef); err != nil {
			return err
		}
		for j := range list[i].Parts {
			p := &list[i].Parts[j]
			for k := range p.Tops {
				p.Tops[k].Place = e.place(string(p.Tops[k].ID))
			}
			if p.Entity != nil {
				p.Entity.Space = e.place(string(p.Entity.Space.ID))
				if err := e.nameEntity(ctx, p.Entity); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// nameEntity fills in the name of an entity that the caller sees.
func (e *effects) nameEntity(ctx context.Context, t *Target) error {
	at, err := e.find(ctx, t.Ref)
	if err != nil || at.Space == "" || !e.sees(at) {
		return err
	}
	named, err := e.tx.Entity(ctx, at.Entity)
	t.Name = named.Name
	return err
}

// place shows a space of an effect that the caller may know of, as it is before
// or after.
func (e *effects) place(id string) Place {
	if p := e.teller.place(id, true); p.Name != "" {
		return p
	}
	p := Place{ID: domain.SpaceID(id)}
	if e.f.After.Level(e.Caller.Subject, id, e.Time) != authz.LevelNone {
		p.Name = e.spaces[id]
	}
	return p
}
