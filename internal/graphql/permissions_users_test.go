package graphql

var userPermissions = []permission{
	{field: "managedUser", doc: "provider_people/User", make: aUser},
	{field: "managedUser.*", doc: `query($id:ID!){managedUser(id:$id){*}}`, make: aUser},
	{field: "managedUser.groups", doc: `query($id:ID!){managedUser(id:$id){groups}}`, make: func(o *object) vars {
		name := o.name("user")
		o.kit.AddUser(o.t, name, "engineering")
		return vars{"id": string(o.kit.UserID(name))}
	}},
	{field: "managedUsers", doc: "provider_people/Users"},
	{field: "managedUserInvite", doc: "provider_people/Invite", make: func(o *object) vars { return vars{"input": o.invitation()} }},
	{field: "managedUserInviteV2", make: func(o *object) vars {
		name := o.name("user")
		return vars{"input": vars{"username": name, "email": name + "@example.com", "roleBindings": []any{vars{"roleID": o.reader(), "spaceID": o.space}}}}
	}},
	{field: "managedUserResendInvite", make: aUser},
	{field: "managedUserUpdate", doc: "provider_people/UpdateUser", make: func(o *object) vars {
		return vars{"input": vars{"id": o.user(), "accessRules": []any{vars{"space": o.space, "spaceAccessLevel": "READ"}}}}
	}},
	{field: "managedUserDelete", doc: "provider_people/DeleteUser", make: aUser},
}

func aUser(o *object) vars { return vars{"id": o.user()} }
