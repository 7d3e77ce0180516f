package authz

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestA184Alive tells the listed users and keys that have not expired from the
// others.
func TestA184Alive(t *testing.T) {
	f := newFixture(t)
	f.Actors = []Actor{{Ref: user("rita")}, {Ref: key("ci"), NotAfter: noon}, {Ref: user("ops"), NotAfter: morning}}
	f.bind(user("ann"), RoleSpaceReader, "dev")
	f.bind(group("g"), RoleSpaceReader, "dev")
	s := f.snapshot()
	for _, c := range []struct {
		who          ActorRef
		at           time.Time
		known, alive bool
	}{
		{user("rita"), noon, true, true},
		{user("rita"), time.Time{}, true, true},
		{key("ci"), noon, true, true},
		{key("ci"), noon.Add(1), true, false},
		{key("ci"), time.Time{}, true, false}, // a clock that somebody forgot
		{user("ops"), noon, true, false},
		{user("ci"), noon, false, false},
		{user("ann"), noon, false, false},
		{group("g"), noon, false, false},
		{stack("k"), noon, false, false},
		{ActorRef{}, noon, false, false},
	} {
		if known, alive := s.Alive(c.who, c.at); known != c.known || alive != c.alive {
			t.Errorf("%v at %v: known %v, alive %v", c.who, c.at, known, alive)
		}
	}
}

func TestHolders(t *testing.T) {
	f := newFixture(t)
	f.Actors = []Actor{{Ref: user("rita")}, {Ref: key("ci")}, {Ref: user("ann")}}
	f.bind(user("will"), RoleSpaceReader, "dev")
	f.bind(user("ann"), RoleSpaceReader, "dev")
	f.bind(group("g"), RoleSpaceReader, "dev")
	f.bindStack(stack("k2"), RoleSpaceReader, "k")
	f.flag("k")
	s := f.snapshot()
	for kind, want := range map[ActorKind][]string{
		ActorUser: {"ann", "ops", "rita", "root-admin", "will"}, ActorAPIKey: {"ci"}, ActorGroup: {"g"}, ActorStack: {"k", "k2"}, actorKinds: nil,
	} {
		if diff := cmp.Diff(want, s.Holders(kind)); diff != "" {
			t.Errorf("%v (-want +got):\n%s", kind, diff)
		}
	}
}
