package graphql

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	requestFields = `{id actor{kind id} roleSlug spaceId entity{kind id name} duration reason state canDecide note decidedBy roleBindingId expiresAt createdAt}`
	askDocument   = `mutation($i:RequestAccessInput!){requestAccess(input:$i)` + requestFields + `}`
)

// TestAccessRequestFlow: a wish, its decision and what comes of it, with the
// rows of the audit trail.
func TestAccessRequestFlow(t *testing.T) {
	w := newWorld(t)
	w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true})
	key := w.newKey("asker")
	asker := w.as(key)
	made := asker.one(askDocument, vars{"i": vars{"role": "space-writer", "entity": vars{"kind": "STACK", "id": "app"}, "duration": 3600, "reason": "an incident"}})
	if diff := cmp.Diff(vars{
		"id": made["id"], "actor": vars{"kind": "API_KEY", "id": key}, "roleSlug": "space-writer", "spaceId": nil,
		"entity": vars{"kind": "STACK", "id": "app", "name": nil}, "duration": 3600.0, "reason": "an incident", "state": "PENDING", "canDecide": false,
		"note": nil, "decidedBy": nil, "roleBindingId": nil, "createdAt": made["createdAt"], "expiresAt": made["createdAt"].(float64) + 7*86400,
	}, made); diff != "" {
		t.Errorf("asked: %s", diff)
	}
	if code, _ := asker.query(`mutation($i:ID!){grantAccessRequest(input:{id:$i}){id}}`, vars{"i": id(made)}).failure(t); code != "FORBIDDEN" {
		t.Errorf("decides his own: %s", code)
	}
	waiting := nodes(w.one(`query{accessRequests(input:{decidable:true,state:PENDING}){edges{node`+requestFields+`} pageInfo{hasNextPage}}}`, nil))
	if len(waiting) != 1 || waiting[0]["canDecide"] != true || id(waiting[0]) != id(made) {
		t.Errorf("to decide: %v", waiting)
	}
	granted := w.one(`mutation($i:ID!){grantAccessRequest(input:{id:$i,note:"go on"})`+requestFields+`}`, vars{"i": id(made)})
	if granted["state"] != "GRANTED" || granted["note"] != "go on" || granted["roleBindingId"] == nil || granted["canDecide"] != false {
		t.Errorf("granted: %v", granted)
	}
	asker.trigger("app")
	binding := w.one(`query($i:ID!){roleBinding(id:$i){notAfter createdAt actor{id} entity{id}}}`, vars{"i": granted["roleBindingId"]})
	if binding["notAfter"].(float64)-binding["createdAt"].(float64) != 3600 || binding["entity"].(vars)["id"] != "app" {
		t.Errorf("bound: %v", binding)
	}
	if code, _ := w.query(`mutation($i:ID!){refuseAccessRequest(input:{id:$i}){id}}`, vars{"i": id(made)}).failure(t); code != "CONFLICT" {
		t.Errorf("decided twice: %s", code)
	}

	second := asker.one(askDocument, vars{"i": vars{"role": "space-admin", "spaceId": "nowhere", "duration": 60, "reason": "try"}})
	if got := asker.one(`mutation($i:ID!){cancelAccessRequest(input:{id:$i}){state}}`, vars{"i": id(second)}); got["state"] != "CANCELED" {
		t.Errorf("canceled: %v", got)
	}
	mine := nodes(asker.one(`query{accessRequests(input:{mine:true,first:1}){edges{node{id}} pageInfo{hasNextPage}}}`, nil))
	if len(mine) != 1 || id(mine[0]) != id(made) {
		t.Errorf("his own: %v", mine)
	}
	trail := w.query(`{searchAuditTrailEntries(input:{predicates:[{field:"resourceType",constraint:{stringMatches:["access_request"]}}]}){edges{node{action outcome body}}}}`, nil)
	for _, want := range []string{"access_request.create", "access_request.grant", "access_request.refuse", "access_request.cancel", "DENIED", "an incident", "go on"} {
		if !strings.Contains(trail.raw, want) {
			t.Errorf("the trail has no %s: %s", want, trail.raw)
		}
	}
}

// TestAccessRequestInputs: what cannot be asked for.
func TestAccessRequestInputs(t *testing.T) {
	w := newWorld(t)
	asker := w.as(w.newKey("asker"))
	for name, c := range map[string]struct {
		change vars
		field  string
	}{
		"no target":    {vars{"spaceId": nil}, "spaceId"},
		"both":         {vars{"entity": vars{"kind": "STACK", "id": "x"}}, "spaceId"},
		"no role":      {vars{"role": "nope"}, "role"},
		"too short":    {vars{"duration": 59}, "duration"},
		"too long":     {vars{"duration": 90*86400 + 1}, "duration"},
		"overflow":     {vars{"duration": 1 << 40}, "duration"},
		"negative":     {vars{"duration": -3600}, "duration"},
		"no reason":    {vars{"reason": " "}, "reason"},
		"a long story": {vars{"reason": strings.Repeat("x", 2001)}, "reason"},
	} {
		input := vars{"role": "space-reader", "spaceId": "legacy", "duration": 3600, "reason": "why not"}
		for k, v := range c.change {
			input[k] = v
		}
		a := asker.query(askDocument, vars{"i": input})
		if code, _ := a.failure(t); code != "INVALID" || a.Errors[0].Extensions["field"] != c.field {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	for _, document := range []string{
		`mutation{grantAccessRequest(input:{id:"nope"}){id}}`, `mutation{refuseAccessRequest(input:{id:"nope"}){id}}`, `mutation{cancelAccessRequest(input:{id:"nope"}){id}}`,
	} {
		if code, message := asker.query(document, nil).failure(t); code != "NOT_FOUND" || message != "access request not found" {
			t.Errorf("%s: %s %q", document, code, message)
		}
	}
	if a := asker.query(`{accessRequest(id:"nope"){id}}`, nil); body(a) != `{"data":{"accessRequest":null}}` {
		t.Errorf("%s", a.raw)
	}
}
