package authz

import "strconv"

// ActorKind says what a binding or a subject is (A8).
type ActorKind uint8

// The actor kinds. A group carries bindings for its members; it does not act.
const (
	ActorUser ActorKind = iota
	ActorAPIKey
	ActorGroup
	ActorStack
	actorKinds
)

// String returns "user", "api_key", "group" or "stack".
func (k ActorKind) String() string {
	names := [...]string{"user", "api_key", "group", "stack"}
	if int(k) < len(names) {
		return names[k]
	}
	return "actor_kind(" + strconv.Itoa(int(k)) + ")"
}

// ActorRef names one actor. Ids are unique within a kind.
type ActorRef struct {
	Kind ActorKind
	ID   string
}

// EntityKind says what an entity is.
type EntityKind uint8

// The entity kinds. EntityNone stands for a space as a whole. A binding can
// name an entity of any other kind (R24) but a built-in repository: what is done
// to that is decided in its space.
const (
	EntityNone EntityKind = iota
	EntityStack
	EntityContext
	EntityPolicy
	EntityWorkerPool
	EntityRepo
	entityKinds
	boundKinds = EntityRepo // the first that no binding names
)

// String returns "none", "stack", "context", "policy", "worker_pool" or "repo".
func (k EntityKind) String() string {
	names := [...]string{"none", "stack", "context", "policy", "worker_pool", "repo"}
	if int(k) < len(names) {
		return names[k]
	}
	return "entity_kind(" + strconv.Itoa(int(k)) + ")"
}

// EntityRef names one entity. The zero value names none.
type EntityRef struct {
	Kind EntityKind
	ID   string
}

// Grant is one role in one space that a session carries, as a login policy
// computed it. Role is the id or the slug of a role (R10); a grant whose role
// or space the snapshot does not know counts for nothing.
type Grant struct{ Role, Space string }

// Subject is who asks, as the caller has authenticated it (step 2).
//
// A stack acts by its administrative flag or by its own bindings only: Groups,
// AlwaysAdmin, SessionOnly and Session are ignored for it. A group does not
// act; as a subject it stands for what it gives its members: its bindings,
// without Groups, AlwaysAdmin and Session.
type Subject struct {
	Actor ActorRef
	// Groups are names of groups that the subject belongs to, besides those
	// that the world lists for its actor: what the identity provider reported
	// at sign-in (A156) or an OIDC key's token says (A178).
	Groups []string
	// AlwaysAdmin gives Space admin at root whatever else holds (A93).
	AlwaysAdmin bool
	// SessionOnly selects the login-policy strategy: Session counts and
	// bindings do not. Without it bindings count and Session does not (A155).
	SessionOnly bool
	Session     []Grant
	// ReadOnly restricts the subject to actions that only read: the token of
	// a plan phase or of a proposed run (R25).
	ReadOnly bool
}

// Target is what an action is about: an entity of a space, or, with a zero
// Entity, the space itself or something to be created in it (step 4).
// What belongs to a stack (a run, a lock) is targeted as that stack.
type Target struct {
	Space  string
	Entity EntityRef
}
