package stacks

import (
	"context"
	"errors"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Delete removes a stack with its configuration, runs and state. It destroys
// no infrastructure; a stack that a worker is busy with, or that somebody else
// has locked, cannot be deleted.
func (s *Service) Delete(ctx context.Context, id domain.StackID) (stack domain.Stack, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		var permit access.Permit
		stack, permit, err = s.find(ctx, tx, "stack.delete", authz.ActionStackDelete, id)
		if err != nil {
			return err
		}
		op := operation("stack.delete", authz.ActionStackDelete, Object(stack))
		if stack.ProtectFromDeletion {
			return s.gate.Refuse(ctx, tx, op, protected(id))
		}
		dependents, err := tx.DependentStacks(ctx, id)
		if err == nil {
			err = s.gate.KeepDependents(ctx, tx, op, dependents)
		}
		if err != nil {
			return err
		}
		if err := s.guardLock(ctx, tx, op, stack); err != nil {
			return err
		}
		if err := s.guardBusy(ctx, tx, op, id); err != nil {
			return err
		}
		return tx.DeleteStack(ctx, permit, id)
	})
	return stack, err
}

func protected(id domain.StackID) *domain.Error {
	return domain.Conflict("stack %s is protected from deletion", id)
}

// guardLock refuses what would take a stack away from the one who has locked
// it for his own use.
func (s *Service) guardLock(ctx context.Context, tx Tx, op access.Op, stack domain.Stack) error {
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return err
	}
	if reason := stack.MayUse(caller.Subject.Actor); reason != nil {
		return s.gate.Refuse(ctx, tx, op, reason)
	}
	return nil
}

// busy returns the run of a stack that a worker holds, nil for none.
func busy(ctx context.Context, tx Tx, id domain.StackID) (*domain.Run, error) {
	open, err := tx.OpenRuns(ctx, id)
	for _, run := range open {
		if run.State.Active() || !run.LeaseUntil.IsZero() {
			return &run, err
		}
	}
	return nil, err
}

// guardBusy refuses what would take a run away from the worker that holds it.
func (s *Service) guardBusy(ctx context.Context, tx Tx, op access.Op, id domain.StackID) error {
	run, err := busy(ctx, tx, id)
	if run != nil {
		return s.gate.Refuse(ctx, tx, op, domain.Conflict("run %s of stack %s is %s; wait for it to end", run.ID, id, run.State))
	}
	return err
}

// SweepDestroyed deletes the stacks whose run has destroyed what they had made,
// and returns how many. A stack that was protected from deletion meanwhile, or
// locked by somebody, stays, and is no longer being deleted.
func (s *Service) SweepDestroyed(ctx context.Context) (n int, err error) {
	var ready []domain.Stack
	err = s.db.View(ctx, func(tx Tx) error {
		ready, err = tx.DestroyedStacks(ctx)
		return err
	})
	for _, candidate := range ready {
		deleted, oneErr := s.sweepDestroyed(ctx, candidate)
		if deleted {
			n++
		}
		err = errors.Join(err, oneErr) // one that cannot be deleted keeps no other
	}
	return n, err
}

func (s *Service) sweepDestroyed(ctx context.Context, candidate domain.Stack) (deleted bool, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		stack, err := tx.LockStack(ctx, candidate.ID)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return nil // somebody was faster
		}
		if err != nil || stack.Destroyer != candidate.Destroyer || stack.ULID != candidate.ULID {
			return err
		}
		run, err := tx.Run(ctx, stack.Destroyer)
		if err != nil {
			return err
		}
		op := operation("stack.delete", authz.ActionStackDelete, Object(stack))
		permit, err := s.gate.SystemOp(ctx, tx, access.SystemSweeper, op,
			"run "+string(run.ID)+", started by "+run.TriggeredBy+", has destroyed what the stack had made")
		if err != nil {
			return err
		}
		dependents, err := tx.DependentStacks(ctx, stack.ID)
		if err != nil {
			return err
		}
		if stack.ProtectFromDeletion || len(dependents) > 0 || stack.Lock != nil && stack.Lock.By != run.TriggeredBy {
			stack.Destroyer = ""
			return tx.SetStackLife(ctx, permit.Noting("kept: it was protected, locked or depended on while run "+string(run.ID)+" destroyed what it had made"), stack.ID, stack.StackLife)
		}
		held, err := busy(ctx, tx, stack.ID)
		if err != nil || held != nil {
			return err // a proposed run: the next sweep looks again
		}
		deleted = true
		return tx.DeleteStack(ctx, permit, stack.ID)
	})
	return deleted && err == nil, err
}
