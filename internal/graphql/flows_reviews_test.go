package graphql

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

const reviewDocument = `query($i:ReviewAccessInput){reviewAccess(input:$i){
	from since notes pageInfo{hasNextPage hasPreviousPage endCursor}
	edges{cursor node{binding{id actor{kind id name} role{slug} entity{kind id} space{id}} spaceId finding since young lastUsedAt
		used{action done held lastUsedAt allowed} unused kept enough sufficientRole{slug} viewsAccount}}}}`

// TestReviewFlow reviews what a key did, as it is written.
func TestReviewFlow(t *testing.T) {
	w := newWorld(t)
	dev := w.newSpace("dev", "root", true)
	key, other := w.newKey("ci"), w.newKey("other")
	bound := w.bind(key, "space-admin", vars{"spaceId": dev})
	ci := w.as(key)
	ci.do("provider_stacks", "Create", vars{"input": stackInput("one", dev), "manageState": true})
	ci.do("provider_stacks", "Create", vars{"input": stackInput("two", dev), "manageState": true})
	ci.bind(other, "space-writer", vars{"entity": vars{"kind": "STACK", "id": "one"}})

	page := w.one(reviewDocument, vars{"i": vars{"actor": actorVar("API_KEY", key), "days": 30}})
	edges := page["edges"].([]any)
	if len(edges) != 1 {
		t.Fatalf("%d reviews", len(edges))
	}
	node := edges[0].(vars)["node"].(vars)
	at, since, unused := node["lastUsedAt"], node["since"], node["unused"].([]any)
	delete(node, "unused")
	use := func(action string, done, held float64) vars {
		return vars{"action": action, "done": done, "held": held, "lastUsedAt": at, "allowed": true}
	}
	for _, u := range node["used"].([]any) {
		u.(vars)["lastUsedAt"] = at
	}
	if diff := cmp.Diff(vars{
		"binding": vars{
			"id": bound, "actor": vars{"kind": "API_KEY", "id": key, "name": "ci"}, "role": vars{"slug": "space-admin"}, "entity": nil, "space": vars{"id": dev},
		},
		"spaceId": dev, "finding": "TOO_WIDE", "since": since, "young": true, "lastUsedAt": at,
		"used": []any{use("role-binding:manage", 1, 0), use("space:read", 0, 1), use("space:write", 0, 1), use("stack:create", 2, 0)},
		"kept": []any{"space:read"}, "enough": []any{"space:read", "space:write", "stack:create", "role-binding:manage"},
		"sufficientRole": vars{"slug": "space-admin"}, "viewsAccount": true,
	}, node); diff != "" {
		t.Errorf("reviewed: %s", diff)
	}
	if len(unused) < 50 || at.(float64) < since.(float64) || page["since"].(float64) < page["from"].(float64) {
		t.Errorf("%d unused, last used %v since %v; page %v", len(unused), at, since, page)
	}
	if notes := page["notes"].([]any); len(notes) != 2 { // the trail is younger than 30 days
		t.Errorf("notes %v", notes)
	}

	var ids []any
	for after := any(nil); ; {
		p := w.one(reviewDocument, vars{"i": vars{"first": 2, "after": after}})
		for _, e := range p["edges"].([]any) {
			ids = append(ids, e.(vars)["node"].(vars)["binding"].(vars)["id"])
		}
		info := p["pageInfo"].(vars)
		if info["hasPreviousPage"] != (after != nil) {
			t.Errorf("page after %v: %v", after, info)
		}
		if after = info["endCursor"]; info["hasNextPage"] != true {
			break
		}
	}
	if len(ids) != 3 || ids[1] != bound {
		t.Errorf("bindings %v; want the admin's, %s, and that of the other key", ids, bound)
	}
	for name, c := range map[string]struct {
		input vars
		field string
	}{
		"no days":       {vars{"days": 0}, "days"},
		"too many days": {vars{"days": 401}, "days"},
		"none":          {vars{"first": 0}, "first"},
	} {
		a := w.query(reviewDocument, vars{"i": c.input})
		if code, _ := a.failure(t); code != "INVALID" || a.Errors[0].Extensions["field"] != c.field {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	if code, message := ci.query(reviewDocument, nil).failure(t); code != "FORBIDDEN" || message != "forbidden: api::"+key+" lacks space:admin in space root" {
		t.Errorf("by the key: %s %s", code, message)
	}
}
