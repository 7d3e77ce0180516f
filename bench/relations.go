package main

import (
	"iter"

	"github.com/airlock-project/airlock/authz"
)

// relation is one fact as OpenFGA and SpiceDB keep them: the subject, which
// may be the members of a group, is in the relation to the object.
type relation struct {
	objectType, object, name  string
	subjectType, subject, set string
}

// relations lists every fact of the world, each once.
func (w *world) relations() iter.Seq[relation] {
	return func(yield func(relation) bool) {
		seen := map[relation]bool{}
		for r := range w.facts() {
			if !seen[r] && !yield(r) {
				return
			}
			seen[r] = true
		}
	}
}

func (w *world) facts() iter.Seq[relation] {
	return func(yield func(relation) bool) {
		ok := true
		put := func(r relation) { ok = ok && yield(r) }
		for _, s := range w.Spaces {
			if s.Parent != "" {
				put(relation{"space", s.ID, "parent", "space", s.Parent, ""})
			}
			if w.inherits[s.ID] {
				put(relation{"space", s.Parent, "inheriting", "space", s.ID, ""})
			}
		}
		for _, a := range w.Actors {
			for _, name := range a.Groups {
				put(relation{"group", w.groups[name], "member", "user", a.Ref.ID, ""})
			}
		}
		for _, b := range w.Bindings {
			if b.Actor.Kind == authz.ActorGroup {
				put(relation{"space", b.Space, roleRelation(w.slugs[b.Role]), "group", b.Actor.ID, "member"})
			} else {
				put(relation{"space", b.Space, roleRelation(w.slugs[b.Role]), "user", b.Actor.ID, ""})
			}
		}
	}
}

// roleRelation names the relation that says who holds a role in a space.
func roleRelation(slug string) string { return "role_" + identifier(slug) }

// permission is one that cascades: who has any of the roles in a space has it
// there, and so has who has it in the parent.
type permission struct {
	name  string
	roles []string // as relations
}

// naming returns the roles whose actions pass, as relations.
func (w *world) naming(pass func(authz.ActionSet) bool) []string {
	var list []string
	for _, r := range w.Roles {
		if pass(w.roles[r.Slug]) {
			list = append(list, roleRelation(r.Slug))
		}
	}
	return list
}

// cascading returns the permissions that are held where a role is bound and
// in everything below: one for each action that a role names, and the tiers.
func (w *world) cascading() []permission {
	list := []permission{
		{"at_reader", w.naming(func(s authz.ActionSet) bool { return tierOf(s) >= authz.TierReader })},
		{"at_writer", w.naming(func(s authz.ActionSet) bool { return tierOf(s) >= authz.TierWriter })},
		{"at_admin", w.naming(func(s authz.ActionSet) bool { return tierOf(s) >= authz.TierAdmin })},
		{"reads", w.naming(func(s authz.ActionSet) bool { return s.Has(authz.ActionSpaceRead) })},
	}
	for _, info := range authz.Actions() {
		if roles := w.naming(func(s authz.ActionSet) bool { return s.Has(info.Action) }); len(roles) > 0 {
			list = append(list, permission{"by_" + identifier(info.Name), roles})
		}
	}
	return list
}
