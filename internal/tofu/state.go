package tofu

import (
	"context"

	"github.com/airlock-project/airlock/internal/domain"
)

// Entities asks for what the state holds, wherever the code keeps it. It comes
// without values, and without anything that is made from them.
func (t Tool) Entities(ctx context.Context) ([]domain.ManagedEntity, error) {
	var out limited
	t.Env = t.withoutGC()
	if err := t.run(ctx, &out, "state", "pull"); err != nil {
		return nil, err
	}
	body := fromObject(out.Bytes()) // before it may stand warnings
	if body == nil {
		return nil, nil // there is no state yet
	}
	entities, err := domain.ReadEntities(body, false)
	for i := range entities {
		entities[i].Print, entities[i].Values = "", ""
	}
	return entities, err
}
