package runs

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Blockers is Blocker for the stacks of a list, at one moment. Stacks that
// nothing holds, and those whose runs the caller may not see, are left out.
func (s *Service) Blockers(ctx context.Context, list []domain.Stack) (out map[domain.StackID]domain.Run, err error) {
	out = map[domain.StackID]domain.Run{}
	err = s.db.View(ctx, func(tx Tx) error {
		for _, stack := range list {
			run, err := tx.Blocker(ctx, stack.ID)
			if err == nil {
				err = s.gate.See(ctx, tx, authz.ActionRunRead, object(stack, run.ID))
			}
			if domain.ErrorCode(err) == domain.CodeNotFound {
				continue
			}
			if err != nil {
				return err
			}
			out[stack.ID] = run
		}
		return nil
	})
	return out, err
}
