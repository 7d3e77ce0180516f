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
	{field: "searchManagedEntities", doc: `query($input:SearchInput!){searchManagedEntities(input:$input){edges{node{id vendor{__typename}}}}}`, make: aResource(false)},
	{field: "searchManagedEntitiesGroupByProviders", doc: groupedBy("Providers"), make: aResource(true)},
	{field: "searchManagedEntitiesGroupByStacks", doc: groupedBy("Stacks"), make: aResource(false)},
	{field: "searchManagedEntitiesGroupByStacks.edges.node.*", doc: `query($input:SearchInput!){searchManagedEntitiesGroupByStacks(input:$input){edges{node{*}}}}`, make: aResource(false)},
	{field: "searchManagedEntitiesGroupByTypes", doc: groupedBy("Types"), make: aResource(true)},
	{field: "stack.entityCount", doc: `query($id:ID!){stack(id:$id){entityCount}}`, make: aStackWithResources},
}

func groupedBy(what string) string {
	return `query($input:SearchInput!){searchManagedEntitiesGroupBy` + what + `(input:$input){edges{node{id}}}}`
}

// aResource searches for the one resource of a stack, which shows by its type
// and provider, or by its stack.
func aResource(byType bool) func(*object) vars {
	return func(o *object) vars {
		kind := o.name("kind")
		stack := o.stackWith(kind)
		if byType {
			o.shown(kind)
		} else {
			o.shown(stack)
		}
		return vars{"input": vars{"predicates": []any{vars{"field": "stack", "constraint": vars{"stringMatches": []any{stack}}}}}}
	}
}

// aStackWithResources has one resource, which a run has made.
func aStackWithResources(o *object) vars { return vars{"id": o.stackWith("null_resource")} }

// stackWith makes a stack with one resource of a type and of a provider of that
// name.
func (o *object) stackWith(kind string) string {
	stack := o.stack()
	run := o.run(stack, domain.RunTracked, domain.RunFinished)
	o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		p = p.For(access.KindState)
		body := `{"version":4,"resources":[{"mode":"managed","type":"` + kind + `","provider":"` + kind + `","name":"a","instances":[{"attributes":{"id":"1"}}]}]}`
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
	return stack
}
