package authz

import (
	"slices"
	"time"
)

// Alive reports whether the world lists a user or a key (known) and whether it
// has not expired (A184). It is false for every other kind of actor.
func (s *Snapshot) Alive(a ActorRef, now time.Time) (known, alive bool) {
	if a.Kind != ActorUser && a.Kind != ActorAPIKey {
		return false, false
	}
	n := s.findActor(a)
	known = n != nowhere && s.node(n).flags&nodeKnown != 0
	return known, known && s.notAfter(n) >= instant(now)
}

// Holders returns the ids, sorted, of the actors of a kind that may hold
// anything: those that are listed, and those with bindings or the flag.
func (s *Snapshot) Holders(kind ActorKind) []string {
	if kind >= actorKinds {
		return nil
	}
	var ids []string
	for n := range s.count {
		if s.node(n).kind == actorNode(kind) && s.holds(n) {
			ids = append(ids, s.nodeID(n))
		}
	}
	slices.Sort(ids)
	return ids
}

// holds reports whether an actor may hold anything. Others than stacks have a
// node for no other reason.
func (s *Snapshot) holds(n int32) bool {
	if s.node(n).kind != nodeStack || s.node(n).flags&nodeAdministrative != 0 {
		return true
	}
	r := s.run(n)
	return r.len() > 0
}
