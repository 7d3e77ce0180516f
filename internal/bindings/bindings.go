// Package bindings holds the use cases of role bindings: who holds which role
// where, and who may change that (access model A11-A15, A79, A89-A92, A132-A138,
// R24; security rule G1), and the requests for such access. It must not decide
// what a role allows.
package bindings

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.AdminReader
	Role(ctx context.Context, id domain.RoleID) (domain.Role, error)
	APIKey(ctx context.Context, id domain.APIKeyID) (domain.APIKey, error)
	User(ctx context.Context, id domain.UserID) (domain.User, error)
	UserGroup(ctx context.Context, id domain.UserGroupID) (domain.UserGroup, error)
	Stack(ctx context.Context, id domain.StackID) (domain.Stack, error)
	Entity(ctx context.Context, ref authz.EntityRef) (domain.Entity, error)
	RoleBySlug(ctx context.Context, slug string) (domain.Role, error)
	Roles(ctx context.Context) ([]domain.Role, error)
	BindingRow(ctx context.Context, id domain.BindingID) (domain.BindingRow, error)
	BindingRows(ctx context.Context, f domain.BindingFilter, after domain.ListPosition, limit int) ([]domain.BindingRow, error)
	Binding(ctx context.Context, id domain.BindingID) (domain.Binding, error)
	BindingsOf(ctx context.Context, actor authz.ActorRef) ([]domain.Binding, error)
	ExpiredBindings(ctx context.Context, before time.Time, limit int) ([]domain.Binding, error)
	AccessRequest(ctx context.Context, id domain.AccessRequestID) (domain.AccessRequest, error)
	AccessRequests(ctx context.Context, f domain.RequestFilter, after domain.ListPosition, limit int) ([]domain.AccessRequest, error)
	OpenAccessRequests(ctx context.Context, actor authz.ActorRef) ([]domain.AccessRequest, error)
	LapsedAccessRequests(ctx context.Context, limit int) ([]domain.AccessRequest, error)
	InsertAccessRequest(ctx context.Context, p access.Permit, r domain.AccessRequest) error
	CloseAccessRequest(ctx context.Context, p access.Permit, r domain.AccessRequest) error
	ForgetAccessRequests(ctx context.Context, p access.Permit, before time.Time) error
	ForgetBindingUses(ctx context.Context, p access.Permit, before time.Time) error
	InsertBinding(ctx context.Context, p access.Permit, b domain.Binding) error
	DeleteBinding(ctx context.Context, p access.Permit, id domain.BindingID) error
	Also(p access.Permit)
}

// Service answers and changes role bindings.
type Service struct {
	db   access.Transactor[Tx]
	gate *access.Gate
	ids  domain.IDSource
}

// New returns the use cases of role bindings.
func New(db access.Transactor[Tx], gate *access.Gate, ids domain.IDSource) *Service {
	return &Service{db: db, gate: gate, ids: ids}
}

// View is a binding with what it connects.
type View struct {
	domain.BindingRow
	Role    domain.Role
	Expired bool // is no grant any more
	// Warnings are what whoever has made it should know.
	Warnings []string
}

// Input is what a binding gives: a role in a space, or on an entity.
type Input struct {
	Role     domain.RoleID // or the role's slug
	Space    domain.SpaceID
	Entity   authz.EntityRef // instead of a space
	NotAfter time.Time       // the last instant at which it counts; zero: for good
}

// Grant is a binding that is asked for.
type Grant struct {
	Actor authz.ActorRef
	Input
}

// plain reports whether a binding has the form that the contract's clients
// know: of one kind of actor, to a space.
func plain(b domain.Binding, kind authz.ActorKind) bool {
	return b.Actor.Kind == kind && b.Entity == (authz.EntityRef{})
}

// Get returns one binding of an actor kind to a space. Bindings of stacks are
// visible to those who see the stack, the others to whoever may view the
// account (A78).
func (s *Service) Get(ctx context.Context, kind authz.ActorKind, id domain.BindingID) (v View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if kind != authz.ActorStack {
			// Before the look, so that the answer tells nobody else what exists.
			if err := s.gate.AccountView(ctx, tx); err != nil {
				return err
			}
		}
		b, err := tx.Binding(ctx, id)
		if err != nil {
			return err
		}
		if !plain(b, kind) {
			return domain.NotFound("role binding")
		}
		if err := s.see(ctx, tx, b.Actor, "role binding"); err != nil {
			return err
		}
		v, err = view(ctx, tx, b)
		return err
	})
	return v, err
}

// see decides whether the caller may see an actor's bindings; noun is what a
// refusal calls missing.
func (s *Service) see(ctx context.Context, tx Tx, actor authz.ActorRef, noun string) error {
	if actor.Kind != authz.ActorStack {
		return s.gate.AccountView(ctx, tx)
	}
	stack, err := tx.Stack(ctx, domain.StackID(actor.ID))
	if err != nil {
		return err
	}
	o := stackObject(stack)
	o.Noun = noun
	return s.gate.See(ctx, tx, authz.ActionStackRead, o)
}

// Of returns the bindings of one actor to spaces that are in effect, oldest
// first, under the same rule.
func (s *Service) Of(ctx context.Context, actor authz.ActorRef) (out []View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.see(ctx, tx, actor, "stack"); err != nil {
			return err
		}
		bindings, err := tx.BindingsOf(ctx, actor)
		if err != nil {
			return err
		}
		for _, b := range bindings {
			if !plain(b, actor.Kind) || b.Expired(tx.Now()) {
				continue
			}
			v, err := view(ctx, tx, b)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return nil
	})
	return out, err
}

// view reads what a binding connects.
func view(ctx context.Context, tx Tx, b domain.Binding) (v View, err error) {
	if v.BindingRow, err = tx.BindingRow(ctx, b.ID); err != nil {
		return v, err
	}
	v.Expired = v.Binding.Expired(tx.Now())
	v.Role, err = tx.Role(ctx, b.Role)
	return v, err
}
