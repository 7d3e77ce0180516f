package graphql

var groupPermissions = []permission{
	{field: "managedUserGroup", doc: "provider_people/Group", make: aGroup},
	{field: "managedUserGroup.*", doc: `query($id:ID!){managedUserGroup(id:$id){*}}`, make: aGroup},
	{field: "managedUserGroups", doc: "provider_people/Groups"},
	{field: "availableUserGroups"},
	{field: "managedUserGroupCreate", doc: "provider_people/CreateGroup", make: func(o *object) vars {
		return vars{"input": vars{"groupName": o.name("group"), "description": "", "accessRules": []any{vars{"space": o.space, "spaceAccessLevel": "ADMIN"}}}}
	}},
	{field: "managedUserGroupCreateV2", make: func(o *object) vars { return vars{"input": vars{"groupName": o.name("group")}} }},
	{field: "managedUserGroupUpdate", doc: "provider_people/UpdateGroup", make: func(o *object) vars {
		return vars{"input": vars{"id": o.group(), "description": o.name("text"), "accessRules": []any{}}}
	}},
	{field: "managedUserGroupUpdateV2", make: func(o *object) vars {
		return vars{"input": vars{"id": o.group(), "description": o.name("text")}}
	}},
	{field: "managedUserGroupDelete", doc: "provider_people/DeleteGroup", make: aGroup},
}

func aGroup(o *object) vars { return vars{"id": o.group()} }
