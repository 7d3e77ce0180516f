// Package roles holds the use cases of roles: account-wide sets of actions
// that only admins of root create, change and delete.
package roles

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.AdminReader
	Role(ctx context.Context, id domain.RoleID) (domain.Role, error)
	RoleBySlug(ctx context.Context, slug string) (domain.Role, error)
	Roles(ctx context.Context) ([]domain.Role, error)
	RoleBindingCounts(ctx context.Context) (map[domain.RoleID]int, error)
	RoleReach(ctx context.Context, id domain.RoleID) (domain.RoleReach, error)
	InsertRole(ctx context.Context, p access.Permit, r domain.Role) error
	UpdateRole(ctx context.Context, p access.Permit, r domain.Role) error
	DeleteRole(ctx context.Context, p access.Permit, id domain.RoleID) error
	DeleteRoleAndBindings(ctx context.Context, p access.Permit, id domain.RoleID) error
}

// Service answers and changes roles.
type Service struct {
	db   access.Transactor[Tx]
	gate *access.Gate
	ids  domain.IDSource
}

// New returns the use cases of roles.
func New(db access.Transactor[Tx], gate *access.Gate, ids domain.IDSource) *Service {
	return &Service{db: db, gate: gate, ids: ids}
}

// View is a role with the number of bindings that use it.
type View struct {
	domain.Role
	Bindings int
}

// Input is what a caller sets of a role; nil members stay as they are in an
// update. Actions are in any of the API's spellings.
type Input struct {
	Name        *string
	Description *string
	Actions     []string
}

// Get returns one role to whoever may view the account (access model A78).
func (s *Service) Get(ctx context.Context, id domain.RoleID) (v View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.gate.AccountView(ctx, tx); err != nil {
			return err
		}
		v, err = s.view(ctx, tx, id)
		return err
	})
	return v, err
}

func (s *Service) view(ctx context.Context, tx Tx, id domain.RoleID) (View, error) {
	r, err := tx.Role(ctx, id)
	if err != nil {
		return View{}, err
	}
	counts, err := tx.RoleBindingCounts(ctx)
	return View{Role: r, Bindings: counts[id]}, err
}

// List returns every role, system roles first.
func (s *Service) List(ctx context.Context) (out []View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.gate.AccountView(ctx, tx); err != nil {
			return err
		}
		roles, err := tx.Roles(ctx)
		if err != nil {
			return err
		}
		counts, err := tx.RoleBindingCounts(ctx)
		for _, r := range roles {
			out = append(out, View{Role: r, Bindings: counts[r.ID]})
		}
		return err
	})
	return out, err
}

// Create makes a custom role. Its slug comes from the name, with a number
// behind it when taken (access model A54). The role's BaselineWarning is the
// caller's to show.
func (s *Service) Create(ctx context.Context, in Input) (v View, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, err := s.gate.Account(ctx, tx, operation("role.create", ""))
		if err != nil {
			return err
		}
		r := domain.Role{ID: domain.RoleID(s.ids.ULID()), CreatedAt: tx.Now()}
		if err := apply(&r, in, true); err != nil {
			return err
		}
		if r.Slug, err = freeSlug(ctx, tx, r.Name); err != nil {
			return err
		}
		v = View{Role: r}
		return tx.InsertRole(ctx, permit.About(string(r.ID)), r)
	})
	return v, err
}

// Update changes a custom role; all its bindings follow at once (A38). The
// slug stays (A53). The audit trail names how far that reaches (security case
// 12).
func (s *Service) Update(ctx context.Context, id domain.RoleID, in Input) (v View, err error) {
	op := operation("role.update", id)
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, err := s.permitCustom(ctx, tx, op, id, &v)
		if err != nil {
			return err
		}
		check := s.gate.GuardRootAdmin(ctx, tx, op)
		if err := apply(&v.Role, in, false); err != nil {
			return err
		}
		reach, err := tx.RoleReach(ctx, id)
		if err != nil {
			return err
		}
		if err := tx.UpdateRole(ctx, permit.Noting("affects "+reach.String()), v.Role); err != nil {
			return err
		}
		return check()
	})
	return v, err
}

// Delete removes a role that nothing is bound to; with force, the role and its
// bindings (access model R15).
func (s *Service) Delete(ctx context.Context, id domain.RoleID, force bool) (v View, err error) {
	op := operation("role.delete", id)
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, err := s.permitCustom(ctx, tx, op, id, &v)
		if err != nil {
			return err
		}
		if v.Bindings == 0 {
			return tx.DeleteRole(ctx, permit, id)
		}
		if !force {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict("role %s is used by %d role bindings; remove them first", v.Slug, v.Bindings))
		}
		return s.deleteBound(ctx, tx, permit, op, id)
	})
	return v, err
}

// deleteBound removes a role with its bindings, unless they are what makes the
// last admin of root.
func (s *Service) deleteBound(ctx context.Context, tx Tx, p access.Permit, op access.Op, id domain.RoleID) error {
	check := s.gate.GuardRootAdmin(ctx, tx, op)
	reach, err := tx.RoleReach(ctx, id)
	if err != nil {
		return err
	}
	if err := tx.DeleteRoleAndBindings(ctx, p.Noting("removes "+reach.String()), id); err != nil {
		return err
	}
	return check()
}

// permitCustom permits a change of a role that is not a system role (A42).
func (s *Service) permitCustom(ctx context.Context, tx Tx, op access.Op, id domain.RoleID, v *View) (access.Permit, error) {
	permit, err := s.gate.Account(ctx, tx, op)
	if err != nil {
		return permit, err
	}
	*v, err = s.view(ctx, tx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return permit, s.gate.Missing(ctx, tx, op)
	}
	if err != nil {
		return permit, err
	}
	if v.System {
		return permit, s.gate.Refuse(ctx, tx, op, domain.Conflict("role %s is a system role and cannot be changed or deleted", v.Slug))
	}
	return permit, nil
}

func apply(r *domain.Role, in Input, create bool) error {
	if in.Name != nil {
		r.Name = *in.Name
	}
	if in.Description != nil {
		r.Description = *in.Description
	}
	if in.Actions != nil || create {
		actions, err := domain.ParseActions("actions", in.Actions)
		if err != nil {
			return err
		}
		r.Actions = actions
	}
	return r.Check()
}

func freeSlug(ctx context.Context, tx Tx, name string) (string, error) {
	return domain.FreeSlug(name, "role", func(slug string) (bool, error) {
		_, err := tx.RoleBySlug(ctx, slug)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return false, nil
		}
		return true, err
	})
}

func operation(event string, id domain.RoleID) access.Op {
	return access.Op{
		Event:  event,
		Object: access.Object{Kind: access.KindRole, ID: string(id), Noun: "role"},
	}
}
