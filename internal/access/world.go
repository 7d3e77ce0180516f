package access

import (
	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// translate turns the account's rows into the world that authz compiles.
func translate(w domain.World) authz.World {
	out := authz.World{
		Spaces:   make([]authz.Space, len(w.Spaces)),
		Roles:    make([]authz.Role, len(w.Roles)),
		Bindings: make([]authz.Binding, len(w.Bindings)),
		Groups:   w.Groups,
		Actors:   w.Actors,
		Stacks:   make([]authz.Stack, len(w.Stacks)),
	}
	for i, s := range w.Spaces {
		out.Spaces[i] = authz.Space{ID: string(s.ID), Parent: string(s.Parent), Inherit: s.Inherit}
	}
	for i, r := range w.Roles {
		out.Roles[i] = authz.Role{ID: string(r.ID), Slug: r.Slug, Actions: authz.SetOf(r.Actions...)}
	}
	for i, b := range w.Bindings {
		out.Bindings[i] = authz.Binding{
			ID: string(b.ID), Actor: b.Actor, Role: string(b.Role), Space: string(b.Space), Entity: b.Entity, NotAfter: b.NotAfter,
		}
	}
	for i, s := range w.Stacks {
		out.Stacks[i] = authz.Stack{ID: string(s.ID), Space: string(s.Space), Administrative: s.Administrative}
	}
	for _, e := range w.Entities {
		out.Entities = append(out.Entities, authz.EntityHome{Entity: e.EntityRef, Space: string(e.Space)})
	}
	return out
}

// changes turns what changed in the account's rows into changes of the world.
func changes(d domain.WorldDelta) []authz.Change {
	var out []authz.Change
	w := translate(d.Put)
	for _, s := range w.Spaces {
		out = append(out, authz.PutSpace(s))
	}
	for _, r := range w.Roles {
		out = append(out, authz.PutRole(r))
	}
	for _, b := range w.Bindings {
		out = append(out, authz.PutBinding(b))
	}
	for _, g := range w.Groups {
		out = append(out, authz.PutGroup(g))
	}
	for _, a := range w.Actors {
		out = append(out, authz.PutActor(a))
	}
	for _, s := range w.Stacks {
		out = append(out, authz.PutStack(s))
	}
	for _, e := range w.Entities {
		out = append(out, authz.PutEntity(e))
	}
	for _, g := range d.Gone {
		out = append(out, gone(g))
	}
	return out
}

func gone(g domain.WorldGone) authz.Change {
	switch g.Part {
	case domain.PartSpace:
		return authz.DeleteSpace(g.ID)
	case domain.PartRole:
		return authz.DeleteRole(g.ID)
	case domain.PartBinding:
		return authz.DeleteBinding{Actor: g.Actor, ID: g.ID}
	case domain.PartGroup:
		return authz.DeleteGroup(g.ID)
	case domain.PartActor:
		return authz.DeleteActor(g.Actor)
	case domain.PartStack:
		return authz.DeleteStack(g.ID)
	default:
		return authz.DeleteEntity{Kind: g.Kind, ID: g.ID}
	}
}
