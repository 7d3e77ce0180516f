package tofu

import (
	"context"

	"github.com/airlock-project/airlock/internal/domain"
)

// Entities asks for what the state holds, wherever the code keeps it. It comes
// without values, and without anything that is made from them.
func (t Tool) Entities(ctx context.Context) ([]domain.ManagedEntity, error) {
	t.Env = t.withoutGC()
	body, err := t.process(nil, "state", "pull").ask(ctx, maxAnswer)
	if err != nil || len(body) == 0 {
		return nil, err // there is no state yet
	}
	entities, err := domain.ReadEntities(body, false)
	for i := range entities {
		entities[i].Print, entities[i].Values = "", ""
	}
	return entities, err
}
