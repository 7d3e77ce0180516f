package runs

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Waiting returns the runs that wait for a worker of a pool and that the caller
// may list, in the order in which they are given out. Their positions count
// the others, too.
func (s *Service) Waiting(ctx context.Context, pool domain.WorkerPoolID) (out []domain.WaitingRun, err error) {
	err = s.scoped(ctx, func(tx Tx, scope access.Scope) error {
		out, err = tx.WaitingRuns(ctx, scope, pool)
		return err
	})
	return out, err
}

// Held returns the runs that workers of a pool execute now and that the caller
// may list, oldest first.
func (s *Service) Held(ctx context.Context, pool domain.WorkerPoolID) (out []domain.Run, err error) {
	err = s.scoped(ctx, func(tx Tx, scope access.Scope) error {
		out, err = tx.HeldRuns(ctx, scope, pool)
		return err
	})
	return out, err
}

// scoped reads with the scope of the stacks that the caller may list.
func (s *Service) scoped(ctx context.Context, read func(Tx, access.Scope) error) error {
	return s.db.View(ctx, func(tx Tx) error {
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
		if err != nil {
			return err
		}
		return read(tx, scope)
	})
}
