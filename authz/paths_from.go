package authz

import "slices"

// maxTries bounds how many steps a search for the paths of one actor takes, so
// that a maze has an end. Short paths come first and cost few.
const maxTries = 20_000

// walker goes from one actor towards the goal, by all ways.
type walker struct {
	*query
	limit  int
	tries  int
	length int // of the paths that are looked for now
	trail  trail
	ahead  map[int32][]stop // of each actor, how it can go on
	out    Paths
}

// from returns the paths of one actor, which may be nowhere.
func (q *query) from(i int32) Paths {
	if i == nowhere {
		return Paths{}
	}
	q.search()
	if q.found.actors[i] == 0 {
		return Paths{}
	}
	w := walker{query: q, limit: q.o.Limit, ahead: map[int32][]stop{}, out: Paths{Actors: 1}}
	if w.limit == 0 {
		w.limit = DefaultFromLimit
	}
	for w.length = int(q.found.actors[i]); w.length <= q.o.MaxHops && !w.out.More; w.length++ {
		w.walk(i)
	}
	return w.out
}

// walk goes on from an actor.
func (w *walker) walk(i int32) {
	for _, s := range w.steps(i) {
		if w.out.More {
			return
		}
		w.trail = append(w.trail, s)
		switch s.step.kind {
		case HopHolds:
			w.arrive()
		case HopMember:
			w.visit(s.step.to)
		default:
			w.pass(s)
		}
		w.trail = w.trail[:len(w.trail)-1]
	}
}

// arrive keeps a trail of the wanted length, if it is of the wanted kind.
func (w *walker) arrive() {
	if len(w.trail) != w.length || w.o.Escalating && !w.trail.escalates() {
		return
	}
	if len(w.out.List) == w.limit {
		w.out.More = true
		return
	}
	w.out.List = append(w.out.List, w.path(w.trail))
}

// visit goes on at an actor, unless the trail has been there or the goal is too
// far from it.
func (w *walker) visit(i int32) {
	if d := int(w.found.actors[i]); d == 0 || d > w.length-len(w.trail) || w.been(i) {
		return
	}
	if w.tries++; w.tries > maxTries {
		w.out.More = true
		return
	}
	w.walk(i)
}

func (w *walker) been(i int32) bool {
	return slices.ContainsFunc(w.trail, func(s stop) bool { return s.actor == i })
}

// pass goes on at an object that the last stop influences.
func (w *walker) pass(s stop) {
	o := &w.e.objects[s.step.to]
	if o.actor != nowhere {
		if w.planOnly(s) {
			w.read(o.actor)
			return
		}
		w.visit(o.actor)
		return
	}
	if slices.ContainsFunc(w.trail, func(b stop) bool { return b.actor == nowhere && b.object == s.step.to }) {
		return
	}
	for _, st := range o.stacks {
		w.trail = append(w.trail, stop{actor: nowhere, object: s.step.to, step: step{HopUse, st}})
		w.visit(w.e.objects[st].actor)
		w.trail = w.trail[:len(w.trail)-1]
	}
}

// planOnly reports whether a stop influences nothing but plans.
func (w *walker) planOnly(s stop) bool {
	o := &w.e.objects[s.step.to]
	return w.readOnly && w.influence(s.actor, o, fullWays[o.ref.Kind], w.o.ActAs) == 0
}

// read ends a trail at a stack of which only the plans are influenced.
func (w *walker) read(i int32) {
	if w.found.actors[i] == 1 && !w.been(i) {
		w.trail = append(w.trail, stop{actor: i, step: step{kind: HopHolds}})
		w.arrive()
		w.trail = w.trail[:len(w.trail)-1]
	}
}

// steps returns how an actor can go on: to the goal, to its groups, to what it
// influences.
func (w *walker) steps(i int32) (list []stop) {
	if list, ok := w.ahead[i]; ok {
		return list
	}
	if w.found.actors[i] == 1 {
		list = append(list, stop{actor: i, step: step{kind: HopHolds}})
	}
	for _, g := range w.p.actors[i].groups {
		list = append(list, stop{actor: i, step: step{HopMember, g}})
	}
	for at := range w.e.objects {
		o := &w.e.objects[at]
		if w.found.objects[at] == 0 || o.actor == i {
			continue
		}
		if w.influence(i, o, waysTo(o.ref.Kind, w.readOnly), w.o.ActAs) != 0 {
			list = append(list, stop{actor: i, step: step{HopInfluence, int32(at)}})
		}
	}
	w.ahead[i] = list
	return list
}
