package authz

import (
	"cmp"
	"slices"
	"strings"
)

// differ finds the goals that the change from b to a puts at stake.
type differ struct {
	a, b    *query
	moved   []bool // the spaces of a that moved, are new, or are above or below such
	changed []bool // the actors of a that hold something else than before
	list    []Goal
	seen    map[Goal]bool
	touched int
}

// goals returns the goals at stake, and whether they are not all.
func (d *differ) goals() (list []Goal, more bool) {
	d.findMoved()
	d.findChanged()
	for i := range d.changed {
		if d.changed[i] && d.touch() {
			d.actor(int32(i))
		}
	}
	for i := range d.a.e.objects {
		if d.objectChanged(&d.a.e.objects[i]) && d.touch() {
			d.object(&d.a.e.objects[i])
		}
	}
	slices.SortStableFunc(d.list, d.compare)
	if len(d.list) > MaxDiffGoals {
		return d.list[:MaxDiffGoals], true
	}
	return d.list, d.touched > MaxDiffActors
}

func (d *differ) touch() bool {
	d.touched++
	return d.touched <= MaxDiffActors
}

// findMoved compares the trees.
func (d *differ) findMoved() {
	now, old := d.a.s.tree, d.b.s.tree
	d.moved = make([]bool, len(now.spaces))
	if now == old {
		return
	}
	for n := range int32(len(now.spaces)) {
		if !sameEdge(now, old, n) {
			for below := n; below < n+now.spaces[n].size; below++ {
				d.moved[below] = true
			}
			for up := now.spaces[n].parent; up != nowhere; up = now.spaces[up].parent {
				d.moved[up] = true
			}
		}
	}
}

// sameEdge reports whether a space had the same parent, and inherited as now.
func sameEdge(now, old *tree, n int32) bool {
	was := old.number(now.id(n))
	if was <= rootNumber {
		return was == n
	}
	return now.id(now.spaces[n].parent) == old.id(old.spaces[was].parent) && now.inherit(n) == old.inherit(was)
}

// findChanged compares the actors. Who can do something only together with a
// group changes with the group.
func (d *differ) findChanged() {
	d.changed = make([]bool, len(d.a.p.actors))
	for i := range d.changed {
		d.changed[i] = d.actorChanged(&d.a.p.actors[i])
	}
	for i := range d.changed {
		a := &d.a.p.actors[i]
		if d.a.p.mixes(a) && slices.ContainsFunc(a.groups, func(g int32) bool { return d.changed[g] }) {
			d.changed[i] = true
		}
	}
}

// actorChanged reports whether an actor holds something else than before, or
// something else by it.
func (d *differ) actorChanged(a *actorPowers) bool {
	i := d.b.p.number(a.ref)
	if i == nowhere {
		return true
	}
	old := &d.b.p.actors[i]
	if len(a.groups) != len(old.groups) || !slices.EqualFunc(d.powersOf(d.a, a), d.powersOf(d.b, old), equalGoals) {
		return true
	}
	for j, g := range a.groups {
		if d.a.p.actors[g].ref != d.b.p.actors[old.groups[j]].ref {
			return true
		}
	}
	return slices.ContainsFunc(a.grants, func(g liveGrant) bool { return g.space != nowhere && d.moved[g.space] })
}

// power is a goal with the actions that its role has.
type power struct {
	Goal
	actions ActionSet
	space   int32
}

func equalGoals(x, y power) bool { return x.Goal == y.Goal && x.actions == y.actions }

// powersOf returns what an actor holds as goals, in order.
func (d *differ) powersOf(q *query, a *actorPowers) []power {
	list := make([]power, 0, len(a.grants))
	for i := range a.grants {
		g := &a.grants[i]
		p := power{actions: q.s.roleOf(g).actions, space: g.space}
		if p.space == nowhere {
			p.space = q.home(g.entity)
		}
		if p.space == nowhere {
			continue // nobody knows where that is
		}
		p.Goal = Goal{Target: q.target(place{p.space, g.entity}), Role: q.s.roleOf(g).id}
		list = append(list, p)
	}
	slices.SortFunc(list, func(x, y power) int {
		return cmp.Or(strings.Compare(x.Target.Space, y.Target.Space), strings.Compare(x.Role, y.Role),
			cmp.Compare(x.Target.Entity.Kind, y.Target.Entity.Kind), strings.Compare(x.Target.Entity.ID, y.Target.Entity.ID))
	})
	return slices.CompactFunc(list, equalGoals)
}

// actor puts at stake what an actor holds that it did not, and what the stacks
// hold that it influences now.
func (d *differ) actor(i int32) {
	a := &d.a.p.actors[i]
	was := d.b.p.number(a.ref)
	var had []power
	if was != nowhere {
		had = d.powersOf(d.b, &d.b.p.actors[was])
	}
	for _, p := range d.powersOf(d.a, a) {
		if !slices.ContainsFunc(had, func(old power) bool { return equalGoals(p, old) }) {
			d.stake(p.Goal)
		}
	}
	now, old := d.a.forward(i), d.b.forward(was)
	for j := range now.full {
		n := d.b.p.number(d.a.p.actors[j].ref)
		if now.full[j] && (n == nowhere || !old.full[n]) && int32(j) != i {
			d.stakeAll(int32(j))
		}
		if now.plan[j] && (n == nowhere || !old.full[n] && !old.plan[n]) {
			d.stakeReading(int32(j))
		}
	}
}

// objectChanged reports whether an object is elsewhere, or uses other things,
// or whether its guards are others.
func (d *differ) objectChanged(o *object) bool {
	i, ok := d.b.e.index[o.ref]
	if !ok || d.moved[o.space] {
		return true
	}
	old := &d.b.e.objects[i]
	if d.a.s.tree.id(o.space) != d.b.s.tree.id(old.space) || len(o.uses) != len(old.uses) || d.guardsChanged(o, old) {
		return true
	}
	return slices.ContainsFunc(o.uses, func(u int32) bool {
		n, ok := d.b.e.index[d.a.e.objects[u].ref]
		return !ok || !slices.Contains(old.uses, n)
	})
}

// guardsChanged reports whether something else is asked of who influences an
// object: to be an admin elsewhere, or to act as stacks that hold other roles.
func (d *differ) guardsChanged(o, old *object) bool {
	elsewhere := !slices.EqualFunc(o.homes, old.homes, func(x, y int32) bool { return d.a.s.tree.id(x) == d.b.s.tree.id(y) })
	return elsewhere || o.actor != nowhere && d.changed[o.actor] || d.stacksChanged(o.stacks, old.stacks) || d.stacksChanged(o.asks, old.asks)
}

// stacksChanged reports whether the stacks of an object are others than before,
// or hold something else.
func (d *differ) stacksChanged(now, old []int32) bool {
	return len(now) != len(old) || slices.ContainsFunc(now, func(st int32) bool {
		o := &d.a.e.objects[st]
		was, ok := d.b.e.index[o.ref]
		return !ok || !slices.Contains(old, was) || d.changed[o.actor]
	})
}

// object puts at stake what the stacks hold that change with an object, and
// what those lead to.
func (d *differ) object(o *object) {
	actors := []int32{o.actor}
	if o.actor == nowhere {
		actors = nil
		for _, st := range o.stacks {
			actors = append(actors, d.a.e.objects[st].actor)
		}
	}
	for _, i := range actors {
		for _, j := range d.a.forward(i).list {
			d.stakeAll(j)
		}
		d.stakeReading(i)
	}
}

func (d *differ) stakeAll(i int32) {
	for _, p := range d.powersOf(d.a, &d.a.p.actors[i]) {
		d.stake(p.Goal)
	}
}

// stakeReading puts at stake what a plan of a stack sees.
func (d *differ) stakeReading(i int32) {
	for _, p := range d.powersOf(d.a, &d.a.p.actors[i]) {
		if p.actions.Has(ActionSpaceRead) {
			d.stake(Goal{Target: p.Target, Action: ActionSpaceRead})
		}
	}
}

func (d *differ) stake(g Goal) {
	if !d.seen[g] {
		d.seen[g] = true
		d.list = append(d.list, g)
	}
}

// compare puts the goal first that is nearer to root, then the one that takes
// more.
func (d *differ) compare(x, y Goal) int {
	return cmp.Or(d.depth(x)-d.depth(y), d.size(y)-d.size(x), strings.Compare(x.Target.Space, y.Target.Space),
		strings.Compare(x.Role, y.Role), strings.Compare(x.Target.Entity.ID, y.Target.Entity.ID))
}

func (d *differ) depth(g Goal) (n int) {
	for at := d.a.s.tree.number(g.Target.Space); at != rootNumber; at = d.a.s.tree.spaces[at].parent {
		n++
	}
	return n
}

func (d *differ) size(g Goal) int {
	r, ok := d.a.s.roles.number(g.Role)
	if !ok {
		return 0
	}
	h := held{set: d.a.s.roles.list[r].actions, tier: d.a.s.roles.list[r].tier}
	allowed := h.allowed()
	return allowed.Len()
}
