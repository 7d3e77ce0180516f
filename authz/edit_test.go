package authz_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

func TestApplyRefuses(t *testing.T) {
	reader := authz.Role{ID: "reader", Slug: "reader", Actions: authz.SetOf(authz.ActionSpaceRead)}
	u := authz.ActorRef{ID: "u"}
	w := authz.World{
		Spaces:   []authz.Space{{ID: "root"}, {ID: "apps", Parent: "root"}, {ID: "dev", Parent: "apps"}},
		Roles:    []authz.Role{reader},
		Groups:   []authz.Group{{ID: "g", Name: "ops"}},
		Stacks:   []authz.Stack{{ID: "k", Space: "apps"}},
		Bindings: []authz.Binding{{ID: "b", Actor: u, Role: "reader", Space: "dev"}},
	}
	bind := func(b authz.Binding) authz.Change { return authz.PutBinding(b) }
	tests := []struct {
		name    string
		want    string
		changes []authz.Change
	}{
		{"space without id", "empty id", []authz.Change{authz.PutSpace{Parent: "root"}}},
		{"space without parent", "has no parent", []authz.Change{authz.PutSpace{ID: "x"}}},
		{"unknown parent", "unknown parent", []authz.Change{authz.PutSpace{ID: "x", Parent: "nope"}}},
		{"root below", "no root", []authz.Change{authz.PutSpace{ID: "root", Parent: "apps"}}},
		{"no root", "no root", []authz.Change{authz.DeleteSpace("root")}},
		{"cycle A3", "cycle", []authz.Change{authz.PutSpace{ID: "apps", Parent: "dev"}}},
		{"parent gone", "unknown parent", []authz.Change{authz.DeleteSpace("apps")}},
		{"A15 bound space gone", "unknown space", []authz.Change{authz.DeleteSpace("dev")}},
		{"home gone", "unknown space", []authz.Change{
			authz.DeleteSpace("apps"), authz.PutSpace{ID: "dev", Parent: "root"},
		}},
		{"bound role gone", "unknown role", []authz.Change{authz.DeleteRole("reader")}},
		{"role without id", "empty id", []authz.Change{authz.PutRole{}}},
		{"slug twice", "twice", []authz.Change{authz.PutRole{ID: "x", Slug: "reader"}}},
		{"group without name", "empty id", []authz.Change{authz.PutGroup{ID: "x"}}},
		{"A158 group name twice", "twice", []authz.Change{authz.PutGroup{ID: "x", Name: "ops"}}},
		{"actor that is a stack", "neither user nor key", []authz.Change{authz.PutActor{Ref: authz.ActorRef{Kind: authz.ActorStack, ID: "k"}}}},
		{"stack nowhere", "unknown space", []authz.Change{authz.PutStack{ID: "k", Space: "nope"}}},
		{"stack without id", "is not one", []authz.Change{authz.PutStack{Space: "dev"}}},
		{"entity of no kind", "is not one", []authz.Change{authz.PutEntity{Entity: authz.EntityRef{Kind: 99, ID: "x"}, Space: "dev"}}},
		{"binding without id", "empty id", []authz.Change{bind(authz.Binding{Actor: u, Role: "reader", Space: "dev"})}},
		{"binding of nobody", "is not one", []authz.Change{bind(authz.Binding{ID: "x", Role: "reader", Space: "dev"})}},
		{"binding of unknown role", "unknown role", []authz.Change{bind(authz.Binding{ID: "x", Actor: u, Role: "nope", Space: "dev"})}},
		{"A15 binding to unknown space", "unknown space", []authz.Change{bind(authz.Binding{ID: "x", Actor: u, Role: "reader", Space: "nope"})}},
		{"A11 binding to both", "both", []authz.Change{bind(authz.Binding{
			ID: "x", Actor: u, Role: "reader", Space: "dev", Entity: authz.EntityRef{Kind: authz.EntityStack, ID: "k"},
		})}},
		{"binding to odd entity", "is not one", []authz.Change{bind(authz.Binding{
			ID: "x", Actor: u, Role: "reader", Entity: authz.EntityRef{Kind: authz.EntityStack},
		})}},
	}
	s := mustCompile(t, w)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := s.Apply(tt.changes...)
			if got != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Apply = %v, %v; want an error with %q", got, err, tt.want)
			}
		})
	}
	// The long runs are looked through, too.
	defer authz.LongRuns(1)()
	s = mustCompile(t, w)
	if _, err := s.Apply(authz.DeleteSpace("dev")); err == nil {
		t.Error("the space of a long run's binding was deleted")
	}
}

// What makes a change void, or changes nothing, does no harm.
func TestApplyOfNothing(t *testing.T) {
	src := worlds.Seeded(3)
	w := worlds.Small(src)
	s := mustCompile(t, w)
	questions := ask(src, w, 20)
	nobody := authz.ActorRef{Kind: 9, ID: "x"}
	for _, changes := range [][]authz.Change{
		nil, {nil}, {nil, nil},
		{authz.DeleteSpace("nope"), authz.DeleteRole("nope"), authz.DeleteGroup("nope"), authz.DeleteStack("nope")},
		{authz.DeleteEntity{Kind: 99, ID: "x"}, authz.DeleteEntity{}, authz.DeleteActor(nobody), authz.DeleteBinding{Actor: nobody, ID: "b"}},
		{authz.DeleteActor{ID: "nope"}, authz.DeleteBinding{Actor: authz.ActorRef{ID: "nope"}, ID: "b"}},
		{authz.PutSpace{ID: "root"}, authz.PutSpace(w.Spaces[1])},
		{authz.PutRole{ID: "new"}, authz.DeleteRole("new")},
		{authz.PutRole{ID: "new"}, authz.PutRole{ID: "newer"}},
	} {
		after, err := s.Apply(changes...)
		if err != nil {
			t.Errorf("%#v: %v", changes, err)
			continue
		}
		if diff := cmp.Diff(answers(s, questions), answers(after, questions)); diff != "" {
			t.Errorf("%#v: %s", changes, diff)
		}
	}
}

// Names and slugs may be exchanged in one go.
func TestApplyExchanges(t *testing.T) {
	w := authz.World{
		Spaces: []authz.Space{{ID: "root"}},
		Roles: []authz.Role{
			{ID: "1", Slug: "a", Actions: authz.SetOf(authz.ActionSpaceRead)},
			{ID: "2", Slug: "b", Actions: authz.SetOf(authz.ActionRunTrigger)},
		},
		Groups:   []authz.Group{{ID: "g", Name: "x"}, {ID: "h", Name: "y"}},
		Bindings: []authz.Binding{{ID: "b", Actor: authz.ActorRef{Kind: authz.ActorGroup, ID: "g"}, Role: "1", Space: "root"}},
	}
	s, err := mustCompile(t, w).Apply(
		authz.PutRole{ID: "1", Slug: "b", Actions: w.Roles[0].Actions}, authz.PutRole{ID: "2", Slug: "a", Actions: w.Roles[1].Actions},
		authz.PutGroup{ID: "g", Name: "y"}, authz.PutGroup{ID: "h", Name: "x"})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]authz.Outcome{"x": authz.Hidden, "y": authz.Allowed} {
		sub := authz.Subject{Actor: authz.ActorRef{ID: "u"}, Groups: []string{name}}
		if got := s.Decide(sub, authz.ActionSpaceRead, authz.Target{Space: "root"}, worlds.Now); got.Outcome != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	session := authz.Subject{SessionOnly: true, Session: []authz.Grant{{Role: "a", Space: "root"}}}
	if got := s.Effective(session, authz.Target{Space: "root"}, worlds.Now); got != w.Roles[1].Actions {
		t.Errorf("slug a means %v", got.List())
	}
}

// A world that grows from almost nothing to some thousand nodes and back
// answers like one that was compiled.
func TestApplyGrowsAndShrinks(t *testing.T) {
	size := worlds.Size{Seed: 5, Spaces: 1500, FanOut: 8, Depth: 8, Inherit: 70, Roles: 12, Groups: 40, Actors: 1300, OwnBindings: 2, GroupsEach: 2, PerGroup: 3}
	w := worlds.New(size)
	w.Actors[7].NotAfter = worlds.Now.Add(-1)
	w.Bindings[500].NotAfter = worlds.Now.Add(-1)
	s := mustCompile(t, authz.World{Spaces: []authz.Space{{ID: "root"}}})
	var grow, shrink []authz.Change
	for _, sp := range w.Spaces[1:] {
		grow, shrink = append(grow, authz.PutSpace(sp)), append(shrink, authz.DeleteSpace(sp.ID))
	}
	for _, r := range w.Roles {
		grow, shrink = append(grow, authz.PutRole(r)), append(shrink, authz.DeleteRole(r.ID))
	}
	for _, b := range w.Bindings {
		grow, shrink = append(grow, authz.PutBinding(b)), append(shrink, authz.DeleteBinding{Actor: b.Actor, ID: b.ID})
	}
	for _, g := range w.Groups {
		grow, shrink = append(grow, authz.PutGroup(g)), append(shrink, authz.DeleteGroup(g.ID))
	}
	for _, a := range w.Actors {
		grow, shrink = append(grow, authz.PutActor(a)), append(shrink, authz.DeleteActor(a.Ref))
	}
	questions := worlds.Questions(w, 1, 2000)
	told := func(s *authz.Snapshot) string {
		var all strings.Builder
		for _, q := range questions {
			fmt.Fprintln(&all, s.Decide(q.Subject, q.Action, q.Target, worlds.Now), s.Spaces(q.Subject, q.Action, worlds.Now).Len())
		}
		return all.String()
	}
	want := told(mustCompile(t, w))
	for round := range 3 {
		grown, err := s.Apply(grow...)
		if err != nil {
			t.Fatal(err)
		}
		if told(grown) != want {
			t.Fatalf("round %d: grown and compiled differ", round)
		}
		if s, err = grown.Apply(shrink...); err != nil {
			t.Fatal(err)
		}
		if got := told(s); strings.Contains(got, "allowed") {
			t.Fatalf("round %d: something is left", round)
		}
		if free := s.FreeNodes(); free != s.Nodes() {
			t.Fatalf("round %d: %d of %d nodes are free", round, free, s.Nodes())
		}
	}
}

func TestTooLarge(t *testing.T) {
	defer authz.MaxNumber(2)()
	root := authz.Space{ID: "root"}
	stacks := []authz.Stack{{ID: "a", Space: "root"}, {ID: "b", Space: "root"}, {ID: "c", Space: "root"}}
	spaces := []authz.Space{root, {ID: "a", Parent: "root"}, {ID: "b", Parent: "root"}}
	for want, w := range map[string]authz.World{
		"3 spaces":              {Spaces: spaces},
		"3 actors and entities": {Spaces: spaces[:1], Stacks: stacks},
		"65536 roles":           {Spaces: spaces[:1], Roles: make([]authz.Role, 1<<16-1)},
	} {
		if _, err := authz.Compile(w); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Compile: %v, want %s", err, want)
		}
	}
	s := mustCompile(t, authz.World{Spaces: spaces[:2], Stacks: stacks[:2]})
	if _, err := s.Apply(authz.PutSpace(spaces[2])); err == nil || !strings.Contains(err.Error(), "3 spaces") {
		t.Errorf("Apply: %v", err)
	}
	if _, err := s.Apply(authz.PutStack(stacks[2])); err == nil || !strings.Contains(err.Error(), "3 actors and entities") {
		t.Errorf("Apply: %v", err)
	}
}

func TestIntervals(t *testing.T) {
	w := authz.World{
		Spaces: []authz.Space{{ID: "root"}, {ID: "a", Parent: "root", Inherit: true}, {ID: "b", Parent: "root"}, {ID: "b-1", Parent: "b"}, {ID: "c", Parent: "root"}},
		Roles:  []authz.Role{{ID: "r", Actions: authz.SetOf(authz.ActionSpaceRead)}},
	}
	u := authz.ActorRef{ID: "u"}
	for _, sp := range []string{"a", "b"} {
		w.Bindings = append(w.Bindings, authz.Binding{ID: sp, Actor: u, Role: "r", Space: sp})
	}
	s := mustCompile(t, w)
	h := s.Holder(authz.Subject{Actor: u})
	set := h.Spaces(authz.ActionSpaceRead, worlds.Now)
	var got [][2]int
	for from, to := range set.Intervals() {
		got = append(got, [2]int{from, to})
	}
	if diff := cmp.Diff([][2]int{{0, 4}}, got); diff != "" || set.Len() != 4 || set.All {
		t.Errorf("%v %d %s", set.All, set.Len(), diff)
	}
	set = h.Spaces(authz.ActionRunComment, worlds.Now)
	got = nil
	for from, to := range set.Intervals() {
		got = append(got, [2]int{from, to})
		break
	}
	if diff := cmp.Diff([][2]int{{1, 4}}, got); diff != "" {
		t.Error(diff)
	}
	for id, want := range map[string]int{"root": 0, "a": 1, "b": 2, "b-1": 3, "c": 4, "nope": -1} {
		if n, ok := s.SpaceNumber(id); n != want || ok != (want >= 0) {
			t.Errorf("%s: %d, %v", id, n, ok)
		}
	}
	if (authz.SpaceSet{}).Contains("root") || (authz.SpaceSet{}).Len() != 0 {
		t.Error("the zero set is not empty")
	}
	// A place of another snapshot is nowhere.
	if d := h.Decide(authz.ActionSpaceRead, mustCompile(t, w).Place(authz.Target{Space: "a"}), worlds.Now); d.Outcome != authz.Hidden {
		t.Errorf("%v", d)
	}
}
