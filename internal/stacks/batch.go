package stacks

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// CanWriteEach reports for the stacks of a list whether the caller holds the
// Writer tier where they are, at one moment.
func (s *Service) CanWriteEach(ctx context.Context, list []domain.Stack) (out map[domain.StackID]bool, err error) {
	out = make(map[domain.StackID]bool, len(list))
	err = s.db.View(ctx, func(tx Tx) error {
		for _, stack := range list {
			ok, err := s.gate.Holds(ctx, tx, authz.ActionRunTrigger, Object(stack))
			if err != nil {
				return err
			}
			out[stack.ID] = ok
		}
		return nil
	})
	return out, err
}
