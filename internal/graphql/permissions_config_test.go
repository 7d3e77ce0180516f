package graphql

import "github.com/airlock-project/airlock/authz"

var configPermissions = []permission{
	{
		field: "contextConfigAdd", doc: "provider_contexts/AddToContext",
		make: func(o *object) vars { return vars{"context": o.context(), "config": o.variable()} },
	},
	{
		field: "contextConfigDelete", doc: "provider_contexts/DeleteOfContext",
		make: func(o *object) vars {
			context := o.context()
			return vars{"context": context, "id": o.variableOf("AddToContext", "context", context)}
		},
	},
	{
		field: "stackConfigAdd", doc: "spacectl_stacks/SetVariable", named: names1(authz.ActionStackManage),
		make: func(o *object) vars { return vars{"stack": o.stack(), "config": o.variable()} },
	},
	{
		field: "stackConfigDelete", doc: "provider_contexts/DeleteOfStack", named: names1(authz.ActionStackManage),
		make: func(o *object) vars {
			stack := o.stack()
			return vars{"stack": stack, "id": o.variableOf("AddToStack", "stack", stack)}
		},
	},
}
