package graphql

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	explainDocument = `query($i:ExplainAccessInput!){explainAccess(input:$i){
		sentence outcome reason step actor{kind id name} action target{kind targetId name spaceId spaceName} fallback held
		by{...e} baseline{...e} lapsed{...e} nearest{...e} hiddenEvidence roles{slug byName} hiddenRoles way{spaceId spaceName inherits}}}` + evidenceFragment
	effectiveDocument = `query($i:EffectiveAccessInput!){effectiveAccess(input:$i){
		actor{id} target{targetId name} accessLevel tier actions{action reason by{...e}}}}` + evidenceFragment
	whoCanDocument = `query($i:WhoCanInput!){whoCan(input:$i){
		action target{kind targetId name} totalCount hiddenCount edges{cursor node{actor{kind id name} reason by{...e}}} pageInfo{hasNextPage hasPreviousPage endCursor}}}` + evidenceFragment
	evidenceFragment = ` fragment e on AccessEvidence{kind relation bindingId roleSlug roleName spaceId spaceName entity{kind id} groupId groupName notAfter expired}`
)

// TestExplainFlow asks why a key may and may not, as it is written.
func TestExplainFlow(t *testing.T) {
	w := newWorld(t)
	apps := w.newSpace("apps", "root", true)
	dev := w.newSpace("dev", apps, true)
	w.do("provider_stacks", "Create", vars{"input": stackInput("web", dev), "manageState": true})
	key := w.newKey("ci")
	bound := w.bind(key, "space-writer", vars{"spaceId": apps})
	actor, stack := actorVar("API_KEY", key), vars{"kind": "STACK", "id": "web"}
	by := vars{
		"kind": "BINDING", "relation": "ABOVE", "bindingId": bound, "roleSlug": "space-writer", "roleName": "Space writer", "spaceId": apps,
		"spaceName": "apps", "entity": nil, "groupId": nil, "groupName": nil, "notAfter": nil, "expired": false,
	}
	got := w.one(explainDocument, vars{"i": vars{"actor": actor, "action": "RUN_TRIGGER", "target": stack}})
	if diff := cmp.Diff(vars{
		"sentence": "ci MAY run:trigger on stack web of dev: role Space writer, bound to ci in apps (binding " + bound + "), covers it by tier writer",
		"outcome":  "ALLOWED", "reason": "GRANTED_BY_TIER", "step": 7.0, "actor": vars{"kind": "API_KEY", "id": key, "name": "ci"}, "action": "RUN_TRIGGER",
		"target":   vars{"kind": "STACK", "targetId": "web", "name": "web", "spaceId": dev, "spaceName": "dev"},
		"fallback": "WRITER", "held": "WRITER", "by": by, "baseline": by, "lapsed": nil, "nearest": []any{}, "hiddenEvidence": 0.0, "roles": []any{}, "hiddenRoles": 0.0,
		"way": []any{vars{"spaceId": apps, "spaceName": "apps", "inherits": true}, vars{"spaceId": dev, "spaceName": "dev", "inherits": true}},
	}, got); diff != "" {
		t.Errorf("explained: %s", diff)
	}
	// About oneself, with the same answer but for the name of what is not his to see.
	own := w.as(key).one(explainDocument, vars{"i": vars{"action": "RUN_TRIGGER", "target": stack}})
	if diff := cmp.Diff(got, own); diff != "" {
		t.Errorf("about himself: %s", diff)
	}
	denied := w.one(explainDocument, vars{"i": vars{"actor": actor, "action": "STACK_CREATE", "target": vars{"kind": "SPACE", "id": dev}}})
	if diff := cmp.Diff([]any{"FORBIDDEN", "NOT_GRANTED", nil, []any{by}, []any{vars{"slug": "space-admin", "byName": false}}},
		[]any{denied["outcome"], denied["reason"], denied["by"], denied["nearest"], denied["roles"]}); diff != "" {
		t.Errorf("denied: %s", diff)
	}
	for name, c := range map[string]struct {
		input       vars
		code, field string
	}{
		"an action alone":    {vars{"action": "RUN_TRIGGER"}, "INVALID", "target"},
		"a target alone":     {vars{"target": stack}, "INVALID", "action"},
		"a target of no id":  {vars{"action": "RUN_TRIGGER", "target": vars{"kind": "SPACE", "id": ""}}, "INVALID", "target"},
		"an actor of no id":  {vars{"actor": actorVar("USER", "")}, "INVALID", "actor"},
		"no such action":     {vars{"action": "NOPE", "target": stack}, "INVALID", "i.action"},
		"no such stack":      {vars{"actor": actor, "action": "RUN_TRIGGER", "target": vars{"kind": "STACK", "id": "nope"}}, "NOT_FOUND", ""},
		"no such key":        {vars{"actor": actorVar("API_KEY", "nope"), "action": "RUN_TRIGGER", "target": stack}, "NOT_FOUND", ""},
		"the account, a key": {vars{"actor": actorVar("API_KEY", "nope")}, "NOT_FOUND", ""},
	} {
		a := w.query(explainDocument, vars{"i": c.input})
		field, _ := a.Errors[0].Extensions["field"].(string)
		if code, _ := a.failure(t); code != c.code || field != c.field {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	account := w.one(explainDocument, vars{"i": vars{"actor": actor}})
	if account["outcome"] == "ALLOWED" || account["action"] != "SPACE_ADMIN" || !strings.HasPrefix(account["sentence"].(string), "ci MAY NOT administer the account: ") {
		t.Errorf("the account: %v", account)
	}
}

// TestEffectiveFlow: the list holds what single questions allow.
func TestEffectiveFlow(t *testing.T) {
	w := newWorld(t)
	dev := w.newSpace("dev", "root", false)
	key := w.newKey("ci")
	w.bind(key, "space-reader", vars{"spaceId": dev})
	got := w.one(effectiveDocument, vars{"i": vars{"actor": actorVar("API_KEY", key), "target": vars{"kind": "SPACE", "id": dev}}})
	if got["tier"] != "READER" || got["accessLevel"] != "READ" {
		t.Errorf("%v", got)
	}
	var actions []string
	for _, a := range got["actions"].([]any) {
		actions = append(actions, a.(vars)["action"].(string))
		if by := a.(vars)["by"].(vars); by["roleSlug"] != "space-reader" || by["relation"] != "HERE" {
			t.Errorf("%v", a)
		}
	}
	if !slices.Contains(actions, "SPACE_READ") || !slices.Contains(actions, "RUN_COMMENT") || slices.Contains(actions, "RUN_TRIGGER") {
		t.Errorf("a reader may %v", actions)
	}
	hidden := w.as(key).one(effectiveDocument, vars{"i": vars{"target": vars{"kind": "SPACE", "id": "legacy"}}})
	if diff := cmp.Diff(vars{"actor": vars{"id": key}, "target": vars{"targetId": "legacy", "name": nil}, "accessLevel": nil, "tier": "NONE", "actions": []any{}}, hidden); diff != "" {
		t.Errorf("of a hidden space: %s", diff)
	}
}

// TestWhoCanFlow pages through those who may, and hides from a reader what is
// not for him.
func TestWhoCanFlow(t *testing.T) {
	w := newWorld(t)
	dev := w.newSpace("dev", "root", false)
	vault := w.newSpace("vault", "root", false)
	w.do("provider_stacks", "Create", vars{"input": stackInput("secret", vault), "manageState": true})
	reader, ci := w.newKey("reader"), w.newKey("ci")
	w.bind(reader, "space-reader", vars{"spaceId": dev})
	w.bind(ci, "space-writer", vars{"spaceId": dev})
	w.one(bindDocument, vars{"b": vars{"actor": actorVar("STACK", "secret"), "role": "space-writer", "spaceId": dev}})
	ask := func(w *world, more vars) vars {
		in := vars{"action": "RUN_TRIGGER", "target": vars{"kind": "SPACE", "id": dev}}
		for k, v := range more {
			in[k] = v
		}
		return w.one(whoCanDocument, vars{"i": in})
	}
	all := ask(w, nil)
	var paged []any
	for after := any(nil); ; {
		page := ask(w, vars{"first": 1, "after": after})
		info := page["pageInfo"].(vars)
		if page["totalCount"] != 3.0 || info["hasPreviousPage"] != (after != nil) || len(page["edges"].([]any)) != 1 {
			t.Fatalf("%v", page)
		}
		paged = append(paged, page["edges"].([]any)...)
		if after = info["endCursor"]; info["hasNextPage"] == false {
			break
		}
	}
	if diff := cmp.Diff(all["edges"], any(paged)); diff != "" || all["hiddenCount"] != 0.0 {
		t.Errorf("in pages: %s", diff)
	}
	stacks := nodes(ask(w, vars{"kinds": []string{"STACK", "GROUP"}}))
	if len(stacks) != 1 || stacks[0]["reason"] != "GRANTED_BY_TIER" || stacks[0]["by"].(vars)["spaceName"] != "dev" ||
		!cmp.Equal(stacks[0]["actor"], any(vars{"kind": "STACK", "id": "secret", "name": "secret"})) {
		t.Errorf("stacks: %v", stacks)
	}
	seen := ask(w.as(reader), nil)
	if seen["totalCount"] != 3.0 || seen["hiddenCount"] != 1.0 || len(nodes(seen)) != 2 {
		t.Errorf("the reader: %v", seen)
	}
	for _, n := range nodes(seen) {
		if n["by"] != nil || n["actor"].(vars)["name"] != nil {
			t.Errorf("the reader is told %v", n)
		}
	}
	for name, c := range map[string]struct {
		more        vars
		code, field string
	}{
		"a cursor of nothing":       {vars{"after": "?"}, "INVALID", "after"},
		"a cursor of another list":  {vars{"after": position{"x", "y"}.cursor()}, "INVALID", "after"},
		"a page of nothing":         {vars{"first": 0}, "INVALID", "first"},
		"a space that is not there": {vars{"target": vars{"kind": "SPACE", "id": "nope"}}, "NOT_FOUND", ""},
	} {
		in := vars{"action": "RUN_TRIGGER", "target": vars{"kind": "SPACE", "id": dev}}
		for k, v := range c.more {
			in[k] = v
		}
		a := w.query(whoCanDocument, vars{"i": in})
		field, _ := a.Errors[0].Extensions["field"].(string)
		if code, _ := a.failure(t); code != c.code || field != c.field {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
}
