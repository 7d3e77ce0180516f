package graphql

// reviewed is a binding of the object's space to review.
func (o *object) reviewed() vars {
	in := o.keyBinding()
	o.bind("CreateOfKey", in)
	return vars{"input": vars{"actor": vars{"kind": "API_KEY", "id": in["apiKeyID"]}, "first": 1}}
}

var reviewPermissions = []permission{
	{field: "reviewAccess", make: (*object).reviewed},
	{field: "reviewAccess.edges.node.*", doc: `query($input:ReviewAccessInput){reviewAccess(input:$input){edges{node{*}}}}`, make: (*object).reviewed},
}
