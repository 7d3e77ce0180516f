package authz

import "slices"

// step is how a path goes on: from an actor to a group, or to an object that it
// influences; from an object to the stack that uses it.
type step struct {
	kind HopKind
	to   int32
}

// found is what a search from a goal backwards has found: how many hops each
// actor and each object is away, 0 for never, and the first one of a shortest
// path. A stack is found as an actor and as an object.
type found struct {
	actors, objects         []uint8
	actorSteps, objectSteps []step
}

// frontier is what is at one distance, by number.
type frontier struct {
	actors, objects []int32
	plan            bool // plans of the stacks among them are enough
}

// search goes from the goal to whoever reaches it, one hop at a time, until
// nobody is found any more.
func (q *query) search() *found {
	q.found = &found{
		actors: make([]uint8, len(q.p.actors)), objects: make([]uint8, len(q.e.objects)),
		actorSteps: make([]step, len(q.p.actors)), objectSteps: make([]step, len(q.e.objects)),
	}
	front := q.holders()
	for d := 2; d <= q.o.MaxHops && len(front.actors)+len(front.objects) > 0; d++ {
		var next frontier
		q.members(&front, &next, uint8(d))
		q.uses(&front, &next, uint8(d))
		q.influencers(&front, &next, uint8(d))
		slices.Sort(next.objects)
		front = next
	}
	return q.found
}

// holders finds who holds the goal without going by way of a group.
func (q *query) holders() (front frontier) {
	front.plan = q.readOnly
	alone, one := make([]bool, len(q.p.actors)), make([]int32, 1)
	for i := range alone {
		one[0] = int32(i)
		alone[i] = q.holds(one)
	}
	for i := range alone {
		if alone[i] || q.holdsMixed(int32(i), alone) {
			q.reach(&front, int32(i), 1, step{kind: HopHolds})
		}
	}
	slices.Sort(front.objects)
	return front
}

// holdsMixed reports whether an actor holds the goal together with its groups,
// and none of them holds it alone.
func (q *query) holdsMixed(i int32, alone []bool) bool {
	groups := q.p.actors[i].groups
	byOne := slices.ContainsFunc(groups, func(g int32) bool { return alone[g] })
	return len(groups) > 0 && !byOne && q.holds(q.p.together(i))
}

// holds reports whether actors together hold the goal.
func (q *query) holds(who []int32) bool {
	h := q.p.holds(who, q.at)
	return h.allowed().Contains(q.need)
}

// reach enters an actor, and the object that it is.
func (q *query) reach(front *frontier, i int32, d uint8, s step) {
	q.found.actors[i], q.found.actorSteps[i] = d, s
	front.actors = append(front.actors, i)
	if o := q.p.actors[i].object; o != nowhere {
		q.found.objects[o] = d
		front.objects = append(front.objects, o)
	}
}

// members finds the members of groups.
func (q *query) members(front, next *frontier, d uint8) {
	for _, g := range front.actors {
		for _, i := range q.p.actors[g].members {
			if q.found.actors[i] == 0 {
				q.reach(next, i, d, step{HopMember, g})
			}
		}
	}
}

// uses finds what stacks use.
func (q *query) uses(front, next *frontier, d uint8) {
	for _, st := range front.objects {
		for _, o := range q.e.objects[st].uses {
			if q.found.objects[o] == 0 {
				q.found.objects[o], q.found.objectSteps[o] = d, step{HopUse, st}
				next.objects = append(next.objects, o)
			}
		}
	}
}

// influencers finds who influences stacks, or what stacks use.
func (q *query) influencers(front, next *frontier, d uint8) {
	if len(front.objects) == 0 {
		return
	}
	aims, local := q.aims(front), q.locals(front)
	for i := range q.p.actors {
		if q.found.actors[i] != 0 {
			continue
		}
		best, ok := local[int32(i)]
		if !ok {
			best = nowhere
		}
		for j := range aims {
			if best != nowhere && aims[j].list[0] > best {
				break // the rest is of later kinds
			}
			best = q.leads(int32(i), &aims[j], best)
		}
		if best != nowhere {
			q.reach(next, int32(i), d, step{HopInfluence, best})
		}
	}
}

// aim is the objects of one kind in a frontier.
type aim struct {
	list  []int32 // by space
	first []int32 // of each space: the place in list of its first object, or of that of the next space that has one
	ways  ways    // to influence them
	sure  ways    // those that ask for nothing but actions at the object
}

func (q *query) aims(front *frontier) (list []aim) {
	for from := 0; from < len(front.objects); {
		kind := q.e.objects[front.objects[from]].ref.Kind
		to := from
		for to < len(front.objects) && q.e.objects[front.objects[to]].ref.Kind == kind {
			to++
		}
		if a := (aim{list: front.objects[from:to], ways: waysTo(kind, front.plan)}); a.ways != 0 {
			a.sure = a.ways &^ q.conditional()
			a.first = make([]int32, len(q.s.tree.spaces))
			at := int32(len(a.list))
			for sp := len(a.first) - 1; sp >= 0; sp-- {
				for at > 0 && q.e.objects[a.list[at-1]].space >= int32(sp) {
					at--
				}
				a.first[sp] = at
			}
			list = append(list, a)
		}
		from = to
	}
	return list
}

func waysTo(kind EntityKind, plan bool) ways {
	if plan {
		return fullWays[kind] | planWays[kind]
	}
	return fullWays[kind]
}

// conditional is the ways that ask for more than actions at the object.
func (q *query) conditional() ways {
	if q.o.ActAs == ActAsEnforce {
		return actAsWays | adminWays
	}
	return adminWays
}

// leads returns the least of the objects that an actor influences in the
// spaces where it has the actions, and of best.
func (q *query) leads(i int32, a *aim, best int32) int32 {
	actor := &q.p.actors[i]
	for j := range actor.ways {
		best = q.leadsIn(i, &actor.ways[j], a, best)
	}
	if a.sure == a.ways {
		return best
	}
	// Of a way that asks for more, the actions may be a group's and the rest
	// somebody else's.
	for _, g := range actor.groups {
		for _, t := range q.p.actors[g].ways {
			t.ways &^= a.sure
			best = q.leadsIn(i, &t, a, best)
		}
	}
	return best
}

func (q *query) leadsIn(i int32, t *wayTract, a *aim, best int32) int32 {
	if t.ways&a.ways == 0 {
		return best
	}
	for at := a.first[t.from]; int(at) < len(a.list); at++ {
		o := &q.e.objects[a.list[at]]
		if o.space >= t.to || best != nowhere && a.list[at] >= best {
			break
		}
		if t.ways&a.sure != 0 && !t.mixed || q.influence(i, o, a.ways, q.o.ActAs) != 0 {
			return a.list[at]
		}
	}
	return best
}

// locals finds who influences an object by a binding to the object itself, with
// the least object for each.
func (q *query) locals(front *frontier) map[int32]int32 {
	list := map[int32]int32{}
	for _, at := range front.objects {
		o := &q.e.objects[at]
		consider := func(i int32) {
			if _, ok := list[i]; !ok && q.found.actors[i] == 0 && q.influence(i, o, waysTo(o.ref.Kind, front.plan), q.o.ActAs) != 0 {
				list[i] = at
			}
		}
		for _, i := range q.p.locals[o.ref] {
			consider(i)
			for _, member := range q.p.actors[i].members {
				consider(member)
			}
		}
	}
	return list
}
