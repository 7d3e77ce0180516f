package graphql

var keyPermissions = []permission{
	{field: "apiKey", doc: "provider_apikeys/Read", make: aKey},
	{field: "apiKey.*", doc: `query($id:ID!){apiKey(id:$id){*}}`, make: aKey},
	{field: "apiKeys", doc: "spacectl_access/Keys"},
	{field: "apiKeyCreate", doc: "provider_apikeys/Create", make: func(o *object) vars {
		return vars{"input": vars{"admin": true, "name": o.name("key"), "teams": []any{}}}
	}},
	{field: "apiKeyUpdate", doc: "provider_apikeys/Update", make: func(o *object) vars {
		return vars{"id": o.key(), "input": vars{"name": o.name("key"), "teams": []any{"team"}}}
	}},
	{field: "apiKeyDelete", doc: "provider_apikeys/Delete", make: aKey},
	{field: "apiKey.accessRules", doc: `query($id:ID!){apiKey(id:$id){accessRules{*}}}`, make: aBoundKey},
	{field: "apiKey.apiKeyRoleBindings", doc: `query($id:ID!){apiKey(id:$id){apiKeyRoleBindings{*}}}`, make: aBoundKey},
}

func aKey(o *object) vars { return vars{"id": o.key()} }

func aBoundKey(o *object) vars {
	key := o.key()
	o.bind("CreateOfKey", vars{"apiKeyID": key, "roleID": o.reader(), "spaceID": o.space})
	return vars{"id": key}
}
