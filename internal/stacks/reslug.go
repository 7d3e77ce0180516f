package stacks

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Reslug gives a stack the id that its present name makes. Whatever belongs to
// it goes along: its runs, state, configuration and roles, and the roles that
// others hold on it. Those who know it by the old id no longer find it. A stack
// that a worker is busy with keeps its id: its run knows the old one.
func (s *Service) Reslug(ctx context.Context, id domain.StackID) (stack domain.Stack, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		var permit access.Permit
		stack, permit, err = s.find(ctx, tx, "stack.reslug", authz.ActionStackReslug, id)
		if err != nil {
			return err
		}
		op := operation("stack.reslug", authz.ActionStackReslug, Object(stack))
		if stack.Destroyer != "" {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict("stack %s is being deleted", id))
		}
		if err := s.guardBusy(ctx, tx, op, id); err != nil {
			return err
		}
		next, err := domain.FreeSlug(stack.Name, "stack-"+domain.Slug(stack.ULID), func(slug string) (bool, error) {
			if slug == string(id) {
				return false, nil // its own
			}
			return tx.StackIDTaken(ctx, domain.StackID(slug))
		})
		if err != nil {
			return err
		}
		if domain.StackID(next) == id {
			// Nothing changes, and that it was asked is recorded all the same.
			return tx.SetStackLife(ctx, permit.Noting("the id is that of its name already"), id, stack.StackLife)
		}
		stack.ID = domain.StackID(next)
		return tx.RenameStack(ctx, permit.Noting("the new id is "+next), id, stack.ID)
	})
	return stack, err
}
