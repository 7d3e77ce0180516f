package authz

import (
	"cmp"
	"math/bits"
	"slices"
)

// piece is an interval of spaces with what is allowed there.
type piece struct {
	from, to int32
	allowed  ActionSet
}

// comparison compares what actors may before and after, one at a time. It
// keeps its lists.
type comparison struct {
	*diffing
	entries, live []entry
	regions       []span
	flat          flat
	was, is       []piece
	effects       []Effect
	first         int // of the effects of the actor that is compared
}

// chunk compares the actors of a chunk.
func (w *comparison) chunk(c int32) {
	var marked [concerns]uint64
	any := uint64(0)
	for how := range marked {
		marked[how] = w.concerned(c, &w.marks[how])
		any |= marked[how]
	}
	for ; any != 0; any &= any - 1 {
		slot := bits.TrailingZeros64(any)
		n := c<<chunkBits + int32(slot)
		is := func(how int) bool { return marked[how]&(1<<slot) != 0 }
		w.first = len(w.effects)
		switch {
		case is(concernAll) || is(concernRole) && is(concernClimb):
			w.actor(n, false)
		case is(concernRole):
			w.actor(n, true)
		case is(concernClimb):
			w.climbs(n)
		}
		for i := range w.moves {
			w.entity(n, w.moves[i].entity, true)
		}
	}
}

// climbs compares what an actor may where space:read climbs.
func (w *comparison) climbs(n int32) {
	for _, p := range w.points {
		was, is := w.at(w.before, n, p.was), w.at(w.after, n, p.is)
		if was == is {
			continue
		}
		s, at := w.after, p.is
		if at == nowhere {
			s, at = w.before, p.was
		}
		w.effect(n, s, at, at+1, is.minus(was), was.minus(is))
	}
	var locals []int32
	for _, s := range []*Snapshot{w.before, w.after} {
		if h, ok := w.holder(s, n); ok {
			w.live = s.live(&h, w.live[:0], w.now)
			locals = w.bound(locals)
		}
	}
	w.entities(n, locals)
}

// bound appends the entities that the live bindings are to.
func (w *comparison) bound(list []int32) []int32 {
	for i := range w.live {
		if w.live[i].local() {
			list = append(list, w.live[i].pre)
		}
	}
	return list
}

// entities compares what an actor may on entities that it is bound to.
func (w *comparison) entities(n int32, list []int32) {
	slices.Sort(list)
	for _, e := range slices.Compact(list) {
		if !slices.ContainsFunc(w.moves, func(m move) bool { return m.entity == e }) {
			w.entity(n, e, false)
		}
	}
}

// at returns what an actor may in a space, which may be nowhere.
func (w *comparison) at(s *Snapshot, n, space int32) ActionSet {
	h, ok := w.holder(s, n)
	if !ok || space == nowhere {
		return ActionSet{}
	}
	p := s.placeAt(space)
	return s.allowedIn(&h, &p, w.now)
}

// holder makes a holder of a node, if it is an actor there.
func (w *comparison) holder(s *Snapshot, n int32) (Holder, bool) {
	if n >= s.count || s.node(n).kind > nodeStack {
		return Holder{}, false
	}
	var h Holder
	s.identify(&h, ActorKind(s.node(n).kind), n)
	w.entries = s.gather(&h, w.entries[:0])
	h.entries = w.entries
	return h, true
}

// actor compares everything that an actor may, or only what it may where it has
// the roles that change.
func (w *comparison) actor(n int32, roles bool) {
	var locals []int32
	w.was, locals = w.pieces(w.before, n, roles, w.was[:0], locals)
	w.is, locals = w.pieces(w.after, n, roles, w.is[:0], locals)
	if w.becomes != nil {
		w.renumber(n)
	}
	w.sweep(n)
	w.entities(n, locals)
}

// pieces lists what an actor may in the spaces of a snapshot, and the entities
// that it is bound to.
func (w *comparison) pieces(s *Snapshot, n int32, roles bool, list []piece, locals []int32) ([]piece, []int32) {
	h, ok := w.holder(s, n)
	if !ok {
		return list, locals
	}
	w.live = s.live(&h, w.live[:0], w.now)
	locals = w.bound(locals)
	if roles {
		w.clip()
	}
	w.flat = s.flatten(&h, w.flat, w.live)
	points := w.flat.points
	read := h.allowed(ActionSet{}, TierNone, true)
	for i := range w.flat.stretches {
		st := &w.flat.stretches[i]
		for ; len(points) > 0 && points[0] < st.from; points = points[1:] {
			list = append(list, piece{points[0], points[0] + 1, read})
		}
		at, here := st.from, h.allowed(st.set, st.tier, false)
		for ; len(points) > 0 && points[0] < st.to; points = points[1:] {
			if points[0] > at {
				list = append(list, piece{at, points[0], here})
			}
			at = points[0] + 1
			list = append(list, piece{points[0], at, h.allowed(st.set, st.tier, true)})
		}
		if at < st.to {
			list = append(list, piece{at, st.to, here})
		}
	}
	return list, locals
}

// clip leaves of the live bindings those that count where a role is bound that
// changes. What they leave out is the same before and after.
func (w *comparison) clip() {
	w.regions = w.regions[:0]
	for i := range w.live {
		if e := &w.live[i]; w.roles[e.role] {
			w.regions = append(w.regions, span{e.pre, e.pre + e.size})
		}
	}
	w.live = slices.DeleteFunc(w.live, func(e entry) bool {
		return !slices.ContainsFunc(w.regions, func(r span) bool {
			return covers(&e, r.from) || e.pre >= r.from && e.pre < r.to
		})
	})
}

// renumber gives the pieces before the numbers after. What was allowed in
// spaces that are gone is lost.
func (w *comparison) renumber(n int32) {
	old := slices.Clone(w.was)
	w.was = w.was[:0]
	blocks := w.blocks
	for _, p := range old {
		for len(blocks) > 0 && blocks[0].to <= p.from {
			blocks = blocks[1:]
		}
		for _, b := range blocks {
			if b.from >= p.to {
				break
			}
			from, to := max(p.from, b.from), min(p.to, b.to)
			if b.becomes == nowhere {
				w.effect(n, w.before, from, to, ActionSet{}, p.allowed)
				continue
			}
			by := b.becomes - b.from
			w.was = append(w.was, piece{from + by, to + by, p.allowed})
		}
	}
	slices.SortFunc(w.was, func(a, b piece) int { return cmp.Compare(a.from, b.from) })
}

// sweep goes through both lists of pieces at once.
func (w *comparison) sweep(n int32) {
	was, is := w.was, w.is
	for at := int32(0); len(was) > 0 || len(is) > 0; {
		to := int32(len(w.after.tree.spaces))
		a, b := allowedAt(&was, at, &to), allowedAt(&is, at, &to)
		if a != b {
			w.effect(n, w.after, at, to, b.minus(a), a.minus(b))
		}
		at = to
	}
}

// allowedAt returns what pieces allow at a space, and lowers to to where that
// ends. It drops pieces that are over.
func allowedAt(list *[]piece, at int32, to *int32) ActionSet {
	for len(*list) > 0 && (*list)[0].to <= at {
		*list = (*list)[1:]
	}
	if len(*list) == 0 {
		return ActionSet{}
	}
	p := &(*list)[0]
	if p.from > at {
		*to = min(*to, p.from)
		return ActionSet{}
	}
	*to = min(*to, p.to)
	return p.allowed
}

// effect notes a gain or loss in spaces, with those of the actor that are alike.
func (w *comparison) effect(n int32, s *Snapshot, from, to int32, gained, lost ActionSet) {
	for i := w.first; i < len(w.effects); i++ {
		if e := &w.effects[i]; e.Gained == gained && e.Lost == lost && e.Spaces.s == s {
			e.Spaces.in = extend(e.Spaces.in, from, to)
			return
		}
	}
	w.effects = append(w.effects, Effect{
		Actor: w.actorRef(n), Spaces: SpaceSet{s: s, in: []span{{from, to}}}, Gained: gained, Lost: lost,
	})
}

func (w *comparison) actorRef(n int32) ActorRef {
	if n < w.after.count && w.after.node(n).kind != nodeFree {
		return w.after.actorRef(n)
	}
	return w.before.actorRef(n)
}

// entity compares what an actor may on an entity, and notes what is another
// gain or loss than in its space, if it stays there.
func (w *comparison) entity(n, entity int32, moved bool) {
	wasAll, wasSpace := w.on(w.before, n, entity)
	isAll, isSpace := w.on(w.after, n, entity)
	gained, lost := isAll.minus(wasAll), wasAll.minus(isAll)
	alike := gained == isSpace.minus(wasSpace) && lost == wasSpace.minus(isSpace)
	if gained.Empty() && lost.Empty() || alike && !moved {
		return
	}
	s := w.after
	if entity >= s.count || s.node(entity).kind == nodeFree {
		s = w.before
	}
	w.effects = append(w.effects, Effect{Actor: w.actorRef(n), Entity: s.entityRef(entity), Gained: gained, Lost: lost})
}

// on returns what an actor may on an entity, and what in its space.
func (w *comparison) on(s *Snapshot, n, entity int32) (there, around ActionSet) {
	h, ok := w.holder(s, n)
	if !ok || entity >= s.count {
		return there, around
	}
	at := nowhere
	if nd := s.node(entity); nd.kind != nodeFree {
		at = nd.home
	}
	p := s.placeAt(at)
	around = s.allowedIn(&h, &p, w.now)
	p.entity = entity
	return s.allowedIn(&h, &p, w.now), around
}
