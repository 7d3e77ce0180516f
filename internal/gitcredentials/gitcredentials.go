// Package gitcredentials holds the use cases of git credentials: who may see,
// create, change and delete one. Nobody is ever shown a secret; runs hand it to
// the worker that checks their code out.
package gitcredentials

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.ActAsReader
	GitCredential(ctx context.Context, id domain.GitCredentialID) (domain.GitCredential, error)
	LockGitCredential(ctx context.Context, id domain.GitCredentialID) (domain.GitCredential, error)
	GitCredentials(ctx context.Context, scope access.Scope) ([]domain.GitCredential, error)
	InsertGitCredential(ctx context.Context, p access.Permit, c domain.GitCredential, secret string) error
	UpdateGitCredential(ctx context.Context, p access.Permit, c domain.GitCredential) error
	HurryStatuses(ctx context.Context, p access.Permit, id domain.GitCredentialID) error
	SetGitSecret(ctx context.Context, p access.Permit, id domain.GitCredentialID, secret string) error
	DeleteGitCredential(ctx context.Context, p access.Permit, id domain.GitCredentialID) error
	StacksAt(ctx context.Context, host string) ([]domain.Stack, error)
	Path(ctx context.Context, id domain.SpaceID) (domain.Path, error)
}

// Service answers and changes git credentials.
type Service struct {
	db   access.Transactor[Tx]
	gate *access.Gate
	ids  domain.IDSource
	// usable refuses a private key or known hosts that ssh could not use.
	usable func(a domain.GitAccess) error
}

// New returns the use cases of git credentials.
func New(db access.Transactor[Tx], gate *access.Gate, ids domain.IDSource, usable func(domain.GitAccess) error) *Service {
	return &Service{db: db, gate: gate, ids: ids, usable: usable}
}

// Input is what a caller sets of a credential. What is nil stays as it is.
type Input struct {
	Space      domain.SpaceID           // of a new one; it never moves
	Kind       domain.GitCredentialKind // of a new one
	Name       *string
	Prefix     *string // a change needs the secret again
	Username   *string
	KnownHosts *string
	Secret     *string
}

// Get returns a credential that the caller may see, without its secret (A97).
func (s *Service) Get(ctx context.Context, id domain.GitCredentialID) (c domain.GitCredential, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if c, err = tx.GitCredential(ctx, id); err != nil {
			return err
		}
		return s.gate.See(ctx, tx, authz.ActionSpaceRead, object(c))
	})
	return c, err
}

// List returns the credentials that the caller may list, oldest first.
func (s *Service) List(ctx context.Context) (out []domain.GitCredential, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityNone)
		if err == nil {
			out, err = tx.GitCredentials(ctx, scope)
		}
		return err
	})
	return out, err
}

// Create keeps a credential. It needs Space admin (access model A59), and
// acting as the stacks that hold roles and will use it: who names the keys of
// a host decides where their code comes from.
func (s *Service) Create(ctx context.Context, in Input) (c domain.GitCredential, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		o := access.Object{Kind: access.KindGitCredential, Noun: "space", Space: in.Space}
		op := operation("gitCredential.create", o)
		permit, err := s.gate.Permit(ctx, tx, op)
		if err != nil {
			return err
		}
		c = domain.GitCredential{ID: domain.GitCredentialID(s.ids.ULID()), Space: in.Space, Kind: in.Kind, CreatedAt: tx.Now()}
		if in.Secret == nil {
			in.Secret = new(string)
		}
		if err := s.fill(&c, in, tx); err != nil {
			return err
		}
		if permit, err = s.actAs(ctx, tx, op, permit, c); err != nil {
			return err
		}
		return tx.InsertGitCredential(ctx, permit.About(string(c.ID)), c, *in.Secret)
	})
	return c, err
}

func (s *Service) fill(c *domain.GitCredential, in Input, tx Tx) error {
	set := func(field *string, value *string) {
		if value != nil {
			*field = *value
		}
	}
	if in.Secret == nil && in.Prefix != nil && *in.Prefix != c.Prefix {
		return domain.Invalid("secret", "must be given again with another urlPrefix: it would be sent elsewhere")
	}
	set(&c.Name, in.Name)
	set(&c.Prefix, in.Prefix)
	set(&c.Username, in.Username)
	set(&c.KnownHosts, in.KnownHosts)
	c.UpdatedAt = tx.Now()
	if err := c.Check(); err != nil {
		return err
	}
	a := domain.GitAccess{Kind: c.Kind, KnownHosts: c.KnownHosts}
	if in.Secret != nil {
		if err := c.CheckSecret(*in.Secret); err != nil {
			return err
		}
		a.Secret = *in.Secret
	}
	return s.usable(a)
}

// Update changes a credential. Who could not read its secret must not have it
// sent to another place: a new prefix needs the secret again.
func (s *Service) Update(ctx context.Context, id domain.GitCredentialID, in Input) (c domain.GitCredential, err error) {
	err = s.db.Change(ctx, func(tx Tx) (err error) {
		var op access.Op
		var permit access.Permit
		if c, op, permit, err = s.find(ctx, tx, "gitCredential.update", id); err != nil {
			return err
		}
		if in.KnownHosts != nil && *in.KnownHosts != c.KnownHosts && in.Secret == nil {
			return domain.Invalid("secret", "must be given again with other knownHosts")
		}
		if err := s.fill(&c, in, tx); err != nil {
			return err
		}
		if permit, err = s.actAs(ctx, tx, op, permit, c); err != nil {
			return err
		}
		if in.Secret != nil {
			if err := tx.SetGitSecret(ctx, permit, id, *in.Secret); err != nil {
				return err
			}
			if err := tx.HurryStatuses(ctx, permit, id); err != nil { // what failed because of the secret that was
				return err
			}
		}
		return tx.UpdateGitCredential(ctx, permit, c)
	})
	return c, err
}

// Delete removes a credential: stacks that used it check out as if there had
// never been one.
func (s *Service) Delete(ctx context.Context, id domain.GitCredentialID) (c domain.GitCredential, err error) {
	err = s.db.Change(ctx, func(tx Tx) (err error) {
		var permit access.Permit
		if c, _, permit, err = s.find(ctx, tx, "gitCredential.delete", id); err != nil {
			return err
		}
		return tx.DeleteGitCredential(ctx, permit, id)
	})
	return c, err
}

// actAs applies security rule G2 to the stacks that can use a credential.
func (s *Service) actAs(ctx context.Context, tx Tx, op access.Op, p access.Permit, c domain.GitCredential) (access.Permit, error) {
	if c.Kind == domain.GitStatusToken {
		return p, nil // it decides nothing of what a stack does
	}
	there, err := tx.StacksAt(ctx, c.Host())
	if err != nil {
		return p, err
	}
	var actors []domain.StackActor
	for _, st := range there {
		if !c.Fits(st.RepositoryURL) {
			continue
		}
		path, err := tx.Path(ctx, st.Space)
		if err != nil {
			return p, err
		}
		if path.Reaches(c.Space) {
			actors = append(actors, st.AsActor())
		}
	}
	return s.gate.ActAs(ctx, tx, op, p, actors...)
}

func (s *Service) find(ctx context.Context, tx Tx, event string, id domain.GitCredentialID) (domain.GitCredential, access.Op, access.Permit, error) {
	c, err := tx.LockGitCredential(ctx, id)
	c.ID = id
	op := operation(event, object(c))
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return c, op, access.Permit{}, s.gate.Missing(ctx, tx, op)
	}
	if err != nil {
		return c, op, access.Permit{}, err
	}
	permit, err := s.gate.Permit(ctx, tx, op)
	return c, op, permit, err
}

func object(c domain.GitCredential) access.Object {
	return access.Object{Kind: access.KindGitCredential, ID: string(c.ID), Noun: "git credential", Space: c.Space}
}

func operation(event string, o access.Object) access.Op {
	return access.Op{Event: event, Action: authz.ActionSpaceAdmin, See: authz.ActionSpaceRead, Object: o}
}
