package worlds

import (
	"slices"
	"strconv"

	"github.com/airlock-project/airlock/authz"
)

// After returns the world after changes. It is what authz.Snapshot.Apply does,
// said with lists.
func After(w authz.World, changes ...authz.Change) authz.World {
	for _, c := range changes {
		switch c := c.(type) {
		case authz.PutSpace:
			w.Spaces = put(w.Spaces, authz.Space(c), func(s authz.Space) bool { return s.ID == c.ID })
		case authz.DeleteSpace:
			w.Spaces = without(w.Spaces, func(s authz.Space) bool { return s.ID == string(c) })
		case authz.PutRole:
			w.Roles = put(w.Roles, authz.Role(c), func(r authz.Role) bool { return r.ID == c.ID })
		case authz.DeleteRole:
			w.Roles = without(w.Roles, func(r authz.Role) bool { return r.ID == string(c) })
		case authz.PutBinding:
			w.Bindings = put(w.Bindings, authz.Binding(c), func(b authz.Binding) bool { return b.ID == c.ID && b.Actor == c.Actor })
		case authz.DeleteBinding:
			w.Bindings = without(w.Bindings, func(b authz.Binding) bool { return b.ID == c.ID && b.Actor == c.Actor })
		case authz.PutGroup:
			w.Groups = put(w.Groups, authz.Group(c), func(g authz.Group) bool { return g.ID == c.ID })
		case authz.DeleteGroup:
			w.Groups = without(w.Groups, func(g authz.Group) bool { return g.ID == string(c) })
		case authz.PutActor:
			w.Actors = put(w.Actors, authz.Actor(c), func(a authz.Actor) bool { return a.Ref == c.Ref })
		case authz.DeleteActor:
			w.Actors = without(w.Actors, func(a authz.Actor) bool { return a.Ref == authz.ActorRef(c) })
		case authz.PutStack:
			w = homeless(w, authz.EntityRef{Kind: authz.EntityStack, ID: c.ID})
			w.Stacks = append(w.Stacks, authz.Stack(c))
		case authz.DeleteStack:
			w = homeless(w, authz.EntityRef{Kind: authz.EntityStack, ID: string(c)})
		case authz.PutEntity:
			w = homeless(w, c.Entity)
			w.Entities = append(w.Entities, authz.EntityHome(c))
		case authz.DeleteEntity:
			w = homeless(w, authz.EntityRef(c))
		}
	}
	return w
}

func put[T any](list []T, row T, same func(T) bool) []T { return append(without(list, same), row) }

func without[T any](list []T, gone func(T) bool) []T {
	return slices.DeleteFunc(slices.Clone(list), gone)
}

// homeless returns the world without the home of an entity. A stack may be
// listed as either.
func homeless(w authz.World, e authz.EntityRef) authz.World {
	w.Stacks = without(w.Stacks, func(s authz.Stack) bool {
		return e == authz.EntityRef{Kind: authz.EntityStack, ID: s.ID}
	})
	w.Entities = without(w.Entities, func(h authz.EntityHome) bool { return h.Entity == e })
	return w
}

// SmallChanges makes one to three changes of a small world. About one time in
// eight what they come to is no world that can be compiled.
func SmallChanges(src Source, w authz.World) []authz.Change {
	var list []authz.Change
	for range 1 + src.IntN(3) {
		c := smallChange(src, w)
		list = append(list, c)
		w = After(w, c)
	}
	return list
}

func smallChange(src Source, w authz.World) authz.Change {
	switch {
	case len(w.Spaces) == 0:
		return authz.PutSpace{ID: authz.RootSpace}
	case len(w.Roles) == 0:
		return authz.PutRole(SmallRole(src, "r0"))
	}
	number := src.IntN(12)
	switch src.IntN(14) {
	case 0, 1:
		return authz.PutSpace{ID: "s" + strconv.Itoa(number), Parent: pick(src, w.Spaces).ID, Inherit: !one(src, 3)}
	case 2:
		return authz.DeleteSpace(pick(src, w.Spaces).ID)
	case 3:
		return authz.PutRole(SmallRole(src, "r"+strconv.Itoa(src.IntN(6))))
	case 4:
		return authz.DeleteRole(pick(src, w.Roles).ID)
	case 5:
		return authz.PutGroup{ID: pick(src, []string{"g", "h", "i"}), Name: pick(src, []string{"team g", "h", "g", "H"})}
	case 6:
		return authz.DeleteGroup(pick(src, []string{"g", "h", "i"}))
	case 7:
		return authz.PutActor(SmallActor(src, pick(src, []authz.ActorRef{user("a"), user("b"), key("a")})))
	case 8:
		return authz.DeleteActor(pick(src, []authz.ActorRef{user("a"), user("b"), key("a"), stack("k0")}))
	case 9:
		return authz.PutStack{ID: "k" + strconv.Itoa(src.IntN(4)), Space: pick(src, w.Spaces).ID, Administrative: one(src, 4)}
	case 10:
		if one(src, 2) {
			return authz.DeleteStack("k" + strconv.Itoa(src.IntN(4)))
		}
		return authz.DeleteEntity(entity(src))
	case 11:
		return authz.PutEntity{Entity: entity(src), Space: pick(src, w.Spaces).ID}
	case 12:
		if len(w.Bindings) > 0 {
			b := pick(src, w.Bindings)
			return authz.DeleteBinding{Actor: b.Actor, ID: b.ID}
		}
	}
	return authz.PutBinding(SmallBinding(src, w, bindingID(src, number)))
}
