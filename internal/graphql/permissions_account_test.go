package graphql

var accountPermissions = []permission{
	{field: "name"},
	{field: "tier"},
	{field: "debugInfo", doc: "spacectl_session/Version"},
	{field: "accountSettings", doc: `{accountSettings{*}}`},
	{field: "updateAccountSettings", make: func(*object) vars { return vars{"input": vars{"stackActAs": "WARN"}} }},
}
