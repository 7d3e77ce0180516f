package authz

import (
	"fmt"
	"time"
)

// Outcome is the answer to a question. The zero value denies.
type Outcome uint8

const (
	// Hidden denies, and the object must answer as one that does not exist
	// (R23).
	Hidden Outcome = iota
	// Forbidden denies, and may say so: the subject may read the object or
	// holds some action on it by name (R26).
	Forbidden
	// Allowed permits.
	Allowed
)

// String returns "hidden", "forbidden" or "allowed".
func (o Outcome) String() string {
	switch o {
	case Forbidden:
		return "forbidden"
	case Allowed:
		return "allowed"
	default:
		return "hidden"
	}
}

// Reason says why a decision fell as it did. It is for logs, the audit trail
// and explanations to people who may know; to a subject from whom the object
// is Hidden it must not be shown.
type Reason uint8

// The reasons: the first five deny, the others allow.
const (
	ReasonNotGranted    Reason = iota // neither named nor covered by a tier
	ReasonNoBaseline                  // something is held, but space:read is not effective (R5)
	ReasonReadOnlyToken               // the subject may only read (R25)
	ReasonUnknownSpace                // the target's space is not in the snapshot
	ReasonExpired                     // a binding or the actor has expired, and would have allowed it (R24, A184)
	ReasonByName                      // a role names the action
	ReasonByTier                      // the tier held covers the action's fallback (A23)
	ReasonDerivedRead                 // space:read climbed from a space below (R14)
)

// String returns the reason as a phrase.
func (r Reason) String() string {
	names := [...]string{"not granted", "space:read missing", "read-only token",
		"unknown space", "binding expired", "granted by name", "granted by tier", "derived read"}
	if int(r) < len(names) {
		return names[r]
	}
	return "unknown reason"
}

// Decision is an outcome with what it rests on. It is valid as long as its
// snapshot.
type Decision struct {
	Outcome Outcome
	Reason  Reason
	Tier    Tier // the tier held, if that decided
	// What allowed by name or by tier; s is nil otherwise.
	src source
	s   *Snapshot
}

// String tells a decision in one line, for logs and tests.
func (d Decision) String() string {
	if d.s == nil {
		return d.Outcome.String() + ": " + d.Reason.String()
	}
	return fmt.Sprintf("%s: %s, binding %q of group %q, role %q in space %q, tier %s",
		d.Outcome, d.Reason, d.Binding(), d.Group(), d.Role(), d.BindingSpace(), d.Tier)
}

// Allowed reports whether the outcome is Allowed.
func (d Decision) Allowed() bool { return d.Outcome == Allowed }

// Binding returns the id of the binding that allowed. It is empty for a
// denial, for derived read, and where the right comes from a session, the
// administrative flag or A93.
func (d Decision) Binding() string {
	if d.s == nil || d.src.carrier == nowhere {
		return ""
	}
	r := d.s.run(d.src.carrier)
	return r.ids.at(int(r.from + d.src.at))
}

// Role returns the id of the role that allowed; empty for a denial and for
// derived read.
func (d Decision) Role() string {
	if d.s == nil {
		return ""
	}
	return d.s.roles.list[d.src.role].id
}

// BindingSpace returns the space that the role which allowed is bound to. It
// is empty where the binding is to the entity itself, for a denial and for
// derived read.
func (d Decision) BindingSpace() string {
	if d.s == nil || d.src.space == nowhere {
		return ""
	}
	return d.s.tree.id(d.src.space)
}

// Group returns the id of the group whose binding allowed; empty if it was not
// one of a group.
func (d Decision) Group() string {
	if d.s == nil || d.src.carrier == nowhere {
		return ""
	}
	n := d.s.node(d.src.carrier)
	if n.kind != nodeName {
		return ""
	}
	return d.s.nodeID(n.home)
}

// Decide answers whether a subject may do an action on a target (steps 2 to 4,
// 6 and 7). Account-wide operations have their own question, DecideAccount. It
// allocates nothing for a subject that brings up to eight groups or grants.
func (s *Snapshot) Decide(sub Subject, a Action, t Target, now time.Time) (d Decision) {
	var h Holder
	var p Place
	h.names, h.entries = s.meet(&h, &p, &sub, &t, make([]int32, 0, fewNames), make([]entry, 0, fewGrants))
	s.decide(&d, &h, a, &p, instant(now))
	return d
}

// Decide answers whether the holder may do an action in a place, as
// Snapshot.Decide does. It allocates nothing.
func (h *Holder) Decide(a Action, p Place, now time.Time) (d Decision) {
	h.s.decide(&d, h, a, &p, instant(now))
	return d
}

// decide fills in a decision that is zero.
func (s *Snapshot) decide(d *Decision, h *Holder, a Action, p *Place, now int64) {
	if p.at == nowhere || p.s != s {
		d.Reason = ReasonUnknownSpace
		return
	}
	w := standing{action: a, now: now}
	s.weigh(h, &w, p)
	if !w.bound && !w.derived && !w.lapsed {
		return // nothing is held here: hidden, not granted
	}
	reason := w.judge()
	if reason < ReasonByName {
		d.Outcome, d.Reason = h.denial(&w), reason
		if w.lapsed && (a.Reads() || !h.readOnly) {
			full := standing{action: a, now: everlasting}
			s.weigh(h, &full, p)
			if full.judge() >= ReasonByName {
				d.Reason = ReasonExpired
			}
		}
		return
	}
	if h.readOnly && !a.Reads() {
		d.Outcome, d.Reason = h.denial(&w), ReasonReadOnlyToken
		return
	}
	d.Outcome, d.Reason = Allowed, reason
	switch reason {
	case ReasonByName:
		d.s, d.src = s, s.source(h, w.named)
	case ReasonByTier:
		d.s, d.src, d.Tier = s, s.source(h, w.tiered), w.tier
	default: // derived read rests on no single binding
	}
}

// judge applies steps 6 and 7 to a standing. The reasons from ReasonByName on
// allow.
func (w *standing) judge() Reason {
	switch {
	case w.namedRank > 0:
		return ReasonByName
	case !w.readable():
		if w.set.Empty() {
			return ReasonNotGranted
		}
		return ReasonNoBaseline
	case w.derived && w.action == ActionSpaceRead:
		return ReasonDerivedRead
	case w.tier.covers(w.action.Fallback()):
		return ReasonByTier
	default:
		return ReasonNotGranted
	}
}

// denial is the outcome of a denied question (R23, R26). A read-only subject
// holds only the reading part of its roles.
func (h *Holder) denial(w *standing) Outcome {
	if w.derived || !h.readOnly && !w.set.Empty() || h.readOnly && !h.effective(w).Empty() {
		return Forbidden
	}
	return Hidden
}

// effective is eff(), derived read included.
func (h *Holder) effective(w *standing) ActionSet {
	set := w.set
	if h.readOnly {
		set = set.Intersect(readActions)
	}
	if w.derived {
		set = set.With(ActionSpaceRead)
	}
	return set
}

// DecideRead answers whether a subject may see an object: whether space:read
// is effective, derived read included, or a role names the finer action, such
// as ActionRunRead for a run (R5). The zero Action stands for no finer one.
// A denied read is always Hidden: what cannot be read answers as not found.
func (s *Snapshot) DecideRead(sub Subject, finer Action, t Target, now time.Time) (d Decision) {
	var h Holder
	var p Place
	h.names, h.entries = s.meet(&h, &p, &sub, &t, make([]int32, 0, fewNames), make([]entry, 0, fewGrants))
	s.decide(&d, &h, ActionSpaceRead, &p, instant(now))
	if d.Allowed() || d.Reason == ReasonUnknownSpace {
		return d
	}
	var f Decision
	if s.decide(&f, &h, finer, &p, instant(now)); f.Allowed() || f.Reason == ReasonExpired {
		d = f
	}
	if !d.Allowed() {
		d.Outcome = Hidden
	}
	return d
}

// Effective returns eff(): the union of the actions that a subject's roles
// name in a space, or on an entity in it, with what they imply (R4) and with
// derived read. Tiers are not spelled out; Allowed does that.
func (s *Snapshot) Effective(sub Subject, t Target, now time.Time) ActionSet {
	var h Holder
	var p Place
	h.names, h.entries = s.meet(&h, &p, &sub, &t, make([]int32, 0, fewNames), make([]entry, 0, fewGrants))
	w := standing{now: instant(now)}
	if p.at != nowhere {
		s.weigh(&h, &w, &p)
	}
	return h.effective(&w)
}

// Allowed returns every action that Decide would allow: Effective with the
// tier spelled out.
func (s *Snapshot) Allowed(sub Subject, t Target, now time.Time) ActionSet {
	var h Holder
	var p Place
	h.names, h.entries = s.meet(&h, &p, &sub, &t, make([]int32, 0, fewNames), make([]entry, 0, fewGrants))
	if p.at == nowhere {
		return ActionSet{}
	}
	return s.allowedIn(&h, &p, instant(now))
}

func (s *Snapshot) allowedIn(h *Holder, p *Place, now int64) ActionSet {
	w := standing{now: now}
	s.weigh(h, &w, p)
	return h.allowed(w.set, w.tier, w.derived)
}

// allowed is all that steps 6 and 7 allow.
func (h *Holder) allowed(set ActionSet, t Tier, derived bool) ActionSet {
	if derived {
		set = set.With(ActionSpaceRead)
	}
	if set.Has(ActionSpaceRead) {
		set = set.Union(tierActions[t])
	}
	if h.readOnly {
		set = set.Intersect(readActions)
	}
	return set
}
