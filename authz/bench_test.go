package authz

import (
	"math/rand/v2"
	"strconv"
	"sync"
	"testing"
)

// large is a world of 100,000 spaces and 200,000 bindings: 20,000 users with
// eight bindings each, and 1,000 groups with forty.
var large = sync.OnceValue(func() *Snapshot {
	s, err := Compile(largeWorld())
	if err != nil {
		panic(err)
	}
	return s
})

var largeWorld = sync.OnceValue(func() World {
	rng := rand.New(rand.NewPCG(1, 2))
	w := World{Spaces: []Space{{ID: RootSpace}}}
	for i := 1; i < 100_000; i++ {
		parent := w.Spaces[max(0, i-1-rng.IntN(min(i, 2000)))].ID
		w.Spaces = append(w.Spaces, Space{"space-" + strconv.Itoa(i), parent, rng.IntN(4) > 0})
	}
	for _, r := range SystemRoles() {
		w.Roles = append(w.Roles, Role{r.Slug, r.Slug, r.Actions})
	}
	w.Roles = append(w.Roles, Role{"ops", "ops", SetOf(ActionSpaceRead, ActionRunTrigger)})
	for i := range 1000 {
		name := "group-" + strconv.Itoa(i)
		w.Groups = append(w.Groups, Group{name, name})
	}
	for i := range 200_000 {
		actor := user("user-" + strconv.Itoa(i%20_000))
		if i >= 160_000 {
			actor = group("group-" + strconv.Itoa(i%1000))
		}
		w.Bindings = append(w.Bindings, Binding{
			ID: "b" + strconv.Itoa(i), Actor: actor, Role: w.Roles[rng.IntN(len(w.Roles))].ID,
			Space: w.Spaces[rng.IntN(len(w.Spaces))].ID,
		})
	}
	return w
})

// BenchmarkCompile is what a change of the world costs.
func BenchmarkCompile(b *testing.B) {
	w := largeWorld()
	for b.Loop() {
		if _, err := Compile(w); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecide(b *testing.B) {
	s := large()
	place := func(id string) Target { return in(s.spaces[s.grants[s.runOf(user(id)).grants.from].space].id) }
	tests := []struct {
		name   string
		sub    Subject
		target Target
	}{
		{"held", as(user("user-7")), place("user-7")},
		{"denied", as(user("user-7")), place("user-8")},
		{"groups", Subject{Actor: user("user-7"), Groups: []string{"group-1", "group-2", "group-3"}}, place("user-8")},
	}
	for _, tt := range tests {
		b.Run(tt.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s.Decide(tt.sub, ActionRunTrigger, tt.target, noon)
			}
		})
	}
}

// BenchmarkDecideSpread asks of another user and space each time, so that
// little of the snapshot is in the caches.
func BenchmarkDecideSpread(b *testing.B) {
	s := large()
	rng := rand.New(rand.NewPCG(3, 4))
	subs, targets := make([]Subject, 1<<14), make([]Target, 1<<14)
	for i := range subs {
		subs[i] = as(user("user-" + strconv.Itoa(rng.IntN(20_000))))
		targets[i] = in(s.spaces[rng.IntN(len(s.spaces))].id)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s.Decide(subs[i&(1<<14-1)], ActionRunTrigger, targets[i&(1<<14-1)], noon)
	}
}

func BenchmarkTreeOfRootAdmin(b *testing.B) {
	s := large()
	b.ReportAllocs()
	for b.Loop() {
		s.Tree(Subject{Actor: user("owner"), AlwaysAdmin: true}, noon)
	}
}

func TestDecideAllocatesNothing(t *testing.T) {
	f := newFixture(t)
	f.bind(group("g"), RoleSpaceReader, "net")
	f.Actors = []Actor{{Ref: user("rita"), Groups: []string{"g"}}, {Ref: user("ops"), NotAfter: morning}}
	f.bindStack(user("will"), RoleSpaceAdmin, "k2")
	f.add(Binding{Actor: user("ops"), Role: RoleSpaceAdmin, Space: "dev", NotAfter: morning})
	f.flag("k")
	s := f.snapshot()
	subs := []Subject{
		as(user("will")), as(user("ops")), as(user("nobody")), as(stack("k")), as(stack("k2")),
		{Actor: user("rita"), Groups: []string{"g", "none"}},
		{Actor: user("owner"), AlwaysAdmin: true, ReadOnly: true},
		{Actor: user("s"), SessionOnly: true, Session: []Grant{{RoleSpaceReader, "dev"}, {"slug-custom-4", "dev"}}},
	}
	targets := []Target{in("dev"), in("root"), in("vault-x"), in("nope"), onStack("dev", "k2")}
	n := testing.AllocsPerRun(100, func() {
		for _, sub := range subs {
			for _, tgt := range targets {
				s.Decide(sub, ActionStackDelete, tgt, noon)
				s.DecideRead(sub, ActionRunRead, tgt, noon)
				s.Effective(sub, tgt, noon)
			}
		}
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
