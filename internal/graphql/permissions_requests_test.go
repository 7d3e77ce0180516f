package graphql

import "github.com/airlock-project/airlock/authz"

// wish is a request for access that nobody has made yet.
func (o *object) wish() vars {
	return vars{"input": vars{"role": o.role(authz.ActionSpaceRead), "spaceId": o.space, "duration": 3600, "reason": "work"}}
}

// ask makes a request and returns its id.
func (o *object) ask(as *world) vars {
	a := as.query(`mutation($input:RequestAccessInput!){requestAccess(input:$input){id}}`, o.wish())
	made, _ := a.Data["requestAccess"].(vars)
	if made == nil {
		o.t.Fatal(a.raw)
	}
	return vars{"id": made["id"]}
}

// aRequest is one of somebody else's.
func aRequest(o *object) vars { return o.ask(o.admin.as(o.key())) }

func anOwnRequest(o *object) vars { return o.ask(o.caller) }

var (
	askedHimself = []string{"he asked himself"}
	otherAsked   = []string{"somebody else asked"}
)

var requestPermissions = []permission{
	{field: "accessRequest", when: askedHimself, own: true, make: anOwnRequest},
	{field: "accessRequest", when: otherAsked, gives: givesReader, make: aRequest},
	{field: "accessRequest.*", doc: `query($id:ID!){accessRequest(id:$id){*}}`, when: otherAsked, gives: givesReader, make: aRequest},
	{field: "accessRequests", when: askedHimself, own: true, lists: true, make: func(o *object) vars {
		o.shown(anOwnRequest(o)["id"].(string))
		return vars{"input": vars{"mine": true}}
	}},
	{
		field: "accessRequests", doc: `{accessRequests(input:{first:100}){edges{node{id}}}}`, when: otherAsked, gives: givesReader, lists: true,
		make: func(o *object) vars {
			o.shown(aRequest(o)["id"].(string))
			return nil
		},
	},
	{field: "requestAccess", make: (*object).wish},
	{field: "grantAccessRequest", gives: givesReader, make: func(o *object) vars { return vars{"input": aRequest(o)} }},
	{field: "refuseAccessRequest", gives: givesReader, make: func(o *object) vars { return vars{"input": aRequest(o)} }},
	{field: "cancelAccessRequest", own: true, make: func(o *object) vars { return vars{"input": anOwnRequest(o)} }},
	{field: "cancelAccessRequest", note: "somebody else asked", make: func(o *object) vars { return vars{"input": aRequest(o)} }},
}
