package authz

import (
	"fmt"
	"slices"
)

// Apply returns the snapshot of the world after changes, which count as one:
// only what they come to must be a world that Compile accepts, and so their
// order does not matter except where two are about the same thing. The
// snapshot itself stays as it is.
//
// What is not changed is shared. A binding costs the copy of its actor's
// neighbourhood, a role the copy of all roles, and a change of the tree one
// pass over all bindings, whose spaces get other numbers.
func (s *Snapshot) Apply(changes ...Change) (*Snapshot, error) {
	e, err := s.edited(changes)
	if err != nil {
		return nil, err
	}
	return e.s, nil
}

func (s *Snapshot) edited(changes []Change) (*edit, error) {
	fresh := *s
	e := &edit{old: s, s: &fresh}
	if err := e.apply(changes); err != nil {
		return nil, fmt.Errorf("apply access changes: %w", err)
	}
	return e, nil
}

// edit is a snapshot that is being made from an old one.
type edit struct {
	old, s    *Snapshot
	owned     []uint64 // bit set of the chunks that are copies already
	ownsNodes bool     // whether the index of the nodes is a copy
	lostRoles bool     // roles were deleted
	lostSpace bool     // spaces were deleted
	becomes   []int32  // new numbers of the old spaces, if the tree changed
	freed     []int32  // nodes that later edits may use again
}

// lost stands for the number of a space that was deleted, until what is in
// that space is deleted or moved, too.
const lost int32 = -2

func (e *edit) apply(changes []Change) error {
	changes = settled(changes)
	for _, step := range []func([]Change) error{e.applyRoles, e.applySpaces, e.applyGroups, e.applyRest} {
		if err := step(changes); err != nil {
			return err
		}
	}
	e.reuse()
	return firstError(bounded("actors and entities", int(e.s.count)), e.dangling())
}

// applyRest applies the changes that are about single nodes.
func (e *edit) applyRest(changes []Change) error {
	for _, c := range changes {
		if err := e.applyOne(c); err != nil {
			return err
		}
	}
	return nil
}

func (e *edit) applyOne(c Change) error {
	switch c := c.(type) {
	case PutBinding:
		if err := e.putBinding((*Binding)(&c)); err != nil {
			return fmt.Errorf("binding %q: %w", c.ID, err)
		}
	case DeleteBinding:
		e.deleteBinding(c.Actor, c.ID)
	case PutActor:
		return e.putActor((*Actor)(&c))
	case DeleteActor:
		e.deleteActor(ActorRef(c))
	case PutStack:
		return e.putHome(EntityRef{EntityStack, c.ID}, c.Space, c.Administrative)
	case DeleteStack:
		e.deleteHome(EntityRef{EntityStack, string(c)})
	case PutEntity:
		return e.putHome(c.Entity, c.Space, false)
	case DeleteEntity:
		e.deleteHome(EntityRef(c))
	case PutSpace, DeleteSpace, PutRole, DeleteRole, PutGroup, DeleteGroup: // done before
	}
	return nil
}

func (e *edit) applyRoles(changes []Change) error {
	var list []role
	for _, c := range changes {
		put, isPut := c.(PutRole)
		gone, isGone := c.(DeleteRole)
		if list == nil && (isPut || isGone) {
			list = slices.Clone(e.s.roles.list)
		}
		if isPut {
			list = e.putRole(list, compiled(Role(put)))
		}
		if n, ok := e.s.roles.byID[string(gone)]; ok && isGone {
			list[n] = role{gone: true}
			e.lostRoles = true
		}
	}
	if list == nil {
		return nil
	}
	table, err := numbered(list)
	if err != nil {
		return err
	}
	e.s.roles = table
	e.reorder()
	return nil
}

// putRole gives a new role a number that no binding has had since before the
// edit.
func (e *edit) putRole(list []role, r role) []role {
	if n, ok := e.s.roles.byID[r.id]; ok {
		list[n] = r
		return list
	}
	for n := range e.s.roles.list {
		if e.s.roles.list[n].gone && list[n].gone {
			list[n] = r
			return list
		}
	}
	return append(list, r)
}

// reorder makes the orders of long runs anew that have a role for which
// space:read came or went.
func (e *edit) reorder() {
	changed := func(en entry) bool {
		return int(en.role) < len(e.old.roles.list) && e.old.roles.reads(en.role) != e.s.roles.reads(en.role)
	}
	for i := range e.s.chunks {
		for j, l := range e.s.chunks[i].long {
			if slices.ContainsFunc(l.entries, changed) {
				e.own(int32(i)).long[j] = e.longRuns(l.slot, l.ledger)
			}
		}
	}
}

func (e *edit) applySpaces(changes []Change) error {
	var edits []spaceEdit
	for _, c := range changes {
		switch c := c.(type) {
		case PutSpace:
			edits = append(edits, spaceEdit{Space: Space(c)})
		case DeleteSpace:
			edits = append(edits, spaceEdit{Space: Space{ID: string(c)}, gone: true})
		default: // not of a space
		}
	}
	if edits == nil {
		return nil
	}
	t, becomes, err := e.s.tree.replanted(edits)
	if err != nil || becomes == nil {
		return err
	}
	e.s.tree, e.becomes = t, becomes
	e.renumberAll(becomes)
	return nil
}

// renumberAll gives what is in the chunks the new numbers of their spaces.
func (e *edit) renumberAll(becomes []int32) {
	fresh, losing := make([]*chunk, len(e.s.chunks)), make([]bool, len(e.s.chunks))
	inParts(len(fresh), fewChunks, func(from, to int) {
		for i := from; i < to; i++ {
			fresh[i], losing[i] = e.renumber(e.s.chunks[i], becomes)
		}
	})
	for i, c := range fresh {
		if c != nil {
			e.put(int32(i), c)
		}
	}
	e.lostSpace = slices.Contains(losing, true)
}

// renumber returns a chunk with the new numbers, or nil if they are the same;
// losing is true if something in it is in a space that is gone.
func (e *edit) renumber(c *chunk, becomes []int32) (fresh *chunk, losing bool) {
	own := func() *chunk {
		if fresh == nil {
			fresh = c.clone()
		}
		return fresh
	}
	entries, lose := renumbered(c.entries, becomes, e.s.tree)
	losing = lose
	if entries != nil {
		own().entries = entries
	}
	for j, l := range c.long {
		entries, lose := renumbered(l.entries, becomes, e.s.tree)
		losing = losing || lose
		if entries != nil {
			long := l.ledger
			long.entries = entries
			own().long[j] = e.longRuns(l.slot, long)
		}
	}
	for j := range c.nodes[:chunkSize] {
		n := &c.nodes[j]
		if n.kind < nodeStack || n.kind >= nodeName || n.home == nowhere {
			continue
		}
		to := becomes[n.home]
		if to == nowhere {
			to, losing = lost, true
		}
		if to != n.home {
			own().nodes[j].home = to
		}
	}
	return fresh, losing
}

// renumbered returns the entries with the new numbers of their spaces, or nil
// if they are the same.
func renumbered(entries []entry, becomes []int32, t *tree) (out []entry, losing bool) {
	for i := range entries {
		en := entries[i]
		if en.local() {
			continue
		}
		if to := becomes[en.pre]; to == nowhere {
			en.pre, en.size, en.climb, losing = lost, 0, nowhere, true
		} else {
			sp := &t.spaces[to]
			en.pre, en.size, en.climb = to, sp.size, sp.climb
		}
		if out == nil && en != entries[i] {
			out = slices.Clone(entries)
		}
		if out != nil {
			out[i] = en
		}
	}
	return out, losing
}

// dangling finds a binding whose role or space was deleted, and a stack or
// entity whose space was.
func (e *edit) dangling() error {
	if !e.lostRoles && !e.lostSpace {
		return nil
	}
	check := func(l *ledger) error {
		for i := range l.entries {
			switch en := &l.entries[i]; {
			case e.s.roles.list[en.role].gone:
				return fmt.Errorf("binding %q: unknown role", l.ids.at(i))
			case en.pre == lost:
				return fmt.Errorf("binding %q: unknown space", l.ids.at(i))
			}
		}
		return nil
	}
	for _, c := range e.s.chunks {
		if err := check(&c.ledger); err != nil {
			return err
		}
		for _, l := range c.long {
			if err := check(&l.ledger); err != nil {
				return err
			}
		}
		for j := range c.nodes[:chunkSize] {
			if n := &c.nodes[j]; n.home == lost {
				return fmt.Errorf("%q is in an unknown space", c.names.at(j))
			}
		}
	}
	return nil
}
