package worlds

import (
	"strconv"
	"time"

	"github.com/airlock-project/airlock/authz"
)

// The actions that the rules treat differently, of each fallback tier.
var interesting = []authz.Action{
	authz.ActionSpaceRead, authz.ActionSpaceRead, authz.ActionSpaceRead, authz.ActionSpaceWrite, authz.ActionSpaceAdmin,
	authz.ActionStackManage, authz.ActionStackCreate, authz.ActionStackDelete, authz.ActionRunTrigger, authz.ActionRunComment,
	authz.ActionRunRead, authz.ActionStackStateRead, authz.ActionIntentStateRead, authz.ActionStackActAs,
}

// Action returns an action; those that matter most often come up most often.
func Action(src Source) authz.Action { return pick(src, interesting) }

// Small makes a world of up to a dozen spaces in which everything that the
// model knows occurs: groups that are not mapped, or mapped under the id of
// another; actors and bindings that have expired or will; bindings to
// entities, with and without a home; administrative stacks.
func Small(src Source) authz.World {
	w := authz.World{Spaces: []authz.Space{{ID: authz.RootSpace}}}
	for i := range src.IntN(12) {
		w.Spaces = append(w.Spaces, authz.Space{ID: "s" + strconv.Itoa(i), Parent: pick(src, w.Spaces).ID, Inherit: !one(src, 3)})
	}
	for i := range 1 + src.IntN(5) {
		w.Roles = append(w.Roles, SmallRole(src, "r"+strconv.Itoa(i)))
	}
	for _, id := range []string{"k0", "k1", "k2"} {
		w.Stacks = append(w.Stacks, authz.Stack{ID: id, Space: pick(src, w.Spaces).ID, Administrative: one(src, 4)})
	}
	if one(src, 2) {
		w.Entities = append(w.Entities, authz.EntityHome{Entity: context, Space: pick(src, w.Spaces).ID})
	}
	for _, g := range []authz.Group{{ID: "g", Name: "team g"}, {ID: "h", Name: "h"}, {ID: "i", Name: "g"}} {
		if !one(src, 4) {
			w.Groups = append(w.Groups, g)
		}
	}
	for _, who := range []authz.ActorRef{user("a"), user("b"), key("a")} {
		if one(src, 2) {
			w.Actors = append(w.Actors, SmallActor(src, who))
		}
	}
	for i := range src.IntN(10) {
		w.Bindings = append(w.Bindings, SmallBinding(src, w, bindingID(src, i)))
	}
	return w
}

// SmallRole makes a role of one to four actions.
func SmallRole(src Source, id string) authz.Role {
	r := authz.Role{ID: id, Slug: "slug-" + id}
	for range 1 + src.IntN(4) {
		r.Actions = r.Actions.With(Action(src))
	}
	return r
}

// SmallActor makes what a small world knows of a user or key.
func SmallActor(src Source, who authz.ActorRef) authz.Actor {
	return authz.Actor{Ref: who, Groups: groups(src), NotAfter: pick(src, []time.Time{{}, {}, Now.Add(-time.Nanosecond), Now})}
}

// bindingID is nearly always a ULID.
func bindingID(src Source, i int) string {
	if one(src, 16) {
		return "b" + strconv.Itoa(i)
	}
	return "01K000000000000000000000" + strconv.Itoa(10+i)
}

// SmallBinding makes a binding that a small world can have.
func SmallBinding(src Source, w authz.World, id string) authz.Binding {
	actors := []authz.ActorRef{user("a"), user("a"), user("b"), key("a"), group("g"), group("h"), group("i"), stack("k0"), stack("k1")}
	b := authz.Binding{ID: id, Actor: pick(src, actors), Role: pick(src, w.Roles).ID}
	if one(src, 5) {
		b.Entity = entity(src)
	} else {
		b.Space = pick(src, w.Spaces).ID
	}
	if one(src, 4) {
		b.NotAfter = pick(src, []time.Time{Now.Add(-time.Nanosecond), Now, Now.Add(time.Hour)})
	}
	return b
}

// SmallQuestion asks a small world anything: with every kind of subject, also
// ones that do not exist, and targets that mostly do.
func SmallQuestion(src Source, w authz.World) Question {
	return Question{Subject: subject(src, w), Action: Action(src), Target: target(src, w)}
}

func subject(src Source, w authz.World) authz.Subject {
	actors := []authz.ActorRef{user("a"), user("a"), user("b"), key("a"), stack("k0"), stack("k1"), stack("k2"), group("g"), group("i"), {Kind: 9, ID: "a"}}
	sub := authz.Subject{
		Actor: pick(src, actors), Groups: groups(src),
		ReadOnly: one(src, 5), AlwaysAdmin: one(src, 15), SessionOnly: one(src, 5),
	}
	for range src.IntN(3) {
		if len(w.Roles) == 0 {
			break
		}
		g := authz.Grant{Role: pick(src, w.Roles).ID, Space: pick(src, w.Spaces).ID}
		switch src.IntN(6) {
		case 0:
			g.Role = pick(src, w.Roles).Slug
		case 1:
			g.Space = "gone"
		case 2:
			g.Role = "gone"
		}
		sub.Session = append(sub.Session, g)
	}
	return sub
}

func target(src Source, w authz.World) authz.Target {
	t := authz.Target{Space: pick(src, w.Spaces).ID}
	if one(src, 2) {
		t.Entity = entity(src)
	}
	if one(src, 50) {
		t.Space = "gone"
	}
	return t
}

// groups are names; "H" and "none" are nobody's.
func groups(src Source) (names []string) {
	for _, g := range []string{"team g", "h", "g", "H", "none"} {
		if one(src, 3) {
			names = append(names, g)
		}
	}
	return names
}

var context = authz.EntityRef{Kind: authz.EntityContext, ID: "k0"}

// entity is a stack, of which "k3" has no home, or a context by a stack's id.
func entity(src Source) authz.EntityRef {
	if one(src, 4) {
		return context
	}
	return authz.EntityRef{Kind: authz.EntityStack, ID: "k" + strconv.Itoa(src.IntN(4))}
}

func user(id string) authz.ActorRef  { return authz.ActorRef{Kind: authz.ActorUser, ID: id} }
func key(id string) authz.ActorRef   { return authz.ActorRef{Kind: authz.ActorAPIKey, ID: id} }
func group(id string) authz.ActorRef { return authz.ActorRef{Kind: authz.ActorGroup, ID: id} }
func stack(id string) authz.ActorRef { return authz.ActorRef{Kind: authz.ActorStack, ID: id} }
