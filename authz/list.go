package authz

import (
	"cmp"
	"slices"
	"time"
)

// SpaceSet is a set of spaces of one snapshot, as intervals of its preorder.
// The zero value is empty.
type SpaceSet struct {
	// All means every space, including those created after the snapshot: what
	// allows it is bound at root and cascades.
	All  bool
	snap *Snapshot
	in   []span // ascending, disjoint
}

// Contains reports whether the space is in the set; a space that the snapshot
// does not know is not, whatever All says.
func (ss SpaceSet) Contains(id string) bool {
	if ss.snap == nil {
		return false
	}
	at, ok := ss.snap.index[id]
	if !ok {
		return false
	}
	i, _ := slices.BinarySearchFunc(ss.in, at, func(r span, at int32) int {
		if r.to <= at {
			return -1
		}
		return 1
	})
	return i < len(ss.in) && ss.in[i].from <= at
}

// IDs returns the ids of the set in preorder, also if All is set; nil if it is
// empty.
func (ss SpaceSet) IDs() []string {
	var ids []string
	for _, r := range ss.in {
		for at := r.from; at < r.to; at++ {
			ids = append(ids, ss.snap.spaces[at].id)
		}
	}
	return ids
}

// Empty reports whether the set has no spaces.
func (ss SpaceSet) Empty() bool { return len(ss.in) == 0 }

// Spaces returns the spaces whose objects a subject may list under an action:
// those where space:read is effective and the action is allowed (R5). Entities
// that are shown by bindings of their own come from Entities.
func (s *Snapshot) Spaces(sub Subject, a Action, now time.Time) SpaceSet {
	set := SpaceSet{snap: s}
	if sub.ReadOnly && !a.Reads() {
		return set
	}
	n := instant(now)
	h := s.resolve(&sub, n)
	sources := s.held(&h, n)
	in := s.cascading(&h, sources, a, n)
	// What is bound at root cascades to every space, and nothing else does.
	set.All = len(in) == 1 && in[0] == span{0, int32(len(s.spaces))}
	if h.climbs {
		in = append(in, s.climbing(&h, sources, a, n)...)
	}
	set.in = merge(in)
	return set
}

// lists reports whether a standing lets objects be listed under its action.
func (s *Snapshot) lists(w *standing) bool {
	return w.readable() && s.judge(w).Allowed()
}

// cascading returns where bindings alone allow listing. What is bound changes
// only where a bound subtree begins or ends, so one question answers for all
// spaces between two such bounds.
func (s *Snapshot) cascading(h *holder, sources []source, a Action, now int64) []span {
	bounds := make([]int32, 0, 2*len(sources))
	for _, src := range sources {
		bounds = append(bounds, src.space, s.spaces[src.space].end)
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	flat := *h
	flat.climbs = false
	var in []span
	for i := 0; i+1 < len(bounds); i++ {
		w := s.weigh(&flat, a, bounds[i], EntityRef{}, now)
		if s.lists(&w) {
			in = append(in, span{bounds[i], bounds[i+1]})
		}
	}
	return merge(in)
}

// climbing returns the single spaces that list because space:read climbs to
// them (R14).
func (s *Snapshot) climbing(h *holder, sources []source, a Action, now int64) []span {
	var in []span
	asked := make(map[int32]bool)
	for _, src := range sources {
		if !s.readsBy(src) {
			continue
		}
		for at := src.space; s.spaces[at].inherit && !asked[at]; {
			asked[at] = true
			at = s.spaces[at].parent
			w := s.weigh(h, a, at, EntityRef{}, now)
			if s.lists(&w) {
				in = append(in, span{at, at + 1})
			}
		}
	}
	return in
}

// merge sorts intervals and joins those that touch or overlap.
func merge(in []span) []span {
	slices.SortFunc(in, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	out := in[:0]
	for _, r := range in {
		if n := len(out); n > 0 && r.from <= out[n-1].to {
			out[n-1].to = max(out[n-1].to, r.to)
			continue
		}
		out = append(out, r)
	}
	return out
}

// Entities returns the ids, sorted, of the entities of a kind that a subject
// may list under an action by a binding to the entity itself (R24), whether or
// not their spaces are in Spaces. What the subject holds in the entity's space
// counts with it where the snapshot knows that space.
func (s *Snapshot) Entities(sub Subject, kind EntityKind, a Action, now time.Time) []string {
	if sub.ReadOnly && !a.Reads() {
		return nil
	}
	n := instant(now)
	h := s.resolve(&sub, n)
	var ids []string
	for _, l := range s.heldLocally(&h, n) {
		if l.entity.Kind != kind {
			continue
		}
		flat := h
		flat.climbs = h.climbs && l.home != nowhere
		w := s.weigh(&flat, a, l.home, l.entity, n)
		if s.lists(&w) {
			ids = append(ids, l.entity.ID)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// RoleSlugs returns the slugs, sorted and each once, of the roles attached to
// a subject: its own and its groups' unexpired bindings, or its session's
// grants; nil if there are none (A264). An administrative stack answers Space
// admin, which is what it acts with (A143).
func (s *Snapshot) RoleSlugs(sub Subject, now time.Time) []string {
	n := instant(now)
	h := s.resolve(&sub, n)
	sources := s.held(&h, n)
	for _, l := range s.heldLocally(&h, n) {
		sources = append(sources, l.source)
	}
	var slugs []string
	for _, src := range sources {
		if src.role == builtinAdmin && sub.Actor.Kind != ActorStack {
			continue // A93 is not an attachment
		}
		if slug := s.roles[src.role].slug; slug != "" {
			slugs = append(slugs, slug)
		}
	}
	slices.Sort(slugs)
	return slices.Compact(slugs)
}
