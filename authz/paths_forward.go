package authz

import "slices"

// reachOf is whom an actor can act as.
type reachOf struct {
	full []bool // by number
	plan []bool // stacks of which it can make plans, and no more
	list []int32
}

// forward finds whom an actor, which may be nowhere, can act as, itself
// included. It is the search the other way round, without a goal.
func (q *query) forward(i int32) *reachOf {
	r := &reachOf{full: make([]bool, len(q.p.actors)), plan: make([]bool, len(q.p.actors))}
	if i == nowhere {
		return r
	}
	passed := make([]bool, len(q.e.objects))
	r.enter(i)
	for at := 0; at < len(r.list); at++ {
		i := r.list[at]
		for _, g := range q.p.actors[i].groups {
			r.enter(g)
		}
		q.eachInfluenced(i, func(to int32, w ways) {
			o := &q.e.objects[to]
			switch {
			case w&fullWays[o.ref.Kind] == 0:
				r.plan[o.actor] = true // only stacks have plans
			case o.actor != nowhere:
				r.enter(o.actor)
			case !passed[to]:
				passed[to] = true
				for _, st := range o.stacks {
					r.enter(q.e.objects[st].actor)
				}
			}
		})
	}
	return r
}

func (r *reachOf) enter(i int32) {
	if !r.full[i] {
		r.full[i] = true
		r.list = append(r.list, i)
	}
}

// eachInfluenced calls yield for the objects that an actor influences, by
// itself or with its groups; maybe more than once.
func (q *query) eachInfluenced(i int32, yield func(o int32, w ways)) {
	a := &q.p.actors[i]
	for kind := EntityStack; kind < entityKinds; kind++ {
		all := waysTo(kind, true)
		sure := all &^ q.conditional()
		for j := range a.ways {
			q.eachIn(i, kind, &a.ways[j], all, sure, yield)
		}
		for _, g := range a.groups {
			for _, t := range q.p.actors[g].ways {
				t.ways &^= sure
				q.eachIn(i, kind, &t, all, sure, yield)
			}
		}
	}
	for _, who := range q.p.together(i) {
		for _, g := range q.p.actors[who].grants {
			if to, ok := q.e.index[g.entity]; ok {
				q.tryObject(i, to, yield)
			}
		}
	}
}

// eachIn does that for the objects of a kind in one tract.
func (q *query) eachIn(i int32, kind EntityKind, t *wayTract, all, sure ways, yield func(o int32, w ways)) {
	if t.ways&all == 0 {
		return
	}
	at, _ := slices.BinarySearchFunc(q.e.objects, t.from, func(o object, from int32) int {
		if o.ref.Kind != kind {
			return int(o.ref.Kind) - int(kind)
		}
		if o.space < from {
			return -1
		}
		return 1
	})
	for ; at < len(q.e.objects) && q.e.objects[at].ref.Kind == kind && q.e.objects[at].space < t.to; at++ {
		if w := t.ways & sure; w&fullWays[kind] != 0 && !t.mixed {
			yield(int32(at), w)
		} else {
			q.tryObject(i, int32(at), yield)
		}
	}
}

func (q *query) tryObject(i, to int32, yield func(o int32, w ways)) {
	o := &q.e.objects[to]
	if w := q.influence(i, o, waysTo(o.ref.Kind, true), q.o.ActAs); w != 0 {
		yield(to, w)
	}
}
