package graphql

import "maps"

var spacePermissions = []permission{
	{
		field: "space", doc: `query($id:ID!){space(id:$id){id accessLevel}}`,
		make: func(o *object) vars { return vars{"id": o.space} },
	},
	{
		field: "space.*", doc: `query($id:ID!){space(id:$id){*}}`,
		make: func(o *object) vars { return vars{"id": o.space} },
	},
	{
		field: "spaces", doc: `{spaces{id accessLevel}}`, lists: true,
		make: func(o *object) vars { o.shown(o.space); return nil },
	},
	{
		field: "spaceCreate", doc: "provider_spaces/Create", when: []string{"the tree is not delegated"},
		make: func(o *object) vars { return vars{"input": o.newSpace(nil)} },
	},
	{
		field: "spaceCreate", doc: "provider_spaces/Create", when: []string{"the tree is delegated"},
		make: func(o *object) vars { o.delegate(true); return vars{"input": o.newSpace(nil)} },
	},
	{
		field: "spaceCreate", doc: "provider_spaces/Create", when: []string{"the tree is delegated", "it is not to inherit"},
		make: func(o *object) vars {
			o.delegate(true)
			return vars{"input": o.newSpace(vars{"inheritEntities": false})}
		},
	},
	{
		field: "spaceUpdate", doc: "provider_spaces/Update",
		make: func(o *object) vars { return vars{"space": o.space, "input": o.sameSpace(nil)} },
	},
	{
		field: "spaceUpdate", doc: "provider_spaces/Update", when: []string{"its inheriting changes"}, spends: true,
		make: func(o *object) vars {
			return vars{"space": o.space, "input": o.sameSpace(vars{"inheritEntities": !o.tree[o.space].inherit})}
		},
	},
	{
		field: "spaceUpdate", doc: "provider_spaces/Update", when: []string{"it moves and the tree is not delegated"}, spends: true,
		make: func(o *object) vars {
			return vars{"space": o.space, "input": o.sameSpace(vars{"parentSpace": o.there("beside")})}
		},
	},
	{
		field: "spaceUpdate", doc: "provider_spaces/Update", when: []string{"it moves and the tree is delegated"}, spends: true,
		at: map[string]string{"the old parent": "above", "the new parent": "beside"},
		make: func(o *object) vars {
			o.delegate(true)
			return vars{"space": o.space, "input": o.sameSpace(vars{"parentSpace": o.there("beside")})}
		},
	},
	{
		field: "spaceDelete", doc: "provider_spaces/Delete", when: []string{"the tree is not delegated"}, spends: true,
		make: func(o *object) vars { return vars{"id": o.space} },
	},
	{
		field: "spaceDelete", doc: "provider_spaces/Delete", when: []string{"the tree is delegated"}, spends: true,
		make: func(o *object) vars { o.delegate(true); return vars{"id": o.space} },
	},
}

// newSpace is the input for a space below the object's.
func (o *object) newSpace(change vars) vars {
	in := vars{"name": o.name("new"), "description": "", "inheritEntities": true, "parentSpace": o.space}
	maps.Copy(in, change)
	return in
}

// sameSpace is the input that leaves the object's space as it is but for its
// description.
func (o *object) sameSpace(change vars) vars {
	in := vars{"name": o.space, "description": o.name("text"), "inheritEntities": o.tree[o.space].inherit, "parentSpace": o.tree[o.space].parent}
	maps.Copy(in, change)
	return in
}
