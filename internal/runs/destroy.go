package runs

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Destroy starts a run that destroys what a stack has made. The stack is
// deleted after it has ended well; if it does not, the stack stays, and says by
// that run why. It waits for its turn like any other run.
func (s *Service) Destroy(ctx context.Context, id domain.StackID) (stack domain.Stack, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		var op access.Op
		var permit access.Permit
		if stack, op, permit, err = s.permitStack(ctx, tx, "stack.delete", authz.ActionStackDelete, id); err != nil {
			return err
		}
		if stack.Destroyer != "" && !stack.ProtectFromDeletion {
			return nil // asked once more
		}
		if err := s.guardDeletion(ctx, tx, op, stack); err != nil {
			return err
		}
		if err := s.guardStart(ctx, tx, op, stack); err != nil {
			return err
		}
		run := s.newRun(ctx, tx, stack, domain.RunDestroy)
		return s.destroy(ctx, tx, permit, &stack, &run)
	})
	return stack, err
}

// guardDeletion refuses to delete a stack that is protected, or that others
// depend on.
func (s *Service) guardDeletion(ctx context.Context, tx Tx, op access.Op, stack domain.Stack) error {
	if stack.ProtectFromDeletion {
		return s.gate.Refuse(ctx, tx, op, domain.Conflict("stack %s is protected from deletion", stack.ID))
	}
	dependents, err := tx.DependentStacks(ctx, stack.ID)
	if err != nil {
		return err
	}
	return s.gate.KeepDependents(ctx, tx, op, dependents)
}

// destroy starts the run after which a stack is deleted. The caller holds it.
func (s *Service) destroy(ctx context.Context, tx Tx, permit access.Permit, stack *domain.Stack, run *domain.Run) error {
	run.Title = "Destroy before deletion"
	stack.Destroyer = run.ID
	if err := tx.SetStackLife(ctx, permit, stack.ID, stack.StackLife); err != nil {
		return err
	}
	return s.begin(ctx, tx, permit, run)
}

// keepUndestroyed ends the deletion of a stack whose resources were not
// destroyed.
func (s *Service) keepUndestroyed(ctx context.Context, tx Tx, p access.Permit, run domain.Run) error {
	if run.Type != domain.RunDestroy || run.State == domain.RunFinished {
		return nil
	}
	stack, err := tx.Stack(ctx, run.StackID)
	if err != nil || stack.Destroyer != run.ID {
		return err
	}
	stack.Destroyer = ""
	// That the stack is no longer being deleted is a part of how the run ended.
	return tx.SetStackLife(ctx, p.For(access.KindStack), stack.ID, stack.StackLife)
}
