package authz

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// Compile checks a world and makes it answerable. It refuses a tree without
// exactly one root called RootSpace, with a cycle or an unknown parent; ids
// and names of groups that are empty or used twice, the ids of bindings within
// their actor; an actor that is neither user nor key; and a binding that names
// an unknown space, role, actor kind or entity kind, or not exactly one of
// space and entity. It keeps nothing of w's slices.
func Compile(w World) (*Snapshot, error) {
	s, err := compile(&w)
	if err != nil {
		return nil, fmt.Errorf("compile access world: %w", err)
	}
	return s, nil
}

// compiler numbers the parts of a world and then lays out the chunks.
type compiler struct {
	w      *World
	s      *Snapshot
	bound  []bound
	starts []int32 // of each node's bindings in order
	order  []int32 // bindings by node, then by id

	// The nodes by number.
	list    []node
	ids     []string
	hashes  []uint64
	index   index
	members []int32 // of all nodes, by node
	expires []timed // by node
	housed  []int32 // nodes of stacks, then of entities, as the world lists them
}

// bound is a binding in numbers.
type bound struct {
	actor, entity int32 // nodes
	space         int32
	role          uint16
	local         bool
}

func compile(w *World) (*Snapshot, error) {
	c := compiler{w: w, s: &Snapshot{free: nowhere}, bound: make([]bound, len(w.Bindings))}
	var places, actors error
	var both sync.WaitGroup
	both.Go(func() { places = c.places() })
	both.Go(func() { actors = c.actors() })
	both.Wait()
	if err := firstError(places, actors); err != nil {
		return nil, err
	}
	if err := c.homes(); err != nil {
		return nil, err
	}
	c.sort()
	if err := c.layOut(); err != nil {
		return nil, err
	}
	return c.s, nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// places numbers the spaces and finds those of the bindings.
func (c *compiler) places() (err error) {
	if c.s.tree, err = plant(c.w.Spaces); err != nil {
		return err
	}
	for i := range c.w.Bindings {
		b := &c.w.Bindings[i]
		if b.Entity != (EntityRef{}) {
			if b.Space != "" {
				return fmt.Errorf("binding %q: %w", b.ID, errBothEnds)
			}
			continue
		}
		if c.bound[i].space = c.s.tree.number(b.Space); c.bound[i].space == nowhere {
			return fmt.Errorf("binding %q: unknown space %q", b.ID, b.Space)
		}
	}
	return nil
}

var errBothEnds = errors.New("names both a space and an entity")

func checkActor(a ActorRef) error {
	if a.Kind >= actorKinds || a.ID == "" {
		return fmt.Errorf("actor %s %q is not one", a.Kind, a.ID)
	}
	return nil
}

func checkMember(a ActorRef) error {
	if a.Kind != ActorUser && a.Kind != ActorAPIKey || a.ID == "" {
		return fmt.Errorf("actor %s %q is neither user nor key", a.Kind, a.ID)
	}
	return nil
}

func checkEntity(e EntityRef) error {
	if e.Kind == EntityNone || e.Kind >= boundKinds || e.ID == "" {
		return fmt.Errorf("entity %s %q is not one", e.Kind, e.ID)
	}
	return nil
}

// sort groups the bindings by node.
func (c *compiler) sort() {
	c.starts = make([]int32, len(c.list)+1)
	for i := range c.bound {
		c.starts[c.bound[i].actor+1]++
	}
	for i := range c.list {
		c.starts[i+1] += c.starts[i]
	}
	next := slices.Clone(c.starts)
	c.order = make([]int32, len(c.bound))
	for i := range c.bound {
		at := &next[c.bound[i].actor]
		c.order[*at] = int32(i)
		*at++
	}
}

// layOut fills the chunks, several at a time.
func (c *compiler) layOut() error {
	s := c.s
	s.count, s.nodes = int32(len(c.list)), c.index
	s.chunks = make([]*chunk, (len(c.list)+chunkSize-1)/chunkSize)
	errs := make([]error, len(s.chunks))
	inParts(len(s.chunks), fewChunks, func(from, to int) {
		for i := from; i < to; i++ {
			s.chunks[i], errs[i] = c.chunk(int32(i))
		}
	})
	return firstError(errs...)
}
