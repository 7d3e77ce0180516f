package stacks

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// EntityView is an entity of a stack's state, with the runs that it first and
// last came from; nil where they are not known, or the caller may not see runs.
type EntityView struct {
	domain.ManagedEntity
	Creator, Updater *domain.Run
}

// Entities returns what a stack's state holds now, by address. Values are
// shown as far as the stack's sanitization lets them; sensitive ones never are.
func (s *Service) Entities(ctx context.Context, id domain.StackID) (out []EntityView, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		stack, err := s.full(ctx, tx, id)
		if err != nil {
			return err
		}
		now, err := entitiesOf(ctx, tx, stack)
		if err != nil {
			return err
		}
		kept, err := tx.ManagedEntities(ctx, id)
		if err != nil {
			return err
		}
		runs, err := s.runsOf(ctx, tx, stack, kept)
		if err != nil {
			return err
		}
		known := make(map[string]domain.ManagedEntity, len(kept))
		for _, e := range kept {
			known[e.Address] = e
		}
		for _, e := range now {
			k := known[e.Address]
			e.CreatedBy, e.UpdatedBy, e.UpdatedAt, e.DriftedAt = k.CreatedBy, k.UpdatedBy, k.UpdatedAt, k.DriftedAt
			out = append(out, EntityView{ManagedEntity: e, Creator: runs[k.CreatedBy], Updater: runs[k.UpdatedBy]})
		}
		return nil
	})
	return out, err
}

// entitiesOf reads the current state of a stack. One that Airlock does not keep
// holds nothing that is known.
func entitiesOf(ctx context.Context, tx Tx, stack domain.Stack) ([]domain.ManagedEntity, error) {
	version, err := tx.CurrentState(ctx, stack.ID)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	body, err := tx.StateBody(ctx, version)
	if err != nil {
		return nil, err
	}
	tool := stack.Vendor.Tofu()
	entities, err := domain.ReadEntities(body, tool != nil && tool.SmartSanitization)
	for i := range entities {
		entities[i].Stack = stack.ID
	}
	return entities, err
}

// runsOf are the runs that entities come from, none for a caller who may not see
// runs of the stack.
func (s *Service) runsOf(ctx context.Context, tx Tx, stack domain.Stack, entities []domain.ManagedEntity) (map[domain.RunID]*domain.Run, error) {
	out := map[domain.RunID]*domain.Run{}
	if err := s.gate.See(ctx, tx, authz.ActionRunRead, Object(stack)); err != nil {
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return out, nil
		}
		return nil, err
	}
	for _, e := range entities {
		for _, id := range []domain.RunID{e.CreatedBy, e.UpdatedBy} {
			if _, known := out[id]; known {
				continue
			}
			run, err := tx.Run(ctx, id)
			switch {
			case err == nil:
				out[id] = &run
			case domain.ErrorCode(err) != domain.CodeNotFound: // removed by the retention of runs
				return nil, err
			}
		}
	}
	return out, nil
}
