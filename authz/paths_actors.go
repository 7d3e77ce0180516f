package authz

import "slices"

// actorPowers is one actor and what it holds by itself. What its groups hold
// is theirs: somebody who uses it goes by way of the group.
type actorPowers struct {
	ref     ActorRef
	node    int32
	object  int32 // of a stack that the estate names, its number there; else nowhere
	groups  []int32
	members []int32 // of a group
	grants  []liveGrant
	tracts  []tract
	partial bool // some tract is incomplete
	// ways is where the actor can influence something by itself, and where by
	// itself and its groups together, though neither it nor any one of the
	// groups could alone.
	ways []wayTract
}

// powers is what all actors hold at an instant. Their numbers are by kind and
// id.
type powers struct {
	s      *Snapshot
	actors []actorPowers
	index  map[ActorRef]int32
	locals map[EntityRef][]int32 // who holds something on an entity itself
	until  int64                 // the first instant after which this is not so
}

func newPowers(s *Snapshot, now int64) *powers {
	live, until := s.liveActors(now)
	p := &powers{
		s: s, until: until, actors: make([]actorPowers, len(live)),
		index: make(map[ActorRef]int32, len(live)), locals: map[EntityRef][]int32{},
	}
	numbers := make(map[int32]int32, len(live)) // by node
	for i := range live {
		p.index[live[i].ref] = int32(i)
		numbers[live[i].node] = int32(i)
	}
	f := flattener{s: s}
	for i := range live {
		a := &p.actors[i]
		a.ref, a.node, a.object, a.grants = live[i].ref, live[i].node, nowhere, live[i].grants
		for _, node := range live[i].groups {
			if g, ok := numbers[node]; ok {
				a.groups = append(a.groups, g)
				p.actors[g].members = append(p.actors[g].members, int32(i))
			}
		}
		slices.Sort(a.groups)
		a.tracts = slices.Clone(f.flatten(a.grants, a.ref.Kind != ActorStack))
		a.ways, a.partial = waysIn(a.tracts), slices.ContainsFunc(a.tracts, incomplete)
		p.enter(int32(i))
	}
	for i := range p.actors {
		if a := &p.actors[i]; p.mixes(a) {
			p.mix(a)
		}
	}
	return p
}

// enter lists an actor with the entities that it is bound to.
func (p *powers) enter(i int32) {
	for _, g := range p.actors[i].grants {
		if g.space == nowhere && !slices.Contains(p.locals[g.entity], i) {
			p.locals[g.entity] = append(p.locals[g.entity], i)
		}
	}
}

// number finds an actor that holds something; nowhere if it does not.
func (p *powers) number(a ActorRef) int32 {
	if i, ok := p.index[a]; ok {
		return i
	}
	return nowhere
}

func waysIn(tracts []tract) (list []wayTract) {
	for i := range tracts {
		t := &tracts[i]
		if w := waysOf(t.allowed()); w != 0 {
			list = append(list, wayTract{t.from, t.to, w, false})
		}
	}
	return list
}

// mixes reports whether an actor and its groups can together do what none of
// them can alone. That takes a tract of one of them which lacks space:read and
// has something that space:read, or the other half of a row, would complete.
func (p *powers) mixes(a *actorPowers) bool {
	return len(a.groups) > 0 && (a.partial || slices.ContainsFunc(a.groups, func(g int32) bool { return p.actors[g].partial }))
}

func incomplete(t tract) bool {
	if t.tier > TierNone && !t.reads() && !t.derived {
		return true
	}
	allowed := t.allowed()
	for _, i := range pairs {
		if allowed.Has(i.Also) && !allowed.Has(i.Action) {
			return true
		}
	}
	return false
}

// pairs are the rows that take two actions.
var pairs = slices.DeleteFunc(Influences(), func(i Influence) bool { return i.Also == 0 })

// mix adds the ways that an actor has only together with its groups. Between
// two bounds of anybody's tracts, nobody's holdings change.
func (p *powers) mix(a *actorPowers) {
	parts := [][]tract{a.tracts}
	for _, g := range a.groups {
		parts = append(parts, p.actors[g].tracts)
	}
	var bounds []int32
	for _, tracts := range parts {
		for i := range tracts {
			bounds = append(bounds, tracts[i].from, tracts[i].to)
		}
	}
	slices.Sort(bounds)
	bounds = slices.Compact(bounds)
	for i := 1; i < len(bounds); i++ {
		from := bounds[i-1]
		var all held
		var alone ways
		for j := range parts {
			for len(parts[j]) > 0 && parts[j][0].to <= from {
				parts[j] = parts[j][1:]
			}
			if len(parts[j]) > 0 && parts[j][0].from <= from {
				all.join(&parts[j][0].held)
				alone |= waysOf(parts[j][0].allowed())
			}
		}
		if w := waysOf(all.allowed()) &^ alone; w != 0 {
			a.ways = append(a.ways, wayTract{from, bounds[i], w, true})
		}
	}
}

// holds returns what actors hold together in a place.
func (p *powers) holds(who []int32, at place) (h held) {
	for _, i := range who {
		a := &p.actors[i]
		if t := find(a.tracts, at.space); t != nil {
			h.join(&t.held)
		}
		// Grants to entities come first.
		for j := 0; at.entity.Kind != EntityNone && j < len(a.grants) && a.grants[j].space == nowhere; j++ {
			if g := &a.grants[j]; g.entity == at.entity {
				h.add(p.s.roleOf(g))
			}
		}
	}
	return h
}

// place is a space, or an entity in it. The space is nowhere for an entity
// whose home nobody knows.
type place struct {
	space  int32
	entity EntityRef
}

// together is an actor with its groups.
func (p *powers) together(i int32) []int32 {
	return append([]int32{i}, p.actors[i].groups...)
}
