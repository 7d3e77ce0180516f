package authz

import "slices"

// held is what an actor holds in one place.
type held struct {
	set     ActionSet // by bindings, without derived read
	tier    Tier
	derived bool // space:read by R14
}

func (h *held) join(other *held) {
	for i := range h.set {
		h.set[i] |= other.set[i]
	}
	h.tier = max(h.tier, other.tier)
	h.derived = h.derived || other.derived
}

func (h *held) add(r *role) { h.join(&held{set: r.actions, tier: r.tier}) }

func (h *held) reads() bool { return h.set.Has(ActionSpaceRead) }

// allowed is all that steps 6 and 7 of the decision procedure allow.
func (h *held) allowed() ActionSet {
	set := h.set
	if h.derived {
		set = set.With(ActionSpaceRead)
	}
	if set.Has(ActionSpaceRead) {
		set = set.Union(tierActions[h.tier])
	}
	return set
}

// lasting is the part of allowed that holds in all spaces below, too: derived
// read does not come down again (A32).
func (h *held) lasting() ActionSet {
	firm := *h
	firm.derived = false
	return firm.allowed()
}

// tract is an interval of spaces in which an actor holds the same.
type tract struct {
	from, to int32
	held
}

// wayTract is an interval of spaces in which an actor can influence stacks, or
// what stacks use.
type wayTract struct {
	from, to int32
	ways     ways
	// mixed ways are the actor's together with its groups, and maybe a group's
	// alone where that is bound to the object itself.
	mixed bool
}

// flattener lays out what bindings give, space by space.
type flattener struct {
	s      *Snapshot
	out    []tract
	open   []tract
	points []int32
	spare  []tract
}

// flatten returns the tracts of grants to spaces, ascending and disjoint. They
// are good until the next call. The grants are by space, those to one space
// together.
func (f *flattener) flatten(grants []liveGrant, climbs bool) []tract {
	f.out, f.open = f.out[:0], f.open[:0]
	at := int32(0)
	for i := range grants {
		g := &grants[i]
		if g.space == nowhere {
			continue
		}
		f.until(at, g.space)
		at = g.space
		next := tract{from: g.space, to: g.end}
		if n := len(f.open); n > 0 {
			next.held = f.open[n-1].held
		}
		next.add(f.s.roleOf(g))
		f.open = append(f.open, next)
	}
	f.until(at, int32(len(f.s.tree.spaces)))
	if climbs {
		f.climb(grants)
	}
	return f.out
}

// until emits what is open between two spaces, and closes what ends there.
func (f *flattener) until(at, end int32) {
	for n := len(f.open); n > 0 && at < end; n = len(f.open) {
		top := &f.open[n-1]
		to := min(top.to, end)
		f.emit(tract{at, to, top.held})
		at = to
		if top.to > end {
			return
		}
		f.open = f.open[:n-1]
	}
	// What ends exactly here does not reach the next one.
	for n := len(f.open); n > 0 && f.open[n-1].to <= end; n = len(f.open) {
		f.open = f.open[:n-1]
	}
}

func (f *flattener) emit(t tract) {
	if t.from >= t.to {
		return
	}
	if n := len(f.out); n > 0 && f.out[n-1].to == t.from && f.out[n-1].held == t.held {
		f.out[n-1].to = t.to
		return
	}
	f.out = append(f.out, t)
}

// climb marks the spaces to which space:read climbs (R14).
func (f *flattener) climb(grants []liveGrant) {
	f.points = f.points[:0]
	for i := range grants {
		g := &grants[i]
		if g.space == nowhere || !f.s.roleOf(g).actions.Has(ActionSpaceRead) {
			continue
		}
		for at := g.space; f.s.tree.inherit(at); {
			at = f.s.tree.spaces[at].parent
			f.points = append(f.points, at)
		}
	}
	if len(f.points) == 0 {
		return
	}
	slices.Sort(f.points)
	f.points = slices.Compact(f.points)
	old := append(f.spare[:0], f.out...)
	f.spare, f.out = old, f.out[:0]
	for _, p := range f.points {
		for len(old) > 0 && old[0].to <= p {
			f.emit(old[0])
			old = old[1:]
		}
		derived := tract{from: p, to: p + 1}
		if len(old) > 0 && old[0].from <= p {
			if old[0].reads() {
				continue
			}
			f.emit(tract{old[0].from, p, old[0].held})
			derived.held, old[0].from = old[0].held, p+1
		}
		derived.derived = true
		f.emit(derived)
	}
	for _, t := range old {
		f.emit(t)
	}
}

// find returns the tract of a space, or nil.
func find(tracts []tract, space int32) *tract {
	from, to := 0, len(tracts)
	for from < to {
		if mid := int(uint(from+to) >> 1); tracts[mid].to <= space {
			from = mid + 1
		} else {
			to = mid
		}
	}
	if from < len(tracts) && tracts[from].from <= space {
		return &tracts[from]
	}
	return nil
}
