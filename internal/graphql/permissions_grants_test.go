package graphql

var (
	ofAKey   = []string{"a user, key or group holds it"}
	ofAStack = []string{"a stack holds it"}
	toAKey   = []string{"a user, key or group gets it"}
	toAStack = []string{"a stack gets it"}
)

// grant is a binding that createRoleBinding makes.
func (o *object) grant(kind, actor string) vars {
	return vars{"actor": vars{"kind": kind, "id": actor}, "role": "space-reader", "spaceId": o.space}
}

var grantPermissions = []permission{
	{field: "roleBinding", when: ofAKey, make: aKeyBinding},
	{field: "roleBinding", when: ofAStack, make: aStackBinding},
	{
		field: "roleBinding", when: ofAStack, note: "the stack is in a sibling", at: stackBeside,
		make: func(o *object) vars { return vars{"id": o.bind("CreateOfStack", o.elsewhere())} },
	},
	{field: "roleBinding.*", doc: `query($id:ID!){roleBinding(id:$id){*}}`, when: ofAKey, make: aKeyBinding},
	{field: "roleBinding.actor.*", doc: `query($id:ID!){roleBinding(id:$id){actor{*}}}`, when: ofAKey, make: aKeyBinding},
	{field: "roleBinding.entity.*", doc: `query($id:ID!){roleBinding(id:$id){entity{*}}}`, when: ofAKey, make: func(o *object) vars {
		in := vars{"actor": vars{"kind": "API_KEY", "id": o.key()}, "role": "space-reader", "entity": vars{"kind": "STACK", "id": o.stack()}}
		a := o.admin.query(`mutation($i:CreateRoleBindingInput!){createRoleBinding(input:$i){id}}`, vars{"i": in})
		return vars{"id": id(a.Data["createRoleBinding"].(vars))}
	}},
	{field: "roleBindings", when: ofAKey, lists: true, make: func(o *object) vars {
		in := o.keyBinding()
		o.shown(o.bind("CreateOfKey", in))
		return vars{"input": vars{"actor": vars{"kind": "API_KEY", "id": in["apiKeyID"]}}}
	}},
	{field: "roleBindings", when: ofAStack, note: "the stack is in a sibling", lists: true, at: stackBeside, make: func(o *object) vars {
		in := o.elsewhere()
		o.shown(o.bind("CreateOfStack", in))
		return vars{"input": vars{"actor": vars{"kind": "STACK", "id": in["stackID"]}}}
	}},
	{field: "createRoleBinding", when: toAKey, gives: givesReader, make: func(o *object) vars { return vars{"input": o.grant("API_KEY", o.key())} }},
	{
		field: "createRoleBinding", when: toAStack, gives: givesReader, note: "the stack is in a sibling", at: stackBeside,
		make: func(o *object) vars { return vars{"input": o.grant("STACK", o.stackIn(o.there("beside")))} },
	},
	{field: "createRoleBindings", when: toAKey, gives: givesReader, make: func(o *object) vars { return batch(o.grant("GROUP", o.group())) }},
	{
		field: "createRoleBindings", when: toAStack, gives: givesReader, note: "the stack is in a sibling", at: stackBeside,
		make: func(o *object) vars { return batch(o.grant("STACK", o.stackIn(o.there("beside")))) },
	},
	{field: "deleteRoleBinding", when: ofAKey, make: func(o *object) vars { return vars{"input": aKeyBinding(o)} }},
	{
		field: "deleteRoleBinding", when: ofAStack, note: "the stack is in a sibling", at: stackBeside,
		make: func(o *object) vars { return vars{"input": vars{"id": o.bind("CreateOfStack", o.elsewhere())}} },
	},
}
