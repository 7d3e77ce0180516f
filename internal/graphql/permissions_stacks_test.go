package graphql

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

var stackPermissions = []permission{
	{field: "stack", doc: `query($id:ID!){stack(id:$id){id name space state}}`, make: aStack},
	{field: "stack.*", doc: `query($id:ID!){stack(id:$id){*}}`, make: aStack, bare: authz.ActionStackRead},
	{field: "stacks", doc: "backstage/GetStacks", make: func(o *object) vars { o.shown(o.stack()); return nil }, named: names1(authz.ActionStackRead)},
	{
		field: "searchStacks", doc: "provider_stacks/Search", named: names1(authz.ActionStackRead),
		make: func(o *object) vars { return searchFor(o.shown(o.stack())) },
	},
	{
		field: "stackCreate", doc: "provider_stacks/Create",
		make: func(o *object) vars { return vars{"input": stackInput(o.name("stack"), o.space), "manageState": true} },
	},
	{
		field: "stackCreate", doc: "provider_stacks/Create", when: []string{"it is administrative"},
		make: func(o *object) vars {
			return vars{"input": with(stackInput(o.name("stack"), o.space), "administrative", true), "manageState": true}
		},
	},
	{
		field: "stackUpdate", doc: "provider_stacks/Update", named: names1(authz.ActionStackManage),
		make: func(o *object) vars { return vars{"id": o.stack(), "input": stackInput(o.name("stack"), o.space)} },
	},
	{
		field: "stackUpdate", doc: "provider_stacks/Update", when: []string{"its administrative flag changes"},
		make: func(o *object) vars {
			return vars{"id": o.stack(), "input": with(stackInput(o.name("stack"), o.space), "administrative", true)}
		},
	},
	{
		field: "stackUpdate", doc: "provider_stacks/Update", when: []string{"it moves"}, at: toBeside,
		make: func(o *object) vars {
			return vars{"id": o.stack(), "input": stackInput(o.name("stack"), o.there("beside"))}
		},
	},
	{
		field: "stackUpdate", doc: "provider_stacks/Update", when: []string{"it moves", "it moves and is administrative"}, at: toBeside,
		make: func(o *object) vars {
			in := with(stackInput(o.name("stack"), o.space), "administrative", true)
			made := o.admin.do("provider_stacks", "Create", vars{"input": in, "manageState": true})
			return vars{"id": id(made), "input": with(stackInput(o.name("stack"), o.there("beside")), "administrative", true)}
		},
	},
	{
		field: "convertAdministrativeStack", gives: systemRoles[3].actions,
		make: func(o *object) vars {
			in := with(stackInput(o.name("stack"), o.space), "administrative", true)
			return vars{"input": vars{"stack": id(o.admin.do("provider_stacks", "Create", vars{"input": in, "manageState": true}))}}
		},
	},
	{field: "stackDelete", doc: "provider_stacks/Delete", make: aStack},

	{field: "stack.attachedContexts", doc: `query($id:ID!){stack(id:$id){attachedContexts{*}}}`, make: func(o *object) vars {
		stack, context := o.stack(), o.context()
		o.attach(o.shown(context), stack)
		return vars{"id": stack}
	}},
	{field: "stack.blocked", doc: `query($id:ID!){stack(id:$id){blocked}}`, make: aBlockedStack},
	{field: "stack.blocker", doc: "provider_stacks/Blocker", make: aBlockedStack},
	{field: "stack.config", doc: `query($id:ID!){stack(id:$id){config{*}}}`, make: func(o *object) vars {
		stack := o.stack()
		o.variableOf("AddToStack", "stack", stack)
		return vars{"id": stack}
	}},
	{field: "stack.configElement", doc: "provider_contexts/ReadOfStack", make: func(o *object) vars {
		stack := o.stack()
		return vars{"stack": stack, "id": o.variableOf("AddToStack", "stack", stack)}
	}},
	{field: "stack.outputs", doc: `query($id:ID!){stack(id:$id){outputs{*}}}`, make: func(o *object) vars {
		stack := o.stack()
		o.kit.Fill(o.t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.SetOutputs(ctx, p.For(access.KindState), domain.StackID(stack), []domain.Output{{Name: "address", Value: `"10.0.0.1"`}})
		})
		return vars{"id": stack}
	}},
	{field: "stack.runtimeConfig", doc: `query($id:ID!){stack(id:$id){runtimeConfig{*}}}`, make: func(o *object) vars {
		stack := o.stack()
		o.variableOf("AddToStack", "stack", stack)
		return vars{"id": stack}
	}},
	{field: "stack.runtimeConfig.context", doc: `query($id:ID!){stack(id:$id){runtimeConfig{context{*}}}}`, make: func(o *object) vars {
		stack, context := o.stack(), o.context()
		o.variableOf("AddToContext", "context", context)
		o.attach(o.shown(context), stack)
		return vars{"id": stack}
	}},
	{field: "stack.runs", doc: `query($id:ID!){stack(id:$id){runs{id}}}`, make: aRunIn(domain.RunTracked)},
	{field: "stack.proposedRuns", doc: `query($id:ID!){stack(id:$id){proposedRuns{id}}}`, make: aRunIn(domain.RunProposed)},
	{field: "stack.tasks", doc: `query($id:ID!){stack(id:$id){tasks{id}}}`, make: aRunIn(domain.RunTask)},
	{field: "stack.run", doc: `query($stack:ID!,$run:ID!){stack(id:$stack){run(id:$run){id state}}}`, make: aRun},
	{field: "stack.runResourceState", doc: `query($stack:ID!,$run:ID!){stack(id:$stack){runResourceState(id:$run){id state finished}}}`, make: aRun},
	{field: "stack.vcsIntegration.*", doc: `query($id:ID!){stack(id:$id){vcsIntegration{*}}}`, bare: authz.ActionStackRead, make: func(o *object) vars {
		in := with(stackInput(o.name("stack"), o.space), "vcsIntegrationId", "some")
		return vars{"id": id(o.admin.do("provider_stacks", "Create", vars{"input": in, "manageState": true}))}
	}},
}

// toBeside says that the target of a move is the sibling of the object's space.
var toBeside = map[string]string{"the new space": "beside"}

func names1(a authz.Action) [][]authz.Action { return [][]authz.Action{{a}} }

func aStack(o *object) vars { return vars{"id": o.stack()} }

func aBlockedStack(o *object) vars {
	stack := o.stack()
	o.admin.trigger(stack)
	return vars{"id": stack}
}

func aRun(o *object) vars {
	stack := o.stack()
	return vars{"stack": stack, "run": o.run(stack, domain.RunTracked, domain.RunReady)}
}

func aRunIn(kind domain.RunType) func(*object) vars {
	return func(o *object) vars {
		stack := o.stack()
		o.shown(o.run(stack, kind, domain.RunFinished))
		return vars{"id": stack}
	}
}

// searchFor is the search for one thing by its id.
func searchFor(id string) vars {
	return vars{"input": vars{"first": 10, "predicates": []any{vars{"field": "id", "constraint": vars{"stringMatches": []any{id}}}}}}
}
