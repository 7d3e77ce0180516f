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
	{field: "defaultPrivateWorkerPoolRunnerImage", make: someImages},
	{field: "defaultPublicWorkerPoolRunnerImage", make: someImages},
	{field: "outgoingIPAddresses"},
	{field: "spaceliftAwsAccountId"},
	{field: "accountUpdateSecurityEmail", make: func(*object) vars { return vars{"securityEmail": "security@example.com"} }},
	{field: "accountUpdateDefaultWorkerPoolRunnerImages", make: func(*object) vars {
		return vars{"privateWorkerPoolRunnerImage": "example.com/private:1", "publicWorkerPoolRunnerImage": "example.com/public:1"}
	}},
	{field: "updateAccountSettings", make: func(*object) vars { return vars{"input": vars{"stackActAs": "WARN"}} }},
}

func someImages(o *object) vars {
	o.admin.query(`mutation{accountUpdateDefaultWorkerPoolRunnerImages(privateWorkerPoolRunnerImage:"example.com/private:1",publicWorkerPoolRunnerImage:"example.com/public:1"){privateWorkerPoolRunnerImage}}`, nil)
	return nil
}
