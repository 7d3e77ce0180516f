package main

import (
	"fmt"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/reference"
	"github.com/airlock-project/airlock/authz/worlds"
)

// held is one role, by its slug, in one space.
type held struct{ role, space string }

// world is a world in the forms that the engines load.
type world struct {
	authz.World
	parent   map[string]string
	inherits map[string]bool
	roles    map[string]authz.ActionSet // by slug, with what their actions imply (R4)
	held     map[string][]held          // by actor: its own bindings and those of its groups
	slugs    map[string]string          // of roles, by id
	groups   map[string]string          // names to ids
	second   *reference.Evaluator
}

// sized makes a world like L with fewer spaces, and everything else in
// proportion.
func sized(spaces int) *world {
	size := worlds.SizeL
	part := func(n int) int { return max(1, n*spaces/size.Spaces) }
	size.Groups, size.Actors, size.Spaces = part(size.Groups), part(size.Actors), spaces
	return translate(worlds.New(size))
}

func translate(w authz.World) *world {
	t := &world{
		World: w, parent: map[string]string{}, inherits: map[string]bool{},
		roles: map[string]authz.ActionSet{}, held: map[string][]held{}, slugs: map[string]string{}, groups: map[string]string{},
		second: reference.New(w, worlds.Now),
	}
	for _, s := range w.Spaces {
		t.parent[s.ID], t.inherits[s.ID] = s.Parent, s.Inherit && s.Parent != ""
	}
	for _, r := range w.Roles {
		t.roles[r.Slug], t.slugs[r.ID] = authz.Implied(r.Actions), r.Slug
	}
	bound := map[authz.ActorRef][]held{}
	for _, b := range w.Bindings {
		bound[b.Actor] = append(bound[b.Actor], held{t.slugs[b.Role], b.Space})
	}
	for _, g := range w.Groups {
		t.groups[g.Name] = g.ID
	}
	for _, a := range w.Actors {
		list := bound[a.Ref]
		for _, name := range a.Groups {
			list = append(list[:len(list):len(list)], bound[authz.ActorRef{Kind: authz.ActorGroup, ID: t.groups[name]}]...)
		}
		t.held[a.Ref.ID] = list
	}
	return t
}

// path returns a space and its ancestors, the space first.
func (w *world) path(space string) []string {
	var list []string
	for ; space != ""; space = w.parent[space] {
		list = append(list, space)
	}
	return list
}

// climb returns a space and the ancestors that derive space:read from it
// (R14): those that only inherit-on edges separate from it.
func (w *world) climb(space string) []string {
	list := []string{space}
	for w.inherits[space] {
		space = w.parent[space]
		list = append(list, space)
	}
	return list
}

// tierOf is the tier that a role carries.
func tierOf(set authz.ActionSet) authz.Tier {
	switch {
	case set.Has(authz.ActionSpaceAdmin):
		return authz.TierAdmin
	case set.Has(authz.ActionSpaceWrite):
		return authz.TierWriter
	case set.Has(authz.ActionSpaceRead):
		return authz.TierReader
	}
	return authz.TierNone
}

// identifier spells a name as a relation: "space_read".
func identifier(name string) string { return strings.NewReplacer(":", "_", "-", "_").Replace(name) }

// questions draws n questions; those of one seed begin alike, however many.
func (w *world) questions(seed uint64, n int) []worlds.Question {
	return worlds.Questions(w.World, seed, n)
}

// answer is what every engine has to say.
func (w *world) answer(q worlds.Question) bool {
	return w.second.Decide(q.Subject, q.Action.String(), q.Target) == authz.Allowed
}

// verify asks an engine, and fails at the first wrong answer.
func (w *world) verify(check decide, questions []worlds.Question) error {
	for _, q := range questions {
		got, err := check(q)
		if err != nil {
			return fmt.Errorf("%s %s in %s: %w", q.Subject.Actor.ID, q.Action, q.Target.Space, err)
		}
		if want := w.answer(q); got != want {
			return fmt.Errorf("%s %s in %s: answered %t, want %t", q.Subject.Actor.ID, q.Action, q.Target.Space, got, want)
		}
	}
	return nil
}
