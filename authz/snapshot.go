package authz

// Snapshot is a compiled World: immutable, safe for concurrent use, and the
// only thing that answers questions.
//
// Spaces are numbered in preorder, so that a subtree is an interval of
// numbers and "is bound at an ancestor" is two comparisons. The bindings of
// one actor are one run sorted by space, each linked to the next one that can
// enclose the same space, so that a decision looks only at the bindings on
// the way to root.
type Snapshot struct {
	spaces   []space
	index    map[string]int32 // space id to number
	roles    []role           // roles[builtinAdmin] first
	roleIDs  map[string]int32
	slugs    map[string]int32
	grants   []grant // bindings to spaces, by actor, then space
	climbs   []climb // those that carry space:read, by actor, then climb number
	locals   []local // bindings to entities, by actor, then entity
	runs     [actorKinds]map[string]run
	groups   map[string]run // by name
	actors   map[ActorRef]member
	flagged  map[string]int32 // administrative stacks to the space they are in
	entities map[EntityRef]int32
}

const (
	rootNumber   int32 = 0
	builtinAdmin int32 = 0 // the Space admin role that flags and A93 give
	nowhere      int32 = -1
)

// space is one space under its preorder number. Its descendants are the
// numbers up to end.
//
// Spaces joined by inherit-on edges form a component. climb numbers spaces
// component by component, in preorder within each: the descendants from which
// every edge up to here inherits are the climb numbers up to climbEnd. So
// derived read (R14) is one search, too.
type space struct {
	id              string
	parent, end     int32
	climb, climbEnd int32
	inherit         bool
}

type role struct {
	id, slug string
	actions  ActionSet
	tier     Tier
}

// source is where a right comes from: a binding, or "" for a flag or a
// session; the role; the space it is bound to, or nowhere for an entity.
type source struct {
	binding     string
	role, space int32
}

type grant struct {
	source
	end      int32 // end of the bound space's subtree
	up       int32 // next grant of the run that may enclose the same space
	notAfter int64
}

type climb struct {
	at       int32 // climb number of the bound space
	notAfter int64
}

type local struct {
	source
	entity   EntityRef
	home     int32 // number of the entity's space, or nowhere if not known
	notAfter int64
}

// run is what one actor holds, as ranges of the snapshot's tables.
type run struct{ grants, climbs, locals span }

type span struct{ from, to int32 }

// member is what the world says of an actor beyond its bindings.
type member struct {
	groups   []run
	notAfter int64
}

func (s *Snapshot) runOf(a ActorRef) run {
	if a.Kind >= actorKinds {
		return run{}
	}
	return s.runs[a.Kind][a.ID]
}

// encloses reports whether space b is a or below it.
func (s *Snapshot) encloses(a, b int32) bool {
	return a <= b && b < s.spaces[a].end
}
