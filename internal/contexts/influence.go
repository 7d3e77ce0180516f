package contexts

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// findToInfluence is find for a change of what the stacks that use the context
// do.
func (s *Service) findToInfluence(ctx context.Context, tx Tx, event string, action authz.Action, id domain.ContextID) (domain.Context, access.Permit, error) {
	c, permit, err := s.find(ctx, tx, event, action, id)
	if err == nil {
		permit, err = s.influence(ctx, tx, operation(event, action, object(c)), permit)
	}
	return c, permit, err
}

// influence applies the act-as rule for every stack that uses a context
// (security rule G2, path E8).
func (s *Service) influence(ctx context.Context, tx Tx, op access.Op, p access.Permit) (access.Permit, error) {
	actors, err := tx.ActorsUsing(ctx, access.KindContext, op.Object.ID)
	if err != nil {
		return p, err
	}
	return s.gate.ActAs(ctx, tx, op, p, actors...)
}
