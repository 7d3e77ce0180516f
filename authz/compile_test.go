package authz

import (
	"slices"
	"strconv"
	"strings"
	"testing"
)

func TestCompileRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(f *fixture)
		want   string
	}{
		{"no root", func(f *fixture) { f.Spaces = nil }, "no root"},
		{"two roots", func(f *fixture) { f.Spaces = append(f.Spaces, Space{ID: "zoo"}) }, "has no parent"},
		{"root twice", func(f *fixture) { f.Spaces = append(f.Spaces, Space{ID: "root"}) }, "twice"},
		{"root of another name", func(f *fixture) { f.Spaces = []Space{{ID: "top"}} }, "has no parent"},
		{"cycle A3", func(f *fixture) {
			f.Spaces = append(f.Spaces, Space{"x", "y", true}, Space{"y", "x", true}, Space{"z", "y", true})
		}, "3 spaces are in a cycle"},
		{"root only in a cycle", func(f *fixture) { f.Spaces = []Space{{"root", "root", true}} }, "no root"},
		{"unknown parent", func(f *fixture) { f.Spaces = append(f.Spaces, Space{"x", "nope", true}) }, "unknown parent"},
		{"space twice", func(f *fixture) { f.Spaces = append(f.Spaces, Space{"dev", "root", true}) }, "twice"},
		{"space without id", func(f *fixture) { f.Spaces = append(f.Spaces, Space{"", "root", true}) }, "empty id"},
		{"role twice", func(f *fixture) { f.Roles = append(f.Roles, Role{ID: RoleSpaceAdmin}) }, "twice"},
		{"slug twice", func(f *fixture) { f.Roles = append(f.Roles, Role{ID: "r", Slug: RoleSpaceAdmin}) }, "twice"},
		{"stack twice", func(f *fixture) { f.Stacks = append(f.Stacks, Stack{ID: "k", Space: "dev"}) }, "twice"},
		{"stack nowhere", func(f *fixture) { f.Stacks = append(f.Stacks, Stack{ID: "x", Space: "nope"}) }, "unknown space"},
		{"stack without id", func(f *fixture) { f.Stacks = append(f.Stacks, Stack{Space: "dev"}) }, "is not one"},
		{"entity of no kind", func(f *fixture) { f.Entities = []EntityHome{{EntityRef{99, "x"}, "dev"}} }, "is not one"},
		{"entity nowhere", func(f *fixture) { f.Entities = []EntityHome{{EntityRef{EntityPolicy, "x"}, ""}} }, "unknown space"},
		{"binding without id", func(f *fixture) {
			f.Bindings = append(f.Bindings, Binding{Actor: user("u"), Role: RoleSpaceAdmin, Space: "dev"})
		}, "empty id"},
		{"role without id", func(f *fixture) { f.Roles = append(f.Roles, Role{}) }, "empty id"},
		{"binding twice", func(f *fixture) { f.Bindings = append(f.Bindings, f.Bindings[0]) }, "twice"},
		{"A15 binding to unknown space", func(f *fixture) { f.bind(user("u"), RoleSpaceAdmin, "nope") }, "unknown space"},
		{"binding to nothing", func(f *fixture) { f.bind(user("u"), RoleSpaceAdmin, "") }, "unknown space"},
		{"binding of unknown role", func(f *fixture) { f.bind(user("u"), "nope", "dev") }, "unknown role"},
		{"A11 binding of no actor", func(f *fixture) { f.bind(user(""), RoleSpaceAdmin, "dev") }, "is not one"},
		{"binding of odd actor", func(f *fixture) { f.bind(ActorRef{9, "x"}, RoleSpaceAdmin, "dev") }, "is not one"},
		{"binding to both", func(f *fixture) {
			f.add(Binding{Actor: user("u"), Role: RoleSpaceAdmin, Space: "dev", Entity: EntityRef{EntityStack, "k"}})
		}, "both"},
		{"group without id", func(f *fixture) { f.Groups = []Group{{"", "x"}} }, "empty id"},
		{"group without name", func(f *fixture) { f.Groups = []Group{{"x", ""}} }, "empty id"},
		{"group twice", func(f *fixture) { f.Groups = []Group{{"x", "x"}, {"x", "y"}} }, "twice"},
		{"A158 group name twice", func(f *fixture) { f.Groups = []Group{{"x", "DevOps"}, {"y", "DevOps"}} }, "twice"},
		{"actor twice", func(f *fixture) { f.Actors = []Actor{{Ref: user("u")}, {Ref: user("u")}} }, "twice"},
		{"actor without id", func(f *fixture) { f.Actors = []Actor{{Ref: key("")}} }, "neither user nor key"},
		{"actor that is a stack", func(f *fixture) { f.Actors = []Actor{{Ref: stack("k")}} }, "neither user nor key"},
		{"binding to odd entity", func(f *fixture) {
			f.add(Binding{Actor: user("u"), Role: RoleSpaceAdmin, Entity: EntityRef{EntityStack, ""}})
		}, "is not one"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t)
			tt.change(f)
			s, err := Compile(f.World)
			if s != nil || err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Compile = %v, %v; want an error with %q", s, err, tt.want)
			}
		})
	}
}

func TestCompileKeepsNothingOfTheWorld(t *testing.T) {
	f := newFixture(t)
	before := slices.Clone(f.Spaces)
	s := f.snapshot()
	if !slices.Equal(before, f.Spaces) {
		t.Error("Compile changed its input")
	}
	for i := range f.Bindings {
		f.Bindings[i].Space, f.Bindings[i].ID = "sandbox", "changed"
	}
	if d := s.Decide(as(user("will")), ActionRunTrigger, in("dev"), noon); !d.Allowed() || d.Binding() != "b2" {
		t.Errorf("decision %+v", d)
	}
}

func TestCompileIgnoresBitsOutsideTheCatalogue(t *testing.T) {
	f := newFixture(t)
	var all ActionSet
	for i := range all {
		all[i] = ^uint64(0)
	}
	f.Roles = append(f.Roles, Role{ID: "all", Actions: all})
	f.bind(user("u"), "all", "dev")
	got := f.snapshot().Effective(as(user("u")), in("dev"), noon)
	if got != allActions || got.Len() != len(Actions()) {
		t.Errorf("%d actions", got.Len())
	}
	f.expect(row4{as(user("u")), 0, in("dev"), Forbidden})
}

// A5: any depth. A chain of 50,000 must not exhaust a stack.
func TestA5DeepTree(t *testing.T) {
	w := World{Spaces: []Space{{ID: RootSpace}}, Roles: []Role{{ID: "reader", Actions: SetOf(ActionSpaceRead)}}}
	parent := RootSpace
	for i := range 50_000 {
		id := "s" + strconv.Itoa(i)
		w.Spaces = append(w.Spaces, Space{id, parent, true})
		parent = id
	}
	w.Bindings = []Binding{{ID: "b", Actor: user("u"), Role: "reader", Space: parent}}
	s, err := Compile(w)
	if err != nil {
		t.Fatal(err)
	}
	if d := s.Decide(as(user("u")), ActionSpaceRead, in(RootSpace), noon); d.Reason != ReasonDerivedRead {
		t.Errorf("decision %+v", d)
	}
}

// Of bindings that allow alike, the nearest decides, and then the least id.
func TestDecisionNamesTheNearestBinding(t *testing.T) {
	f := bareFixture(t)
	for _, b := range []struct{ id, space string }{{"z", "dev"}, {"m", "dev"}, {"a", "apps"}, {"q", "dev"}} {
		f.Bindings = append(f.Bindings, Binding{ID: b.id, Actor: user("u"), Role: RoleSpaceWriter, Space: b.space})
	}
	s := f.snapshot()
	for space, want := range map[string]string{"dev": "m", "prod": "a"} {
		if d := s.Decide(as(user("u")), ActionRunTrigger, in(space), noon); d.Binding() != want {
			t.Errorf("%s: %+v", space, d)
		}
	}
}
