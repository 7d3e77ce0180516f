package domain

import "time"

// AuditOutcome says whether the recorded attempt was let through.
type AuditOutcome string

// The outcomes.
const (
	AuditAllowed AuditOutcome = "allowed"
	AuditDenied  AuditOutcome = "denied"
)

// AuditEntry is one row of the audit trail (access model A261-A265).
type AuditEntry struct {
	ID         AuditID
	Sequence   int64 // gives the order
	At         time.Time
	Actor      string   // source::identity
	ActorRoles []string // slugs in effect; nil if the actor has no role attachments
	Event      string   // for example "stack.create"
	Mutation   string   // the GraphQL field, empty outside GraphQL
	Action     string   // the authz action asked for
	ObjectKind string
	ObjectID   string
	Spaces     []SpaceID
	Args       string // JSON, secrets removed
	Outcome    AuditOutcome
	Reason     string // why it was denied, or what it did beyond its arguments
	RemoteIP   string
	RequestID  string
	RunID      RunID // the run that acted, if a stack did
	StackID    StackID
	Revision   int64 // the access revision that the decision was made at
	// Uses are the role bindings that allowed it, each with the action it was
	// used for. Empty for denials, and where a flag or a session allowed.
	Uses []AuditUse
	// ActedAs names the roles of stacks that the actor used and lacks; nil for
	// none.
	ActedAs *ActedAs
}

// AuditUse says what a role binding was used for.
type AuditUse struct {
	Binding BindingID `json:"binding"`
	Action  string    `json:"action"` // the authz action
	// Held says that the action was not done: it had to be held, to grant it to
	// somebody (security rule G1), or to change what the runs of a stack do that
	// holds it (G2).
	Held bool `json:"held,omitempty"`
}

// The topics of the outbox.
const (
	TopicAudit = "audit" // an audit row to be carried outside; the id is the row's
	TopicRuns  = "runs"  // a run changed its state; announced, never stored
	TopicPush  = "push"  // a push waits for its runs; announced, never stored
	TopicReady = "ready" // a run waits for a worker; announced, never stored
	TopicStops = "stops" // a run's worker is asked to stop; announced, never stored
	TopicEnded = "ended" // a run that others may wait for has ended; announced, never stored

	TopicStatuses = "statuses" // a run has something to say of its commit; kept with it
)

// OutboxRow is one committed message that must leave the building.
type OutboxRow struct {
	Position  int64
	ID        string
	Topic     string
	Payload   string
	CreatedAt time.Time
}

// SigningKey signs the tokens that Airlock takes itself.
type SigningKey struct {
	ID        string
	Private   []byte // PKCS#8
	CreatedAt time.Time
}

// FederationKey signs the tokens with which runs sign in elsewhere.
type FederationKey struct {
	ID        string
	Private   []byte // PKCS#8
	CreatedAt time.Time
	SignsFrom time.Time // until the next one signs; it is shown before
}
