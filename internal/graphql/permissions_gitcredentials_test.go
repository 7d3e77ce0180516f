package graphql

var gitCredentialPermissions = []permission{
	{field: "gitCredential", make: aGitCredential},
	{field: "gitCredential.*", doc: `query($id:ID!){gitCredential(id:$id){*}}`, make: aGitCredential},
	{field: "gitCredential.space", doc: `query($id:ID!){gitCredential(id:$id){space{id}}}`, make: aGitCredential},
	{field: "gitCredentials", doc: `query($space:ID){gitCredentials(space:$space){id}}`, make: func(o *object) vars {
		o.shown(o.gitCredential())
		return vars{"space": o.space}
	}},
	{field: "createGitCredential", make: func(o *object) vars { return vars{"input": o.newGitCredential()} }},
	{field: "updateGitCredential", make: func(o *object) vars { return vars{"input": vars{"id": o.gitCredential(), "name": "another"}} }},
	{field: "deleteGitCredential", make: func(o *object) vars { return vars{"input": vars{"id": o.gitCredential()}} }},
}

func (o *object) newGitCredential() vars {
	return vars{
		"name": o.name("credential"), "space": o.space, "kind": "PASSWORD", "urlPrefix": "https://git.example.com/team",
		"username": "robot", "secret": "a token of nobody",
	}
}

// gitCredential makes a git credential in the object's space.
func (o *object) gitCredential() string {
	a := o.admin.query(`mutation($input:CreateGitCredentialInput!){createGitCredential(input:$input){id}}`, vars{"input": o.newGitCredential()})
	if a.Errors != nil {
		o.t.Fatal(a.raw)
	}
	return id(a.Data["createGitCredential"].(map[string]any))
}

func aGitCredential(o *object) vars { return vars{"id": o.gitCredential()} }
