package authz

import (
	"cmp"
	"slices"
	"sort"
)

// stretch is an interval of spaces in which a subject holds the same by
// bindings.
type stretch struct {
	from, to int32
	set      ActionSet
	tier     Tier
}

func (st *stretch) reads() bool { return st.set.Has(ActionSpaceRead) }

// flat is everything that a subject holds in spaces, at an instant.
type flat struct {
	// stretches are ascending and disjoint; elsewhere nothing is bound.
	stretches []stretch
	// points are the spaces, ascending, where space:read is derived (R14).
	points []int32
}

// live appends a holder's bindings that have not expired: in spaces, of the
// flag, of a session, and to entities.
func (s *Snapshot) live(h *Holder, list []entry, now int64) []entry {
	if h.notAfter < now {
		return list
	}
	if h.admin != nowhere {
		list = append(list, entryAt(s.tree, h.admin, builtinAdmin))
	}
	for i := range h.entries {
		e := &h.entries[i]
		if e.flags&entryTimed == 0 || s.until(h, int32(i)) >= now {
			list = append(list, *e)
		}
	}
	for i := 0; h.long && i < h.carriers(); i++ {
		n := h.carrier(i)
		if n == nowhere {
			continue
		}
		r := s.run(n)
		for at := range r.to {
			if r.order != nil && r.until(at) >= now {
				list = append(list, r.entries[at])
			}
		}
	}
	return list
}

// flatten returns the flat of bindings, whose order it changes, in the lists of
// f: those may be on the caller's stack.
func (s *Snapshot) flatten(h *Holder, f flat, live []entry) flat {
	live = slices.DeleteFunc(live, func(e entry) bool { return e.local() })
	slices.SortFunc(live, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.pre, b.pre), cmp.Compare(b.size, a.size))
	})
	f.stretches = s.sweep(f.stretches[:0], live)
	f.points = f.points[:0]
	if h.climbs {
		f.points = s.derive(f.points, f.stretches, live)
	}
	return f
}

// sweep goes through bindings in preorder. Subtrees nest or are apart, so what
// is open at any moment is a stack.
func (s *Snapshot) sweep(out []stretch, live []entry) []stretch {
	open := make([]stretch, 0, 16)
	at := int32(0)
	// until emits what is open as far as a space, and closes what ends there.
	until := func(end int32) {
		for len(open) > 0 && at < end {
			top := open[len(open)-1]
			if to := min(top.to, end); to > at {
				out = append(out, stretch{at, to, top.set, top.tier})
				at = to
			}
			if top.to > end {
				break
			}
			open = open[:len(open)-1]
		}
		at = end
	}
	for i := range live {
		e := &live[i]
		until(e.pre)
		for len(open) > 0 && open[len(open)-1].to <= e.pre {
			open = open[:len(open)-1]
		}
		r := &s.roles.list[e.role]
		next := stretch{e.pre, e.pre + e.size, r.actions, r.tier}
		if n := len(open); n > 0 {
			next.set = next.set.Union(open[n-1].set)
			next.tier = max(next.tier, open[n-1].tier)
		}
		open = append(open, next)
	}
	until(int32(len(s.tree.spaces)))
	return out
}

// stretchAt returns the stretch that a space is in, or nil.
func stretchAt(list []stretch, space int32) *stretch {
	i := sort.Search(len(list), func(i int) bool { return list[i].to > space })
	if i < len(list) && list[i].from <= space {
		return &list[i]
	}
	return nil
}

// derive appends the spaces to which space:read climbs and where no binding
// gives it.
func (s *Snapshot) derive(points []int32, stretches []stretch, live []entry) []int32 {
	readers := slices.DeleteFunc(live, func(e entry) bool { return !s.roles.reads(e.role) })
	slices.SortFunc(readers, func(a, b entry) int { return cmp.Compare(a.climb, b.climb) })
	last := nowhere
	for i := range readers {
		// Every space above that the climb of an earlier binding passed has that
		// binding's climb number below it, and so has the last one's.
		for at := readers[i].pre; s.tree.inherit(at); {
			at = s.tree.spaces[at].parent
			if s.tree.spaces[at].climb <= last {
				break
			}
			if st := stretchAt(stretches, at); st == nil || !st.reads() {
				points = append(points, at)
			}
		}
		last = readers[i].climb
	}
	slices.Sort(points)
	return points
}
