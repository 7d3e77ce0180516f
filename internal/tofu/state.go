package tofu

import (
	"bytes"
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
	body := out.Bytes()
	// Before it may stand warnings.
	if at := bytes.Index(append([]byte{'\n'}, body...), []byte("\n{")); at >= 0 {
		body = body[at:]
	} else {
		return nil, nil // there is no state yet
	}
	entities, err := domain.ReadEntities(body, false)
	for i := range entities {
		entities[i].Print, entities[i].Values = "", ""
	}
	return entities, err
}
