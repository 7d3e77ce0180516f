package authz

import (
	"fmt"
	"slices"
	"strings"
)

// intern returns the number of a node, which it makes if it must.
func (c *compiler) intern(k nodeKind, id string) int32 {
	w := want(id)
	h := nodeHash(k, &w)
	n := c.index.find(h, func(n int32) bool { return c.list[n].kind == k && c.ids[n] == id })
	if n == nowhere {
		n = int32(len(c.list))
		c.list = append(c.list, node{member: uint32(len(c.members)), home: nowhere, kind: k})
		c.ids, c.hashes = append(c.ids, id), append(c.hashes, h)
		c.index.put(h, n, func(n int32) uint64 { return c.hashes[n] })
	}
	return n
}

func (n *node) refer() {
	if n.refs+1 != 0 {
		n.refs++
	}
}

// actors numbers roles and nodes, and finds those of the bindings. It does not
// need the spaces.
func (c *compiler) actors() (err error) {
	w := c.w
	list := make([]role, 1, len(w.Roles)+1)
	for _, r := range w.Roles {
		list = append(list, compiled(r))
	}
	if c.s.roles, err = numbered(list); err != nil {
		return err
	}
	expected := 2*len(w.Groups) + len(w.Actors) + len(w.Stacks) + len(w.Entities)
	c.index = newIndex(expected)
	c.list = make([]node, 0, expected)
	c.ids, c.hashes = make([]string, 0, expected), make([]uint64, 0, expected)
	for _, step := range []func() error{c.groups, c.known, c.entities, c.bindings} {
		if err := step(); err != nil {
			return err
		}
	}
	return bounded("actors and entities", len(c.list))
}

// groups makes the nodes of the ids, then those of the names: chunks of
// nothing but ULIDs are smaller.
func (c *compiler) groups() error {
	for _, g := range c.w.Groups {
		if g.ID == "" || g.Name == "" {
			return fmt.Errorf("group: %w", errEmptyID)
		}
		n := &c.list[c.intern(nodeGroup, g.ID)]
		if n.flags&nodeKnown != 0 {
			return fmt.Errorf("group %q occurs twice", g.ID)
		}
		n.flags |= nodeKnown
	}
	for i, g := range c.w.Groups {
		name := c.intern(nodeName, g.Name)
		if c.list[name].home != nowhere {
			return fmt.Errorf("group name %q occurs twice", g.Name)
		}
		c.list[name].home, c.list[i].home = int32(i), name // the i-th group is the i-th node
	}
	return nil
}

// known makes the nodes of users and keys.
func (c *compiler) known() error {
	var names []int32
	for i := range c.w.Actors {
		a := &c.w.Actors[i]
		if err := checkMember(a.Ref); err != nil {
			return err
		}
		names = names[:0]
		for _, name := range a.Groups {
			n := c.intern(nodeName, name)
			if !slices.Contains(names, n) {
				names = append(names, n)
				c.list[n].refer()
			}
		}
		at := c.intern(actorNode(a.Ref.Kind), a.Ref.ID)
		n := &c.list[at]
		if n.flags&nodeKnown != 0 {
			return fmt.Errorf("%s %q occurs twice", a.Ref.Kind, a.Ref.ID)
		}
		n.flags |= nodeKnown
		c.members = append(c.members, names...)
		if !a.NotAfter.IsZero() {
			n.flags |= nodeExpires
			c.expires = append(c.expires, timed{at, nanos(a.NotAfter)})
		}
	}
	return nil
}

// entities makes the nodes of stacks and of other entities with a home.
func (c *compiler) entities() error {
	c.housed = make([]int32, 0, len(c.w.Stacks)+len(c.w.Entities))
	house := func(e EntityRef) (*node, error) {
		if err := checkEntity(e); err != nil {
			return nil, err
		}
		at := c.intern(entityNode(e.Kind), e.ID)
		n := &c.list[at]
		if n.flags&nodeKnown != 0 {
			return nil, fmt.Errorf("%s %q occurs twice", e.Kind, e.ID)
		}
		n.flags |= nodeKnown
		c.housed = append(c.housed, at)
		return n, nil
	}
	for _, st := range c.w.Stacks {
		n, err := house(EntityRef{EntityStack, st.ID})
		if err != nil {
			return err
		}
		if st.Administrative {
			n.flags |= nodeAdministrative
		}
	}
	for _, e := range c.w.Entities {
		if _, err := house(e.Entity); err != nil {
			return err
		}
	}
	return nil
}

// homes finds the spaces of stacks and entities.
func (c *compiler) homes() error {
	settle := func(i int, e EntityRef, space string) error {
		at := c.s.tree.number(space)
		if at == nowhere {
			return errHome(e, space)
		}
		c.list[c.housed[i]].home = at
		return nil
	}
	for i, st := range c.w.Stacks {
		if err := settle(i, EntityRef{EntityStack, st.ID}, st.Space); err != nil {
			return err
		}
	}
	for i, e := range c.w.Entities {
		if err := settle(len(c.w.Stacks)+i, e.Entity, e.Space); err != nil {
			return err
		}
	}
	return nil
}

func errHome(e EntityRef, space string) error {
	return fmt.Errorf("%s %q is in unknown space %q", e.Kind, e.ID, space)
}

// bindings finds the nodes and roles of the bindings.
func (c *compiler) bindings() error {
	for i := range c.w.Bindings {
		b, to := &c.w.Bindings[i], &c.bound[i]
		if err := c.bind(b, to); err != nil {
			return fmt.Errorf("binding %q: %w", b.ID, err)
		}
	}
	return nil
}

func (c *compiler) bind(b *Binding, to *bound) (err error) {
	if b.ID == "" {
		return errEmptyID
	}
	if err := checkActor(b.Actor); err != nil {
		return err
	}
	var ok bool
	if to.role, ok = c.s.roles.byID[b.Role]; !ok {
		return fmt.Errorf("unknown role %q", b.Role)
	}
	to.actor = c.intern(actorNode(b.Actor.Kind), b.Actor.ID)
	if n := &c.list[to.actor]; n.kind == nodeGroup && n.home != nowhere {
		to.actor = n.home
	}
	if to.local = b.Entity != (EntityRef{}); to.local {
		if err := checkEntity(b.Entity); err != nil {
			return err
		}
		to.entity = c.intern(entityNode(b.Entity.Kind), b.Entity.ID)
		c.list[to.entity].refer()
	}
	return nil
}

// chunk lays out the i-th chunk.
func (c *compiler) chunk(i int32) (*chunk, error) {
	from := i << chunkBits
	to := min(from+chunkSize, int32(len(c.list)))
	ch := &chunk{names: textsOf(int(to-from), func(i int) string { return c.ids[int(from)+i] })}
	inline := make([]int32, 0, c.starts[to]-c.starts[from])
	member := c.memberStart(from)
	for n := from; n < to; n++ {
		mine := c.order[c.starts[n]:c.starts[n+1]]
		if err := c.sortRun(mine); err != nil {
			return nil, err
		}
		slot := &ch.nodes[n-from]
		*slot = c.list[n]
		slot.first, slot.member = uint32(len(inline)), slot.member-member
		if len(mine) < longRun {
			inline = append(inline, mine...)
			continue
		}
		slot.flags |= nodeLong
		l := &longRuns{ledger: c.ledger(mine), slot: n - from}
		l.order = newOrder(l.entries, c.s.roles.reads)
		ch.long = append(ch.long, l)
	}
	ch.ledger = c.ledger(inline)
	ch.members = slices.Clone(c.members[member:c.memberStart(to)])
	ch.seal(to - from)
	at, _ := slices.BinarySearchFunc(c.expires, from, func(t timed, n int32) int { return int(t.at - n) })
	for ; at < len(c.expires) && c.expires[at].at < to; at++ {
		ch.expires = append(ch.expires, timed{c.expires[at].at - from, c.expires[at].until})
	}
	return ch, nil
}

func (c *compiler) memberStart(n int32) uint32 {
	if int(n) < len(c.list) {
		return c.list[n].member
	}
	return uint32(len(c.members))
}

// seal gives the places of a chunk that no node uses empty runs.
func (c *chunk) seal(used int32) {
	for i := used; i <= chunkSize; i++ {
		c.nodes[i] = node{first: uint32(len(c.entries)), member: uint32(len(c.members)), home: nowhere, kind: nodeFree}
	}
}

// sortRun orders the bindings of one node by id.
func (c *compiler) sortRun(run []int32) error {
	id := func(i int32) string { return c.w.Bindings[i].ID }
	slices.SortFunc(run, func(a, b int32) int { return strings.Compare(id(a), id(b)) })
	for i := 1; i < len(run); i++ {
		if id(run[i-1]) == id(run[i]) {
			return fmt.Errorf("binding %q occurs twice", id(run[i]))
		}
	}
	return nil
}

// ledger makes a ledger of bindings.
func (c *compiler) ledger(list []int32) ledger {
	l := ledger{
		entries: make([]entry, len(list)),
		ids:     textsOf(len(list), func(i int) string { return c.w.Bindings[list[i]].ID }),
	}
	for at, i := range list {
		b, e := &c.bound[i], &l.entries[at]
		if b.local {
			*e = localEntry(b.entity, b.role)
		} else {
			*e = entryAt(c.s.tree, b.space, b.role)
		}
		if until := c.w.Bindings[i].NotAfter; !until.IsZero() {
			e.flags |= entryTimed
			l.times = append(l.times, timed{int32(at), nanos(until)})
		}
	}
	return l
}
