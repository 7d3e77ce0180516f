package stacks

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Converted is a stack whose administrative flag became a role binding.
type Converted struct {
	domain.Stack
	Binding domain.BindingID
	// Awakened is how many other bindings of the stack count from now on: the
	// flag had made them ineffective (access model A143).
	Awakened int
}

// ConvertAdministrative replaces the administrative flag of a stack by the role
// Space admin bound to it at its own space, in one change, so that there is no
// moment without rights (access model R1, A145). It needs Space admin there. From
// then on the rights stay where they are when the stack moves (A147).
func (s *Service) ConvertAdministrative(ctx context.Context, id domain.StackID) (out Converted, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		stack, err := tx.LockStack(ctx, id)
		missing := domain.ErrorCode(err) == domain.CodeNotFound
		if err != nil && !missing {
			return err
		}
		stack.ID = id
		op := operation("stack.convert_administrative", authz.ActionSpaceAdmin, Object(stack))
		op.SpaceWide = true // a role on the stack alone does not reach as far as the flag
		if missing {
			return s.gate.Missing(ctx, tx, op)
		}
		permit, err := s.gate.Permit(ctx, tx, op)
		if err != nil {
			return err
		}
		if !stack.Administrative {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict("stack %s is not administrative", id))
		}
		role, err := tx.RoleBySlug(ctx, domain.RoleSpaceAdmin)
		if err != nil {
			return err
		}
		permit, lacking, err := s.gate.Hold(ctx, tx, permit, access.Object{Space: stack.Space}, role.Actions...)
		if err != nil {
			return err
		}
		if lacking != 0 {
			return s.gate.Refuse(ctx, tx, op, access.Forbidden(access.Name(ctx), lacking, stack.Space))
		}
		b, made, awakened, err := s.adminBinding(ctx, tx, op, stack, role.ID)
		if err != nil {
			return err
		}
		stack.Administrative = false
		out = Converted{Stack: stack, Binding: b.ID, Awakened: awakened}
		permit = permit.Noting("the flag became role binding " + string(b.ID))
		if err := tx.UpdateStack(ctx, permit, stack); err != nil || !made {
			return err
		}
		// The binding is a part of what the permit for the stack is about.
		return tx.InsertBinding(ctx, permit.For(access.KindRoleBinding), b)
	})
	return out, err
}

// adminBinding returns the binding that makes a stack Space admin at its own
// space for good, the one that is there or (made) a new one, and counts its
// other bindings that are in effect.
func (s *Service) adminBinding(ctx context.Context, tx Tx, op access.Op, stack domain.Stack, role domain.RoleID) (admin domain.Binding, made bool, others int, err error) {
	actor := authz.ActorRef{Kind: authz.ActorStack, ID: string(stack.ID)}
	bindings, err := tx.BindingsOf(ctx, actor)
	if err != nil {
		return admin, false, 0, err
	}
	for _, b := range bindings {
		same := b.Role == role && b.Space == stack.Space
		switch {
		case b.Expired(tx.Now()):
		case same && b.NotAfter.IsZero():
			admin = b
		case same:
			return admin, false, 0, s.gate.Refuse(ctx, tx, op, domain.Conflict(
				"role binding %s makes stack %s a Space admin of space %s with an end; remove it first", b.ID, stack.ID, stack.Space))
		default:
			others++
		}
	}
	if made = admin.ID == ""; made {
		admin = domain.Binding{
			ID: domain.BindingID(s.ids.ULID()), Actor: actor, Role: role, Space: stack.Space, CreatedAt: tx.Now(), CreatedBy: access.Name(ctx),
		}
	}
	return admin, made, others, nil
}
