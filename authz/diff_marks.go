package authz

import (
	"math/bits"
	"slices"
)

// How a change of spaces concerns what is bound in a space.
const (
	spaceCovers uint8 = 1 << iota // it covers other spaces
	spaceClimbs                   // it climbs to other spaces
)

// markSpace marks the spaces from which something else is covered, or to which
// space:read climbs otherwise, because of the change of one.
func (d *diffing) markSpace(id string) {
	old, fresh := d.before.tree.number(id), d.after.tree.number(id)
	if old == nowhere && fresh == nowhere || old == fresh && d.becomes == nil {
		return
	}
	if d.spaces == nil {
		d.spaces = make([]uint8, len(d.before.tree.spaces))
	}
	var was, is []int32 // the spaces above, before; by their numbers before
	if old != nowhere {
		was = d.before.tree.above(old)
	}
	if fresh != nowhere {
		for _, n := range d.after.tree.above(fresh) {
			if n = d.earlier(n); n != nowhere {
				is = append(is, n)
			}
		}
	}
	// Whatever is above both before and after covers the same as before.
	kept := old != nowhere && fresh != nowhere
	for _, n := range was {
		if !kept || !slices.Contains(is, n) {
			d.spaces[n] |= spaceCovers
		}
	}
	for _, n := range is {
		if !kept || !slices.Contains(was, n) {
			d.spaces[n] |= spaceCovers
		}
	}
	if !kept {
		return
	}
	// What another change moved to below this space climbs through it, too, and
	// is marked by that change.
	if d.climbed(old, fresh) {
		for n := old; d.before.tree.encloses(old, n); n++ {
			d.spaces[n] |= spaceClimbs
		}
	}
}

// climbed notes the points above a changed space, by its numbers before and
// after, and reports whether there are any.
func (d *diffing) climbed(old, fresh int32) bool {
	some := false
	for n := old; d.before.tree.inherit(n); some = true {
		n = d.before.tree.spaces[n].parent
		is := n
		if d.becomes != nil {
			is = d.becomes[n]
		}
		d.addPoint(point{n, is})
	}
	for n := fresh; d.after.tree.inherit(n); some = true {
		n = d.after.tree.spaces[n].parent
		d.addPoint(point{d.earlier(n), n})
	}
	return some
}

func (d *diffing) addPoint(p point) {
	if !slices.Contains(d.points, p) {
		d.points = append(d.points, p)
	}
}

// above returns the spaces above one, the nearest first.
func (t *tree) above(n int32) (list []int32) {
	for n = t.spaces[n].parent; n != nowhere; n = t.spaces[n].parent {
		list = append(list, n)
	}
	return list
}

// looksAtBindings reports whether bindings that stay as they are may come to
// something else.
func (d *diffing) looksAtBindings() bool {
	return d.spaces != nil || len(d.moves) > 0 || slices.Contains(d.roles, true)
}

// heat marks the nodes of a chunk by their bindings.
func (d *diffing) heat(i int32) {
	c := d.before.chunks[i]
	slot := int32(0)
	for at := range c.entries {
		for c.nodes[slot+1].first <= uint32(at) {
			slot++
		}
		d.heatEntry(i<<chunkBits+slot, &c.entries[at])
	}
	for _, l := range c.long {
		for at := range l.entries {
			d.heatEntry(i<<chunkBits+l.slot, &l.entries[at])
		}
	}
	for slot := range int32(chunkSize) {
		if n := &c.nodes[slot]; n.flags&nodeAdministrative != 0 {
			flag := entryAt(d.before.tree, n.home, builtinAdmin)
			d.heatEntry(i<<chunkBits+slot, &flag)
		}
	}
}

func (d *diffing) heatEntry(n int32, e *entry) {
	reads := d.before.roles.reads(e.role)
	if d.roles[e.role] {
		if reads == d.after.roles.reads(e.role) {
			d.touch(concernRole, n)
		} else {
			d.touch(concernAll, n)
		}
	}
	if d.spaces != nil && !e.local() {
		switch how := d.spaces[e.pre]; {
		case how&spaceCovers != 0:
			d.touch(concernAll, n)
		case how&spaceClimbs != 0 && reads:
			d.touch(concernClimb, n)
		}
	}
	for i := range d.moves {
		for _, p := range d.moves[i].places {
			if covers(e, p.at) || uint32(e.climb-p.below) < p.width || e.flags&entryLocal != 0 && e.pre == p.entity {
				d.touch(concernMove, n)
			}
		}
	}
}

// marksNames reports whether names of groups are marked.
func (d *diffing) marksNames(nodes []uint64) bool {
	for c, word := range nodes {
		for ; word != 0; word &= word - 1 {
			n := int32(c)<<chunkBits + int32(bits.TrailingZeros64(word))
			if n < d.before.count && d.before.node(n).kind == nodeName || d.after.node(n).kind == nodeName {
				return true
			}
		}
	}
	return false
}

// concerned returns a bit for each actor of a chunk that marks concern in one
// of the snapshots.
func (d *diffing) concerned(c int32, m *marks) (all uint64) {
	for _, s := range []*Snapshot{d.before, d.after} {
		if int(c) >= len(s.chunks) || !m.names && m.nodes[c] == 0 {
			continue
		}
		ch := s.chunks[c]
		for slot := range int32(chunkSize) {
			n := &ch.nodes[slot]
			if n.kind > nodeStack {
				continue
			}
			is := m.nodes[c]&(1<<slot) != 0
			if m.names && !is {
				is = n.kind == nodeGroup && n.home != nowhere && m.has(n.home) ||
					slices.ContainsFunc(ch.members[n.member:ch.nodes[slot+1].member], m.has)
			}
			if is {
				all |= 1 << slot
			}
		}
	}
	return all
}

// block is spaces that follow one another before and after.
type block struct{ from, to, becomes int32 }

// blocksOf splits the spaces before into blocks; those of deleted spaces become
// nowhere.
func blocksOf(becomes []int32) (blocks []block) {
	for n, to := range becomes {
		if i := len(blocks) - 1; i >= 0 {
			b := &blocks[i]
			if to == nowhere && b.becomes == nowhere || to != nowhere && b.becomes != nowhere && to == b.becomes+int32(n)-b.from {
				b.to++
				continue
			}
		}
		blocks = append(blocks, block{int32(n), int32(n) + 1, to})
	}
	return blocks
}
