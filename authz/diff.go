package authz

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// Difference is what changes come to, before they are made.
type Difference struct {
	After   *Snapshot // what Apply returns
	Effects []Effect  // by actor kind and id
}

// Effect is one actor's gain and loss, in some spaces or on one entity. The
// sets say what Decide allows: tiers are spelled out.
type Effect struct {
	Actor ActorRef
	// Spaces is where; empty if it is about an entity. It is of the snapshot
	// after the changes, but for spaces that they delete.
	Spaces SpaceSet
	// Entity is an entity that is bound by itself or has moved, where there the
	// effect is another than in its space.
	Entity       EntityRef
	Gained, Lost ActionSet
}

// Diff tells who gains and who loses which actions where, if changes were made
// now. As in Who, actors are the users, keys, groups and stacks of the world
// with what the world says of them; a group stands for what it gives its
// members.
//
// A stack or another entity that moves must be known, by a PutStack or
// PutEntity of before, for the effect of its move to show.
func (s *Snapshot) Diff(now time.Time, changes ...Change) (*Difference, error) {
	e, err := s.edited(changes)
	if err != nil {
		return nil, err
	}
	d := newDiffing(s, e, instant(now))
	for _, c := range settled(changes) {
		d.mark(c)
	}
	d.blocks = blocksOf(d.becomes)
	slices.SortFunc(d.points, func(a, b point) int { return cmp.Or(cmp.Compare(a.is, b.is), cmp.Compare(a.was, b.was)) })
	if d.looksAtBindings() {
		inParts(len(s.chunks), fewChunks, func(from, to int) {
			for i := from; i < to; i++ {
				d.heat(int32(i))
			}
		})
	}
	for how := range d.marks {
		d.marks[how].names = d.marksNames(d.marks[how].nodes)
	}
	lists := make([][]Effect, len(e.s.chunks))
	inParts(len(lists), fewChunks, func(from, to int) {
		w := comparison{diffing: d}
		for i := from; i < to; i++ {
			w.chunk(int32(i))
			lists[i], w.effects = w.effects, nil
		}
	})
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b Effect) int {
		return cmp.Or(cmp.Compare(a.Actor.Kind, b.Actor.Kind), strings.Compare(a.Actor.ID, b.Actor.ID))
	})
	return &Difference{After: e.s, Effects: all}, nil
}

// diffing finds whom changes may concern, and how: those are compared.
type diffing struct {
	before, after *Snapshot
	becomes       []int32 // of the spaces before; nil if they stay
	inverse       []int32 // of becomes
	blocks        []block
	now           int64
	roles         []bool  // that change
	spaces        []uint8 // of before, that change: how
	points        []point
	moves         []move
	marks         [concerns]marks
}

// The ways in which an actor can be concerned.
const (
	// concernAll means that anything may be different.
	concernAll = iota
	// concernRole means that it is where roles are bound that change.
	concernRole
	// concernClimb means that it is only to where space:read climbs.
	concernClimb
	// concernMove means that it is on the entities that move.
	concernMove
	concerns
)

// marks says which nodes are concerned: one word for a chunk. Who belongs to
// a group whose name is marked is concerned, too.
type marks struct {
	nodes []uint64
	names bool // some name is marked
}

func (m *marks) has(n int32) bool {
	c, i := split(n)
	return m.nodes[c]&(1<<i) != 0
}

// point is a space above a changed one to which space:read climbs through it,
// before or after: its numbers.
type point struct{ was, is int32 }

// move is an entity that gets another home.
type move struct {
	entity int32
	places [2]Place // old and new, in numbers of before
}

func newDiffing(s *Snapshot, e *edit, now int64) *diffing {
	d := &diffing{before: s, after: e.s, becomes: e.becomes, now: now}
	d.roles = make([]bool, max(len(s.roles.list), len(e.s.roles.list)))
	words := make([]uint64, concerns*len(e.s.chunks))
	for how := range d.marks {
		d.marks[how].nodes, words = words[:len(e.s.chunks)], words[len(e.s.chunks):]
	}
	if d.becomes != nil {
		d.inverse = make([]int32, len(e.s.tree.spaces))
		for i := range d.inverse {
			d.inverse[i] = nowhere
		}
		for n, to := range d.becomes {
			if to != nowhere {
				d.inverse[to] = int32(n)
			}
		}
	}
	return d
}

// earlier is the number that a space after the changes had before, or nowhere.
func (d *diffing) earlier(space int32) int32 {
	if d.becomes == nil {
		return space
	}
	return d.inverse[space]
}

func (d *diffing) touch(how int, n int32) {
	if n != nowhere {
		c, i := split(n)
		d.marks[how].nodes[c] |= 1 << i
	}
}

// touchActor marks an actor, and the name of a group.
func (d *diffing) touchActor(a ActorRef) {
	for _, s := range []*Snapshot{d.before, d.after} {
		n := s.findActor(a)
		d.touch(concernAll, n)
		d.touch(concernAll, s.carrierOf(n))
	}
}

func (d *diffing) mark(c Change) {
	switch c := c.(type) {
	case PutBinding:
		d.touchActor(c.Actor)
	case DeleteBinding:
		d.touchActor(c.Actor)
	case PutActor:
		d.touchActor(c.Ref)
	case DeleteActor:
		d.touchActor(ActorRef(c))
	case PutGroup:
		d.touchActor(ActorRef{ActorGroup, c.ID})
	case DeleteGroup:
		d.touchActor(ActorRef{ActorGroup, string(c)})
	case PutStack:
		d.markHome(EntityRef{EntityStack, c.ID})
	case DeleteStack:
		d.markHome(EntityRef{EntityStack, string(c)})
	case PutEntity:
		d.markHome(c.Entity)
	case DeleteEntity:
		d.markHome(EntityRef(c))
	case PutRole:
		d.markRole(c.ID)
	case DeleteRole: // nothing is bound to it
	case PutSpace:
		d.markSpace(c.ID)
	case DeleteSpace:
		d.markSpace(string(c))
	}
}

func (d *diffing) markRole(id string) {
	if n, ok := d.before.roles.byID[id]; ok {
		d.roles[n] = d.before.roles.list[n].actions != d.after.roles.list[n].actions
	}
}

// markHome marks a stack as an actor, and an entity that moves.
func (d *diffing) markHome(e EntityRef) {
	if e.Kind == EntityStack {
		d.touchActor(ActorRef{ActorStack, e.ID})
	}
	n, m := d.before.findEntity(e), d.after.findEntity(e)
	if n == nowhere || m == nowhere {
		return
	}
	from, to := d.before.node(n).home, d.after.node(m).home
	if from == nowhere || to == nowhere || d.earlier(to) == from {
		return
	}
	// Who holds anything in a space that is new holds it above.
	at := d.earlier(to)
	for at == nowhere {
		to = d.after.tree.spaces[to].parent
		at = d.earlier(to)
	}
	mv := move{m, [2]Place{d.before.placeAt(from), d.before.placeAt(at)}}
	for i := range mv.places {
		mv.places[i].entity = m
	}
	d.moves = append(d.moves, mv)
}
