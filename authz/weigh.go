package authz

import (
	"math"
	"sort"
	"time"
)

// everlasting is an instant at which nothing has expired.
const everlasting = math.MinInt64

// nanos is a time as the snapshot compares it. Times that nanoseconds cannot
// express become the nearest one that they can, short of forever.
func nanos(t time.Time) int64 {
	const limit = math.MaxInt64/int64(time.Second) - 1
	switch sec := t.Unix(); {
	case sec > limit:
		return forever - 1
	case sec < -limit:
		return math.MinInt64
	default:
		return t.UnixNano()
	}
}

// instant is the time of a question. A zero time is a clock that somebody
// forgot: then everything that expires has expired.
func instant(now time.Time) int64 {
	if now.IsZero() {
		return forever
	}
	return nanos(now)
}

func expiry(t time.Time) int64 {
	if t.IsZero() {
		return forever
	}
	return nanos(t)
}

// source is where a right comes from: a binding, or, without a carrier, a flag
// or a session.
type source struct {
	carrier int32 // node whose binding it is, or nowhere
	at      int32 // position in its run; nowhere for a flag
	space   int32 // number of the bound space, or nowhere for an entity
	role    uint16
}

// origin says which source: the at-th entry of the holder or, if carrier is
// not 0, of the run of the carrier before that; or the flag.
type origin struct{ at, carrier int32 }

var fromFlag = origin{at: nowhere}

// standing is what a subject holds in one place: eff() and tier() of the
// decision procedure, and which sources they come from.
type standing struct {
	action  Action // the one whose source is wanted
	tier    Tier
	bound   bool // some binding applies
	derived bool // space:read by R14
	lapsed  bool // something expired was passed over
	climbed bool // some source with space:read climbs here
	now     int64
	set     ActionSet // by bindings, without derived read
	// named is the nearest source whose role names action, and tiered that of
	// the highest tier; their ranks say how near, 0 that there is none.
	namedRank, tieredRank int32
	named, tiered         origin
}

// nearest is the rank of a binding to the entity itself. Others have the
// number of their space, plus one: of two spaces above a third, the lower one
// has the larger number.
const nearest = math.MaxInt32

func (w *standing) add(r *role, rank int32, from origin) {
	w.bound = true
	for i := range w.set {
		w.set[i] |= r.actions[i]
	}
	if rank > w.namedRank && r.actions.Has(w.action) {
		w.named, w.namedRank = from, rank
	}
	if r.tier > w.tier || r.tier == w.tier && rank > w.tieredRank {
		w.tier, w.tiered, w.tieredRank = r.tier, from, rank
	}
}

// readable reports whether space:read is effective (step 6).
func (w *standing) readable() bool { return w.derived || w.set.Has(ActionSpaceRead) }

// weigh gathers what a holder has in a place at an instant (steps 3 and 4). It
// allocates nothing.
func (s *Snapshot) weigh(h *Holder, w *standing, p *Place) {
	if h.notAfter < w.now {
		w.lapsed = true
		return
	}
	if h.admin != nowhere && s.tree.encloses(h.admin, p.at) {
		w.add(&s.roles.list[builtinAdmin], h.admin+1, fromFlag)
	}
	s.weighEntries(h, w, p, h.entries, origin{})
	if !h.gathered {
		s.weighRuns(h, w, p)
	}
	if h.long {
		for i := range h.carriers() {
			if n := h.carrier(i); n != nowhere {
				s.weighLong(w, n, origin{carrier: int32(i) + 1}, p)
			}
		}
	}
	w.derived = w.climbed && h.climbs && !w.set.Has(ActionSpaceRead)
}

// weighRuns goes through the runs that are not long of a holder that is not
// gathered.
func (s *Snapshot) weighRuns(h *Holder, w *standing, p *Place) {
	for i := range h.carriers() {
		n := h.carrier(i)
		if n == nowhere {
			continue
		}
		c, slot := split(n)
		ch := s.chunks[c]
		if nd := &ch.nodes[slot]; nd.flags&nodeLong != 0 {
			h.long = true
		} else {
			s.weighEntries(h, w, p, ch.entries[nd.first:ch.nodes[slot+1].first], origin{carrier: int32(i) + 1})
		}
	}
}

// weighEntries adds what applies in a place of entries, the first of which is
// from an origin.
func (s *Snapshot) weighEntries(h *Holder, w *standing, p *Place, entries []entry, from origin) {
	for i := range entries {
		e := &entries[i]
		from.at = int32(i)
		switch {
		case covers(e, p.at):
			if e.flags&entryTimed == 0 || !s.expired(h, w, from) {
				w.add(&s.roles.list[e.role], e.pre+1, from)
			}
		case uint32(e.climb-p.below) < p.width:
			if s.roles.reads(e.role) && (e.flags&entryTimed == 0 || !s.expired(h, w, from)) {
				w.climbed = true
			}
		case e.pre == p.entity && e.local():
			if e.flags&entryTimed == 0 || !s.expired(h, w, from) {
				w.add(&s.roles.list[e.role], nearest, from)
			}
		}
	}
}

// expired reports, and notes, whether what is from an origin has expired.
func (s *Snapshot) expired(h *Holder, w *standing, from origin) bool {
	if s.runUntil(s.source(h, from)) >= w.now {
		return false
	}
	w.lapsed = true
	return true
}

// weighLong searches the run of a carrier, if it is long, instead of going
// through it.
func (s *Snapshot) weighLong(w *standing, carrier int32, from origin, p *Place) {
	r := s.run(carrier)
	if r.order == nil {
		return
	}
	o, entries := r.order, r.entries
	live := func(at int32) bool {
		if r.until(at) >= w.now {
			return true
		}
		w.lapsed = true
		return false
	}
	if p.entity != nowhere {
		i := sort.Search(len(o.locals), func(i int) bool { return entries[o.locals[i]].pre >= p.entity })
		for ; i < len(o.locals) && entries[o.locals[i]].pre == p.entity; i++ {
			if from.at = o.locals[i]; live(from.at) {
				w.add(&s.roles.list[entries[from.at].role], nearest, from)
			}
		}
	}
	// The bindings before i are to spaces up to this one.
	i := sort.Search(len(o.by), func(i int) bool { return entries[o.by[i]].pre > p.at })
	for at := int32(i) - 1; at != nowhere; at = o.up[at] {
		from.at = o.by[at]
		if e := &entries[from.at]; covers(e, p.at) && live(from.at) {
			w.add(&s.roles.list[e.role], e.pre+1, from)
		}
	}
	for _, at := range r.climbs(p) {
		if live(at) {
			w.climbed = true
			return
		}
	}
}

// climbs returns the bindings of a long run from which space:read climbs to a
// place, expired ones included.
func (r *run) climbs(p *Place) []int32 {
	climb := func(at int32) int32 { return r.entries[at].climb }
	list := r.order.climbs
	from := sort.Search(len(list), func(i int) bool { return climb(list[i]) >= p.below })
	to := from + sort.Search(len(list)-from, func(i int) bool { return uint32(climb(list[from+i])-p.below) >= p.width })
	return list[from:to]
}

// source finds the source that an origin stands for.
func (s *Snapshot) source(h *Holder, from origin) source {
	switch {
	case from == fromFlag:
		return source{carrier: nowhere, at: nowhere, space: h.admin, role: builtinAdmin}
	case from.carrier == 0:
		return s.locate(h, from.at)
	}
	n := h.carrier(int(from.carrier) - 1)
	r := s.run(n)
	e := &r.entries[r.from+from.at]
	src := source{carrier: n, at: from.at, space: e.pre, role: e.role}
	if e.local() {
		src.space = nowhere
	}
	return src
}
