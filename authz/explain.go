package authz

import (
	"slices"
	"sort"
	"time"
)

// Explanation is a decision with everything that a person needs to understand
// it. It tells what a subject holds and which roles there are: show it to those
// who may know.
type Explanation struct {
	Decision
	Action   Action
	Fallback Tier // the tier that allows the action without naming it
	Held     Tier // the tier that the subject holds by bindings in the place
	// Step is the step of the decision procedure that decided: 1 for a token
	// that only reads and for an actor that has expired, 4 for an unknown space,
	// 5 for what is account-wide, 6 where space:read is not effective, else 7.
	Step int
	// By is what allowed, for a derived read the binding below; none for a
	// denial.
	By Evidence
	// Baseline is what makes space:read effective, which tiers need; none if
	// nothing does.
	Baseline Evidence
	// Lapsed is what would have allowed, had it not expired.
	Lapsed Evidence
	// ActorExpired says that the actor holds nothing because it expired (A184).
	ActorExpired bool
	// Nearest are, for a denial, up to FewNearest of the subject's bindings:
	// those that count in the place first, then the nearest ones in the tree.
	// Expired ones are among them.
	Nearest []Evidence
	// Roles are, for a denial that a role could turn, up to FewRoles roles that
	// suffice by themselves when bound to the place, the smallest first. The list
	// is the snapshot's: do not change it.
	Roles []RoleHint
}

// FewNearest and FewRoles bound the lists of an explanation.
const (
	FewNearest = 3
	FewRoles   = 5
)

// RoleHint is a role that would allow what was denied.
type RoleHint struct {
	ID, Slug string
	ByName   bool // it names the action; otherwise its tier covers it
}

// Explain decides as Decide does, and says why.
func (s *Snapshot) Explain(sub Subject, a Action, t Target, now time.Time) Explanation {
	var h Holder
	h.names, h.entries = s.recognise(&h, &sub, make([]int32, 0, fewNames), make([]entry, 0, fewEntries))
	h.entries = s.gather(&h, h.entries)
	p := s.Place(t)
	return s.explain(&h, a, &p, instant(now))
}

// Explain is Snapshot.Explain of the holder.
func (h *Holder) Explain(a Action, p Place, now time.Time) Explanation {
	return h.s.explain(h, a, &p, instant(now))
}

func (s *Snapshot) explain(h *Holder, a Action, p *Place, now int64) Explanation {
	x := Explanation{Action: a, Fallback: a.Fallback(), ActorExpired: h.notAfter < now, Step: 7}
	s.decide(&x.Decision, h, a, p, now)
	if x.Reason == ReasonUnknownSpace {
		x.Step = 4
		return x
	}
	w := standing{action: ActionSpaceRead, now: now}
	s.weigh(h, &w, p)
	x.Held = w.tier
	x.Baseline = s.baseline(h, &w, p)
	switch {
	case x.ActorExpired || x.Reason == ReasonReadOnlyToken:
		x.Step = 1
	case !w.readable():
		x.Step = 6
	}
	if x.Outcome == Allowed {
		x.By = x.Baseline
		if x.Reason != ReasonDerivedRead && (w.namedRank == 0 || s.source(h, w.named) != x.src) {
			x.By = s.evidence(h, x.src, p, now)
		}
		return x
	}
	x.Nearest = s.nearest(h, p, now)
	if x.Reason == ReasonExpired {
		x.Lapsed = s.lapsed(h, a, p, now)
	}
	if !x.ActorExpired && (a.Reads() || !h.readOnly) {
		x.Roles = s.roles.suffice[a.index()]
	}
	return x
}

// baseline describes what gives space:read in a standing for that action.
func (s *Snapshot) baseline(h *Holder, w *standing, p *Place) Evidence {
	switch {
	case w.namedRank > 0:
		return s.evidence(h, s.source(h, w.named), p, w.now)
	case w.derived:
		return s.evidence(h, s.source(h, s.climbing(h, p, w.now)), p, w.now)
	default:
		return Evidence{}
	}
}

// lapsed describes what would have allowed, had it not expired.
func (s *Snapshot) lapsed(h *Holder, a Action, p *Place, now int64) Evidence {
	w := standing{action: a, now: everlasting}
	s.weigh(h, &w, p)
	from := w.tiered
	switch w.judge() {
	case ReasonByName:
		from = w.named
	case ReasonDerivedRead:
		from = s.climbing(h, p, everlasting)
	default: // by tier, where the baseline may be what expired
		if src := s.source(h, w.tiered); src.carrier == nowhere || s.runUntil(src) >= now {
			w = standing{action: ActionSpaceRead, now: everlasting}
			s.weigh(h, &w, p)
			if from = w.named; w.derived {
				from = s.climbing(h, p, everlasting)
			}
		}
	}
	return s.evidence(h, s.source(h, from), p, now)
}

func (s *Snapshot) runUntil(src source) int64 {
	r := s.run(src.carrier)
	return r.until(r.from + src.at)
}

// climbing finds a live binding below a place from which space:read climbs.
func (s *Snapshot) climbing(h *Holder, p *Place, now int64) origin {
	for i := range h.entries {
		e := &h.entries[i]
		if uint32(e.climb-p.below) < p.width && s.roles.reads(e.role) &&
			(e.flags&entryTimed == 0 || s.until(h, int32(i)) >= now) {
			return origin{at: int32(i)}
		}
	}
	var found origin
	s.eachLong(h, func(r *run, from origin) {
		for _, at := range r.climbs(p) {
			if r.until(at) >= now {
				from.at = at
				found = from
			}
		}
	})
	return found
}

// eachLong calls fn for the long runs of a holder.
func (s *Snapshot) eachLong(h *Holder, fn func(r *run, from origin)) {
	if !h.long {
		return
	}
	for i := range h.carriers() {
		n := h.carrier(i)
		if n == nowhere {
			continue
		}
		if r := s.run(n); r.order != nil {
			fn(&r, origin{carrier: int32(i) + 1})
		}
	}
}

// near is a binding and how far it is from a place.
type near struct {
	from  origin
	steps int32
}

// nearest describes the bindings of a denied subject that are closest to a
// place: those that apply there first, the nearest of them first, then the
// others by how far up the tree their space and the place meet.
func (s *Snapshot) nearest(h *Holder, p *Place, now int64) []Evidence {
	best := make([]near, 0, FewNearest+1)
	consider := func(e *entry, from origin) {
		n := near{from, s.distance(e, p)}
		i := len(best)
		for i > 0 && best[i-1].steps > n.steps {
			i--
		}
		if best = slices.Insert(best, i, n); len(best) > FewNearest {
			best = best[:FewNearest]
		}
	}
	for i := range h.entries {
		consider(&h.entries[i], origin{at: int32(i)})
	}
	s.eachLong(h, func(r *run, from origin) {
		for _, at := range r.around(p) {
			from.at = at
			consider(&r.entries[at], from)
		}
	})
	if len(best) == 0 {
		return nil
	}
	list := make([]Evidence, len(best))
	for i, n := range best {
		list[i] = s.evidence(h, s.source(h, n.from), p, now)
	}
	return list
}

// around returns the bindings of a long run that may be the nearest ones to a
// place: those on the way up, those next to it in preorder, which meet it
// lowest, and those to the entity.
func (r *run) around(p *Place) []int32 {
	o := r.order
	var list []int32
	if p.entity != nowhere {
		i := sort.Search(len(o.locals), func(i int) bool { return r.entries[o.locals[i]].pre >= p.entity })
		list = append(list, o.locals[i:min(i+FewNearest, len(o.locals))]...)
	}
	i := sort.Search(len(o.by), func(i int) bool { return r.entries[o.by[i]].pre > p.at })
	for at := int32(i) - 1; at != nowhere && len(list) < 2*FewNearest; at = o.up[at] {
		if covers(&r.entries[o.by[at]], p.at) {
			list = append(list, o.by[at])
		}
	}
	list = append(list, o.by[max(0, i-FewNearest):min(i+FewNearest, len(o.by))]...)
	slices.Sort(list)
	return slices.Compact(list)
}

// farthest bounds how far up nearest looks; all beyond is equally far.
const farthest = 64

// distance orders bindings by how near to a place they are. Those that apply
// come before all others.
func (s *Snapshot) distance(e *entry, p *Place) int32 {
	at := e.pre
	if e.local() {
		if e.pre == p.entity {
			return -1
		}
		if at = s.node(e.pre).home; at == nowhere {
			return 3 * farthest
		}
	}
	steps := int32(0)
	for up := p.at; steps < farthest && up != nowhere && !s.tree.encloses(up, at); steps++ {
		up = s.tree.spaces[up].parent
	}
	if !covers(e, p.at) {
		steps += farthest
	}
	return steps
}

// ExplainAccount decides as DecideAccount does, and says why.
func (s *Snapshot) ExplainAccount(sub Subject, now time.Time) Explanation {
	h := s.Holder(sub)
	p := s.placeAt(rootNumber)
	n := instant(now)
	x := Explanation{
		Decision: s.DecideAccount(sub, now), Action: ActionSpaceAdmin, Fallback: TierAdmin,
		ActorExpired: h.notAfter < n, Step: 5,
	}
	w := standing{action: ActionSpaceRead, now: n}
	s.weigh(&h, &w, &p)
	x.Held = w.tier
	x.Baseline = s.baseline(&h, &w, &p)
	if x.Outcome == Allowed {
		x.By = s.evidence(&h, x.src, &p, n)
		return x
	}
	x.Nearest = s.nearest(&h, &p, n)
	if x.ActorExpired || h.readOnly {
		x.Step = 1
		return x
	}
	if x.Reason == ReasonExpired {
		x.Lapsed = s.lapsed(&h, ActionSpaceAdmin, &p, n)
	}
	for _, hint := range s.roles.suffice[ActionSpaceAdmin] {
		if s.roles.reads(s.roles.byID[hint.ID]) {
			x.Roles = append(x.Roles, hint)
		}
	}
	return x
}
