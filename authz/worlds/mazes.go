package worlds

import (
	"slices"
	"strconv"
	"time"

	"github.com/airlock-project/airlock/authz"
)

// The actions that escalation paths are made of.
var leading = append([]authz.Action{
	authz.ActionSpaceRead, authz.ActionSpaceRead, authz.ActionSpaceWrite, authz.ActionSpaceAdmin, authz.ActionStackActAs,
	authz.ActionRunTrigger, authz.ActionStackStateRead,
}, influential()...)

func influential() (list []authz.Action) {
	for _, i := range authz.Influences() {
		list = append(list, i.Action)
	}
	return list
}

// Maze makes a small world with its estate, in which many paths lead from an
// actor through stacks and what they use to others: what Small knows, and less of
// what leads nowhere.
func Maze(src Source) (authz.World, authz.Estate) {
	w := authz.World{Spaces: []authz.Space{{ID: authz.RootSpace}}}
	for i := range 1 + src.IntN(4) {
		w.Spaces = append(w.Spaces, authz.Space{ID: "s" + strconv.Itoa(i), Parent: pick(src, w.Spaces).ID, Inherit: !one(src, 3)})
	}
	for _, r := range authz.SystemRoles()[:3] {
		w.Roles = append(w.Roles, authz.Role{ID: r.Slug, Slug: r.Slug, Actions: r.Actions})
	}
	for i := range 4 {
		r := authz.Role{ID: "r" + strconv.Itoa(i), Slug: "slug-r" + strconv.Itoa(i)}
		for range 1 + src.IntN(3) {
			r.Actions = r.Actions.With(pick(src, leading))
		}
		w.Roles = append(w.Roles, r)
	}
	w.Groups = []authz.Group{{ID: "g", Name: "team g"}, {ID: "h", Name: "h"}}
	for _, who := range []authz.ActorRef{user("a"), user("b"), user("c"), key("a")} {
		a := authz.Actor{Ref: who}
		for _, g := range []string{"team g", "h", "none"} {
			if one(src, 3) {
				a.Groups = append(a.Groups, g)
			}
		}
		if one(src, 10) {
			a.NotAfter = Now.Add(-time.Second)
		}
		w.Actors = append(w.Actors, a)
	}
	e := mazeEstate(src, &w)
	for i := range 4 + src.IntN(14) {
		w.Bindings = append(w.Bindings, mazeBinding(src, &w, &e, "b"+strconv.Itoa(i)))
	}
	return w, e
}

func mazeEstate(src Source, w *authz.World) (e authz.Estate) {
	for _, ref := range []authz.EntityRef{
		{Kind: authz.EntityContext, ID: "c0"}, {Kind: authz.EntityContext, ID: "c1"},
		{Kind: authz.EntityWorkerPool, ID: "p"}, {Kind: authz.EntityPolicy, ID: "q"},
		{Kind: authz.EntityRepo, ID: "v0"}, {Kind: authz.EntityRepo, ID: "v1"},
	} {
		e.Objects = append(e.Objects, authz.EntityHome{Entity: ref, Space: pick(src, w.Spaces).ID})
	}
	for _, id := range []string{"k0", "k1", "k2", "k3"} {
		st := authz.Stack{ID: id, Space: pick(src, w.Spaces).ID, Administrative: one(src, 8)}
		w.Stacks = append(w.Stacks, st)
		use := authz.StackUse{ID: id, Space: st.Space}
		for _, o := range e.Objects {
			if one(src, 3) {
				mazeUse(&use, o.Entity)
			}
		}
		if !one(src, 20) {
			e.Stacks = append(e.Stacks, use)
		}
	}
	return e
}

// mazeUse lets a stack use something; it has one repository.
func mazeUse(st *authz.StackUse, o authz.EntityRef) {
	if o.Kind == authz.EntityRepo {
		st.Repo = o.ID
	} else {
		st.Uses = append(slices.Clone(st.Uses), o)
	}
}

func mazeBinding(src Source, w *authz.World, e *authz.Estate, id string) authz.Binding {
	actors := []authz.ActorRef{
		user("a"), user("b"), user("c"), key("a"), group("g"), group("h"),
		stack("k0"), stack("k0"), stack("k1"), stack("k1"), stack("k2"), stack("k3"),
	}
	b := authz.Binding{ID: id, Actor: pick(src, actors), Role: pick(src, w.Roles).ID}
	switch {
	case !one(src, 5):
		b.Space = pick(src, w.Spaces).ID
	case one(src, 2):
		b.Entity = authz.EntityRef{Kind: authz.EntityStack, ID: pick(src, w.Stacks).ID}
	default:
		b.Entity = pick(src, e.Objects[:4]).Entity // repositories are not bound
	}
	if one(src, 8) {
		b.NotAfter = pick(src, []time.Time{Now.Add(-time.Nanosecond), Now, Now.Add(time.Hour)})
	}
	return b
}

// MazeChange makes a change of a world of Maze: a binding more, another place
// for a space or a stack, another use, another role, group or parent. It leaves
// the old world as it is.
func MazeChange(src Source, w authz.World, e authz.Estate) (authz.World, authz.Estate) {
	w.Bindings, w.Spaces, w.Roles = slices.Clone(w.Bindings), slices.Clone(w.Spaces), slices.Clone(w.Roles)
	w.Actors, w.Stacks = slices.Clone(w.Actors), slices.Clone(w.Stacks)
	e.Stacks, e.Objects = slices.Clone(e.Stacks), slices.Clone(e.Objects)
	switch src.IntN(9) {
	case 0, 1:
		w.Bindings = append(w.Bindings, mazeBinding(src, &w, &e, "new"))
	case 2:
		i := src.IntN(len(w.Stacks))
		w.Stacks[i].Space = pick(src, w.Spaces).ID
		for j := range e.Stacks {
			if e.Stacks[j].ID == w.Stacks[i].ID {
				e.Stacks[j].Space = w.Stacks[i].Space
			}
		}
	case 3:
		i := 1 + src.IntN(len(w.Spaces)-1)
		w.Spaces[i].Parent, w.Spaces[i].Inherit = w.Spaces[src.IntN(i)].ID, one(src, 2)
	case 4:
		i := 3 + src.IntN(len(w.Roles)-3)
		w.Roles[i].Actions = w.Roles[i].Actions.With(pick(src, leading))
	case 5:
		i := src.IntN(len(w.Actors))
		w.Actors[i].Groups = append(slices.Clone(w.Actors[i].Groups), pick(src, w.Groups).Name)
	case 6:
		i := src.IntN(len(e.Objects))
		e.Objects[i].Space = pick(src, w.Spaces).ID
	case 7:
		i := src.IntN(len(e.Stacks))
		mazeUse(&e.Stacks[i], pick(src, e.Objects).Entity)
	case 8:
		for i := range e.Stacks {
			if e.Stacks[i].Repo == "v0" {
				e.Stacks[i].Repo = "v1"
			}
		}
	}
	return w, e
}
