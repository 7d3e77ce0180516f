// Package bindings holds the use cases of role bindings: who gives which role
// to which actor in which space. Nobody grants what he does not hold.
package bindings

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.AdminReader
	Role(ctx context.Context, id domain.RoleID) (domain.Role, error)
	Space(ctx context.Context, id domain.SpaceID) (domain.Space, error)
	APIKey(ctx context.Context, id domain.APIKeyID) (domain.APIKey, error)
	User(ctx context.Context, id domain.UserID) (domain.User, error)
	UserGroup(ctx context.Context, id domain.UserGroupID) (domain.UserGroup, error)
	Stack(ctx context.Context, id domain.StackID) (domain.Stack, error)
	Binding(ctx context.Context, id domain.BindingID) (domain.Binding, error)
	BindingsOf(ctx context.Context, actor authz.ActorRef) ([]domain.Binding, error)
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

// View is a binding with what its fields name.
type View struct {
	domain.Binding
	Role      domain.Role
	Space     domain.Space
	ActorName string
}

// Input names one grant.
type Input struct {
	Role  domain.RoleID
	Space domain.SpaceID
}

// Get returns a binding of the given kind of actor. A stack's bindings are seen
// by whoever sees the stack, those of the other kinds by whoever may view the
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
		if b.Actor.Kind != kind {
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

// see decides whether the caller sees the bindings of an actor; what is hidden
// is called noun.
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

// Of returns the bindings of one actor, oldest first, under the same rule.
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

func view(ctx context.Context, tx Tx, b domain.Binding) (v View, err error) {
	v.Binding = b
	if v.Role, err = tx.Role(ctx, b.Role); err != nil {
		return v, err
	}
	if v.Space, err = tx.Space(ctx, b.Space); err != nil {
		return v, err
	}
	v.ActorName, err = actorName(ctx, tx, b.Actor)
	return v, err
}

// Create grants roles to one actor, all or none.
func (s *Service) Create(ctx context.Context, actor authz.ActorRef, grants ...Input) (out []View, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		if len(grants) == 0 {
			return domain.Invalid("input", "must name at least one role and space")
		}
		for _, g := range grants {
			b := domain.Binding{ID: domain.BindingID(s.ids.ULID()), Actor: actor, Role: g.Role, Space: g.Space, CreatedAt: tx.Now()}
			permit, err := s.permitInsert(ctx, tx, "role_binding.create", b)
			if err != nil {
				return err
			}
			v, err := s.insert(ctx, tx, permit, b)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return nil
	})
	return out, err
}

// Update replaces role and space of a binding, each unless it is empty: a
// deletion and a creation under the rules of both, in one transaction; the id
// stays (access model R28). The actor stays, too; its id may be left out.
func (s *Service) Update(ctx context.Context, actor authz.ActorRef, id domain.BindingID, in Input) (v View, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		const event = "role_binding.update"
		check := s.gate.GuardRootAdmin(ctx, tx, operation(event, domain.Binding{ID: id, Space: domain.RootSpace}))
		old, remove, err := s.permitRemove(ctx, tx, event, actor.Kind, id)
		if err != nil {
			return err
		}
		if actor.ID != "" && actor != old.Actor {
			return domain.Invalid("input", "a binding cannot pass to another actor; delete it and create one")
		}
		next := old.Binding
		next.AccessRule = false // from now on it is what this way made of it
		if in.Role != "" {
			next.Role = in.Role
		}
		if in.Space != "" {
			next.Space = in.Space
		}
		// Both are decided before either is done: who changes his own binding
		// does so with the rights that it gave him.
		insert, err := s.permitInsert(ctx, tx, event, next)
		if err != nil {
			return err
		}
		if err := tx.DeleteBinding(ctx, remove, id); err != nil {
			return err
		}
		if v, err = s.insert(ctx, tx, insert, next); err != nil {
			return err
		}
		return check()
	})
	return v, err
}

// Delete takes a role away, under the same rights as granting it (A90, A134).
func (s *Service) Delete(ctx context.Context, kind authz.ActorKind, id domain.BindingID) (v View, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		const event = "role_binding.delete"
		check := s.gate.GuardRootAdmin(ctx, tx, operation(event, domain.Binding{ID: id, Space: domain.RootSpace}))
		var permit access.Permit
		if v, permit, err = s.permitRemove(ctx, tx, event, kind, id); err != nil {
			return err
		}
		if err := tx.DeleteBinding(ctx, permit, id); err != nil {
			return err
		}
		return check()
	})
	return v, err
}

// permitInsert decides whether the caller may grant b.
func (s *Service) permitInsert(ctx context.Context, tx Tx, event string, b domain.Binding) (access.Permit, error) {
	op := operation(event, b)
	op.Object.Noun = "space" // what is hidden from a stranger
	permit, err := s.permit(ctx, tx, op, b)
	if err != nil {
		return permit, err
	}
	role, err := tx.Role(ctx, b.Role)
	if err != nil {
		return permit, invalid("roleID", err)
	}
	return permit, s.holdToGrant(ctx, tx, op, role, b)
}

func (s *Service) insert(ctx context.Context, tx Tx, p access.Permit, b domain.Binding) (View, error) {
	b.CreatedBy = access.Name(ctx)
	if err := tx.InsertBinding(ctx, p, b); err != nil {
		return View{}, err
	}
	return view(ctx, tx, b)
}

// permitRemove decides whether the caller may take a binding away.
func (s *Service) permitRemove(ctx context.Context, tx Tx, event string, kind authz.ActorKind, id domain.BindingID) (View, access.Permit, error) {
	b, err := tx.Binding(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound || (err == nil && b.Actor.Kind != kind) {
		return View{}, access.Permit{}, s.gate.Missing(ctx, tx, operation(event, domain.Binding{ID: id}))
	}
	if err != nil {
		return View{}, access.Permit{}, err
	}
	v, err := view(ctx, tx, b)
	if err != nil {
		return v, access.Permit{}, err
	}
	permit, err := s.permit(ctx, tx, operation(event, b), b)
	return v, permit, err
}

func operation(event string, b domain.Binding) access.Op {
	return access.Op{
		Event: event, Action: authz.ActionRoleBindingManage, See: authz.ActionSpaceRead,
		Object: access.Object{Kind: access.KindRoleBinding, ID: string(b.ID), Noun: "role binding", Space: b.Space},
	}
}

func stackObject(s domain.Stack) access.Object {
	return access.Object{
		Kind: access.KindStack, ID: string(s.ID), Noun: "stack", Space: s.Space,
		Entity: authz.EntityRef{Kind: authz.EntityStack, ID: string(s.ID)},
	}
}

func invalid(field string, err error) error {
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return domain.Invalid(field, "%s", err.Error())
	}
	return err
}
