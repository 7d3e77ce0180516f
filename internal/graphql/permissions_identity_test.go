package graphql

var identityPermissions = []permission{
	{field: "viewer", doc: "spacectl_session/Viewer"},
	{field: "viewer.*", doc: `{viewer{*}}`},
	{field: "logout"},
	{field: "apiKeyUser", doc: "spacectl_session/Exchange", make: func(o *object) vars {
		made := o.admin.do("provider_apikeys", "Create", vars{"input": vars{"admin": false, "name": o.name("key"), "teams": []any{}}})
		return vars{"id": id(made), "secret": made["secret"]}
	}},
}
