package domain

import "github.com/airlock-project/airlock/authz"

// StackActor is what the decision needs to know of a stack that acts or that
// bindings name.
type StackActor struct {
	ID             StackID
	Space          SpaceID
	Administrative bool
}

// AsActor returns what decisions need to know of a stack.
func (s Stack) AsActor() StackActor {
	return StackActor{ID: s.ID, Space: s.Space, Administrative: s.Administrative}
}

// World is everything that access decisions are made from, at one revision.
type World struct {
	Spaces   []Space
	Roles    []Role
	Bindings []Binding
	Groups   []authz.Group
	Actors   []authz.Actor // all users and keys
	Stacks   []StackActor  // only stacks that are administrative, hold a binding or are named by one
	Entities []Entity      // only those that bindings name, stacks left out
}

// WorldPart names a kind of row that access decisions are made from.
type WorldPart string

// The parts of the world.
const (
	PartSpace   WorldPart = "space"
	PartRole    WorldPart = "role"
	PartBinding WorldPart = "binding"
	PartStack   WorldPart = "stack" // as an actor, and as what a binding names
	PartGroup   WorldPart = "group"
	PartActor   WorldPart = "actor"  // a user or a key
	PartEntity  WorldPart = "entity" // what a binding names, stacks left out
)

// WorldDelta is what changed since an older revision: rows as they are now,
// and the names of those that are gone. Applying it twice does no harm.
type WorldDelta struct {
	Put  World
	Gone []WorldGone
}

// WorldGone names a row that no longer is part of the world.
type WorldGone struct {
	Part  WorldPart
	ID    string
	Actor authz.ActorRef   // whose binding it was, or who it was
	Kind  authz.EntityKind // of the entity it was
}
