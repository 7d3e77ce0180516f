package states

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// keepEntities keeps what a version of a state holds, without values. A state
// that is not understood is kept all the same: it is in no other place.
func keepEntities(ctx context.Context, tx Tx, p access.Permit, v domain.StateVersion, body []byte) error {
	entities, err := domain.ReadEntities(body, false)
	if err != nil {
		return nil //nolint:nilerr // see above
	}
	return tx.SetManagedEntities(ctx, p, v.StackID, v.RunID, entities)
}
