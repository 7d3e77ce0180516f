package stacks

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// keepReachable refuses a move to a space from which the stack does not reach
// everything that it uses (access model A115). A pool that the same change gives
// up does not hold it back.
func (s *Service) keepReachable(ctx context.Context, tx Tx, op access.Op, old, next domain.Stack) error {
	path, err := tx.Path(ctx, next.Space)
	if err != nil {
		return err
	}
	uses, err := tx.UsesOfStack(ctx, old.ID)
	if err != nil {
		return err
	}
	newPool := old.WorkerPool != next.WorkerPool
	lost := slices.DeleteFunc(uses, func(u domain.Use) bool {
		return path.Reaches(u.EntitySpace) || newPool && u.EntityKind == string(access.KindWorkerPool)
	})
	return s.gate.KeepUses(ctx, tx, op, lost)
}

// guardPool refuses a worker pool that the caller does not see, or that is out
// of the stack's reach (access model A114).
func (s *Service) guardPool(ctx context.Context, tx Tx, op access.Op, stack domain.Stack) error {
	if stack.WorkerPool == "" {
		return nil
	}
	pool, err := tx.WorkerPool(ctx, stack.WorkerPool)
	if err == nil {
		err = s.gate.See(ctx, tx, authz.ActionSpaceRead, access.Object{
			Noun: "worker pool", Space: pool.Space, Entity: authz.EntityRef{Kind: authz.EntityWorkerPool, ID: string(pool.ID)},
		})
	}
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return domain.Invalid("workerPool", "worker pool not found")
	}
	if err != nil {
		return err
	}
	path, err := tx.Path(ctx, stack.Space)
	if err != nil {
		return err
	}
	if !path.Reaches(pool.Space) {
		return s.gate.Refuse(ctx, tx, op, domain.Conflict(
			"worker pool %s (%s) of space %s is out of reach of stacks in space %s", pool.Name, pool.ID, pool.Space, stack.Space))
	}
	return nil
}
