package authz

// meet finds both ends of a question, as recognise and Place.find do. In a
// large world nearly all of its time goes by waiting for memory that no cache
// has, and each wait is as long as dozens of comparisons. So it first goes for
// everything that the question will need, and compares afterwards: the
// processor waits for many things at once as long as none depends on another.
func (s *Snapshot) meet(h *Holder, p *Place, sub *Subject, t *Target, names []int32, entries []entry) ([]int32, []entry) {
	n := nowhere
	hs := hashOf(t.Space)
	if sub.Actor.Kind < actorKinds {
		var w wanted
		w.parse(sub.Actor.ID)
		kind := actorNode(sub.Actor.Kind)
		ha := nodeHash(kind, &w)
		s.fetch(ha, hs)
		n = s.findHashed(kind, &w, ha)
	}
	p.find(s, t, s.tree.numberHashed(t.Space, hs))
	return s.hold(h, sub, n, names, entries)
}

// fetch makes the processor load what an actor and a space with these hashes
// have, if they are there. What it returns means nothing; it stands for the
// loads, which the compiler would leave out otherwise.
//
//go:noinline
func (s *Snapshot) fetch(actor, space uint64) (sum uint32) {
	nodes, spaces := s.nodes.table(actor), s.tree.index.table(space)
	sum = nodes[uint8(actor)] + spaces[uint8(space)] // before any other step waits for one of them
	if at := spaces.likely(space); at != nowhere {
		sum += uint32(s.tree.spaces[at].climb) + uint32(s.tree.ids.blob[s.tree.ids.start(int(at))])
	}
	n := nodes.likely(actor)
	if n == nowhere {
		return sum
	}
	c, slot := split(n)
	ch := s.chunks[c]
	if len(ch.names.ulids) > 0 {
		sum += uint32(ch.names.ulids[slot].lo)
	}
	sum += ch.fetch(slot)
	for _, name := range ch.members[ch.nodes[slot].member:ch.nodes[slot+1].member] {
		c, slot := split(name)
		sum += s.chunks[c].fetch(slot)
	}
	return sum
}

// fetch loads the first binding of a node.
func (c *chunk) fetch(slot int32) uint32 {
	if first := c.nodes[slot].first; first < c.nodes[slot+1].first {
		return uint32(c.entries[first].pre)
	}
	return 0
}

// likely returns the first number that may have a hash, or nowhere.
func (t *table) likely(h uint64) int32 {
	at, tag := uint8(h), tagOf(h)
	for range reach {
		if t[at] == 0 {
			break
		}
		if t[at]>>24 == tag {
			return numberIn(t[at])
		}
		at++
	}
	return nowhere
}
