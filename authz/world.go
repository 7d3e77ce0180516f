package authz

import "time"

// RootSpace is the id of the space at the top of every tree (A1).
const RootSpace = "root"

// Space is one node of the tree. Root has an empty Parent, and its Inherit
// means nothing.
type Space struct {
	ID, Parent string
	Inherit    bool
}

// Role is a named set of actions, defined for the whole account (A13).
type Role struct {
	ID, Slug string
	Actions  ActionSet
}

// Binding gives one actor one role, either in a space and everything below it
// (A27) or on one entity (R24): exactly one of Space and Entity is set.
type Binding struct {
	ID     string
	Actor  ActorRef
	Role   string // id of the role
	Space  string
	Entity EntityRef
	// NotAfter is the last instant at which the binding counts; zero means
	// that it does not expire.
	NotAfter time.Time
}

// Stack is a stack as an actor and as the home of entity-level bindings.
type Stack struct {
	ID, Space string
	// Administrative replaces all bindings of the stack by Space admin at its
	// own space (R1, A142, A143).
	Administrative bool
}

// EntityHome says in which space an entity other than a stack lives. It is
// needed only for entities that bindings name: without it such a binding
// still decides, but shows no path to the entity.
type EntityHome struct {
	Entity EntityRef
	Space  string
}

// Group is a mapping of a group that an identity provider knows. The actor of
// a group's bindings names ID; who belongs to it is told by Name, as the
// provider reports it, compared exactly (A157). Both are unique (A158).
type Group struct{ ID, Name string }

// Actor is a user or an API key that the account knows. An actor that is not
// listed holds its bindings all the same.
type Actor struct {
	Ref ActorRef
	// Groups are the names of the groups it belongs to, besides those that a
	// Subject brings. A name that no Group has means nothing (A8).
	Groups []string
	// NotAfter is the last instant at which the actor holds anything at all;
	// zero means that it does not expire.
	NotAfter time.Time
}

// World is everything a snapshot is compiled from. Order means nothing.
type World struct {
	Spaces   []Space
	Roles    []Role
	Bindings []Binding // those of a group that is not in Groups have no effect (A8)
	Groups   []Group
	Actors   []Actor
	Stacks   []Stack
	Entities []EntityHome
}
