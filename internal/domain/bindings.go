package domain

import (
	"time"

	"github.com/airlock-project/airlock/authz"
)

// Binding gives one actor one role, effective either in a space and everything
// below it or on one entity (access model A11, A27, R24): exactly one of Space
// and Entity is set.
type Binding struct {
	ID        BindingID
	Actor     authz.ActorRef
	Role      RoleID
	Space     SpaceID
	Entity    authz.EntityRef
	NotAfter  time.Time // the last instant at which it counts; zero: for good
	CreatedAt time.Time
	CreatedBy string // the audit name of who made it
	// AccessRule marks a binding of a user or a group that was made through the
	// older list of access rules: only such a list shows and replaces it.
	AccessRule bool
}

// Expired reports whether the binding is no grant any more at a time.
func (b Binding) Expired(now time.Time) bool { return !b.NotAfter.IsZero() && b.NotAfter.Before(now) }

// BindingKept is how long an expired binding stays listed as such.
const BindingKept = 30 * 24 * time.Hour

// MaxBindingBatch is how many bindings one change may make: each is decided
// for itself, and all of them stand in one row of the audit trail.
const MaxBindingBatch = 1000

// Entity is something that a binding may name instead of a space, and where
// it lives.
type Entity struct {
	authz.EntityRef
	Space SpaceID
	Name  string
}

// BindingRow is a binding with the names of what it connects.
type BindingRow struct {
	Binding
	Home       SpaceID // the space, or the one that the entity lives in
	EntityName string
	ActorName  string
	ActorSpace SpaceID // where a stack that holds it lives
}

// BindingFilter selects bindings; what is zero does not narrow.
type BindingFilter struct {
	Actor      authz.ActorRef // by its id
	OnlyStacks bool           // bindings that stacks hold
	Role       RoleID
	Space      SpaceID // bindings to the space, and to what lives in it
	Below      bool    // and in all spaces below it
	Entity     authz.EntityRef
	Expired    *bool
	EndsWithin time.Duration // those that count now and will not after so long
}

// ListPosition is where a page of a list that grows at its end begins: behind
// what was made at a time under an id. The zero value is the beginning.
type ListPosition struct {
	At time.Time
	ID string
}

// ParseEntityKind returns the kind of what a binding can name, by its name; an
// empty one is none.
func ParseEntityKind(name string) (authz.EntityKind, bool) {
	if name == "" {
		return authz.EntityNone, true
	}
	for _, k := range []authz.EntityKind{authz.EntityStack, authz.EntityContext, authz.EntityPolicy, authz.EntityWorkerPool} {
		if k.String() == name {
			return k, true
		}
	}
	return authz.EntityNone, false
}

// EntityNoun is what a person calls an entity of a kind.
func EntityNoun(k authz.EntityKind) string {
	switch k {
	case authz.EntityWorkerPool:
		return "worker pool"
	case authz.EntityRepo:
		return "repository"
	default:
		return k.String()
	}
}
