package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// toUpstream says where the stack is that is depended on: beside the one that
// depends on it, and where nothing asks for the other, in the same space.
var toUpstream = map[string]string{"the other stack's space": "beside"}

var dependencyPermissions = []permission{
	{field: "stackDependencyCreate", doc: "provider_dependencies/Create", at: toUpstream, make: func(o *object) vars {
		return vars{"input": vars{"stackId": o.stack(), "dependsOnStackId": o.stackIn(o.there("beside"))}}
	}},
	{field: "stackDependenciesCreateInBatch", at: toUpstream, make: func(o *object) vars {
		return vars{"input": vars{"stackID": o.stack(), "dependsOnStackIDs": []any{o.stackIn(o.there("beside"))}}}
	}},
	{field: "stackDependencyUpdate", make: func(o *object) vars {
		_, id := o.dependency(o.space)
		return vars{"input": vars{"id": id, "triggerAlways": true}}
	}},
	{field: "stackDependencyDelete", doc: "provider_dependencies/Delete", make: func(o *object) vars {
		_, id := o.dependency(o.space)
		return vars{"id": id}
	}},
	{field: "stackDependenciesAddReference", doc: "provider_dependencies/AddReference", at: toUpstream, make: func(o *object) vars {
		_, id := o.dependency(o.there("beside"))
		return vars{"stackDependencyID": id, "reference": aReference(o)}
	}},
	{field: "stackDependenciesAddReferences", at: toUpstream, make: func(o *object) vars {
		_, id := o.dependency(o.there("beside"))
		return vars{"stackDependencyID": id, "references": []any{aReference(o)}}
	}},
	{field: "stackDependenciesUpdateReference", doc: "provider_dependencies/UpdateReference", at: toUpstream, make: func(o *object) vars {
		_, id := o.dependency(o.there("beside"))
		return vars{"reference": with(aReference(o), "id", o.reference(id))}
	}},
	{field: "stackDependenciesUpdateReferences", at: toUpstream, make: func(o *object) vars {
		_, id := o.dependency(o.there("beside"))
		return vars{"references": []any{with(aReference(o), "id", o.reference(id))}}
	}},
	{field: "stackDependenciesDeleteReference", doc: "provider_dependencies/DeleteReference", make: func(o *object) vars {
		_, id := o.dependency(o.space)
		return vars{"id": o.reference(id)}
	}},
	{field: "stackDependenciesDeleteReferences", make: func(o *object) vars {
		_, id := o.dependency(o.space)
		return vars{"ids": []any{o.reference(id)}}
	}},
	{field: "stack.dependency", doc: `query($stack:ID!,$id:ID!){stack(id:$stack){dependency(id:$id){id}}}`, make: func(o *object) vars {
		stack, id := o.dependency(o.space)
		return vars{"stack": stack, "id": o.shown(id)}
	}},
	{field: "stack.dependsOn", doc: `query($id:ID!){stack(id:$id){dependsOn{*}}}`, make: func(o *object) vars {
		stack, id := o.dependency(o.space)
		o.shown(id)
		return vars{"id": stack}
	}},
	{field: "stack.dependsOn.references", doc: `query($id:ID!){stack(id:$id){dependsOn{references{*}}}}`, make: func(o *object) vars {
		stack, id := o.dependency(o.space)
		o.shown(o.reference(id))
		return vars{"id": stack}
	}},
	{field: "stack.isDependedOnBy", doc: `query($id:ID!){stack(id:$id){isDependedOnBy{*}}}`, make: func(o *object) vars {
		upstream := o.stack()
		o.shown(o.dependencyOf(o.stack(), upstream))
		return vars{"id": upstream}
	}},
	{field: "stack.run.dependsOn", doc: `query($stack:ID!,$run:ID!){stack(id:$stack){run(id:$run){dependsOn{*}}}}`, make: func(o *object) vars {
		stack, upstream := o.stack(), o.stack()
		waits, awaited := o.run(stack, domain.RunTracked, domain.RunQueued), o.run(upstream, domain.RunTracked, domain.RunPlanning)
		o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertRunDependency(ctx, p.For(access.KindRun), domain.RunDependency{Run: domain.RunID(waits), Upstream: domain.RunID(awaited)})
		})
		o.shown(awaited)
		return vars{"stack": stack, "run": waits}
	}},
}

// dependency lets a new stack depend on a new one of a space.
func (o *object) dependency(space string) (stack, dependency string) {
	stack = o.stack()
	return stack, o.dependencyOf(stack, o.stackIn(space))
}

func (o *object) dependencyOf(stack, on string) string {
	return id(o.admin.do("provider_dependencies", "Create", vars{"input": vars{"stackId": stack, "dependsOnStackId": on}}))
}

func aReference(o *object) vars {
	return vars{"inputName": o.variable()["id"], "outputName": "address", "triggerAlways": false, "type": "ENVIRONMENT_VARIABLE"}
}

func (o *object) reference(dependency string) string {
	return id(o.admin.do("provider_dependencies", "AddReference", vars{"stackDependencyID": dependency, "reference": aReference(o)}))
}
