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
	// Objects are the contexts, worker pools, built-in repositories and other
	// things that stacks use. One that no stack uses may be left out.
	Objects []EntityHome
}

// StackUse is a stack, the space it lives in, and what its runs use: its worker
// pool, the contexts attached to it however they got there, and so on.
type StackUse struct {
	ID, Space string
	Uses      []EntityRef
	// Repo is the id of the built-in repository that the stack names as its
	// source, empty for none. Its runs take the code there as long as the
	// repository is in reach: in the stack's space, or in one that it inherits
	// from. Act-as counts the stack in either case.
	Repo string
}

// object is a stack with powers, or something that such a stack uses.
type object struct {
	ref   EntityRef
	space int32
	actor int32 // of a stack, its number among the actors; else nowhere
	// stacks are the objects that are stacks with powers and use this one, by
	// number.
	stacks []int32
	asks   []int32 // further ones whose roles ENFORCE asks for: they name it and do not reach it
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
	uses := make([]EntityRef, 0, len(st.Uses)+2)
	uses = append(append(uses, EntityRef{EntityStack, st.ID}), st.Uses...)
	if st.Repo != "" {
		uses = append(uses, EntityRef{EntityRepo, st.Repo})
	}
	for i, ref := range uses {
		if _, ok := b.homes[ref]; !ok || i > 0 && ref.Kind == EntityStack || i <= len(st.Uses) && ref.Kind == EntityRepo {
			return fmt.Errorf("estate: stack %q uses unknown %s %q", st.ID, ref.Kind, ref.ID)
		}
	}
	if b.p.number(ActorRef{ActorStack, st.ID}) == nowhere {
		return nil
	}
	for _, ref := range uses {
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
		slices.Sort(o.asks)
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
		if powerful {
			b.join(at, i)
		}
	}
	if repo := (EntityRef{EntityRepo, st.Repo}); powerful && st.Repo != "" {
		i := b.out.index[repo]
		if b.s.reaches(b.homes[own], b.homes[repo]) {
			b.join(at, i)
		} else {
			b.out.objects[i].asks = append(b.out.objects[i].asks, at)
		}
	}
}

// join notes that a stack uses an object.
func (b *estateBuilder) join(stack, to int32) {
	st, o := &b.out.objects[stack], &b.out.objects[to]
	if !slices.Contains(st.uses, to) {
		st.uses, o.stacks = append(st.uses, to), append(o.stacks, stack)
	}
}

// reaches reports whether what lives in a space may use what lives in another:
// the same, or one that it inherits from.
func (s *Snapshot) reaches(from, to int32) bool {
	for from != to && s.tree.inherit(from) {
		from = s.tree.spaces[from].parent
	}
	return from == to
}
