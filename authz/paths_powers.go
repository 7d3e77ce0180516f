package authz

import (
	"cmp"
	"slices"
	"strings"
)

// This file is all that the analysis knows of how a snapshot is laid out.

// liveGrant is a binding that counts at the analysis's instant, or a flag.
type liveGrant struct {
	space, end int32     // the bound space and the end of its subtree; nowhere and 0 of an entity
	entity     EntityRef // that it is bound to instead
	role       uint16
	ledger     *ledger // nil for a flag
	at         int32   // position in it
}

// liveActor is an actor that holds something, by itself or by its groups.
type liveActor struct {
	ref    ActorRef
	node   int32
	groups []int32 // nodes
	grants []liveGrant
}

func (s *Snapshot) roleOf(g *liveGrant) *role { return &s.roles.list[g.role] }

// binding returns the id of what is no flag.
func (g *liveGrant) binding() string { return g.ledger.ids.at(int(g.at)) }

// homeOf returns the space of an entity that a binding names, or nowhere.
func (s *Snapshot) homeOf(e EntityRef) int32 { return s.node(s.findEntity(e)).home }

// liveActors returns the actors, by kind and id, and the first instant after
// which this is another list; forever if there is none.
func (s *Snapshot) liveActors(now int64) (list []liveActor, until int64) {
	until = forever
	for n := range s.count {
		k := s.node(n).kind
		if k > nodeStack || s.notAfter(n) < now {
			continue
		}
		a := liveActor{ref: ActorRef{ActorKind(k), s.nodeID(n)}, node: n}
		for _, name := range s.members(n) {
			if g := s.node(name).home; g != nowhere {
				a.groups = append(a.groups, g)
			}
		}
		a.grants, until = s.liveGrants(n, now, until)
		if len(a.grants)+len(a.groups) > 0 {
			list = append(list, a)
			until = min(until, s.notAfter(n))
		}
	}
	slices.SortFunc(list, func(a, b liveActor) int {
		return cmp.Or(cmp.Compare(a.ref.Kind, b.ref.Kind), strings.Compare(a.ref.ID, b.ref.ID))
	})
	return list, until
}

// liveGrants returns what a node holds, by space.
func (s *Snapshot) liveGrants(n int32, now, until int64) (list []liveGrant, soonest int64) {
	switch s.node(n).kind {
	case nodeStack:
		if s.node(n).flags&nodeAdministrative != 0 {
			at := s.node(n).home
			return []liveGrant{{space: at, end: at + s.tree.spaces[at].size, role: builtinAdmin}}, until
		}
	case nodeGroup:
		if n = s.node(n).home; n == nowhere {
			return nil, until // nobody belongs to it (A8)
		}
	default: // a user or a key
	}
	r := s.run(n)
	for at := r.from; at < r.to; at++ {
		e := &r.entries[at]
		end := r.until(at)
		if end < now {
			continue
		}
		until = min(until, end)
		g := liveGrant{space: e.pre, end: e.pre + e.size, role: e.role, ledger: r.ledger, at: at}
		if e.local() {
			g.space, g.end = nowhere, 0
			g.entity = EntityRef{EntityStack + EntityKind(s.node(e.pre).kind-nodeStack), s.nodeID(e.pre)}
		}
		list = append(list, g)
	}
	slices.SortStableFunc(list, func(a, b liveGrant) int { return cmp.Compare(a.space, b.space) })
	return list, until
}
