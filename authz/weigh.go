package authz

// holder is a subject resolved against one snapshot: what it holds, without
// yet looking at any target (step 2).
type holder struct {
	admin    int32 // space where a flag or A93 gives Space admin, or nowhere
	own      run
	member   []run    // of the groups that the world lists
	groups   []string // names that the subject brings
	session  []Grant
	climbs   bool // derived read applies (R14)
	readOnly bool
	lapsed   bool // the actor has expired: it holds nothing
}

func (s *Snapshot) resolve(sub *Subject, now int64) holder {
	h := holder{admin: nowhere, readOnly: sub.ReadOnly}
	switch sub.Actor.Kind {
	case ActorStack:
		if at, ok := s.flagged[sub.Actor.ID]; ok {
			h.admin = at
		} else {
			h.own = s.runOf(sub.Actor)
		}
		return h
	case ActorGroup:
		h.climbs = true
		if !sub.SessionOnly {
			h.own = s.runOf(sub.Actor)
		}
		return h
	default: // a user or a key
	}
	known, ok := s.actors[sub.Actor]
	if ok && known.notAfter < now {
		h.lapsed = true
		return h
	}
	h.climbs = true
	if sub.AlwaysAdmin {
		h.admin = rootNumber
	}
	if sub.SessionOnly {
		h.session = sub.Session
		return h
	}
	h.own = s.runOf(sub.Actor)
	h.member, h.groups = known.groups, sub.Groups
	return h
}

// carriers is how many runs a holder has at most: its own and its groups'.
func (h *holder) carriers() int { return 1 + len(h.member) + len(h.groups) }

// carrier returns one of a holder's runs; number 0 is its own.
func (s *Snapshot) carrier(h *holder, i int) run {
	switch i--; {
	case i < 0:
		return h.own
	case i < len(h.member):
		return h.member[i]
	default:
		return s.groups[h.groups[i-len(h.member)]]
	}
}

// sessionGrant resolves a session's grant; ok is false if it names a role or
// a space that is not there (R10).
func (s *Snapshot) sessionGrant(g Grant) (src source, ok bool) {
	r, ok := s.roleIDs[g.Role]
	if !ok {
		if r, ok = s.slugs[g.Role]; !ok {
			return source{}, false
		}
	}
	at, ok := s.index[g.Space]
	return source{role: r, space: at}, ok
}

// standing is what a subject holds in one place: eff() and tier() of the
// decision procedure, and which sources they come from.
type standing struct {
	action  Action // the one whose source is wanted
	now     int64
	set     ActionSet // by bindings, without derived read
	derived bool      // space:read by R14
	tier    Tier
	named   source // first source whose role names action, if isNamed
	tiered  source // first source of the tier, if there is one
	isNamed bool
	lapsed  bool // an expired binding was passed over
}

func (w *standing) add(r *role, src source, notAfter int64) {
	if notAfter < w.now {
		w.lapsed = true
		return
	}
	for i := range w.set {
		w.set[i] |= r.actions[i]
	}
	if !w.isNamed && r.actions.Has(w.action) {
		w.named, w.isNamed = src, true
	}
	if r.tier > w.tier {
		w.tier, w.tiered = r.tier, src
	}
}

// readable reports whether space:read is effective (step 6).
func (w *standing) readable() bool { return w.derived || w.set.Has(ActionSpaceRead) }

// weigh gathers a subject's standing at a space, or on an entity in it, at an
// instant (steps 3 and 4). It allocates nothing.
func (s *Snapshot) weigh(h *holder, a Action, at int32, e EntityRef, now int64) standing {
	w := standing{action: a, now: now}
	if h.admin != nowhere && s.encloses(h.admin, at) {
		w.add(&s.roles[builtinAdmin], source{role: builtinAdmin, space: h.admin}, forever)
	}
	for i := range h.carriers() {
		r := s.carrier(h, i)
		if e.Kind != EntityNone && r.locals.from < r.locals.to {
			s.weighLocals(&w, r.locals, e)
		}
		s.weighGrants(&w, r.grants, at)
	}
	for _, g := range h.session {
		if src, ok := s.sessionGrant(g); ok && s.encloses(src.space, at) {
			w.add(&s.roles[src.role], src, forever)
		}
	}
	if h.climbs && !w.set.Has(ActionSpaceRead) {
		w.derived = s.climbsTo(h, &w, at)
	}
	return w
}

// weighGrants adds the grants of a run that are bound at a space or above it,
// nearest first (A27).
func (s *Snapshot) weighGrants(w *standing, in span, at int32) {
	lo, hi := in.from, in.to // the grants before lo are bound at or before at
	for lo < hi {
		mid := int32(uint32(lo+hi) >> 1)
		if s.grants[mid].space <= at {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo == in.from {
		return
	}
	for i := lo - 1; i != nowhere; {
		g := &s.grants[i]
		if at < g.end {
			w.add(&s.roles[g.role], g.source, g.notAfter)
		}
		i = g.up
	}
}

// weighLocals adds the bindings of a run to the entity itself (R24).
func (s *Snapshot) weighLocals(w *standing, in span, e EntityRef) {
	locals := s.locals[in.from:in.to]
	lo, hi := 0, len(locals)
	for lo < hi {
		mid := (lo + hi) / 2
		if l := locals[mid].entity; l.Kind < e.Kind || l.Kind == e.Kind && l.ID < e.ID {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for ; lo < len(locals) && locals[lo].entity == e; lo++ {
		w.add(&s.roles[locals[lo].role], locals[lo].source, locals[lo].notAfter)
	}
}

// climbsTo reports whether space:read climbs to a space from a binding below
// it (R14). It notes a binding that would have, had it not expired.
func (s *Snapshot) climbsTo(h *holder, w *standing, at int32) bool {
	sp := &s.spaces[at]
	if sp.climbEnd == sp.climb+1 {
		return false
	}
	for i := range h.carriers() {
		if s.climbsIn(w, s.carrier(h, i).climbs, sp) {
			return true
		}
	}
	for _, g := range h.session {
		src, ok := s.sessionGrant(g)
		if !ok || !s.roles[src.role].actions.Has(ActionSpaceRead) {
			continue
		}
		if from := s.spaces[src.space].climb; sp.climb < from && from < sp.climbEnd {
			return true
		}
	}
	return false
}

func (s *Snapshot) climbsIn(w *standing, in span, sp *space) bool {
	lo, hi := in.from, in.to // the climbs before lo are at or before sp.climb
	for lo < hi {
		mid := int32(uint32(lo+hi) >> 1)
		if s.climbs[mid].at <= sp.climb {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	for ; lo < in.to && s.climbs[lo].at < sp.climbEnd; lo++ {
		if s.climbs[lo].notAfter >= w.now {
			return true
		}
		w.lapsed = true
	}
	return false
}
