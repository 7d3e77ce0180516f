package authz

import (
	"math"
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

// Decision is an outcome with what it rests on. Binding, Role (an id) and
// BindingSpace name the binding that allowed; Binding is empty where the right
// comes from a session, the administrative flag or A93, and BindingSpace where
// the binding is to the entity itself. All are empty for derived read and for
// denials.
type Decision struct {
	Outcome      Outcome
	Reason       Reason
	Tier         Tier // the tier held, if that decided
	Binding      string
	Role         string
	BindingSpace string
}

// Allowed reports whether the outcome is Allowed.
func (d Decision) Allowed() bool { return d.Outcome == Allowed }

// everlasting is an instant at which no binding has expired.
const everlasting = math.MinInt64

// Decide answers whether a subject may do an action on a target (steps 2 to 4,
// 6 and 7). Account-wide operations have their own question, DecideAccount. It
// allocates nothing.
func (s *Snapshot) Decide(sub Subject, a Action, t Target, now time.Time) Decision {
	at, ok := s.index[t.Space]
	if !ok {
		return Decision{Reason: ReasonUnknownSpace}
	}
	n := instant(now)
	h := s.resolve(&sub, n)
	w := s.weigh(&h, a, at, t.Entity, n)
	d := s.judge(&w)
	switch {
	case d.Allowed() && sub.ReadOnly && !a.Reads():
		return Decision{Outcome: w.denial(&h), Reason: ReasonReadOnlyToken}
	case d.Allowed():
		return d
	}
	d.Outcome = w.denial(&h)
	if (w.lapsed || h.lapsed) && (a.Reads() || !sub.ReadOnly) {
		h = s.resolve(&sub, everlasting)
		full := s.weigh(&h, a, at, t.Entity, everlasting)
		if s.judge(&full).Allowed() {
			d.Reason = ReasonExpired
		}
	}
	return d
}

// judge applies steps 6 and 7 to a standing. A denial's outcome is left
// Hidden; denial refines it.
func (s *Snapshot) judge(w *standing) Decision {
	readable := w.readable()
	switch {
	case w.isNamed:
		return s.allow(ReasonByName, TierNone, w.named)
	case w.derived && w.action == ActionSpaceRead:
		return Decision{Outcome: Allowed, Reason: ReasonDerivedRead}
	case readable && w.tier.covers(w.action.Fallback()):
		return s.allow(ReasonByTier, w.tier, w.tiered)
	case !readable && !w.set.Empty():
		return Decision{Reason: ReasonNoBaseline}
	default:
		return Decision{Reason: ReasonNotGranted}
	}
}

func (s *Snapshot) allow(why Reason, t Tier, src source) Decision {
	d := Decision{Outcome: Allowed, Reason: why, Tier: t, Binding: src.binding, Role: s.roles[src.role].id}
	if src.space != nowhere {
		d.BindingSpace = s.spaces[src.space].id
	}
	return d
}

// denial is the outcome of a denied question (R23, R26). A read-only subject
// holds only the reading part of its roles.
func (w *standing) denial(h *holder) Outcome {
	if w.derived || !w.effective(h).Empty() {
		return Forbidden
	}
	return Hidden
}

// effective is eff(), derived read included.
func (w *standing) effective(h *holder) ActionSet {
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
func (s *Snapshot) DecideRead(sub Subject, finer Action, t Target, now time.Time) Decision {
	d := s.Decide(sub, ActionSpaceRead, t, now)
	if d.Allowed() || d.Reason == ReasonUnknownSpace {
		return d
	}
	if f := s.Decide(sub, finer, t, now); f.Allowed() || f.Reason == ReasonExpired {
		d = f
	}
	if !d.Allowed() {
		d.Outcome = Hidden
	}
	return d
}

// Effective returns eff(): the union of the actions that a subject's roles
// name in a space, or on an entity in it, with what they imply (R4) and with
// derived read. Tiers are not spelled out.
func (s *Snapshot) Effective(sub Subject, t Target, now time.Time) ActionSet {
	at, ok := s.index[t.Space]
	if !ok {
		return ActionSet{}
	}
	n := instant(now)
	h := s.resolve(&sub, n)
	w := s.weigh(&h, 0, at, t.Entity, n)
	return w.effective(&h)
}
