package runs

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Blockers returns the runs that hold the stacks of a list. Stacks that nothing
// holds, and those whose runs the caller may not see, are left out.
func (s *Service) Blockers(ctx context.Context, list []domain.Stack) (out map[domain.StackID]domain.Run, err error) {
	out = map[domain.StackID]domain.Run{}
	ids, stacks := make([]domain.StackID, len(list)), make(map[domain.StackID]domain.Stack, len(list))
	for i, stack := range list {
		ids[i], stacks[stack.ID] = stack.ID, stack
	}
	err = s.db.View(ctx, func(tx Tx) error {
		blockers, err := tx.Blockers(ctx, ids)
		if err != nil {
			return err
		}
		for _, run := range blockers {
			switch err := s.gate.See(ctx, tx, authz.ActionRunRead, object(stacks[run.StackID], run.ID)); {
			case err == nil:
				out[run.StackID] = run
			case domain.ErrorCode(err) != domain.CodeNotFound:
				return err
			}
		}
		return nil
	})
	return out, err
}
