package authz

import (
	"math/rand/v2"
	"strconv"
	"time"
)

// dice makes small random worlds and questions; the same seed makes the same.
type dice struct{ *rand.Rand }

func newDice(seed uint64) dice { return dice{rand.New(rand.NewPCG(seed, 58))} }

func (d dice) one(in int) bool { return d.IntN(in) == 0 }

func pick[T any](d dice, list []T) T { return list[d.IntN(len(list))] }

// The actions that steps 6 and 7 treat differently, of each fallback.
var interesting = []Action{
	ActionSpaceRead, ActionSpaceRead, ActionSpaceRead, ActionSpaceWrite, ActionSpaceAdmin, ActionStackManage,
	ActionStackCreate, ActionStackDelete, ActionRunTrigger, ActionRunComment, ActionRunRead, ActionStackStateRead,
	ActionIntentStateRead, ActionStackActAs,
}

func (d dice) world() World {
	w := World{Spaces: []Space{{ID: RootSpace}}}
	for i := range d.IntN(12) {
		w.Spaces = append(w.Spaces, Space{"s" + strconv.Itoa(i), pick(d, w.Spaces).ID, !d.one(3)})
	}
	for i := range 1 + d.IntN(5) {
		var set ActionSet
		for range 1 + d.IntN(4) {
			set = set.With(pick(d, interesting))
		}
		w.Roles = append(w.Roles, Role{ID: "r" + strconv.Itoa(i), Slug: "slug" + strconv.Itoa(i), Actions: set})
	}
	for i := range 3 {
		w.Stacks = append(w.Stacks, Stack{"k" + strconv.Itoa(i), pick(d, w.Spaces).ID, d.one(4)})
	}
	for _, g := range []Group{{"g", "team g"}, {"h", "h"}, {"i", "g"}} {
		if !d.one(4) {
			w.Groups = append(w.Groups, g)
		}
	}
	for _, a := range []ActorRef{user("a"), user("b"), key("a")} {
		if d.one(2) {
			w.Actors = append(w.Actors, Actor{Ref: a, Groups: d.groups(), NotAfter: pick(d, []time.Time{{}, {}, morning, noon})})
		}
	}
	for range d.IntN(10) {
		w.Bindings = append(w.Bindings, d.binding(w))
	}
	d.Shuffle(len(w.Spaces), func(i, j int) { w.Spaces[i], w.Spaces[j] = w.Spaces[j], w.Spaces[i] })
	return w
}

func (d dice) binding(w World) Binding {
	actors := []ActorRef{user("a"), user("a"), user("b"), key("a"), group("g"), group("h"), group("i"), stack("k0"), stack("k1")}
	b := Binding{ID: strconv.Itoa(len(w.Bindings)), Actor: pick(d, actors), Role: pick(d, w.Roles).ID}
	if d.one(5) {
		b.Entity = d.entity()
	} else {
		b.Space = pick(d, w.Spaces).ID
	}
	if d.one(4) {
		b.NotAfter = pick(d, []time.Time{morning, noon, evening})
	}
	return b
}

func (d dice) entity() EntityRef {
	if d.one(4) {
		return EntityRef{EntityContext, "k0"}
	}
	return EntityRef{EntityStack, "k" + strconv.Itoa(d.IntN(4))}
}

func (d dice) subject(w World) Subject {
	actors := []ActorRef{user("a"), user("a"), user("b"), key("a"), stack("k0"), stack("k1"), stack("k2"), group("g"), {9, "a"}}
	sub := Subject{Actor: pick(d, actors), ReadOnly: d.one(5), AlwaysAdmin: d.one(15), SessionOnly: d.one(5)}
	sub.Groups = d.groups()
	for range d.IntN(3) {
		g := Grant{pick(d, w.Roles).ID, pick(d, w.Spaces).ID}
		switch d.IntN(6) {
		case 0:
			g.Role = pick(d, w.Roles).Slug
		case 1:
			g.Space = "gone"
		case 2:
			g.Role = "gone"
		}
		sub.Session = append(sub.Session, g)
	}
	return sub
}

// groups are names; "H" and "none" are nobody's.
func (d dice) groups() (names []string) {
	for _, g := range []string{"team g", "h", "g", "H", "none"} {
		if d.one(3) {
			names = append(names, g)
		}
	}
	return names
}

// target is mostly a real one: an entity in the space it lives in.
func (d dice) target(w World) Target {
	t := Target{Space: pick(d, w.Spaces).ID}
	if d.one(2) {
		t.Entity = d.entity()
	}
	if d.one(50) {
		t.Space = "gone"
	}
	return t
}
