package insight

import (
	"cmp"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// reading are the actions that change nothing. They leave no rows in the audit
// trail.
var reading = func() (set authz.ActionSet) {
	for _, a := range authz.Actions() {
		if a.Reads {
			set = set.With(a.Action)
		}
	}
	return set
}()

// weight is what a set of actions allows. What a tier allows it gets from authz,
// so that there is one truth about that.
type weight struct {
	domain.Role
	names authz.ActionSet
	// alone is what it allows by itself, joined what it allows beside another
	// role that gives space:read: without that, tiers do not count (R5).
	alone, joined authz.ActionSet
}

// viewsAccount reports whether the set shows the account where it counts.
func (w weight) viewsAccount() bool {
	return w.alone.Has(authz.ActionSpaceRead) && w.alone.Has(authz.ActionSpaceAdmin)
}

// own is what a set brings of itself, also where it needs the space:read of
// another role to do so.
func (w weight) own(s *scale) authz.ActionSet {
	if w.names.Has(authz.ActionSpaceRead) {
		return w.alone
	}
	return without(w.joined, s.reader).Union(w.alone)
}

// naming returns what a role is to name to allow what was done by this one, and
// nothing else. A tier without space:read of its own counts only where another
// role gives that. An action named in its place would count everywhere, so the
// tier stays; what falls back to Reader comes from the other role.
func (w weight) naming(used authz.ActionSet) authz.ActionSet {
	named := used.Intersect(w.alone)
	for _, a := range without(used, w.alone).List() {
		switch {
		case a.Fallback() == authz.TierReader:
		case a.Fallback() == authz.TierWriter && w.names.Has(authz.ActionSpaceWrite):
			named = named.With(authz.ActionSpaceWrite)
		default:
			named = named.With(authz.ActionSpaceAdmin)
		}
	}
	return named
}

// scale weighs sets of actions.
type scale struct {
	roles  map[domain.RoleID]weight
	list   []domain.Role
	reader authz.ActionSet // what space:read allows
	now    time.Time
}

// readerRole and weighed are roles of a scale's own worlds. No role of an account
// has such an id or slug.
const (
	readerRole = "::reader"
	weighed    = "::weighed"
)

func newScale(roles []domain.Role, now time.Time) (*scale, error) {
	s := &scale{roles: map[domain.RoleID]weight{}, list: roles, now: now}
	world := authz.World{Spaces: []authz.Space{{ID: authz.RootSpace}}, Roles: []authz.Role{reader}}
	for _, r := range roles {
		world.Roles = append(world.Roles, authz.Role{ID: string(r.ID), Slug: r.Slug, Actions: authz.SetOf(r.Actions...)})
	}
	snapshot, err := authz.Compile(world)
	if err != nil {
		return nil, err
	}
	s.reader = allowed(snapshot, now, readerRole)
	for _, r := range roles {
		s.roles[r.ID] = weight{
			Role: r, names: authz.SetOf(r.Actions...),
			alone: allowed(snapshot, now, string(r.ID)), joined: allowed(snapshot, now, string(r.ID), readerRole),
		}
	}
	return s, nil
}

var reader = authz.Role{ID: readerRole, Slug: readerRole, Actions: authz.SetOf(authz.ActionSpaceRead)}

// allowed is what somebody may do who holds roles in a space, and nothing else.
func allowed(s *authz.Snapshot, now time.Time, roles ...string) authz.ActionSet {
	holder := authz.Subject{SessionOnly: true}
	for _, r := range roles {
		holder.Session = append(holder.Session, authz.Grant{Role: r, Space: authz.RootSpace})
	}
	return s.Allowed(holder, authz.Target{Space: authz.RootSpace}, now)
}

// weigh weighs a set that is no role.
func (s *scale) weigh(actions authz.ActionSet) (weight, error) {
	w := weight{names: actions}
	snapshot, err := authz.Compile(authz.World{
		Spaces: []authz.Space{{ID: authz.RootSpace}}, Roles: []authz.Role{reader, {ID: weighed, Slug: weighed, Actions: actions}},
	})
	if err != nil {
		return w, err
	}
	w.alone, w.joined = allowed(snapshot, s.now, weighed), allowed(snapshot, s.now, weighed, readerRole)
	return w, nil
}

// smallest returns the role that allows least and yet, by itself, all of needed
// and nothing that the present one does not: the present one if there is no
// smaller one, nil if nothing is needed.
func (s *scale) smallest(present weight, needed authz.ActionSet) *domain.Role {
	if needed.Empty() {
		return nil
	}
	best, size := present, present.own(s).Len()
	for _, r := range s.list {
		w := s.roles[r.ID]
		if !w.alone.Contains(needed) || !present.alone.Contains(w.alone) || !present.joined.Contains(w.joined) {
			continue
		}
		if n := w.own(s).Len(); n < size || n == size && best.ID != present.ID && before(w.Role, best.Role) {
			best, size = w, n
		}
	}
	return &best.Role
}

// before is the order among roles that allow equally much: built-in ones first.
func before(a, b domain.Role) bool {
	if a.System != b.System {
		return a.System
	}
	return cmp.Less(a.Slug, b.Slug)
}

func without(set, gone authz.ActionSet) authz.ActionSet {
	var out authz.ActionSet
	for _, a := range set.List() {
		if !gone.Has(a) {
			out = out.With(a)
		}
	}
	return out
}
