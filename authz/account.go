package authz

import "time"

// DecideAccount answers whether a subject may do what is account-wide: manage
// roles, users, keys, sign-in and the like (step 5). It takes space:read and
// space:admin effective at root, by whatever role (A88). A read-only subject
// may not.
//
// A denial is Forbidden if the subject sees root, holds any action there, or
// has the views of DecideAccountView.
func (s *Snapshot) DecideAccount(sub Subject, now time.Time) Decision {
	n := instant(now)
	h := s.resolve(&sub, n)
	w := s.weigh(&h, ActionSpaceAdmin, rootNumber, EntityRef{}, n)
	d := s.judgeAccount(&w)
	if d.Allowed() && !sub.ReadOnly {
		return d
	}
	if d.Allowed() {
		d = Decision{Reason: ReasonReadOnlyToken}
	} else if (w.lapsed || h.lapsed) && !sub.ReadOnly {
		always := s.resolve(&sub, everlasting)
		full := s.weigh(&always, ActionSpaceAdmin, rootNumber, EntityRef{}, everlasting)
		if s.judgeAccount(&full).Allowed() {
			d.Reason = ReasonExpired
		}
	}
	d.Outcome = w.denial(&h)
	if d.Outcome == Hidden && s.viewsAccount(&h, w.now).Allowed() {
		d.Outcome = Forbidden
	}
	return d
}

// DecideAccountView answers whether a subject may view roles, users, keys and
// group mappings, which are account-wide: space:read and space:admin effective
// in any one space (A78). A denial is Forbidden if the subject sees root or
// holds any action there.
func (s *Snapshot) DecideAccountView(sub Subject, now time.Time) Decision {
	at := instant(now)
	h := s.resolve(&sub, at)
	if d := s.viewsAccount(&h, at); d.Allowed() {
		return d
	}
	w := s.weigh(&h, ActionSpaceAdmin, rootNumber, EntityRef{}, at)
	d := Decision{Outcome: w.denial(&h), Reason: ReasonNotGranted}
	h = s.resolve(&sub, everlasting)
	if s.viewsAccount(&h, everlasting).Allowed() {
		d.Reason = ReasonExpired
	}
	return d
}

func (s *Snapshot) judgeAccount(w *standing) Decision {
	switch {
	case !w.isNamed:
		return Decision{Reason: ReasonNotGranted}
	case !w.readable():
		return Decision{Reason: ReasonNoBaseline}
	default:
		return s.allow(ReasonByTier, TierAdmin, w.named)
	}
}

// viewsAccount looks at each space where Admin is bound: space:read may be
// effective there, or be bound at a space below, to which Admin cascades.
func (s *Snapshot) viewsAccount(h *holder, now int64) Decision {
	for _, src := range s.held(h, now) {
		if s.roles[src.role].tier != TierAdmin {
			continue
		}
		w := s.weigh(h, ActionSpaceAdmin, src.space, EntityRef{}, now)
		if w.readable() || s.readsBelow(h, src.space, now) {
			return s.allow(ReasonByTier, TierAdmin, src)
		}
	}
	return Decision{}
}

// held lists the live sources of a subject that are bound to spaces.
func (s *Snapshot) held(h *holder, now int64) []source {
	var list []source
	if h.admin != nowhere {
		list = append(list, source{role: builtinAdmin, space: h.admin})
	}
	for i := range h.carriers() {
		r := s.carrier(h, i).grants
		for _, g := range s.grants[r.from:r.to] {
			if g.notAfter >= now {
				list = append(list, g.source)
			}
		}
	}
	for _, g := range h.session {
		if src, ok := s.sessionGrant(g); ok {
			list = append(list, src)
		}
	}
	return list
}

// heldLocally lists the live bindings of a subject to entities.
func (s *Snapshot) heldLocally(h *holder, now int64) []local {
	var list []local
	for i := range h.carriers() {
		r := s.carrier(h, i).locals
		for _, l := range s.locals[r.from:r.to] {
			if l.notAfter >= now {
				list = append(list, l)
			}
		}
	}
	return list
}

// readsBelow reports whether a live source with space:read is bound to a
// space strictly below the given one.
func (s *Snapshot) readsBelow(h *holder, at int32, now int64) bool {
	for _, src := range s.held(h, now) {
		if src.space != at && s.encloses(at, src.space) && s.readsBy(src) {
			return true
		}
	}
	return false
}

func (s *Snapshot) readsBy(src source) bool {
	return s.roles[src.role].actions.Has(ActionSpaceRead)
}
