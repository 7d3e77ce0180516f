package view

import (
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
)

// AuditTrailEntry is an entry of the audit trail as the API shows it. The
// embedded entry has another name so that Action can be the event.
type AuditTrailEntry struct{ Entry domain.AuditEntry }

func (e *AuditTrailEntry) ID() string           { return string(e.Entry.ID) }
func (e *AuditTrailEntry) Action() string       { return e.Entry.Event }
func (e *AuditTrailEntry) Permission() string   { return e.Entry.Action }
func (e *AuditTrailEntry) Mutation() string     { return e.Entry.Mutation }
func (e *AuditTrailEntry) Reason() string       { return e.Entry.Reason }
func (e *AuditTrailEntry) RemoteIP() string     { return e.Entry.RemoteIP }
func (e *AuditTrailEntry) RequestID() string    { return e.Entry.RequestID }
func (e *AuditTrailEntry) ActorRoles() []string { return e.Entry.ActorRoles }
func (e *AuditTrailEntry) Body() *string        { return Optional(e.Entry.Args) }
func (e *AuditTrailEntry) CreatedAt() int       { return Seconds(e.Entry.At) }
func (e *AuditTrailEntry) UpdatedAt() int       { return Seconds(e.Entry.At) }
func (e *AuditTrailEntry) Outcome() string      { return strings.ToUpper(string(e.Entry.Outcome)) }

// EventType is the noun of the event.
func (e *AuditTrailEntry) EventType() string {
	noun, _, _ := strings.Cut(e.Entry.Event, ".")
	return noun
}

// Actor is who did it.
func (e *AuditTrailEntry) Actor() *AuditTrailActor {
	return &AuditTrailActor{Username: e.Entry.Actor, RunID: e.Entry.RunID, StackID: e.Entry.StackID}
}

// AffectedResource is what it was done to.
func (e *AuditTrailEntry) AffectedResource() *AuditTrailResource {
	return &AuditTrailResource{ResourceID: Optional(e.Entry.ObjectID), ResourceType: e.Entry.ObjectKind}
}

// RelatedResource is the space it happened in.
func (e *AuditTrailEntry) RelatedResource() *AuditTrailResource {
	if len(e.Entry.Spaces) == 0 {
		return nil
	}
	return &AuditTrailResource{ResourceID: Optional(e.Entry.Spaces[0]), ResourceType: "space"}
}

// Uses returns the role bindings that allowed what was recorded.
func (e *AuditTrailEntry) Uses() []*AuditUse {
	out := make([]*AuditUse, len(e.Entry.Uses))
	for i, u := range e.Entry.Uses {
		out[i] = &AuditUse{RoleBinding: string(u.Binding), Action: u.Action, Held: u.Held}
	}
	return out
}

// ActedAs names the roles of stacks that the actor used and lacks.
func (e *AuditTrailEntry) ActedAs() *ActedAs { return NewActedAs(e.Entry.ActedAs) }

// AuditUse says what a role binding was used for.
type AuditUse struct {
	RoleBinding, Action string
	Held                bool
}

// Spaces are the ids of the spaces involved.
func (e *AuditTrailEntry) Spaces() []string {
	out := make([]string, len(e.Entry.Spaces))
	for i, s := range e.Entry.Spaces {
		out[i] = string(s)
	}
	return out
}

// AuditTrailActor is who did something; its run is a resolver.
type AuditTrailActor struct {
	Username string
	RunID    domain.RunID
	StackID  domain.StackID
}

// AuditTrailResource is what something was done to.
type AuditTrailResource struct {
	ResourceID   *string
	ResourceType string
}
