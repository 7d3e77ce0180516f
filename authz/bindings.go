package authz

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// entry is one binding as decisions read it.
type entry struct {
	// pre is the number of the bound space, and size that of its subtree. A
	// binding to an entity has the entity's number, the size 0, which covers no
	// space, and the climb number nowhere, which is below none.
	pre, size int32
	climb     int32
	role      uint16
	flags     uint16
}

const (
	entryLocal uint16 = 1 << iota // to an entity (R24)
	entryTimed                    // expires; the list knows when
)

// entryAt is a binding to a space, localEntry one to an entity.
func entryAt(t *tree, space int32, role uint16) entry {
	sp := &t.spaces[space]
	return entry{pre: space, size: sp.size, climb: sp.climb, role: role}
}

func localEntry(entity int32, role uint16) entry {
	return entry{pre: entity, climb: nowhere, role: role, flags: entryLocal}
}

func (e *entry) local() bool { return e.flags&entryLocal != 0 }

// ledger is an immutable list of bindings with what is rarely asked of them.
type ledger struct {
	entries []entry
	ids     texts
	times   []timed // of those that expire, by position
}

type timed struct {
	at    int32 // position in the ledger
	until int64
}

const forever = math.MaxInt64

// until returns the last instant of the binding at a position.
func (l *ledger) until(at int32) int64 {
	if l.entries[at].flags&entryTimed == 0 {
		return forever
	}
	i, _ := slices.BinarySearchFunc(l.times, at, func(t timed, at int32) int { return cmp.Compare(t.at, at) })
	return l.times[i].until
}

// insert returns the ledger with a binding before the one at a position.
func (l *ledger) insert(at int32, e entry, id string, until int64) ledger {
	out := ledger{entries: make([]entry, len(l.entries)+1), ids: l.ids.insert(int(at), id)}
	copy(out.entries, l.entries[:at])
	copy(out.entries[at+1:], l.entries[at:])
	e.flags &^= entryTimed
	if until != forever {
		e.flags |= entryTimed
	}
	out.entries[at] = e
	if len(l.times) > 0 || until != forever {
		out.times = l.shift(at, 1)
		if until != forever {
			i := sort.Search(len(out.times), func(i int) bool { return out.times[i].at > at })
			out.times = slices.Insert(out.times, i, timed{at, until})
		}
	}
	return out
}

// remove returns the ledger without the binding at a position.
func (l *ledger) remove(at int32) ledger {
	out := ledger{entries: slices.Concat(l.entries[:at], l.entries[at+1:]), ids: l.ids.remove(int(at))}
	if len(l.times) > 0 {
		timed := l.entries[at].flags&entryTimed != 0
		out.times = l.shift(at, -1)
		if timed {
			i := sort.Search(len(l.times), func(i int) bool { return l.times[i].at >= at })
			out.times = slices.Delete(out.times, i, i+1)
		}
	}
	return out
}

// shift returns the times with those of a position and behind moved.
func (l *ledger) shift(at, by int32) []timed {
	out := make([]timed, len(l.times), len(l.times)+1)
	for i, t := range l.times {
		if t.at >= at {
			t.at += by
		}
		out[i] = t
	}
	return out
}

// run is the bindings of one actor: the positions from..to of a ledger, by id.
type run struct {
	*ledger
	from, to int32
	order    *order // of a long run
}

func (r *run) len() int { return int(r.to - r.from) }

// longRun is from how many bindings on a run has a ledger and an order of its
// own. It is a variable for tests.
var longRun = 33

// order is how a long run is searched. Positions are in its ledger.
type order struct {
	// by holds the bindings to spaces by number, those to one space by
	// descending id; up of each is the index of the next one before it that can
	// cover the same space, or nowhere: following it names the nearest binding
	// first, and the one with the least id among equals.
	by, up []int32
	// climbs are those whose role has space:read, by climb number.
	climbs []int32
	// locals are those to entities, by the entity's number, then by id.
	locals []int32
}

func newOrder(entries []entry, reads func(role uint16) bool) *order {
	o := &order{}
	for i := range entries {
		e := &entries[i]
		if e.local() {
			o.locals = append(o.locals, int32(i))
			continue
		}
		o.by = append(o.by, int32(i))
		if reads(e.role) {
			o.climbs = append(o.climbs, int32(i))
		}
	}
	slices.SortFunc(o.by, func(a, b int32) int {
		return cmp.Or(cmp.Compare(entries[a].pre, entries[b].pre), cmp.Compare(b, a))
	})
	slices.SortFunc(o.climbs, func(a, b int32) int { return cmp.Compare(entries[a].climb, entries[b].climb) })
	slices.SortStableFunc(o.locals, func(a, b int32) int { return cmp.Compare(entries[a].pre, entries[b].pre) })
	o.up = make([]int32, len(o.by))
	for i, at := range o.by {
		up := int32(i) - 1
		for up != nowhere && !covers(&entries[o.by[up]], entries[at].pre) {
			up = o.up[up]
		}
		o.up[i] = up
	}
	return o
}

// covers reports whether a binding is to a space or to one above it.
func covers(e *entry, space int32) bool { return uint32(space-e.pre) < uint32(e.size) }
