package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

var entityPermissions = []permission{
	{field: "stack.entities", doc: `query($id:ID!){stack(id:$id){entities{*}}}`, make: aStackWithResources},
	{field: "stack.entities.creator", doc: `query($id:ID!){stack(id:$id){entities{creator{id}}}}`, make: aStackWithResources},
	{field: "stack.entities.updater", doc: `query($id:ID!){stack(id:$id){entities{updater{id}}}}`, make: aStackWithResources},
	{field: "stack.entityCount", doc: `query($id:ID!){stack(id:$id){entityCount}}`, make: aStackWithResources},
}

// aStackWithResources has one resource, which a run has made.
func aStackWithResources(o *object) vars {
	stack := o.stack()
	run := o.run(stack, domain.RunTracked, domain.RunFinished)
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		p = p.For(access.KindState)
		body := `{"version":4,"resources":[{"mode":"managed","type":"null_resource","name":"a","instances":[{"attributes":{"id":"1"}}]}]}`
		v := domain.StateVersion{
			ID: domain.StateVersionID(o.kit.IDs.ULID()), StackID: domain.StackID(stack), RunID: domain.RunID(run), Serial: 1, CreatedAt: tx.Now(),
		}
		if err := tx.InsertState(ctx, p, v, []byte(body)); err != nil {
			return err
		}
		entities, err := domain.ReadEntities([]byte(body), false)
		if err != nil {
			return err
		}
		return tx.SetManagedEntities(ctx, p, v.StackID, v.RunID, entities)
	})

	return vars{"id": stack}
}
