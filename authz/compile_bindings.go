package authz

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"
)

const forever = math.MaxInt64

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

// compileBindings sorts the bindings by actor and lays out each actor's run.
func (s *Snapshot) compileBindings(w World) error {
	order := make([]*Binding, len(w.Bindings))
	ids := make(map[string]int32, len(w.Bindings))
	for i := range w.Bindings {
		b := &w.Bindings[i]
		if err := claim(ids, "binding", b.ID, int32(i)); err != nil {
			return err
		}
		if err := s.check(b); err != nil {
			return fmt.Errorf("binding %q: %w", b.ID, err)
		}
		order[i] = b
	}
	slices.SortFunc(order, s.compareBindings)
	for kind := range s.runs {
		s.runs[kind] = make(map[string]run)
	}
	for from := 0; from < len(order); {
		actor, to := order[from].Actor, from+1
		for to < len(order) && order[to].Actor == actor {
			to++
		}
		s.runs[actor.Kind][actor.ID] = s.layOut(order[from:to])
		from = to
	}
	return nil
}

func (s *Snapshot) check(b *Binding) error {
	if b.Actor.Kind >= actorKinds || b.Actor.ID == "" {
		return fmt.Errorf("actor %s %q is not one", b.Actor.Kind, b.Actor.ID)
	}
	if _, ok := s.roleIDs[b.Role]; !ok {
		return fmt.Errorf("unknown role %q", b.Role)
	}
	if b.Entity == (EntityRef{}) {
		if _, ok := s.index[b.Space]; !ok {
			return fmt.Errorf("unknown space %q", b.Space)
		}
		return nil
	}
	if b.Space != "" {
		return errors.New("names both a space and an entity")
	}
	if b.Entity.Kind == EntityNone || b.Entity.Kind >= entityKinds || b.Entity.ID == "" {
		return fmt.Errorf("entity %s %q is not one", b.Entity.Kind, b.Entity.ID)
	}
	return nil
}

// compareBindings orders by actor, then place, then by descending id: the
// links of a run are followed from the back, so decisions name the binding
// with the least id among equals.
func (s *Snapshot) compareBindings(a, b *Binding) int {
	return cmp.Or(
		cmp.Compare(a.Actor.Kind, b.Actor.Kind),
		cmp.Compare(a.Actor.ID, b.Actor.ID),
		cmp.Compare(a.Entity.Kind, b.Entity.Kind),
		cmp.Compare(a.Entity.ID, b.Entity.ID),
		cmp.Compare(s.index[a.Space], s.index[b.Space]),
		cmp.Compare(b.ID, a.ID),
	)
}

// layOut appends one actor's bindings, already in order, to the tables.
func (s *Snapshot) layOut(bindings []*Binding) run {
	r := run{
		grants: span{from: int32(len(s.grants))},
		climbs: span{from: int32(len(s.climbs))},
		locals: span{from: int32(len(s.locals))},
	}
	for _, b := range bindings {
		src := source{binding: b.ID, role: s.roleIDs[b.Role], space: nowhere}
		until := expiry(b.NotAfter)
		if b.Entity.Kind != EntityNone {
			home, ok := s.entities[b.Entity]
			if !ok {
				home = nowhere
			}
			s.locals = append(s.locals, local{source: src, entity: b.Entity, home: home, notAfter: until})
			continue
		}
		src.space = s.index[b.Space]
		s.grants = append(s.grants, grant{
			source: src, end: s.spaces[src.space].end, up: s.upFrom(r, src.space), notAfter: until,
		})
		if s.roles[src.role].actions.Has(ActionSpaceRead) {
			s.climbs = append(s.climbs, climb{at: s.spaces[src.space].climb, notAfter: until})
		}
	}
	r.grants.to, r.climbs.to, r.locals.to = int32(len(s.grants)), int32(len(s.climbs)), int32(len(s.locals))
	slices.SortFunc(s.climbs[r.climbs.from:r.climbs.to], func(a, b climb) int {
		return cmp.Compare(a.at, b.at)
	})
	return r
}

// upFrom links a grant about to be appended at a space: to the grant before
// it, or past those that end before the space does.
func (s *Snapshot) upFrom(r run, at int32) int32 {
	up := int32(len(s.grants)) - 1
	for up >= r.grants.from && s.grants[up].end <= at {
		up = s.grants[up].up
	}
	if up < r.grants.from {
		return nowhere
	}
	return up
}
