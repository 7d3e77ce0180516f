package graphql

import (
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/pushhooks"
	"github.com/airlock-project/airlock/internal/store"
)

var pushHookPermissions = []permission{
	{field: "pushHook", make: aPushHook},
	{field: "pushHook.*", doc: `query($id:ID!){pushHook(id:$id){*}}`, make: aPushHook},
	{field: "pushHook.space", doc: `query($id:ID!){pushHook(id:$id){space{id}}}`, make: aPushHook},
	{field: "pushHook.deliveries", doc: `query($id:ID!){pushHook(id:$id){deliveries{event}}}`, make: func(o *object) vars {
		id := o.pushHook()
		s := pushhooks.New(store.Bind[pushhooks.Tx](o.kit.Store), o.kit.Gate, o.kit.IDs, pushhooks.Config{})
		if _, err := s.Accept(o.t.Context(), domain.PushHookID(id), "one", domain.Announced{Event: "ping", Ignored: "it is no push"}); err != nil {
			o.t.Fatal(err)
		}
		return vars{"id": id}
	}},
	{field: "pushHooks", doc: `query($space:ID){pushHooks(space:$space){id}}`, make: func(o *object) vars {
		o.shown(o.pushHook())
		return vars{"space": o.space}
	}},
	{field: "createPushHook", make: func(o *object) vars {
		return vars{"input": vars{"name": o.name("hook"), "space": o.space, "kind": "GITHUB"}}
	}},
	{field: "updatePushHook", make: func(o *object) vars { return vars{"input": vars{"id": o.pushHook(), "name": "another"}} }},
	{field: "rotatePushHookSecret", make: func(o *object) vars { return vars{"input": vars{"id": o.pushHook()}} }},
	{field: "deletePushHook", make: func(o *object) vars { return vars{"input": vars{"id": o.pushHook()}} }},
}

// pushHook makes a push hook in the object's space.
func (o *object) pushHook() string {
	a := o.admin.query(`mutation($input:CreatePushHookInput!){createPushHook(input:$input){pushHook{id}}}`,
		vars{"input": vars{"name": o.name("hook"), "space": o.space, "kind": "GENERIC"}})
	if a.Errors != nil {
		o.t.Fatal(a.raw)
	}
	return id(a.Data["createPushHook"].(map[string]any)["pushHook"].(map[string]any))
}

func aPushHook(o *object) vars { return vars{"id": o.pushHook()} }
