package authz

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Estate is what bindings do not tell: where things live and which stack uses
// what. Order means nothing.
type Estate struct {
	Stacks []StackUse
	// Objects are the contexts, worker pools and other things that stacks use.
	// One that no stack uses may be left out.
	Objects []EntityHome
}

// StackUse is a stack, the space it lives in, and what its runs use: its worker
// pool, the contexts attached to it however they got there, and so on.
type StackUse struct {
	ID, Space string
	Uses      []EntityRef
}

// object is a stack with powers, or something that such a stack uses.
type object struct {
	ref   EntityRef
	space int32
	actor int32 // of a stack, its number among the actors; else nowhere
	// stacks are the objects that are stacks with powers and use this one, by
	// number.
	stacks []int32
	uses   []int32 // of a stack, by number
	guard  guard   // what ENFORCE asks of whoever changes it
	homes  []int32 // the spaces of all stacks that use it, with powers or not
}

// estate is an Estate in numbers. Objects are by kind, space and id: the least
// number is the one that a path prefers.
type estate struct {
	objects []object
	index   map[EntityRef]int32
	homes   map[EntityRef]int32 // of everything, also what leads to no power
}

// newEstate checks an estate and numbers what leads to a power.
func newEstate(s *Snapshot, e *Estate, p *powers) (*estate, error) {
	b := estateBuilder{s: s, p: p, homes: map[EntityRef]int32{}}
	for _, o := range e.Objects {
		if err := b.settle(o.Entity, o.Space); err != nil {
			return nil, err
		}
	}
	for _, st := range e.Stacks {
		if err := b.settle(EntityRef{EntityStack, st.ID}, st.Space); err != nil {
			return nil, err
		}
	}
	for _, st := range e.Stacks {
		if err := b.use(&st); err != nil {
			return nil, err
		}
	}
	b.out.homes = b.homes
	return b.finish(e), nil
}

type estateBuilder struct {
	s     *Snapshot
	p     *powers
	homes map[EntityRef]int32
	used  map[EntityRef]bool
	out   estate
}

func (b *estateBuilder) settle(ref EntityRef, space string) error {
	at := b.s.tree.number(space)
	switch _, taken := b.homes[ref]; {
	case ref.Kind == EntityNone || ref.Kind >= entityKinds || ref.ID == "":
		return fmt.Errorf("estate: %s %q is not an object", ref.Kind, ref.ID)
	case at == nowhere:
		return fmt.Errorf("estate: %s %q is in unknown space %q", ref.Kind, ref.ID, space)
	case taken:
		return fmt.Errorf("estate: %s %q occurs twice", ref.Kind, ref.ID)
	}
	b.homes[ref] = at
	return nil
}

// use makes an object of a stack that has powers, and of what it uses.
func (b *estateBuilder) use(st *StackUse) error {
	for _, ref := range st.Uses {
		if _, ok := b.homes[ref]; !ok || ref.Kind == EntityStack {
			return fmt.Errorf("estate: stack %q uses unknown %s %q", st.ID, ref.Kind, ref.ID)
		}
	}
	if b.p.number(ActorRef{ActorStack, st.ID}) == nowhere {
		return nil
	}
	for _, ref := range append([]EntityRef{{EntityStack, st.ID}}, st.Uses...) {
		if !b.used[ref] {
			if b.used == nil {
				b.used = map[EntityRef]bool{}
			}
			b.used[ref] = true
			b.out.objects = append(b.out.objects, object{ref: ref, space: b.homes[ref], actor: nowhere})
		}
	}
	return nil
}

// finish orders the objects and links them.
func (b *estateBuilder) finish(e *Estate) *estate {
	out := &b.out
	slices.SortFunc(out.objects, func(x, y object) int {
		if c := cmp.Or(int(x.ref.Kind)-int(y.ref.Kind), int(x.space-y.space)); c != 0 {
			return c
		}
		return strings.Compare(x.ref.ID, y.ref.ID)
	})
	out.index = make(map[EntityRef]int32, len(out.objects))
	for i := range out.objects {
		out.index[out.objects[i].ref] = int32(i)
	}
	for _, st := range e.Stacks {
		b.link(&st)
	}
	for i := range out.objects {
		o := &out.objects[i]
		slices.Sort(o.stacks)
		slices.Sort(o.homes)
		o.homes = slices.Compact(o.homes)
	}
	return out
}

func (b *estateBuilder) link(st *StackUse) {
	own := EntityRef{EntityStack, st.ID}
	at, powerful := b.out.index[own]
	if powerful {
		actor := b.p.number(ActorRef{ActorStack, st.ID})
		b.out.objects[at].actor, b.p.actors[actor].object = actor, at
	}
	for _, ref := range st.Uses {
		i, ok := b.out.index[ref]
		if !ok {
			continue
		}
		o := &b.out.objects[i]
		o.homes = append(o.homes, b.homes[own])
		if powerful && !slices.Contains(b.out.objects[at].uses, i) {
			b.out.objects[at].uses = append(b.out.objects[at].uses, i)
			o.stacks = append(o.stacks, at)
		}
	}
}
