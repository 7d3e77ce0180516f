package authz

import (
	"cmp"
	"iter"
	"slices"
	"time"
)

// SpaceSet is a set of spaces of one snapshot, as intervals of the snapshot's
// numbers for spaces, which are in preorder with siblings by id. The zero value
// is empty.
type SpaceSet struct {
	// All means every space, including those created after the snapshot: what
	// allows it is bound at root and cascades.
	All bool
	s   *Snapshot
	in  []span // ascending, disjoint, not touching
}

type span struct{ from, to int32 }

// Contains reports whether the space is in the set; a space that the snapshot
// does not know is not, whatever All says.
func (ss SpaceSet) Contains(id string) bool {
	if len(ss.in) == 0 {
		return false
	}
	at := ss.s.tree.number(id)
	i, _ := slices.BinarySearchFunc(ss.in, at, func(r span, at int32) int {
		if r.to <= at {
			return -1
		}
		return 1
	})
	return at != nowhere && i < len(ss.in) && ss.in[i].from <= at
}

// Len returns how many spaces the snapshot has in the set.
func (ss SpaceSet) Len() int {
	n := 0
	for _, r := range ss.in {
		n += int(r.to - r.from)
	}
	return n
}

// Empty reports whether the set has no spaces.
func (ss SpaceSet) Empty() bool { return len(ss.in) == 0 }

// IDs returns the ids of the set in preorder, also if All is set; nil if it is
// empty.
func (ss SpaceSet) IDs() []string {
	if ss.Empty() {
		return nil
	}
	ids := make([]string, 0, ss.Len())
	for _, r := range ss.in {
		for at := r.from; at < r.to; at++ {
			ids = append(ids, ss.s.tree.id(at))
		}
	}
	return ids
}

// SpaceTop is a space of a set with how many of the spaces below it are in the
// set, too, without a gap in the order of preorder numbers.
type SpaceTop struct {
	Space string
	Below int
}

// Tops returns up to n spaces of the set that stand for all of it: each with
// those below it, in preorder.
func (ss SpaceSet) Tops(n int) (list []SpaceTop) {
	for _, r := range ss.in {
		for at := r.from; at < r.to && len(list) < n; {
			end := min(at+ss.s.tree.spaces[at].size, r.to)
			list = append(list, SpaceTop{ss.s.tree.id(at), int(end - at - 1)})
			at = end
		}
	}
	return list
}

// Intervals yields the set as pairs of numbers, the first one of an interval
// and the one after its last, ascending. SpaceNumber gives the number of one
// space.
func (ss SpaceSet) Intervals() iter.Seq2[int, int] {
	return func(yield func(from, to int) bool) {
		for _, r := range ss.in {
			if !yield(int(r.from), int(r.to)) {
				return
			}
		}
	}
}

// SpaceNumber returns the number of a space in this snapshot; ok is false if
// it has none. Other snapshots number otherwise.
func (s *Snapshot) SpaceNumber(id string) (n int, ok bool) {
	at := s.tree.number(id)
	return int(at), at != nowhere
}

// Spaces returns the spaces whose objects a subject may list under an action:
// those where space:read is effective and the action is allowed (R5). Entities
// that are shown by bindings of their own come from Entities.
func (s *Snapshot) Spaces(sub Subject, a Action, now time.Time) SpaceSet {
	var h Holder
	h.names, h.entries = s.recognise(&h, &sub, make([]int32, 0, fewNames), make([]entry, 0, fewEntries))
	h.entries = s.gather(&h, h.entries)
	return s.spaces(&h, a, instant(now))
}

// Spaces is Snapshot.Spaces of the holder.
func (h *Holder) Spaces(a Action, now time.Time) SpaceSet { return h.s.spaces(h, a, instant(now)) }

func (s *Snapshot) spaces(h *Holder, a Action, now int64) SpaceSet {
	set := SpaceSet{s: s}
	if h.readOnly && !a.Reads() {
		return set
	}
	room := flat{stretches: make([]stretch, 0, 32), points: make([]int32, 0, 64)}
	f := s.flatten(h, room, s.live(h, make([]entry, 0, 32), now))
	set.in = make([]span, 0, len(f.stretches)+len(f.points))
	points := f.points
	for i := range f.stretches {
		st := &f.stretches[i]
		for len(points) > 0 && points[0] < st.from {
			if a == ActionSpaceRead {
				set.in = extend(set.in, points[0], points[0]+1)
			}
			points = points[1:]
		}
		if st.reads() && st.allows(a) {
			set.in = extend(set.in, st.from, st.to)
			continue
		}
		for len(points) > 0 && points[0] < st.to {
			if a == ActionSpaceRead || st.allows(a) {
				set.in = extend(set.in, points[0], points[0]+1)
			}
			points = points[1:]
		}
	}
	// What is bound at root cascades to every space, and nothing else does.
	set.All = len(set.in) == 1 && set.in[0] == span{0, int32(len(s.tree.spaces))} && len(f.points) == 0
	return set
}

// allows reports whether the bindings allow an action where space:read is
// effective.
func (st *stretch) allows(a Action) bool { return st.set.Has(a) || st.tier.covers(a.Fallback()) }

// extend appends an interval that begins at the end of the last one or later.
func extend(in []span, from, to int32) []span {
	if n := len(in); n > 0 && in[n-1].to == from {
		in[n-1].to = to
		return in
	}
	return append(in, span{from, to})
}

// Entities returns the ids, sorted, of the entities of a kind that a subject
// may list under an action by a binding to the entity itself (R24), whether or
// not their spaces are in Spaces. What the subject holds in the entity's space
// counts with it where the snapshot knows that space.
func (s *Snapshot) Entities(sub Subject, kind EntityKind, a Action, now time.Time) []string {
	if sub.ReadOnly && !a.Reads() || kind == EntityNone || kind >= boundKinds {
		return nil
	}
	h := s.Holder(sub)
	n := instant(now)
	var ids []string
	for _, e := range s.live(&h, nil, n) {
		if !e.local() || s.node(e.pre).kind != entityNode(kind) {
			continue
		}
		p := s.placeAt(s.node(e.pre).home)
		p.entity = e.pre
		w := standing{action: a, now: n}
		s.weigh(&h, &w, &p)
		if w.readable() && w.judge() >= ReasonByName {
			ids = append(ids, s.nodeID(e.pre))
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
	h := s.Holder(sub)
	if h.kind != ActorStack {
		h.admin = nowhere // A93 is not an attachment
	}
	live := s.live(&h, nil, instant(now))
	slices.SortFunc(live, func(a, b entry) int { return cmp.Compare(a.role, b.role) })
	var slugs []string
	for _, e := range slices.CompactFunc(live, func(a, b entry) bool { return a.role == b.role }) {
		if slug := s.roles.list[e.role].slug; slug != "" {
			slugs = append(slugs, slug)
		}
	}
	slices.Sort(slugs)
	return slices.Compact(slugs)
}
