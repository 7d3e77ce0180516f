package authz

// Holder is a subject that one snapshot has recognised: what it holds is
// found, without yet looking at any target (step 2). It answers many questions
// of one request or session faster than the snapshot does from a Subject. It
// is valid as long as the snapshot; make another one from a newer snapshot.
type Holder struct {
	s *Snapshot
	// entries are the bindings of every carrier whose run is not long, one run
	// after the other, and then the grants of a session.
	entries  []entry
	notAfter int64
	admin    int32 // space where a flag or A93 gives Space admin, or nowhere
	own      int32 // node with its own bindings, or nowhere
	kind     ActorKind
	climbs   bool // derived read applies (R14)
	readOnly bool
	long     bool    // some carrier's run is long
	member   []int32 // nodes of groups that the world lists
	names    []int32 // nodes of groups that the subject brings
}

// Holder recognises a subject.
func (s *Snapshot) Holder(sub Subject) Holder {
	return s.hold(&sub, nil, nil)
}

// fewNames and fewEntries are how many groups of a subject and bindings a
// question by a Subject handles without allocating.
const (
	fewNames   = 8
	fewEntries = 24
)

// hold recognises a subject. The lists are used for what has no place in the
// snapshot, and grow if they must.
func (s *Snapshot) hold(sub *Subject, names []int32, entries []entry) Holder {
	h := s.holderOf(sub.Actor.Kind, s.findActor(sub.Actor))
	h.readOnly = sub.ReadOnly
	if sub.SessionOnly && h.kind != ActorStack {
		h.own, h.member = nowhere, nil
	}
	if h.kind != ActorStack && h.kind != ActorGroup {
		names, entries = s.bring(&h, sub, names, entries)
	}
	h.names = names
	h.entries = s.gather(&h, entries)
	return h
}

// holderOf makes a holder of an actor as the world knows it, without its
// entries. The node may be nowhere.
func (s *Snapshot) holderOf(kind ActorKind, n int32) Holder {
	h := Holder{s: s, own: n, admin: nowhere, notAfter: forever, kind: kind, climbs: kind != ActorStack}
	if n == nowhere {
		return h
	}
	switch kind {
	case ActorStack:
		if s.node(n).flags&nodeAdministrative != 0 {
			h.admin, h.own = s.node(n).home, nowhere
		}
	case ActorGroup:
		h.own = s.node(n).home
	default: // a user or a key
		h.notAfter, h.member = s.notAfter(n), s.members(n)
	}
	return h
}

// bring adds what a user or a key brings by itself.
func (s *Snapshot) bring(h *Holder, sub *Subject, names []int32, entries []entry) ([]int32, []entry) {
	if sub.AlwaysAdmin {
		h.admin = rootNumber
	}
	if sub.SessionOnly {
		for _, g := range sub.Session {
			entries = s.appendGrant(entries, g)
		}
		return names, entries
	}
	for _, name := range sub.Groups {
		if n := s.find(nodeName, name); n != nowhere {
			names = append(names, n)
		}
	}
	return names, entries
}

// appendGrant resolves a session's grant; it leaves out one that names a role
// or a space that is not there (R10).
func (s *Snapshot) appendGrant(list []entry, g Grant) []entry {
	r, ok := s.roles.number(g.Role)
	if !ok {
		return list
	}
	at := s.tree.number(g.Space)
	if at == nowhere {
		return list
	}
	return append(list, entryAt(s.tree, at, r))
}

// gather appends the bindings of all carriers. A holder has carriers or a
// session.
func (s *Snapshot) gather(h *Holder, list []entry) []entry {
	for i := range h.carriers() {
		n := h.carrier(i)
		if n == nowhere {
			continue
		}
		r := s.run(n)
		if r.order != nil {
			h.long = true
			continue
		}
		list = append(list, r.entries[r.from:r.to]...)
	}
	return list
}

// carriers is how many runs a holder has at most: its own and its groups'.
func (h *Holder) carriers() int { return 1 + len(h.member) + len(h.names) }

// carrier returns the node of one of a holder's runs; number 0 is its own.
func (h *Holder) carrier(i int) int32 {
	switch i--; {
	case i < 0:
		return h.own
	case i < len(h.member):
		return h.member[i]
	default:
		return h.names[i-len(h.member)]
	}
}

// locate finds the binding that the i-th entry of a holder is; without a
// carrier if it is a grant of a session.
func (s *Snapshot) locate(h *Holder, i int32) source {
	src := source{carrier: nowhere, role: h.entries[i].role, space: h.entries[i].pre}
	if h.entries[i].local() {
		src.space = nowhere
	}
	for c := range h.carriers() {
		n := h.carrier(c)
		if n == nowhere {
			continue
		}
		r := s.run(n)
		switch {
		case r.order != nil:
		case i < r.to-r.from:
			src.carrier, src.at = n, i
			return src
		default:
			i -= r.to - r.from
		}
	}
	return src
}

// until returns the last instant of the i-th entry of a holder.
func (s *Snapshot) until(h *Holder, i int32) int64 {
	src := s.locate(h, i)
	r := s.run(src.carrier)
	return r.until(r.from + src.at)
}

// Place is a target that one snapshot has found. It is valid for holders of
// the same snapshot only; others are denied there.
type Place struct {
	s      *Snapshot
	at     int32  // number of the space, or nowhere
	below  int32  // the climb numbers from here on climb to it,
	width  uint32 // as many
	entity int32  // node, or nowhere
}

// Place finds a target.
func (s *Snapshot) Place(t Target) Place {
	p := s.placeAt(s.tree.number(t.Space))
	if t.Entity.Kind != EntityNone {
		p.entity = s.findEntity(t.Entity)
	}
	return p
}

// placeAt is a space, which may be nowhere, by its number.
func (s *Snapshot) placeAt(space int32) Place {
	p := Place{s: s, at: space, entity: nowhere}
	if space != nowhere {
		sp := &s.tree.spaces[space]
		p.below, p.width = sp.climb+1, uint32(sp.span-1)
	}
	return p
}
