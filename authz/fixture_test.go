package authz

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

var (
	noon    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	morning = noon.Add(-4 * time.Hour)
	evening = noon.Add(6 * time.Hour)
)

func user(id string) ActorRef  { return ActorRef{ActorUser, id} }
func key(id string) ActorRef   { return ActorRef{ActorAPIKey, id} }
func group(id string) ActorRef { return ActorRef{ActorGroup, id} }
func stack(id string) ActorRef { return ActorRef{ActorStack, id} }

func as(a ActorRef) Subject           { return Subject{Actor: a} }
func in(space string) Target          { return Target{Space: space} }
func onStack(space, id string) Target { return Target{space, EntityRef{EntityStack, id}} }

// fixture is the tree and the actors of the access model's examples.
type fixture struct {
	t *testing.T
	World
}

func newFixture(t *testing.T) *fixture {
	f := bareFixture(t)
	f.bind(user("root-admin"), RoleSpaceAdmin, "root")
	f.bind(user("ann"), RoleSpaceAdmin, "apps")
	f.bind(user("will"), RoleSpaceWriter, "dev")
	f.bind(user("rita"), RoleSpaceReader, "prod")
	f.bind(user("ops"), f.role(ActionSpaceRead, ActionRunTrigger), "dev")
	return f
}

// bareFixture has the tree, the system roles and the stacks, and no bindings.
func bareFixture(t *testing.T) *fixture {
	f := &fixture{t: t}
	f.Spaces = []Space{
		{"root", "", false},
		{"legacy", "root", true},
		{"platform", "root", true},
		{"net", "platform", true},
		{"vault", "platform", false},
		{"vault-x", "vault", true},
		{"apps", "root", true},
		{"dev", "apps", true},
		{"prod", "apps", false},
		{"sandbox", "root", false},
	}
	for _, r := range SystemRoles() {
		f.Roles = append(f.Roles, Role{ID: r.Slug, Slug: r.Slug, Actions: r.Actions})
	}
	f.Stacks = []Stack{{ID: "k", Space: "apps"}, {ID: "k2", Space: "dev"}, {ID: "r0", Space: "root"}}
	return f
}

// role adds a custom role and returns its id.
func (f *fixture) role(actions ...Action) string {
	id := fmt.Sprintf("custom-%d", len(f.Roles))
	f.Roles = append(f.Roles, Role{ID: id, Slug: "slug-" + id, Actions: SetOf(actions...)})
	return id
}

// add binds, and maps a group of the same name to a group's binding.
func (f *fixture) add(b Binding) string {
	g := Group{b.Actor.ID, b.Actor.ID}
	if b.Actor.Kind == ActorGroup && !slices.Contains(f.Groups, g) {
		f.Groups = append(f.Groups, g)
	}
	b.ID = fmt.Sprintf("b%d", len(f.Bindings))
	f.Bindings = append(f.Bindings, b)
	return b.ID
}

func (f *fixture) bind(a ActorRef, role, space string) string {
	return f.add(Binding{Actor: a, Role: role, Space: space})
}

func (f *fixture) bindStack(a ActorRef, role, id string) string {
	return f.add(Binding{Actor: a, Role: role, Entity: EntityRef{EntityStack, id}})
}

// unbind removes the bindings of an actor.
func (f *fixture) unbind(a ActorRef) {
	var kept []Binding
	for _, b := range f.Bindings {
		if b.Actor != a {
			kept = append(kept, b)
		}
	}
	f.Bindings = kept
}

func (f *fixture) snapshot() *Snapshot {
	f.t.Helper()
	s, err := Compile(f.World)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

// expect decides each row on the fixture as it is now.
func (f *fixture) expect(rows ...row4) {
	f.t.Helper()
	s := f.snapshot()
	for _, r := range rows {
		if got := s.Decide(r.who, r.action, r.target, noon); got.Outcome != r.want {
			f.t.Errorf("%s %q, %s in %v: got %v (%v), want %v",
				r.who.Actor.Kind, r.who.Actor.ID, r.action, r.target, got.Outcome, got.Reason, r.want)
		}
	}
}

type row4 struct {
	who    Subject
	action Action
	target Target
	want   Outcome
}

func (f *fixture) lists(sub Subject, want ...string) {
	f.t.Helper()
	got := f.snapshot().Spaces(sub, ActionSpaceRead, noon).IDs()
	if !equal(got, want) {
		f.t.Errorf("%q lists %v, want %v", sub.Actor.ID, got, want)
	}
}

func (f *fixture) tree(sub Subject, want ...SpaceLevel) {
	f.t.Helper()
	if got := f.snapshot().Tree(sub, noon); !equal(got, want) {
		f.t.Errorf("tree of %q is %v, want %v", sub.Actor.ID, got, want)
	}
}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}
