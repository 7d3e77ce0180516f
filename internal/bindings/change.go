package bindings

import (
	"context"
	"fmt"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Create binds roles to actors: all of them, or none. Each is decided by what
// the caller holds before any of them is made.
func (s *Service) Create(ctx context.Context, grants ...Grant) (out []View, err error) {
	if len(grants) == 0 {
		return nil, domain.Invalid("input", "must name at least one binding")
	}
	if len(grants) > domain.MaxBindingBatch {
		return nil, domain.Invalid("input", "names %d bindings, at most %d can be made at once; none was made", len(grants), domain.MaxBindingBatch)
	}
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		list, permits := make([]domain.Binding, len(grants)), make([]access.Permit, len(grants))
		for i, g := range grants {
			list[i] = s.newBinding(ctx, tx, g)
			if permits[i], err = s.permitInsert(ctx, tx, "role_binding.create", &list[i]); err != nil {
				return err
			}
		}
		if len(grants) > 1 {
			permits[0] = permits[0].Noting(fmt.Sprintf("the first of %d role bindings made together", len(grants)))
		}
		for i, b := range list {
			v, err := insert(ctx, tx, permits[i], b)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

func (s *Service) newBinding(ctx context.Context, tx Tx, g Grant) domain.Binding {
	return domain.Binding{
		ID: domain.BindingID(s.ids.ULID()), Actor: g.Actor, Role: g.Role, Space: g.Space, Entity: g.Entity,
		NotAfter: g.NotAfter, CreatedAt: tx.Now(), CreatedBy: access.Name(ctx),
	}
}

// Update replaces a binding to a space: what in leaves empty stays. It is
// deletion and creation in one transaction under the rules of both; the id
// stays (access model A12, R28).
func (s *Service) Update(ctx context.Context, actor authz.ActorRef, id domain.BindingID, in Input) (v View, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		const event = "role_binding.update"
		check := s.guardRootAdmin(ctx, tx, event, id)
		old, remove, err := s.permitRemove(ctx, tx, event, id, func(b domain.Binding) bool { return plain(b, actor.Kind) })
		if err != nil {
			return err
		}
		if actor.ID != "" && actor != old.Actor {
			return domain.Invalid("input", "a binding cannot pass to another actor; delete it and create one")
		}
		next := in.over(old.Binding)
		next.AccessRule = false // from now on it is what this way made of it
		next.CreatedAt, next.CreatedBy = tx.Now(), access.Name(ctx)
		// Both are decided before either is done: who changes his own binding
		// does so with the rights that it gave him.
		create, err := s.permitInsert(ctx, tx, event, &next)
		if err != nil {
			return err
		}
		if err := tx.DeleteBinding(ctx, remove, id); err != nil {
			return err
		}
		if v, err = insert(ctx, tx, create, next); err != nil {
			return err
		}
		return check()
	})
	return v, err
}

// over is a binding changed by what the input names.
func (in Input) over(b domain.Binding) domain.Binding {
	if in.Role != "" {
		b.Role = in.Role
	}
	if in.Space != "" {
		b.Space = in.Space
	}
	if !in.NotAfter.IsZero() {
		b.NotAfter = in.NotAfter
	}
	return b
}

// Delete removes a binding of one actor kind to a space.
func (s *Service) Delete(ctx context.Context, kind authz.ActorKind, id domain.BindingID) (View, error) {
	return s.remove(ctx, id, func(b domain.Binding) bool { return plain(b, kind) })
}

func (s *Service) remove(ctx context.Context, id domain.BindingID, matches func(domain.Binding) bool) (v View, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		const event = "role_binding.delete"
		check := s.guardRootAdmin(ctx, tx, event, id)
		var permit access.Permit
		if v, permit, err = s.permitRemove(ctx, tx, event, id, matches); err != nil {
			return err
		}
		if err := tx.DeleteBinding(ctx, permit, id); err != nil {
			return err
		}
		return check()
	})
	return v, err
}

func (s *Service) guardRootAdmin(ctx context.Context, tx Tx, event string, id domain.BindingID) func() error {
	b := domain.Binding{ID: id, Space: domain.RootSpace}
	return s.gate.GuardRootAdmin(ctx, tx, operation(event, b, domain.Entity{}))
}

// insert makes a binding and shows it, with what its maker should know.
func insert(ctx context.Context, tx Tx, p access.Permit, b domain.Binding) (View, error) {
	if err := tx.InsertBinding(ctx, p, b); err != nil {
		return View{}, err
	}
	v, err := view(ctx, tx, b)
	if err != nil {
		return v, err
	}
	v.Warnings, err = warnings(ctx, tx, v)
	return v, err
}

// permitInsert decides whether the caller may make a binding. A slug that
// stands for its role becomes the role's id.
func (s *Service) permitInsert(ctx context.Context, tx Tx, event string, b *domain.Binding) (access.Permit, error) {
	op, err := s.insertion(ctx, tx, event, *b)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return access.Permit{}, s.gate.Missing(ctx, tx, op)
	}
	if err != nil {
		return access.Permit{}, err
	}
	return s.permitOp(ctx, tx, op, b)
}

func (s *Service) permitOp(ctx context.Context, tx Tx, op access.Op, b *domain.Binding) (access.Permit, error) {
	permit, err := s.permit(ctx, tx, op, *b)
	if err != nil {
		return permit, err
	}
	if err := checkEnd(b.NotAfter, tx.Now()); err != nil {
		return permit, err
	}
	role, err := findRole(ctx, tx, b.Role)
	if err != nil {
		return permit, invalid("roleID", err)
	}
	b.Role = role.ID
	return s.holdToGrant(ctx, tx, op, permit, role)
}

// findRole returns the role of an id or a slug.
func findRole(ctx context.Context, tx Tx, ref domain.RoleID) (domain.Role, error) {
	role, err := tx.Role(ctx, ref)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return tx.RoleBySlug(ctx, string(ref))
	}
	return role, err
}

// insertion is the operation that makes a binding. What is hidden from a
// stranger is what he would bind to. The error says that the entity to bind to
// does not exist.
func (s *Service) insertion(ctx context.Context, tx Tx, event string, b domain.Binding) (access.Op, error) {
	var e domain.Entity
	noun, missing := "space", error(nil)
	if b.Entity != (authz.EntityRef{}) {
		noun = domain.EntityNoun(b.Entity.Kind)
		e, missing = tx.Entity(ctx, b.Entity)
	}
	op := operation(event, b, e)
	op.Object.Noun = noun
	return op, missing
}

// furthestEnd is how far ahead a binding may end.
const furthestEnd = 100 * 366 * 24 * time.Hour

func checkEnd(end, now time.Time) error {
	switch {
	case end.IsZero():
		return nil
	case !end.After(now):
		return domain.Invalid("notAfter", "must lie in the future")
	case end.After(now.Add(furthestEnd)):
		return domain.Invalid("notAfter", "must not lie more than 100 years ahead; leave it out for a binding without an end")
	}
	return nil
}

// permitRemove decides whether the caller may remove a binding; one that does
// not match is none.
func (s *Service) permitRemove(ctx context.Context, tx Tx, event string, id domain.BindingID, matches func(domain.Binding) bool) (View, access.Permit, error) {
	b, err := tx.Binding(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound || (err == nil && !matches(b)) {
		missing := operation(event, domain.Binding{ID: id}, domain.Entity{})
		return View{}, access.Permit{}, s.gate.Missing(ctx, tx, missing)
	}
	if err != nil {
		return View{}, access.Permit{}, err
	}
	v, err := view(ctx, tx, b)
	if err != nil {
		return v, access.Permit{}, err
	}
	op := operation(event, b, domain.Entity{EntityRef: b.Entity, Space: v.Home})
	permit, err := s.permit(ctx, tx, op, b)
	return v, permit, err
}

// operation is a change of a binding to a space, or to the entity e.
func operation(event string, b domain.Binding, e domain.Entity) access.Op {
	op := access.Op{
		Event: event, Action: authz.ActionRoleBindingManage, See: authz.ActionSpaceRead,
		Object: access.Object{Kind: access.KindRoleBinding, ID: string(b.ID), Noun: "role binding", Space: b.Space},
	}
	if b.Entity != (authz.EntityRef{}) {
		op.Object.Space, op.Object.Entity, op.See = e.Space, b.Entity, finerRead[b.Entity.Kind]
	}
	return op
}

// finerRead are the actions that show an entity to whoever holds them by name
// (access model R20).
var finerRead = map[authz.EntityKind]authz.Action{
	authz.EntityStack: authz.ActionStackRead, authz.EntityContext: authz.ActionContextRead,
	authz.EntityPolicy: authz.ActionPolicyRead, authz.EntityWorkerPool: authz.ActionSpaceRead,
}

func stackObject(s domain.Stack) access.Object {
	return access.Object{
		Kind: access.KindStack, ID: string(s.ID), Noun: "stack", Space: s.Space,
		Entity: authz.EntityRef{Kind: authz.EntityStack, ID: string(s.ID)},
	}
}

// invalid turns "not found" into an error about the input field that named it.
func invalid(field string, err error) error {
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return domain.Invalid(field, "%s", err.Error())
	}
	return err
}
