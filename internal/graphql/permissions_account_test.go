package graphql

var accountPermissions = []permission{
	{field: "name"},
	{field: "tier"},
	{field: "debugInfo", doc: "spacectl_session/Version"},
	{field: "accountSettings", doc: `{accountSettings{*}}`},
	{field: "securityEmail", make: func(o *object) vars {
		o.admin.query(`mutation{accountUpdateSecurityEmail(securityEmail:"security@example.com")}`, nil)
		return nil
	}},
	{field: "outgoingIPAddresses"},
	{field: "spaceliftAwsAccountId"},
	{field: "accountUpdateSecurityEmail", make: func(*object) vars { return vars{"securityEmail": "security@example.com"} }},
	{field: "updateAccountSettings", make: func(*object) vars { return vars{"input": vars{"stackActAs": "WARN"}} }},
}
