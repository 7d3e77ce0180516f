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
