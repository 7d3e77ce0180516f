package authz

import (
	"fmt"
	"slices"
)

// own returns a chunk that this edit may change, with lists that it must not
// change in place, except long.
func (e *edit) own(i int32) *chunk {
	if e.owned == nil || e.owned[i/64]&(1<<(i%64)) == 0 {
		e.put(i, e.s.chunks[i].clone())
	}
	return e.s.chunks[i]
}

// put replaces a chunk by a copy.
func (e *edit) put(i int32, c *chunk) {
	if e.owned == nil {
		e.s.chunks = slices.Clone(e.s.chunks)
		e.owned = make([]uint64, len(e.s.chunks)/64+1)
	}
	e.owned[i/64] |= 1 << (i % 64)
	e.s.chunks[i] = c
}

func (c *chunk) clone() *chunk {
	fresh := *c
	fresh.long = slices.Clone(c.long)
	return &fresh
}

func (e *edit) ownNode(n int32) *node {
	c, i := split(n)
	return &e.own(c).nodes[i]
}

// ownIndex returns the index of the nodes with a table that may be changed.
func (e *edit) ownIndex(h uint64) *index {
	if !e.ownsNodes {
		e.s.nodes.tables = slices.Clone(e.s.nodes.tables)
		e.ownsNodes = true
	}
	e.s.nodes.own(h)
	return &e.s.nodes
}

// intern returns the number of a node, which it makes if it must.
func (e *edit) intern(k nodeKind, id string) int32 {
	if n := e.s.find(k, id); n != nowhere {
		return n
	}
	n := e.s.free
	if n == nowhere {
		n = e.s.count
		e.s.count++
		e.room(n)
	}
	c, i := split(n)
	ch := e.own(c)
	if i < int32(ch.names.len()) {
		e.s.free = ch.nodes[i].home
		ch.names = ch.names.remove(int(i))
	}
	ch.names = ch.names.insert(int(i), id)
	nd := &ch.nodes[i]
	*nd = node{first: nd.first, member: nd.member, home: nowhere, kind: k}
	h := e.s.hashNode(n)
	e.ownIndex(h).put(h, n, e.s.hashNode)
	return n
}

// room makes sure that there is a chunk for a new node.
func (e *edit) room(n int32) {
	c, _ := split(n)
	if int(c) < len(e.s.chunks) {
		return
	}
	fresh := &chunk{}
	fresh.seal(0)
	e.s.chunks = append(slices.Clip(e.s.chunks), fresh)
	e.owned = append(e.owned, make([]uint64, int(c)/64+1-len(e.owned))...)
	e.owned[c/64] |= 1 << (c % 64)
}

// release frees a node that nothing speaks of any more.
func (e *edit) release(n int32) {
	nd := e.s.node(n)
	r := e.s.run(n)
	if nd.kind == nodeFree || nd.flags&nodeKnown != 0 || nd.refs > 0 || r.len() > 0 || nd.kind == nodeName && nd.home != nowhere {
		return
	}
	h := e.s.hashNode(n)
	e.ownIndex(h).drop(h, n, e.s.hashNode)
	nd = e.ownNode(n)
	*nd = node{first: nd.first, member: nd.member, home: nowhere, kind: nodeFree}
	e.freed = append(e.freed, n)
}

// reuse puts the nodes that were freed on the list of free ones. Within one
// edit a number stays with one actor, so that before and after can be compared.
func (e *edit) reuse() {
	for _, n := range e.freed {
		e.ownNode(n).home = e.s.free
		e.s.free = n
	}
}

func (e *edit) refer(n int32) { e.ownNode(n).refer() }

func (e *edit) unrefer(n int32) {
	nd := e.ownNode(n)
	if nd.refs+1 != 0 {
		nd.refs--
	}
	e.release(n)
}

// carrier returns the node that has an actor's bindings; nowhere if there is
// none.
func (s *Snapshot) carrierOf(n int32) int32 {
	if n != nowhere && s.node(n).kind == nodeGroup && s.node(n).home != nowhere {
		return s.node(n).home
	}
	return n
}

func (e *edit) putBinding(b *Binding) error {
	if b.ID == "" {
		return errEmptyID
	}
	if err := checkActor(b.Actor); err != nil {
		return err
	}
	role, ok := e.s.roles.byID[b.Role]
	if !ok {
		return fmt.Errorf("unknown role %q", b.Role)
	}
	var en entry
	if b.Entity == (EntityRef{}) {
		at := e.s.tree.number(b.Space)
		if at == nowhere {
			return fmt.Errorf("unknown space %q", b.Space)
		}
		en = entryAt(e.s.tree, at, role)
	} else {
		if b.Space != "" {
			return errBothEnds
		}
		if err := checkEntity(b.Entity); err != nil {
			return err
		}
		at := e.intern(entityNode(b.Entity.Kind), b.Entity.ID)
		e.refer(at)
		en = localEntry(at, role)
	}
	until := expiry(b.NotAfter)
	if until != forever {
		en.flags |= entryTimed
	}
	n := e.s.carrierOf(e.intern(actorNode(b.Actor.Kind), b.Actor.ID))
	e.refer(n) // a stack that was bound to itself must not go meanwhile
	e.remove(n, b.ID)
	e.insert(n, record{en, b.ID, until})
	e.unrefer(n)
	return nil
}

func (e *edit) deleteBinding(a ActorRef, id string) {
	if actor := e.s.findActor(a); actor != nowhere {
		n := e.s.carrierOf(actor)
		e.remove(n, id)
		e.release(n)
	}
}

// record is one binding of a run.
type record struct {
	entry entry
	id    string
	until int64
}

// insert adds a binding to a run that has none of its id.
func (e *edit) insert(n int32, rec record) {
	r := e.s.run(n)
	w := want(rec.id)
	at, _ := r.ids.search(int(r.from), int(r.to), &w)
	fresh := r.insert(int32(at), rec.entry, rec.id, rec.until)
	c, i := split(n)
	ch := e.own(c)
	switch {
	case r.order != nil:
		e.putLong(ch, i, fresh)
	case r.len()+1 < longRun:
		ch.ledger = fresh
		ch.shift(i, 1)
	default:
		e.setRun(n, fresh.records(r.from, r.to+1))
	}
}

// remove takes a binding out of a run, if it is there.
func (e *edit) remove(n int32, id string) {
	r := e.s.run(n)
	w := want(id)
	at, found := r.ids.search(int(r.from), int(r.to), &w)
	if !found {
		return
	}
	gone := r.entries[at]
	fresh := r.remove(int32(at))
	c, i := split(n)
	ch := e.own(c)
	switch {
	case r.order == nil:
		ch.ledger = fresh
		ch.shift(i, -1)
	case r.len()-1 >= longRun:
		e.putLong(ch, i, fresh)
	default:
		e.setRun(n, fresh.records(0, r.to-1))
	}
	if gone.local() {
		e.unrefer(gone.pre)
	}
}

// shift moves the runs behind a node by a number of bindings.
func (c *chunk) shift(slot int32, by int) {
	for j := slot + 1; j <= chunkSize; j++ {
		c.nodes[j].first = uint32(int(c.nodes[j].first) + by)
	}
}

func (e *edit) longRuns(slot int32, l ledger) *longRuns {
	return &longRuns{ledger: l, order: newOrder(l.entries, e.s.roles.reads), slot: slot}
}

// putLong gives a node that has a long run another one.
func (e *edit) putLong(c *chunk, slot int32, l ledger) {
	i := slices.IndexFunc(c.long, func(l *longRuns) bool { return l.slot == slot })
	c.long[i] = e.longRuns(slot, l)
}

// records lists a part of a ledger.
func (l *ledger) records(from, to int32) []record {
	list := make([]record, 0, to-from)
	for at := from; at < to; at++ {
		list = append(list, record{l.entries[at], l.ids.at(int(at)), l.until(at)})
	}
	return list
}

func ledgerOf(list []record) ledger {
	l := ledger{
		entries: make([]entry, len(list)),
		ids:     textsOf(len(list), func(i int) string { return list[i].id }),
	}
	for at, rec := range list {
		l.entries[at] = rec.entry
		if rec.until != forever {
			l.times = append(l.times, timed{int32(at), rec.until})
		}
	}
	return l
}

// setRun gives a node other bindings, which are in order.
func (e *edit) setRun(n int32, list []record) {
	c, i := split(n)
	ch := e.own(c)
	ch.long = slices.DeleteFunc(ch.long, func(l *longRuns) bool { return l.slot == i })
	nd := &ch.nodes[i]
	from, to := int32(nd.first), int32(ch.nodes[i+1].first)
	inline := list
	nd.flags &^= nodeLong
	if len(list) >= longRun {
		inline = nil
		nd.flags |= nodeLong
		ch.long = append(ch.long, e.longRuns(i, ledgerOf(list)))
	}
	if to > from || len(inline) > 0 {
		all := slices.Concat(ch.records(0, from), inline, ch.records(to, int32(len(ch.entries))))
		ch.ledger = ledgerOf(all)
		ch.shift(i, len(inline)-int(to-from))
	}
}
