package authz

import "testing"

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
