package authz_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// names lists the actions of a set.
func names(set authz.ActionSet) string {
	var list []string
	for _, a := range set.List() {
		list = append(list, a.String())
	}
	return strings.Join(list, " ")
}

// Moving a space is asked about before it is done.
func ExampleSnapshot_Diff() {
	w := smallWorld()
	w.Spaces = append(w.Spaces, authz.Space{ID: "lab", Parent: "root"})
	s, _ := authz.Compile(w)
	diff, err := s.Diff(now, authz.PutSpace{ID: "dev", Parent: "lab", Inherit: false})
	if err != nil {
		panic(err)
	}
	for _, e := range diff.Effects {
		fmt.Println(e.Actor.ID, "in", e.Spaces.IDs(), "gains:", names(e.Gained), "loses:", names(e.Lost))
	}
	// Output:
	// will in [root apps] gains:  loses: space:read
}

type standing struct {
	actor  authz.ActorRef
	space  string
	entity authz.EntityRef
}

// everybody lists the actors of two worlds, entities of.
func everybody(worlds ...authz.World) (actors map[authz.ActorRef]bool) {
	actors = map[authz.ActorRef]bool{}
	for _, w := range worlds {
		for _, a := range w.Actors {
			actors[a.Ref] = true
		}
		for _, b := range w.Bindings {
			actors[b.Actor] = true
		}
		for _, g := range w.Groups {
			actors[authz.ActorRef{Kind: authz.ActorGroup, ID: g.ID}] = true
		}
		for _, st := range w.Stacks {
			actors[authz.ActorRef{Kind: authz.ActorStack, ID: st.ID}] = true
		}
	}
	return actors
}

func homes(w authz.World) map[authz.EntityRef]string {
	list := map[authz.EntityRef]string{}
	for _, st := range w.Stacks {
		list[authz.EntityRef{Kind: authz.EntityStack, ID: st.ID}] = st.Space
	}
	for _, e := range w.Entities {
		list[e.Entity] = e.Space
	}
	return list
}

// what an actor gains and loses by asking both snapshots about everything.
func byAsking(before, after *authz.Snapshot, w, next authz.World) map[standing][2]authz.ActionSet {
	all := map[standing][2]authz.ActionSet{}
	spaces := map[string]bool{}
	for _, sp := range append(append([]authz.Space{}, w.Spaces...), next.Spaces...) {
		spaces[sp.ID] = true
	}
	was, is := homes(w), homes(next)
	allowed := func(s *authz.Snapshot, a authz.ActorRef, t authz.Target) authz.ActionSet {
		return s.Allowed(authz.Subject{Actor: a}, t, worlds.Now)
	}
	for a := range everybody(w, next) {
		note := func(at standing, x, y authz.ActionSet) {
			if x != y {
				all[at] = [2]authz.ActionSet{without(y, x), without(x, y)}
			}
		}
		for sp := range spaces {
			note(standing{actor: a, space: sp}, allowed(before, a, authz.Target{Space: sp}), allowed(after, a, authz.Target{Space: sp}))
		}
		for e, from := range was {
			to, stays := is[e]
			if !stays {
				continue
			}
			x, y := allowed(before, a, authz.Target{Space: from, Entity: e}), allowed(after, a, authz.Target{Space: to, Entity: e})
			around, there := allowed(before, a, authz.Target{Space: from}), allowed(after, a, authz.Target{Space: to})
			if from == to && without(y, x) == without(there, around) && without(x, y) == without(around, there) {
				continue
			}
			note(standing{actor: a, entity: e}, x, y)
		}
	}
	return all
}

func without(a, b authz.ActionSet) authz.ActionSet {
	for i := range a {
		a[i] &^= b[i]
	}
	return a
}

// told is a difference in the same form. Entities without a home in both
// worlds cannot be asked about.
func told(d *authz.Difference, w, next authz.World) map[standing][2]authz.ActionSet {
	all := map[standing][2]authz.ActionSet{}
	was, is := homes(w), homes(next)
	for _, e := range d.Effects {
		for _, sp := range e.Spaces.IDs() {
			all[standing{actor: e.Actor, space: sp}] = [2]authz.ActionSet{e.Gained, e.Lost}
		}
		if _, before := was[e.Entity]; before && is[e.Entity] != "" {
			all[standing{actor: e.Actor, entity: e.Entity}] = [2]authz.ActionSet{e.Gained, e.Lost}
		}
	}
	return all
}

// Diff says of everybody and everywhere what comes out by asking before and
// after.
func TestDiffIsBeforeAndAfter(t *testing.T) {
	if effects := diffSmallWorlds(t, 1500); effects < 2000 {
		t.Errorf("only %d effects", effects)
	}
	defer authz.LongRuns(2)()
	diffSmallWorlds(t, 300)
}

func diffSmallWorlds(t *testing.T, n uint64) (effects int) {
	t.Helper()
	for seed := range n {
		src := worlds.Seeded(seed)
		w := worlds.Small(src)
		s := mustCompile(t, w)
		for range 3 {
			changes := worlds.SmallChanges(src, w)
			next := worlds.After(w, changes...)
			d, err := s.Diff(worlds.Now, changes...)
			if err != nil {
				continue
			}
			if diff := cmp.Diff(byAsking(s, d.After, w, next), told(d, w, next)); diff != "" {
				t.Fatalf("seed %d: %#v in %+v: (-asked +told)\n%s", seed, changes, w, diff)
			}
			effects += len(d.Effects)
			w, s = next, d.After
		}
	}
	return effects
}

// A space that goes is left by those who saw it from below.
func TestDiffOfADeletedSpace(t *testing.T) {
	w := smallWorld()
	s := mustCompile(t, w)
	changes := []authz.Change{authz.PutSpace{ID: "new", Parent: "root", Inherit: true}, authz.PutSpace{ID: "dev", Parent: "new", Inherit: true}, authz.DeleteSpace("apps")}
	d, err := s.Diff(now, changes...)
	if err != nil {
		t.Fatal(err)
	}
	next := worlds.After(w, changes...)
	got := told(d, w, next)
	if diff := cmp.Diff(byAsking(s, d.After, w, next), got); diff != "" {
		t.Errorf("(-asked +told)\n%s", diff)
	}
	if lost := got[standing{actor: will, space: "apps"}][1]; lost != authz.SetOf(authz.ActionSpaceRead) {
		t.Errorf("will loses %v in apps", lost.List())
	}
}

func TestDiffRefusesWhatApplyRefuses(t *testing.T) {
	s := mustCompile(t, smallWorld())
	if d, err := s.Diff(now, authz.DeleteSpace("root")); err == nil {
		t.Errorf("%+v", d)
	}
}

// The same on a world of several chunks, for the changes that are asked about
// most.
func TestDiffOfManyActors(t *testing.T) {
	w := worlds.New(worlds.Size{Seed: 4, Spaces: 120, FanOut: 4, Depth: 8, Inherit: 80, Roles: 10, Groups: 20, Actors: 400, OwnBindings: 3, GroupsEach: 2, PerGroup: 2})
	for i := range 40 {
		w.Stacks = append(w.Stacks, authz.Stack{ID: fmt.Sprint("k", i), Space: w.Spaces[i].ID, Administrative: i%2 == 0})
		b := w.Bindings[i*7]
		b.ID, b.Space, b.Entity = fmt.Sprint("local", i), "", authz.EntityRef{Kind: authz.EntityStack, ID: fmt.Sprint("k", i)}
		w.Bindings = append(w.Bindings, b)
	}
	s := mustCompile(t, w)
	src := worlds.Seeded(1)
	effects := 0
	for range 5 {
		role, space, binding := w.Roles[src.IntN(10)], w.Spaces[1+src.IntN(119)], w.Bindings[src.IntN(len(w.Bindings))]
		role.Actions = role.Actions.With(worlds.Action(src), worlds.Action(src))
		space.Parent, space.Inherit = w.Spaces[src.IntN(120)].ID, src.IntN(2) == 0
		lessRole := role
		lessRole.Actions = authz.SetOf(worlds.Action(src))
		turned := w.Spaces[1+src.IntN(119)]
		turned.Inherit = !turned.Inherit
		for _, changes := range [][]authz.Change{
			{authz.PutRole(role)}, {authz.PutRole(lessRole)}, {authz.PutSpace(space)}, {authz.PutSpace(turned)},
			{authz.DeleteBinding{Actor: binding.Actor, ID: binding.ID}},
			{authz.PutGroup{ID: w.Groups[src.IntN(20)].ID, Name: "other"}}, {authz.DeleteGroup(w.Groups[src.IntN(20)].ID)},
			{authz.PutStack{ID: "k1", Space: space.ID}}, {authz.PutStack{ID: "k2", Space: "new"}, authz.PutSpace{ID: "new", Parent: space.ID, Inherit: true}},
			{authz.PutSpace(space), authz.PutRole(role)},
		} {
			d, err := s.Diff(worlds.Now, changes...)
			if err != nil {
				continue // below itself
			}
			next := worlds.After(w, changes...)
			if diff := cmp.Diff(byAsking(s, d.After, w, next), told(d, w, next)); diff != "" {
				t.Fatalf("%#v: (-asked +told)\n%s", changes, diff)
			}
			effects += len(d.Effects)
		}
	}
	if effects < 1000 {
		t.Errorf("only %d effects", effects)
	}
}
