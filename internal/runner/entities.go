package runner

import (
	"context"
	"fmt"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// entities tells what the state holds that the code keeps in a backend of its
// own; nil where the control plane has the state, and so knows. A run does not
// fail because that cannot be found out.
func (r *run) entities(ctx context.Context) *[]workerapi.Entity {
	if r.job.State != nil || r.shell.dir == "" {
		return nil
	}
	found, err := r.vendor.Entities(ctx)
	switch {
	case err != nil:
		r.log.say("What the state holds cannot be shown: " + err.Error())
		return nil
	case len(found) > domain.MaxToldEntities:
		r.log.say(fmt.Sprintf("What the state holds is not shown: %d are more than %d", len(found), domain.MaxToldEntities))
		return nil
	}
	out := make([]workerapi.Entity, len(found))
	for i, e := range found {
		out[i] = workerapi.NewEntity(e)
	}
	return &out
}
