package authz

import "slices"

// Change is one difference between two worlds: something that is now so, or
// that is no longer there. It says what is, not what happened, so the same
// change twice does no harm, and of two changes of one thing the later counts.
//
// Space, Role, Binding and the other nouns of a World become changes as
// PutSpace(space), PutRole(role) and so on.
//
//sumtype:decl
type Change interface{ change() }

// The changes. A put replaces what has the same id: for a binding, the same
// actor and id; for an actor or entity, the same reference. Deleting what is
// not there changes nothing.
type (
	PutSpace      Space // another parent moves the space with all below it
	DeleteSpace   string
	PutRole       Role
	DeleteRole    string // by id
	PutBinding    Binding
	DeleteBinding struct {
		Actor ActorRef
		ID    string
	}
	PutGroup     Group
	DeleteGroup  string // by id
	PutActor     Actor
	DeleteActor  ActorRef // what the world knows of it; its bindings stay
	PutStack     Stack
	DeleteStack  string // as an actor and home; its bindings stay
	PutEntity    EntityHome
	DeleteEntity EntityRef // its home; bindings to it stay
)

func (PutSpace) change()      {}
func (DeleteSpace) change()   {}
func (PutRole) change()       {}
func (DeleteRole) change()    {}
func (PutBinding) change()    {}
func (DeleteBinding) change() {}
func (PutGroup) change()      {}
func (DeleteGroup) change()   {}
func (PutActor) change()      {}
func (DeleteActor) change()   {}
func (PutStack) change()      {}
func (DeleteStack) change()   {}
func (PutEntity) change()     {}
func (DeleteEntity) change()  {}

// changeKey says what a change is about.
type changeKey struct {
	part, kind uint8
	owner, id  string
}

func keyOf(c Change) changeKey {
	const space, role, binding, group, actor, home = 0, 1, 2, 3, 4, 5
	switch c := c.(type) {
	case PutSpace:
		return changeKey{part: space, id: c.ID}
	case DeleteSpace:
		return changeKey{part: space, id: string(c)}
	case PutRole:
		return changeKey{part: role, id: c.ID}
	case DeleteRole:
		return changeKey{part: role, id: string(c)}
	case PutBinding:
		return changeKey{binding, uint8(c.Actor.Kind), c.Actor.ID, c.ID}
	case DeleteBinding:
		return changeKey{binding, uint8(c.Actor.Kind), c.Actor.ID, c.ID}
	case PutGroup:
		return changeKey{part: group, id: c.ID}
	case DeleteGroup:
		return changeKey{part: group, id: string(c)}
	case PutActor:
		return changeKey{part: actor, kind: uint8(c.Ref.Kind), id: c.Ref.ID}
	case DeleteActor:
		return changeKey{part: actor, kind: uint8(c.Kind), id: c.ID}
	case PutStack:
		return changeKey{part: home, kind: uint8(EntityStack), id: c.ID}
	case DeleteStack:
		return changeKey{part: home, kind: uint8(EntityStack), id: string(c)}
	case PutEntity:
		return changeKey{part: home, kind: uint8(c.Entity.Kind), id: c.Entity.ID}
	case DeleteEntity:
		return changeKey{part: home, kind: uint8(c.Kind), id: c.ID}
	}
	return changeKey{}
}

// settled leaves out changes that a later one of the same thing makes void.
func settled(changes []Change) []Change {
	if len(changes) < 2 {
		return changes
	}
	final := make(map[changeKey]int, len(changes))
	for i, c := range changes {
		final[keyOf(c)] = i
	}
	if len(final) == len(changes) {
		return changes
	}
	i := 0
	return slices.DeleteFunc(slices.Clone(changes), func(c Change) bool {
		i++
		return final[keyOf(c)] != i-1
	})
}
