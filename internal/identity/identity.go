// Package identity says who a caller is: it keeps API keys, users with their
// invitations and the mappings of an identity provider's groups, exchanges keys
// for tokens, and is the only place that issues and verifies tokens. What a
// caller may do is not its business.
package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.AdminReader
	peopleTx
	federationTx
	APIKey(ctx context.Context, id domain.APIKeyID) (domain.APIKey, error)
	APIKeys(ctx context.Context) ([]domain.APIKey, error)
	InsertAPIKey(ctx context.Context, p access.Permit, k domain.APIKey) error
	UpdateAPIKey(ctx context.Context, p access.Permit, k domain.APIKey) error
	TouchAPIKey(ctx context.Context, p access.Permit, id domain.APIKeyID, at time.Time) error
	DeleteAPIKey(ctx context.Context, p access.Permit, id domain.APIKeyID) error
	SigningKeys(ctx context.Context) ([]domain.SigningKey, error)
	InsertSigningKey(ctx context.Context, p access.Permit, k domain.SigningKey) error
	Run(ctx context.Context, id domain.RunID) (domain.Run, error)
}

// Config sets how long tokens live and whom they are for.
type Config struct {
	BaseURL  string        // the one audience of every token, without /graphql
	TokenTTL time.Duration // of API tokens; access model R8: 1 h by default
	// FederationKeyLife is how long a key signs federation tokens; 0: 90 days.
	FederationKeyLife time.Duration
}

// RunTokenTTL is the longest that a run's token can live (access model A150).
const RunTokenTTL = 3 * time.Hour

// DB is the store as this package uses it.
type DB interface {
	access.Ledger[Tx]
	access.Present[Tx]
}

// Service knows callers.
type Service struct {
	db     DB
	gate   *access.Gate
	ids    domain.IDSource
	now    func() time.Time
	tokens *tokens
	config Config

	federation *federation
}

// New returns the use cases of identity. It makes the signing key if there is none.
func New(ctx context.Context, db DB, gate *access.Gate, ids domain.IDSource, now func() time.Time, c Config) (*Service, error) {
	t, err := loadTokens(ctx, db, gate, ids, c.BaseURL)
	if err != nil {
		return nil, err
	}
	f, err := newFederation(c)
	if err != nil {
		return nil, err
	}
	return &Service{db: db, gate: gate, ids: ids, now: now, tokens: t, config: c, federation: f}, nil
}

// Session is a token and whom it speaks for.
type Session struct {
	JWT        string
	ValidUntil time.Time
	User       User
}

// User is a caller as `viewer` shows him.
type User struct {
	ID   string
	Name string
	Type string // "API_KEY" or "STACK"
}

// Authenticate turns the bearer token of an API request into a caller. The
// token only says who; whether the key still lives and the run still runs is
// read now.
func (s *Service) Authenticate(ctx context.Context, bearer string) (access.Caller, error) {
	return s.authenticate(ctx, bearer, domain.RunState.Speaks)
}

// AuthenticateForState is Authenticate for the state backend, which a run
// needs before its plan begins.
func (s *Service) AuthenticateForState(ctx context.Context, bearer string) (access.Caller, error) {
	return s.authenticate(ctx, bearer, domain.RunState.Active)
}

func (s *Service) authenticate(ctx context.Context, bearer string, in func(domain.RunState) bool) (access.Caller, error) {
	claims, err := s.tokens.verify(bearer, s.now())
	if err != nil {
		return access.Caller{}, err
	}
	switch claims.Issuer {
	case issuerAPIKey:
		return s.keyCaller(ctx, domain.APIKeyID(claims.Subject))
	case issuerRun:
		return s.runCaller(ctx, claims, in)
	default:
		return access.Caller{}, errToken()
	}
}

// runCaller reads the run that a token belongs to.
func (s *Service) runCaller(ctx context.Context, claims claims, in func(domain.RunState) bool) (c access.Caller, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		c, err = runCaller(ctx, tx, claims, in)
		return err
	})
	var denial *access.Denial
	if errors.As(err, &denial) {
		return c, s.db.Deny(ctx, denial)
	}
	return c, err
}

// keyCaller accepts a key as long as the access world knows it.
func (s *Service) keyCaller(ctx context.Context, id domain.APIKeyID) (access.Caller, error) {
	actor := keyActor(id)
	now, err := access.Current(ctx, s.gate, s.db)
	if err != nil {
		return access.Caller{}, err
	}
	switch known, alive := now.Snapshot.Alive(actor, now.Time); {
	case !known:
		return access.Caller{}, errToken()
	case !alive:
		return access.Caller{}, domain.Unauthenticated("the API key has expired")
	}
	return access.Caller{
		Subject: authz.Subject{Actor: actor}, // its groups are part of the world
		Name:    id.AuditName(),
	}, nil
}

// runCaller accepts a run's token only while a worker executes that very
// lease, and for reading only until the apply (access model A150, R25).
func runCaller(ctx context.Context, tx Tx, c claims, in func(domain.RunState) bool) (access.Caller, error) {
	stack, id, ok := strings.Cut(c.Subject, "/")
	if !ok {
		return access.Caller{}, errToken()
	}
	run, err := tx.Run(ctx, domain.RunID(id))
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return access.Caller{}, errToken()
	}
	if err != nil {
		return access.Caller{}, err
	}
	if string(run.StackID) != stack || run.Epoch != c.Epoch || !in(run.State) {
		// A run's token outside its run is somebody else's by now (security case 47).
		return access.Caller{}, access.Attempt(run.StackID.AuditName(), "session.token", string(run.ID), "the run is "+string(run.State), access.DeadRun())
	}
	return access.Caller{
		Subject: authz.Subject{
			Actor:    authz.ActorRef{Kind: authz.ActorStack, ID: stack},
			ReadOnly: !run.State.Writes(),
		},
		Name:  run.StackID.AuditName(),
		Run:   run.ID,
		Epoch: run.Epoch,
		Stack: run.StackID,
	}, nil
}

// RunToken issues the token of one lease of a run.
func (s *Service) RunToken(run domain.Run) (string, error) {
	subject := fmt.Sprintf("%s/%s", run.StackID, run.ID)
	now := s.now()
	return s.tokens.sign(issuerRun, subject, s.ids.ULID(), run.Epoch, now, now.Add(RunTokenTTL))
}

// Viewer returns who the caller is, or an unauthenticated error.
func (s *Service) Viewer(ctx context.Context) (u User, err error) {
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return u, err
	}
	if caller.Stack != "" {
		return User{ID: caller.Name, Name: caller.Name, Type: "STACK"}, nil
	}
	err = s.db.View(ctx, func(tx Tx) error {
		key, err := tx.APIKey(ctx, domain.APIKeyID(caller.Subject.Actor.ID))
		u = keyUser(key)
		return err
	})
	return u, err
}

func keyUser(k domain.APIKey) User {
	return User{ID: string(k.ID), Name: k.Name, Type: "API_KEY"}
}
