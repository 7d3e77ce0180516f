package authz

import (
	"slices"
	"time"
)

// Alive reports whether the world lists a user or a key (known) and whether it
// has not expired (A184). It is false for every other kind of actor.
func (s *Snapshot) Alive(a ActorRef, now time.Time) (known, alive bool) {
	m, known := s.actors[a]
	return known, known && m.notAfter >= instant(now)
}

// Holders returns the ids, sorted, of the actors of a kind that may hold
// anything: those that are listed, and those with bindings or the flag.
func (s *Snapshot) Holders(kind ActorKind) []string {
	if kind >= actorKinds {
		return nil
	}
	var ids []string
	for id := range s.runs[kind] {
		ids = append(ids, id)
	}
	for a := range s.actors {
		if a.Kind == kind {
			ids = append(ids, a.ID)
		}
	}
	if kind == ActorStack {
		for id := range s.flagged {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
