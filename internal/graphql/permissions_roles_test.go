package graphql

import "github.com/airlock-project/airlock/authz"

var roleActions = []any{"SPACE_READ", "RUN_TRIGGER"}

var rolePermissions = []permission{
	{field: "role", doc: "provider_roles/Read", make: aRole},
	{field: "role.*", doc: `query($id:ID!){role(id:$id){*}}`, make: aRole},
	{field: "role.roleBindingsCount", doc: `query($id:ID!){role(id:$id){roleBindingsCount}}`, make: func(o *object) vars {
		return vars{"id": o.reader()}
	}},
	{field: "roles", doc: "provider_roles/All"},
	{field: "roleCreate", doc: "provider_roles/Create", make: func(o *object) vars {
		return vars{"input": vars{"name": o.name("role"), "description": "", "actions": roleActions}}
	}},
	{field: "roleUpdate", doc: "provider_roles/Update", make: func(o *object) vars {
		return vars{"id": o.role(authz.ActionSpaceRead), "input": vars{"name": o.name("role"), "description": "", "Actions": roleActions}}
	}},
	{field: "roleDelete", doc: "provider_roles/Delete", make: aRole},
}

func aRole(o *object) vars { return vars{"id": o.role(authz.ActionSpaceRead)} }
