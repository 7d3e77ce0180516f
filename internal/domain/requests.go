package domain

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/airlock-project/airlock/authz"
)

// AccessRequestState is where a request for access stands.
type AccessRequestState string

// The states of a request.
const (
	RequestPending  AccessRequestState = "PENDING"
	RequestGranted  AccessRequestState = "GRANTED"
	RequestRefused  AccessRequestState = "REFUSED"
	RequestCanceled AccessRequestState = "CANCELED" // by the asker
	RequestExpired  AccessRequestState = "EXPIRED"  // nobody decided in time
)

// requestTransitions are the edges of the state machine; docs/access-model.md
// has the same picture.
var requestTransitions = map[AccessRequestState][]AccessRequestState{
	RequestPending:  {RequestGranted, RequestRefused, RequestCanceled, RequestExpired},
	RequestGranted:  nil,
	RequestRefused:  nil,
	RequestCanceled: nil,
	RequestExpired:  nil,
}

// CanBecome reports whether the state machine has the edge s -> next.
func (s AccessRequestState) CanBecome(next AccessRequestState) bool {
	return slices.Contains(requestTransitions[s], next)
}

// Limits of requests for access.
const (
	RequestLapse    = 7 * 24 * time.Hour  // how long a request waits for a decision
	RequestKept     = 90 * 24 * time.Hour // how long a closed one stays listed
	MaxOpenRequests = 20                  // of one actor
	MinGrant        = time.Minute
	MaxGrant        = 90 * 24 * time.Hour
	MaxReason       = 2000 // characters
)

// AccessRequest is an actor's wish to hold a role for a while, in a space or
// on one entity. What it names may not exist: that must not show before
// somebody who may know has decided (access model R23).
type AccessRequest struct {
	ID        AccessRequestID
	Actor     authz.ActorRef
	ActorName string // as the audit trail names the asker
	Role      RoleID
	Space     SpaceID // empty: for Entity
	Entity    authz.EntityRef
	Duration  time.Duration // of the grant, from its decision on
	Reason    string
	State     AccessRequestState
	CreatedAt time.Time
	LapsesAt  time.Time
	DecidedAt time.Time // zero: not yet
	DecidedBy string    // the audit name of who closed it
	Note      string
	Binding   BindingID // what was granted
}

// StateAt is the state at a time: a request that nobody decided has lapsed
// whether or not that has been noted.
func (r AccessRequest) StateAt(now time.Time) AccessRequestState {
	if r.State == RequestPending && !now.Before(r.LapsesAt) {
		return RequestExpired
	}
	return r.State
}

// Close takes the request along one edge. Only the lapse can close it once it
// has lapsed, and only then.
func (r *AccessRequest) Close(to AccessRequestState, now time.Time, by, note string) error {
	lapsed := !now.Before(r.LapsesAt)
	if !r.State.CanBecome(to) || lapsed != (to == RequestExpired) {
		return Conflict("the access request is %s and cannot become %s", r.StateAt(now), to)
	}
	r.State, r.DecidedAt, r.DecidedBy, r.Note = to, now, by, note
	return nil
}

// Check validates what an asker may set.
func (r AccessRequest) Check() error {
	if err := CheckLine("spaceId", string(r.Space)); err != nil {
		return err
	}
	if err := CheckLine("entity", r.Entity.ID); err != nil {
		return err
	}
	if r.Duration < MinGrant || r.Duration > MaxGrant {
		return Invalid("duration", "must be between %d and %d seconds", int(MinGrant.Seconds()), int(MaxGrant.Seconds()))
	}
	if strings.TrimSpace(r.Reason) == "" {
		return Invalid("reason", "must not be empty")
	}
	return checkReason("reason", r.Reason)
}

// CheckNote accepts what somebody writes to a decision.
func CheckNote(note string) error { return checkReason("note", note) }

func checkReason(field, text string) error {
	if utf8.RuneCountInString(text) > MaxReason {
		return Invalid(field, "must not be longer than %d characters", MaxReason)
	}
	return CheckText(field, text)
}

// RequestFilter selects requests; what is zero does not narrow.
type RequestFilter struct {
	Actor authz.ActorRef // by its id
	State AccessRequestState
}
