package authz

import (
	"fmt"
	"slices"
)

func (e *edit) putActor(a *Actor) error {
	if err := checkMember(a.Ref); err != nil {
		return err
	}
	var names []int32
	for _, name := range a.Groups {
		if n := e.intern(nodeName, name); !slices.Contains(names, n) {
			names = append(names, n)
			e.refer(n)
		}
	}
	n := e.intern(actorNode(a.Ref.Kind), a.Ref.ID)
	e.setMembers(n, names)
	nd := e.ownNode(n)
	nd.flags |= nodeKnown
	e.setExpiry(n, expiry(a.NotAfter))
	return nil
}

func (e *edit) deleteActor(a ActorRef) {
	if a.Kind != ActorUser && a.Kind != ActorAPIKey {
		return
	}
	n := e.s.findActor(a)
	if n == nowhere {
		return
	}
	e.setMembers(n, nil)
	e.setExpiry(n, forever)
	e.ownNode(n).flags &^= nodeKnown
	e.release(n)
}

// setMembers replaces the memberships of a node.
func (e *edit) setMembers(n int32, names []int32) {
	old := e.s.members(n)
	if !slices.Equal(old, names) {
		c, i := split(n)
		ch := e.own(c)
		from, to := ch.nodes[i].member, ch.nodes[i+1].member
		ch.members = slices.Concat(ch.members[:from], names, ch.members[to:])
		for j := i + 1; j <= chunkSize; j++ {
			ch.nodes[j].member += uint32(len(names)) - (to - from)
		}
	}
	for _, name := range old {
		e.unrefer(name)
	}
}

func (e *edit) setExpiry(n int32, until int64) {
	if e.s.notAfter(n) == until {
		return
	}
	c, i := split(n)
	ch := e.own(c)
	ch.expires = slices.DeleteFunc(slices.Clone(ch.expires), func(t timed) bool { return t.at == i })
	ch.nodes[i].flags &^= nodeExpires
	if until != forever {
		ch.nodes[i].flags |= nodeExpires
		ch.expires = append(ch.expires, timed{i, until})
	}
}

// putHome says where a stack or another entity lives.
func (e *edit) putHome(ref EntityRef, space string, administrative bool) error {
	if err := checkEntity(ref); err != nil {
		return err
	}
	at := e.s.tree.number(space)
	if at == nowhere {
		return errHome(ref, space)
	}
	nd := e.ownNode(e.intern(entityNode(ref.Kind), ref.ID))
	nd.home = at
	nd.flags |= nodeKnown
	nd.flags &^= nodeAdministrative
	if administrative {
		nd.flags |= nodeAdministrative
	}
	return nil
}

func (e *edit) deleteHome(ref EntityRef) {
	if n := e.s.findEntity(ref); n != nowhere {
		nd := e.ownNode(n)
		nd.home = nowhere
		nd.flags &^= nodeKnown | nodeAdministrative
		e.release(n)
	}
}

// applyGroups first takes the names from all groups that change, so that they
// may be exchanged.
func (e *edit) applyGroups(changes []Change) error {
	var puts []Group
	for _, c := range changes {
		switch c := c.(type) {
		case PutGroup:
			puts = append(puts, Group(c))
			e.unmap(c.ID)
		case DeleteGroup:
			e.unmap(string(c))
		default: // not of a group
		}
	}
	for _, g := range puts {
		if err := e.putGroup(g); err != nil {
			return err
		}
	}
	return nil
}

// unmap takes a group's name, and gives its bindings back to its id.
func (e *edit) unmap(id string) {
	n := e.s.find(nodeGroup, id)
	if n == nowhere || e.s.node(n).home == nowhere {
		return
	}
	name := e.s.node(n).home
	e.moveRun(name, n)
	e.ownNode(name).home = nowhere
	nd := e.ownNode(n)
	nd.home = nowhere
	nd.flags &^= nodeKnown
	e.release(name)
	e.release(n)
}

func (e *edit) putGroup(g Group) error {
	if g.ID == "" || g.Name == "" {
		return fmt.Errorf("group: %w", errEmptyID)
	}
	n, name := e.intern(nodeGroup, g.ID), e.intern(nodeName, g.Name)
	if e.s.node(name).home != nowhere {
		return fmt.Errorf("group name %q occurs twice", g.Name)
	}
	e.moveRun(n, name)
	e.ownNode(name).home = n
	nd := e.ownNode(n)
	nd.home = name
	nd.flags |= nodeKnown
	return nil
}

func (e *edit) moveRun(from, to int32) {
	r := e.s.run(from)
	if r.len() == 0 {
		return
	}
	list := r.records(r.from, r.to)
	e.setRun(from, nil)
	e.setRun(to, list)
}
