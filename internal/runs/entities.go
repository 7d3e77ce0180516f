package runs

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// keepEntities keeps what the worker says that a state holds which Airlock does
// not keep. What a state here holds is read from the state itself. Because no
// value leaves the worker, nor anything made from one, the run's plan tells
// what has changed.
func keepEntities(ctx context.Context, tx Tx, p access.Permit, run domain.Run, told Progress) error {
	if told.Entities == nil || !run.Type.Blocking() {
		return nil
	}
	stack, err := tx.Stack(ctx, run.StackID)
	if err != nil || stack.ManagesState {
		return err
	}
	kept, err := tx.ManagedEntities(ctx, stack.ID)
	if err != nil {
		return err
	}
	before := make(map[string]domain.ManagedEntity, len(kept))
	for _, e := range kept {
		before[e.Address] = e
	}
	changed, err := changedBy(ctx, tx, run, told)
	if err != nil {
		return err
	}
	outputs := map[string]string{}
	for _, o := range told.Outputs {
		if !o.Sensitive {
			outputs[o.Name] = o.Value
		}
	}
	now := make([]domain.ManagedEntity, 0, len(*told.Entities))
	for _, e := range (*told.Entities)[:min(len(*told.Entities), domain.MaxToldEntities)] {
		for _, text := range []*string{&e.Address, &e.Module, &e.Type, &e.Name, &e.Provider} {
			*text = legible(*text)
		}
		old, known := before[e.Address]
		e.Print = old.Print
		if value, shown := outputs[e.Name]; e.Output && shown {
			e.Print = domain.PrintOf(value)
		} else if !known || changed[e.Address] || old.Tainted != e.Tainted {
			e.Print = string(run.ID)
		}
		now = append(now, e)
	}
	return tx.SetManagedEntities(ctx, p.For(access.KindState), stack.ID, run.ID, now)
}

// changedBy are the addresses that a run has changed, by its plan. Of one that
// failed that is not known.
func changedBy(ctx context.Context, tx Tx, run domain.Run, told Progress) (map[string]bool, error) {
	if told.To != domain.RunFinished {
		return nil, nil
	}
	changes, err := tx.RunChanges(ctx, run.ID)
	out := make(map[string]bool, len(changes))
	for _, c := range changes {
		out[c.Address] = true
	}
	return out, err
}
