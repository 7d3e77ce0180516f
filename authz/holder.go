package authz

// Holder is a subject that one snapshot has recognised: what it holds is
// found, without yet looking at any target (step 2). It answers many questions
// of one request or session faster than the snapshot does from a Subject. It
// is valid as long as the snapshot; make another one from a newer snapshot.
type Holder struct {
	s *Snapshot
	// entries are the grants of a session or, of a holder that is gathered, the
	// bindings of every carrier whose run is not long, one run after the other.
	entries  []entry
	notAfter int64
	admin    int32 // space where a flag or A93 gives Space admin, or nowhere
	own      int32 // node with its own bindings, or nowhere
	kind     ActorKind
	climbs   bool // derived read applies (R14)
	readOnly bool
	gathered bool
	long     bool    // some carrier's run is long; known when gathered
	member   []int32 // nodes of groups that the world lists
	names    []int32 // nodes of groups that the subject brings
}

// Holder recognises a subject.
func (s *Snapshot) Holder(sub Subject) Holder {
	var h Holder
	h.names, h.entries = s.recognise(&h, &sub, nil, nil)
	h.entries = s.gather(&h, h.entries)
	return h
}

// fewNames and fewGrants are how many groups that a subject brings, and how
// many grants, a question by a Subject handles without allocating.
const (
	fewNames  = 8
	fewGrants = 8
)

// fewEntries is how many bindings a question that must gather them handles
// without allocating for it.
const fewEntries = 24

// recognise makes a holder one of a subject, in place: copying what was just
// written would wait for it. It returns the lists for the holder's names and
// entries, which stay on the caller's stack if they have room there.
func (s *Snapshot) recognise(h *Holder, sub *Subject, names []int32, entries []entry) ([]int32, []entry) {
	return s.hold(h, sub, s.findActor(sub.Actor), names, entries)
}

// hold is recognise for an actor that is found.
func (s *Snapshot) hold(h *Holder, sub *Subject, n int32, names []int32, entries []entry) ([]int32, []entry) {
	s.identify(h, sub.Actor.Kind, n)
	h.readOnly = sub.ReadOnly
	if sub.SessionOnly && h.kind != ActorStack {
		h.own, h.member = nowhere, nil
	}
	if h.kind != ActorStack && h.kind != ActorGroup {
		return s.bring(h, sub, names, entries)
	}
	return names, entries
}

// identify makes a holder one of an actor as the world knows it. The node may
// be nowhere.
func (s *Snapshot) identify(h *Holder, kind ActorKind, n int32) {
	h.s, h.own, h.admin, h.notAfter = s, n, nowhere, forever
	h.kind, h.climbs = kind, kind != ActorStack
	if n == nowhere {
		return
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

// gather appends the bindings of all carriers, for a holder that is asked more
// than once. A holder has carriers or a session.
func (s *Snapshot) gather(h *Holder, list []entry) []entry {
	h.gathered = true
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

// locate finds the binding that the i-th entry of a gathered holder is; without
// a carrier if it is a grant of a session.
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

// until returns the last instant of the i-th entry of a gathered holder.
func (s *Snapshot) until(h *Holder, i int32) int64 { return s.runUntil(s.locate(h, i)) }

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
	var p Place
	p.find(s, &t, s.tree.number(t.Space))
	return p
}

// find makes a place that of a target in a space that is found.
func (p *Place) find(s *Snapshot, t *Target, space int32) {
	p.set(s, space)
	if t.Entity.Kind != EntityNone {
		p.entity = s.findEntity(t.Entity)
	}
}

// set makes a place that of a space, which may be nowhere, by its number.
func (p *Place) set(s *Snapshot, space int32) {
	p.s, p.at, p.entity = s, space, nowhere
	if space != nowhere {
		sp := &s.tree.spaces[space]
		p.below, p.width = sp.climb+1, uint32(sp.span-1)
	}
}

// placeAt returns the place of a space, which may be nowhere, by its number.
func (s *Snapshot) placeAt(space int32) (p Place) {
	p.set(s, space)
	return p
}
