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
	h := s.Holder(sub)
	p := s.placeAt(rootNumber)
	w := standing{action: ActionSpaceAdmin, now: instant(now)}
	s.weigh(&h, &w, &p)
	d := s.judgeAccount(&h, &w)
	switch {
	case d.Allowed() && !h.readOnly:
		return d
	case d.Allowed():
		d = Decision{Reason: ReasonReadOnlyToken}
	case w.lapsed && !h.readOnly:
		full := standing{action: ActionSpaceAdmin, now: everlasting}
		s.weigh(&h, &full, &p)
		if s.judgeAccount(&h, &full).Allowed() {
			d.Reason = ReasonExpired
		}
	}
	d.Outcome = h.denial(&w)
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
	h := s.Holder(sub)
	at := instant(now)
	if d := s.viewsAccount(&h, at); d.Allowed() {
		return d
	}
	p := s.placeAt(rootNumber)
	w := standing{action: ActionSpaceAdmin, now: at}
	s.weigh(&h, &w, &p)
	d := Decision{Outcome: h.denial(&w), Reason: ReasonNotGranted}
	if s.viewsAccount(&h, everlasting).Allowed() {
		d.Reason = ReasonExpired
	}
	return d
}

func (s *Snapshot) judgeAccount(h *Holder, w *standing) Decision {
	switch {
	case w.namedRank == 0:
		return Decision{Reason: ReasonNotGranted}
	case !w.readable():
		return Decision{Reason: ReasonNoBaseline}
	default:
		return Decision{Outcome: Allowed, Reason: ReasonByTier, Tier: TierAdmin, s: s, src: s.source(h, w.named)}
	}
}

// viewsAccount looks for a space where space:admin and space:read are
// effective: where they are bound, or space:read is derived.
func (s *Snapshot) viewsAccount(h *Holder, now int64) Decision {
	f := s.flatten(h, flat{}, s.live(h, nil, now))
	at := nowhere
	for i := range f.stretches {
		if st := &f.stretches[i]; st.tier == TierAdmin && st.reads() {
			at = st.from
		}
	}
	for _, point := range f.points {
		if st := stretchAt(f.stretches, point); st != nil && st.tier == TierAdmin {
			at = point
		}
	}
	if at == nowhere {
		return Decision{}
	}
	p := s.placeAt(at)
	w := standing{action: ActionSpaceAdmin, now: now}
	s.weigh(h, &w, &p)
	return s.judgeAccount(h, &w)
}
