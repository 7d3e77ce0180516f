package authz

import (
	"cmp"
	"slices"
)

// all returns the shortest path of each actor.
func (q *query) all() (out Paths) {
	q.search()
	var from []int32
	for i := range q.p.actors {
		if q.found.actors[i] != 0 && slices.Contains(q.o.Kinds, q.p.actors[i].ref.Kind) && (!q.o.Escalating || q.shortest(int32(i)).escalates()) {
			from = append(from, int32(i))
		}
	}
	slices.SortStableFunc(from, func(a, b int32) int { return cmp.Compare(q.found.actors[a], q.found.actors[b]) })
	out.Actors = len(from)
	if q.o.Limit > 0 && len(from) > q.o.Limit {
		from, out.More = from[:q.o.Limit], true
	}
	for _, i := range from {
		out.List = append(out.List, q.path(q.shortest(i)))
	}
	return out
}

// shortest returns the steps of the path that the search has found.
func (q *query) shortest(i int32) (t trail) {
	for {
		s := q.found.actorSteps[i]
		t = append(t, stop{actor: i, step: s})
		switch s.kind {
		case HopHolds:
			return t
		case HopMember:
			i = s.to
		default:
			o := s.to
			if q.e.objects[o].actor == nowhere {
				use := q.found.objectSteps[o]
				t = append(t, stop{actor: nowhere, object: o, step: use})
				o = use.to
			}
			i = q.e.objects[o].actor
		}
	}
}

// stop is one node of a path, an actor or an object, and how it goes on.
type stop struct {
	actor, object int32
	step          step
}

type trail []stop

// escalates reports whether the trail leads through a stack.
func (t trail) escalates() bool {
	return slices.ContainsFunc(t, func(s stop) bool { return s.step.kind == HopInfluence })
}

// path tells a trail with its evidence.
func (q *query) path(t trail) Path {
	p := Path{From: q.p.actors[t[0].actor].ref, Hops: make([]Hop, len(t))}
	for i, s := range t {
		h := &p.Hops[i]
		h.Kind, h.From = s.step.kind, q.node(s.actor, s.object)
		switch s.step.kind {
		case HopHolds:
			h.Target = q.target(q.at)
			h.Evidence = q.explain(nil, q.asked(s.actor, q.holds), q.at, q.need)
		case HopMember:
			h.Rule, h.To = "E25", q.node(s.step.to, nowhere)
		case HopInfluence:
			q.tellInfluence(h, s.actor, s.step.to, q.readOnly && i+2 == len(t))
		default: // HopUse
			h.To = q.node(nowhere, s.step.to)
		}
	}
	if n := len(t); n > 1 && p.Hops[n-2].Phase == PhasePlan {
		p.Hops[n-1].Phase = PhasePlan
	}
	return p
}

// node names an actor, or an object, which may be a stack.
func (q *query) node(actor, object int32) PathNode {
	if actor == nowhere {
		if actor = q.e.objects[object].actor; actor == nowhere {
			return PathNode{Object: q.e.objects[object].ref}
		}
	}
	return PathNode{Actor: q.p.actors[actor].ref}
}

func (q *query) target(at place) Target { return Target{q.s.tree.id(at.space), at.entity} }

// table tells ways; paths share what it returns.
func (q *query) table(w ways) []Influence {
	list, ok := q.tables[w]
	if !ok {
		list = w.table()
		if q.tables == nil {
			q.tables = map[ways][]Influence{}
		}
		q.tables[w] = list
	}
	return list
}

// asked returns who meets a condition: an actor by itself, or with its groups.
func (q *query) asked(i int32, meets func(who []int32) bool) []int32 {
	if own := []int32{i}; meets(own) {
		return own
	}
	return q.p.together(i)
}

// tellInfluence tells by which ways an actor influences an object, and what
// they rest on.
func (q *query) tellInfluence(h *Hop, i, to int32, plan bool) {
	o := &q.e.objects[to]
	h.To = q.node(nowhere, to)
	h.Target = q.target(place{o.space, o.ref})
	open := q.influence(i, o, waysTo(o.ref.Kind, plan), q.o.ActAs)
	h.Ways = q.table(open)
	first := h.Ways[0]
	h.Rule, h.Action, h.Phase = first.Rule, first.Action, first.Phase
	who := q.asked(i, func(who []int32) bool { return q.can(who, o, open, q.o.ActAs)&open.first() != 0 })
	h.Evidence = q.explain(nil, who, place{o.space, o.ref}, first.needs())
	if first.ActAs {
		h.Mode = q.o.ActAs
		if h.Refused = q.influence(i, o, open, ActAsEnforce) == 0; !h.Refused {
			h.Guards = append(h.Guards, GuardActAs)
			h.Evidence = q.explainActAs(h.Evidence, who, o.guard)
		}
	}
	if first.AdminOfAll {
		h.Guards = append(h.Guards, GuardAdminOfAll)
		for _, at := range o.homes {
			h.Evidence = q.explain(h.Evidence, who, place{space: at}, SetOf(ActionSpaceAdmin))
		}
	}
}
