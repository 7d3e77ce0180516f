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

// found is what a transaction finds of a stack's entities.
type found struct {
	stack  domain.Stack
	known  map[string]domain.ManagedEntity // by address
	runs   map[domain.RunID]*domain.Run
	body   domain.Stored // of the current state
	exists bool
	told   []EntityView // of a state that is kept elsewhere
}

// Entities returns what a stack's state holds now, by address. Values are
// shown as far as the stack's sanitization lets them; sensitive ones never are.
// Of a state that Airlock does not keep they are what the last run has told,
// which knows no values but those of outputs.
func (s *Service) Entities(ctx context.Context, id domain.StackID) (out []EntityView, err error) {
	var f found
	err = s.db.View(ctx, func(tx Tx) error {
		f, err = s.findEntities(ctx, tx, id)
		return err
	})
	if err != nil || !f.exists {
		return f.told, err
	}
	body, err := s.db.Fetch(ctx, f.body) // object storage may be slow: no transaction waits for it
	if err != nil {
		return nil, err
	}
	tool := f.stack.Vendor.Tofu()
	now, err := domain.ReadEntities(body, tool != nil && tool.SmartSanitization)
	for _, e := range now {
		k := f.known[e.Address]
		e.Stack, e.CreatedBy, e.UpdatedBy, e.UpdatedAt, e.DriftedAt = f.stack.ID, k.CreatedBy, k.UpdatedBy, k.UpdatedAt, k.DriftedAt
		out = append(out, EntityView{ManagedEntity: e, Creator: f.runs[k.CreatedBy], Updater: f.runs[k.UpdatedBy]})
	}
	return out, err
}

func (s *Service) findEntities(ctx context.Context, tx Tx, id domain.StackID) (f found, err error) {
	if f.stack, err = s.full(ctx, tx, id); err != nil {
		return f, err
	}
	if !f.stack.ManagesState {
		f.told, err = s.toldEntities(ctx, tx, f.stack)
		return f, err
	}
	version, err := tx.CurrentState(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return f, nil
	}
	if err != nil {
		return f, err
	}
	f.exists = true
	if f.body, err = tx.StateStored(ctx, version); err != nil {
		return f, err
	}
	kept, err := tx.ManagedEntities(ctx, id)
	if err != nil {
		return f, err
	}
	f.known = make(map[string]domain.ManagedEntity, len(kept))
	for _, e := range kept {
		f.known[e.Address] = e
	}
	f.runs, err = s.runsOf(ctx, tx, f.stack, kept)
	return f, err
}

// toldEntities are what the last run of a stack has told of its state.
func (s *Service) toldEntities(ctx context.Context, tx Tx, stack domain.Stack) ([]EntityView, error) {
	kept, err := tx.ManagedEntities(ctx, stack.ID)
	if err != nil {
		return nil, err
	}
	runs, err := s.runsOf(ctx, tx, stack, kept)
	if err != nil {
		return nil, err
	}
	list, err := tx.Outputs(ctx, stack.ID)
	outputs := make(map[string]domain.Output, len(list))
	for _, o := range list {
		outputs[o.Name] = o
	}
	out := make([]EntityView, len(kept))
	for i, e := range kept {
		e.Values = "{}"
		if e.Output {
			o, known := outputs[e.Name]
			e.Values, e.Sensitive = o.Value, o.Sensitive || !known
		}
		out[i] = EntityView{ManagedEntity: e, Creator: runs[e.CreatedBy], Updater: runs[e.UpdatedBy]}
	}
	return out, err
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
