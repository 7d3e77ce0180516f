package authz

import (
	"math/bits"
	"slices"
	"strings"
	"time"
)

// Access is an actor that may do something, and what the right rests on.
type Access struct {
	Actor ActorRef
	Decision
}

// Who returns every user, API key, group and stack that may do an action on a
// target, by kind, then id. A group stands for what it gives its members; the
// members that the world lists are there themselves, too.
//
// It knows what the world says: groups that only a session brings, grants of
// login policies and A93 are not in it.
func (s *Snapshot) Who(a Action, t Target, now time.Time) []Access {
	p := s.Place(t)
	if p.at == nowhere {
		return nil
	}
	search := whoSearch{s: s, a: a, p: &p, now: instant(now), hot: make([]uint64, len(s.chunks))}
	inParts(len(s.chunks), fewChunks, func(from, to int) { search.heat(from, to) })
	lists := make([][]hit, len(s.chunks))
	inParts(len(s.chunks), fewChunks, func(from, to int) {
		for c := from; c < to; c++ {
			lists[c] = search.in(int32(c))
		}
	})
	all := s.inOrder(lists)
	list := make([]Access, len(all))
	inParts(len(all), manyFound, func(from, to int) {
		for i := from; i < to; i++ {
			list[i] = Access{s.actorRef(all[i].node), all[i].decision}
		}
	})
	return list
}

// manyFound is from how many hits on another goroutine helps to name them.
const manyFound = 1000

// inOrder puts actors in order by kind and id. Most of each kind already are:
// ids grow, and so do the numbers of nodes.
func (s *Snapshot) inOrder(lists [][]hit) []hit {
	n := 0
	for _, list := range lists {
		n += len(list)
	}
	all := make([]hit, 0, n)
	for kind := range nodeKind(actorKinds) {
		from := len(all)
		for _, list := range lists {
			for i := range list {
				if s.node(list[i].node).kind == kind {
					all = append(all, list[i])
				}
			}
		}
		slices.SortFunc(all[from:], func(a, b hit) int { return s.compareNodes(a.node, b.node) })
	}
	return all
}

// actorRef names the actor that a node is.
func (s *Snapshot) actorRef(n int32) ActorRef {
	return ActorRef{ActorKind(s.node(n).kind), s.nodeID(n)}
}

// compareNodes orders by id.
func (s *Snapshot) compareNodes(a, b int32) int {
	ca, ia := split(a)
	cb, ib := split(b)
	na, nb := &s.chunks[ca].names, &s.chunks[cb].names
	if len(na.ends) == 0 && len(nb.ends) == 0 {
		return na.ulids[ia].compare(nb.ulids[ib])
	}
	return strings.Compare(na.at(int(ia)), nb.at(int(ib)))
}

// hit is an actor that may, and why.
type hit struct {
	node     int32
	decision Decision
}

type whoSearch struct {
	s   *Snapshot
	a   Action
	p   *Place
	now int64
	// hot has a bit for each node with a binding that alone, or with what
	// others have, could allow: one word for a chunk.
	hot []uint64
}

// heat looks at all bindings of some chunks.
func (w *whoSearch) heat(from, to int) {
	roles := w.s.roles.list
	applies, climbs := make([]bool, len(roles)), make([]bool, len(roles))
	for i := range roles {
		r := &roles[i]
		applies[i] = r.actions.Has(w.a) || r.reads() || r.tier.covers(w.a.Fallback())
		// Derived read allows nothing but itself where no binding applies.
		climbs[i] = r.reads() && w.a == ActionSpaceRead
	}
	p := *w.p
	matters := func(e *entry) bool {
		switch {
		case covers(e, p.at):
			return applies[e.role]
		case uint32(e.climb-p.below) < p.width:
			return climbs[e.role]
		default:
			return e.flags&entryLocal != 0 && e.pre == p.entity && applies[e.role]
		}
	}
	for i := from; i < to; i++ {
		c := w.s.chunks[i]
		slot := 0
		for at := range c.entries {
			if matters(&c.entries[at]) {
				for c.nodes[slot+1].first <= uint32(at) {
					slot++
				}
				w.hot[i] |= 1 << slot
			}
		}
		for _, l := range c.long {
			if slices.ContainsFunc(l.entries, func(e entry) bool { return matters(&e) }) {
				w.hot[i] |= 1 << l.slot
			}
		}
	}
}

func (w *whoSearch) isHot(n int32) bool {
	c, i := split(n)
	return w.hot[c]&(1<<i) != 0
}

// candidates returns a bit for each actor of a chunk that may be allowed.
func (w *whoSearch) candidates(i int32) uint64 {
	c := w.s.chunks[i]
	all := uint64(0)
	for slot := range int32(chunkSize) {
		n := &c.nodes[slot]
		could := false
		switch n.kind {
		case nodeGroup:
			could = n.home != nowhere && w.isHot(n.home)
		case nodeStack:
			could = w.hot[i]&(1<<slot) != 0 || n.flags&nodeAdministrative != 0
		case nodeKind(ActorUser), nodeKind(ActorAPIKey):
			could = w.hot[i]&(1<<slot) != 0
			for at := n.member; !could && at < c.nodes[slot+1].member; at++ {
				could = w.isHot(c.members[at])
			}
		default: // does not act
		}
		if could {
			all |= 1 << slot
		}
	}
	return all
}

// in returns the actors of a chunk that may.
func (w *whoSearch) in(c int32) []hit {
	candidates := w.candidates(c)
	list := make([]hit, 0, bits.OnesCount64(candidates))
	for all := candidates; all != 0; all &= all - 1 {
		n := c<<chunkBits + int32(bits.TrailingZeros64(all))
		h := Holder{}
		w.s.identify(&h, ActorKind(w.s.node(n).kind), n)
		var d Decision
		if w.s.decide(&d, &h, w.a, w.p, w.now); d.Outcome == Allowed {
			list = append(list, hit{n, d})
		}
	}
	return list
}
