// Package access is the one gate between a caller and the store: a caller, an
// action and an object go in, a Permit (for one change) or a Scope (for a
// list) comes out. It asks authz for every decision and must not decide
// anything itself, read the store beyond its small Reader interface, or offer
// a way round the gate.
package access

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Caller is who makes a request: an authenticated subject and how the audit
// trail names it.
type Caller struct {
	Subject authz.Subject
	Name    string // source::identity, for example api::01JQ...

	// Set when the caller is a stack that acts through its run's token.
	Run   domain.RunID
	Epoch int // of the run's lease
	Stack domain.StackID
}

// Call describes the request that the caller makes, for the audit trail.
type Call struct {
	Mutation  string         // the GraphQL field; empty elsewhere
	Args      map[string]any // arguments, secrets removed
	RequestID string
	RemoteIP  string
}

type (
	callerKey struct{}
	callKey   struct{}
)

// WithCaller returns a context that carries an authenticated caller.
func WithCaller(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, c)
}

// WithoutCaller returns a context that says why the credentials of a request
// were not accepted. The request goes on: some of the API needs none.
func WithoutCaller(ctx context.Context, why error) context.Context {
	return context.WithValue(ctx, callerKey{}, why)
}

// CallerFrom returns the authenticated caller, or why there is none.
func CallerFrom(ctx context.Context) (Caller, error) {
	switch v := ctx.Value(callerKey{}).(type) {
	case Caller:
		return v, nil
	case error:
		return Caller{}, v
	default:
		return Caller{}, domain.Unauthenticated("this needs credentials; send a bearer token")
	}
}

// WithCall returns a context that carries what is asked for. Fields that are
// empty in c keep the value of an earlier WithCall, so that the HTTP layer and
// the GraphQL layer can each add what they know.
func WithCall(ctx context.Context, c Call) context.Context {
	old := CallFrom(ctx)
	if c.Mutation == "" {
		c.Mutation = old.Mutation
	}
	if c.Args == nil {
		c.Args = old.Args
	}
	if c.RequestID == "" {
		c.RequestID = old.RequestID
	}
	if c.RemoteIP == "" {
		c.RemoteIP = old.RemoteIP
	}
	return context.WithValue(ctx, callKey{}, c)
}

// CallFrom returns what is known of the request.
func CallFrom(ctx context.Context) Call {
	c, _ := ctx.Value(callKey{}).(Call)
	return c
}

// Name returns the audit name of the caller, empty if there is none.
func Name(ctx context.Context) string {
	c, _ := ctx.Value(callerKey{}).(Caller)
	return c.Name
}
