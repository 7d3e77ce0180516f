package dependencies

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Of returns what a stack waits for.
func (s *Service) Of(ctx context.Context, id domain.StackID) ([]View, error) {
	return s.list(ctx, func(tx Tx) ([]domain.StackDependency, error) { return tx.DependenciesOf(ctx, id) })
}

// On returns what waits for a stack.
func (s *Service) On(ctx context.Context, id domain.StackID) ([]View, error) {
	return s.list(ctx, func(tx Tx) ([]domain.StackDependency, error) { return tx.DependentsOf(ctx, id) })
}

// list shows those whose both ends the caller may see: a filtered list never
// tells how much was left out.
func (s *Service) list(ctx context.Context, read func(Tx) ([]domain.StackDependency, error)) (out []View, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		all, err := read(tx)
		if err != nil || len(all) == 0 {
			return err
		}
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
		if err != nil {
			return err
		}
		for _, d := range all {
			v := View{StackDependency: d}
			if v.StackOf, err = tx.Stack(ctx, d.Stack); err != nil {
				return err
			}
			if v.UpstreamOf, err = tx.Stack(ctx, d.DependsOn); err != nil {
				return err
			}
			if scope.Shows(v.StackOf.Space, entity(d.Stack)) && scope.Shows(v.UpstreamOf.Space, entity(d.DependsOn)) {
				out = append(out, v)
			}
		}
		return nil
	})
	return out, err
}
