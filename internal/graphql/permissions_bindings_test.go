package graphql

import "github.com/airlock-project/airlock/authz"

// bind makes a role binding by a document of the provider.
func (o *object) bind(operation string, input vars) string {
	return id(o.admin.do("provider_bindings", operation, vars{"input": input}))
}

func (o *object) keyBinding() vars {
	return vars{"apiKeyID": o.key(), "roleID": o.reader(), "spaceID": o.space}
}

func (o *object) userBinding() vars {
	return vars{"userID": o.user(), "roleID": o.reader(), "spaceID": o.space}
}

func (o *object) groupBinding() vars {
	return vars{"userGroupID": o.group(), "roleID": o.reader(), "spaceID": o.space}
}

func (o *object) stackBinding() vars {
	return vars{"stackID": o.stack(), "roleID": o.reader(), "spaceID": o.space}
}

func (o *object) userBound() string {
	a := o.admin.run("provider_bindings", "CreateOfUser", vars{"input": vars{"bindings": []any{o.userBinding()}}})
	list, _ := a.Data["userRoleBindingBatchCreate"].([]any)
	if len(list) != 1 {
		o.t.Fatal(a.raw)
	}
	return id(list[0].(vars))
}

func aKeyBinding(o *object) vars   { return vars{"id": o.bind("CreateOfKey", o.keyBinding())} }
func aUserBinding(o *object) vars  { return vars{"id": o.userBound()} }
func aGroupBinding(o *object) vars { return vars{"id": o.bind("CreateOfGroup", o.groupBinding())} }
func aStackBinding(o *object) vars { return vars{"id": o.bind("CreateOfStack", o.stackBinding())} }

// elsewhere is a binding of a stack that lives beside the space of the binding.
func (o *object) elsewhere() vars {
	return with(o.stackBinding(), "stackID", o.stackIn(o.there("beside")))
}

var stackBeside = map[string]string{"the stack's space": "beside"}

func batch(input vars) vars { return vars{"input": vars{"bindings": []any{input}}} }

// rebind is the update of a binding to another space.
func rebind(operation string, input func(*object) vars) func(*object) vars {
	return func(o *object) vars {
		in := input(o)
		var made string
		if operation == "CreateOfUser" {
			a := o.admin.run("provider_bindings", operation, batch(in))
			made = id(a.Data["userRoleBindingBatchCreate"].([]any)[0].(vars))
		} else {
			made = o.bind(operation, in)
		}
		return vars{"id": made, "input": with(in, "spaceID", o.there("beside"))}
	}
}

var bindingPermissions = []permission{
	{field: "apiKeyRoleBinding", doc: "provider_bindings/ReadOfKey", make: aKeyBinding},
	{field: "apiKeyRoleBinding.*", doc: `query($id:ID!){apiKeyRoleBinding(id:$id){*}}`, make: aKeyBinding},
	{
		field: "apiKeyRoleBindingCreate", doc: "provider_bindings/CreateOfKey", gives: givesReader,
		make: func(o *object) vars { return vars{"input": o.keyBinding()} },
	},
	{field: "apiKeyRoleBindingBatchCreate", gives: givesReader, make: func(o *object) vars { return batch(o.keyBinding()) }},
	{field: "apiKeyRoleBindingUpdate", gives: givesReader, at: toBeside, make: rebind("CreateOfKey", (*object).keyBinding)},
	{field: "apiKeyRoleBindingDelete", doc: "provider_bindings/DeleteOfKey", make: aKeyBinding},

	{field: "userRoleBinding", doc: "provider_bindings/ReadOfUser", make: aUserBinding},
	{field: "userRoleBinding.*", doc: `query($id:ID!){userRoleBinding(id:$id){*}}`, make: aUserBinding},
	{field: "userRoleBindingCreate", gives: givesReader, make: func(o *object) vars { return vars{"input": o.userBinding()} }},
	{
		field: "userRoleBindingBatchCreate", doc: "provider_bindings/CreateOfUser", gives: givesReader,
		make: func(o *object) vars { return batch(o.userBinding()) },
	},
	{field: "userRoleBindingUpdate", gives: givesReader, at: toBeside, make: rebind("CreateOfUser", (*object).userBinding)},
	{field: "userRoleBindingDelete", doc: "provider_bindings/DeleteOfUser", make: aUserBinding},

	{field: "userGroupRoleBinding", doc: "provider_bindings/ReadOfGroup", make: aGroupBinding},
	{field: "userGroupRoleBinding.*", doc: `query($id:ID!){userGroupRoleBinding(id:$id){*}}`, make: aGroupBinding},
	{
		field: "userGroupRoleBindingCreate", doc: "provider_bindings/CreateOfGroup", gives: givesReader,
		make: func(o *object) vars { return vars{"input": o.groupBinding()} },
	},
	{field: "userGroupRoleBindingBatchCreate", gives: givesReader, make: func(o *object) vars { return batch(o.groupBinding()) }},
	{field: "userGroupRoleBindingUpdate", gives: givesReader, at: toBeside, make: rebind("CreateOfGroup", (*object).groupBinding)},
	{field: "userGroupRoleBindingDelete", doc: "provider_bindings/DeleteOfGroup", make: aGroupBinding},

	{field: "stackRoleBinding", doc: "provider_bindings/ReadOfStack", make: aStackBinding},
	{field: "stackRoleBinding.*", doc: `query($id:ID!){stackRoleBinding(id:$id){*}}`, make: aStackBinding},
	{
		field: "stackRoleBindingCreate", doc: "provider_bindings/CreateOfStack", gives: givesReader,
		make: func(o *object) vars { return vars{"input": o.stackBinding()} },
	},
	{
		field: "stackRoleBindingCreate", doc: "provider_bindings/CreateOfStack", gives: givesReader, note: "the stack is in a sibling", at: stackBeside,
		make: func(o *object) vars { return vars{"input": o.elsewhere()} },
	},
	{
		field: "stackRoleBindingBatchCreate", gives: givesReader, note: "the stack is in a sibling", at: stackBeside,
		make: func(o *object) vars { return batch(o.elsewhere()) },
	},
	{
		field: "stackRoleBindingUpdate", gives: givesReader, note: "the stack is in a sibling", at: stackBeside,
		make: func(o *object) vars {
			in := with(o.elsewhere(), "roleID", o.role(authz.ActionSpaceRead, authz.ActionRunTrigger))
			return vars{"id": o.bind("CreateOfStack", in), "input": vars{"roleID": o.reader()}}
		},
	},
	{
		field: "stackRoleBindingDelete", doc: "provider_bindings/DeleteOfStack", note: "the stack is in a sibling", at: stackBeside,
		make: func(o *object) vars { return vars{"id": o.bind("CreateOfStack", o.elsewhere())} },
	},
}
