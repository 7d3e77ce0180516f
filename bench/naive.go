package main

import (
	"fmt"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
)

// naive answers from the text of the access model (sections 2 and 3), by
// walking the tree. It shares nothing with authz but the catalogue, and is
// what every engine is checked against.
func (w *world) naive(q worlds.Question) bool {
	var held authz.ActionSet
	readable := false
	for _, h := range w.held[q.Subject.Actor.ID] {
		set := w.roles[h.role]
		for at := q.Target.Space; at != ""; at = w.parent[at] { // A27: roles cascade
			if at == h.space {
				for _, a := range set.List() {
					held = held.With(a)
				}
			}
		}
		for at := h.space; set.Has(authz.ActionSpaceRead); at = w.parent[at] { // A28-A30: reading climbs
			if at == q.Target.Space {
				readable = true
			}
			if !w.inherits[at] {
				break
			}
		}
	}
	readable = readable || held.Has(authz.ActionSpaceRead)
	switch {
	case held.Has(q.Action): // A22
		return true
	case q.Action == authz.ActionSpaceRead: // R14
		return readable
	default: // A23
		return readable && tierOf(held) >= q.Action.Fallback()
	}
}

// verify asks an engine what naive knows, and fails at the first difference.
func (w *world) verify(check decide, questions []worlds.Question) error {
	for _, q := range questions {
		got, err := check(q)
		if err != nil {
			return fmt.Errorf("%s %s in %s: %w", q.Subject.Actor.ID, q.Action, q.Target.Space, err)
		}
		if want := w.naive(q); got != want {
			return fmt.Errorf("%s %s in %s: answered %t, want %t", q.Subject.Actor.ID, q.Action, q.Target.Space, got, want)
		}
	}
	return nil
}
