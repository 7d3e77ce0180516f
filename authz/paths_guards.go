package authz

import (
	"cmp"
	"slices"
	"strings"
)

// lent is one role that a stack lends to whoever changes what it runs.
type lent struct {
	role    uint32
	at      place
	actions ActionSet
}

// guard is what act-as asks of whoever changes an object: to hold each of these
// roles where it is lent, or stack:act-as there (G2).
type guard []lent

// findGuards gives each object its guard.
func (a *Analysis) findGuards() {
	for i := range a.e.objects {
		o := &a.e.objects[i]
		var g guard
		if o.actor != nowhere {
			g = a.lends(o.actor, g)
		}
		for _, list := range [...][]int32{o.stacks, o.asks} {
			for _, st := range list {
				g = a.lends(a.e.objects[st].actor, g)
			}
		}
		slices.SortFunc(g, compareLent)
		o.guard = slices.Compact(g)
	}
}

func compareLent(x, y lent) int {
	if c := cmp.Or(int(x.at.space-y.at.space), int(x.role)-int(y.role), int(x.at.entity.Kind)-int(y.at.entity.Kind)); c != 0 {
		return c
	}
	return strings.Compare(x.at.entity.ID, y.at.entity.ID)
}

// lends appends the live bindings of a stack.
func (a *Analysis) lends(actor int32, g guard) guard {
	for _, b := range a.p.actors[actor].grants {
		l := lent{role: uint32(b.role), at: place{b.space, b.entity}, actions: a.s.roleOf(&b).actions}
		if b.entity.Kind != EntityNone {
			l.at.space = a.home(b.entity)
		}
		g = append(g, l)
	}
	return g
}

// home is the space of an entity: the estate knows best.
func (a *Analysis) home(e EntityRef) int32 {
	if at, ok := a.e.homes[e]; ok {
		return at
	}
	return a.s.homeOf(e)
}

// actsAs reports whether actors together hold what an object's guard asks.
func (a *Analysis) actsAs(who []int32, g guard) bool {
	for i := range g {
		h := a.p.holds(who, g[i].at)
		if !h.lasting().Contains(g[i].actions) && !h.allowed().Has(ActionStackActAs) {
			return false
		}
	}
	return true
}

// can returns by which of some ways actors together influence an object.
func (q *query) can(who []int32, o *object, w ways, mode ActAsMode) ways {
	h := q.p.holds(who, place{o.space, o.ref})
	w &= waysOf(h.allowed())
	if w&actAsWays != 0 && mode == ActAsEnforce && !q.actsAs(who, o.guard) {
		w &^= actAsWays
	}
	if w&adminWays != 0 && !q.administers(who, o.homes) {
		w &^= adminWays
	}
	return w
}

// administers reports whether actors together have Space admin in spaces.
func (q *query) administers(who []int32, spaces []int32) bool {
	for _, at := range spaces {
		h := q.p.holds(who, place{space: at})
		if !h.allowed().Has(ActionSpaceAdmin) {
			return false
		}
	}
	return true
}

// influence returns by which of some ways an actor influences an object without
// going by way of a group.
func (q *query) influence(i int32, o *object, w ways, mode ActAsMode) ways {
	one := [1]int32{i}
	own := q.can(one[:], o, w, mode)
	a := &q.p.actors[i]
	if len(a.groups) == 0 || own == w {
		return own
	}
	rest := w &^ own
	for j := range a.groups {
		rest &^= q.can(a.groups[j:j+1], o, rest, mode)
	}
	if rest != 0 {
		rest = q.can(q.p.together(i), o, rest, mode)
	}
	return own | rest
}

var actAsWays, adminWays = waysWhere(func(i *Influence) bool { return i.ActAs }), waysWhere(func(i *Influence) bool { return i.AdminOfAll })

func waysWhere(is func(i *Influence) bool) (w ways) {
	for i := range influences {
		if is(&influences[i]) {
			w |= 1 << i
		}
	}
	return w
}
