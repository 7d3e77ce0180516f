package graphql

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	bindDocument = `mutation($b:CreateRoleBindingInput!){createRoleBinding(input:$b){
		id actor{kind id name} role{slug} space{id name accessLevel} entity{kind id name} notAfter expired createdBy createdAt}}`
	bindManyDocument = `mutation($b:[CreateRoleBindingInput!]!){createRoleBindings(input:{bindings:$b}){id}}`
	bindingsDocument = `query($i:RoleBindingsInput){roleBindings(input:$i){edges{cursor node{id actor{kind id} notAfter expired}} pageInfo{hasNextPage hasPreviousPage endCursor}}}`
)

func actorVar(kind, id string) vars { return vars{"kind": kind, "id": id} }

// newKey makes a key without any role.
func (w *world) newKey(name string) string {
	w.t.Helper()
	return id(w.do("provider_apikeys", "Create", vars{"input": vars{"admin": false, "name": name, "teams": []any{}}}))
}

// one sends a document that must succeed and returns its only field.
func (w *world) one(document string, variables vars) vars {
	w.t.Helper()
	a := w.query(document, variables)
	if a.Errors != nil {
		w.t.Fatalf("%s", a.raw)
	}
	for _, v := range a.Data {
		object, _ := v.(vars)
		return object
	}
	return nil
}

// body is what came back, without the line end.
func body(a answer) string { return strings.TrimSpace(a.raw) }

// nodes are the nodes of a page.
func nodes(page vars) (out []vars) {
	for _, e := range page["edges"].([]any) {
		out = append(out, e.(vars)["node"].(vars))
	}
	return out
}

// TestR24EntityGrant: a role on one stack or context shows it in every list
// and search, does what it says there, and gives nothing else but the path.
func TestR24EntityGrant(t *testing.T) {
	w := newWorld(t)
	for _, name := range []string{"app", "other"} {
		w.do("provider_stacks", "Create", vars{"input": stackInput(name, "legacy"), "manageState": true})
	}
	shared := id(w.do("provider_contexts", "Create", vars{"input": vars{"name": "Shared", "space": "legacy"}}))
	hidden := id(w.do("provider_contexts", "Create", vars{"input": vars{"name": "Hidden", "space": "legacy"}}))
	role := w.do("provider_roles", "Create", vars{"input": vars{"name": "Runner", "actions": []any{"SPACE_READ", "RUN_TRIGGER"}}})
	key := w.newKey("guest")
	guest := w.as(key)
	if a := guest.query(`{stacks{id} contexts{id} spaces{id}}`, nil); body(a) != `{"data":{"stacks":[],"contexts":[],"spaces":[]}}` {
		t.Fatalf("before: %s", a.raw)
	}
	bind := func(kind, id string) vars {
		return w.one(bindDocument, vars{"b": vars{"actor": actorVar("API_KEY", key), "role": role["slug"], "entity": vars{"kind": kind, "id": id}}})
	}
	onStack := bind("STACK", "app")
	if diff := cmp.Diff(vars{
		"actor": vars{"kind": "API_KEY", "id": key, "name": "guest"}, "entity": vars{"kind": "STACK", "id": "app", "name": "app"},
		"space": vars{"id": "legacy", "name": "legacy", "accessLevel": "ADMIN"}, "role": vars{"slug": "runner"}, "notAfter": nil, "expired": false,
		"id": onStack["id"], "createdBy": onStack["createdBy"], "createdAt": onStack["createdAt"],
	}, onStack); diff != "" || !strings.HasPrefix(onStack["createdBy"].(string), "api::") {
		t.Errorf("bound %s", diff)
	}
	bind("CONTEXT", shared)

	a := guest.query(`{stacks{id} searchStacks(input:{}){edges{node{id}}} contexts{id} spaces{id accessLevel}
		app:stack(id:"app"){id spaceDetails{id accessLevel} canWrite runs{id}} other:stack(id:"other"){id} hidden:context(id:"`+hidden+`"){id}}`, nil)
	want := vars{
		"stacks": []any{vars{"id": "app"}}, "searchStacks": vars{"edges": []any{vars{"node": vars{"id": "app"}}}}, "contexts": []any{vars{"id": shared}},
		"spaces": []any{vars{"id": "root", "accessLevel": nil}, vars{"id": "legacy", "accessLevel": nil}},
		"app":    vars{"id": "app", "spaceDetails": vars{"id": "legacy", "accessLevel": nil}, "canWrite": true, "runs": []any{}}, "other": nil, "hidden": nil,
	}
	if diff := cmp.Diff(want, a.Data); diff != "" || a.Errors != nil {
		t.Errorf("the guest sees (-want +got):\n%s%s", diff, a.raw)
	}
	run := guest.trigger("app")
	if got := guest.query(`{stack(id:"app"){runs{id} run(id:"`+run+`"){state}}}`, nil); got.Errors != nil || !strings.Contains(got.raw, `"READY"`) {
		t.Errorf("his run: %s", got.raw)
	}
	for name, c := range map[string]struct{ document, code string }{
		"another stack's run":  {`mutation{runTrigger(stack:"other"){id}}`, "NOT_FOUND"},
		"what he lacks":        {`mutation{stackDelete(id:"app"){id}}`, "FORBIDDEN"},
		"a stack of the space": {`mutation{contextCreateV2(input:{name:"x",space:"legacy"}){id}}`, "NOT_FOUND"},
	} {
		if code, message := guest.query(c.document, nil).failure(t); code != c.code {
			t.Errorf("%s: %s %q", name, code, message)
		}
	}
	w.one(`mutation($i:ID!){deleteRoleBinding(input:{id:$i}){id}}`, vars{"i": id(onStack)})
	if a := guest.query(`{stacks{id}}`, nil); body(a) != `{"data":{"stacks":[]}}` {
		t.Errorf("afterwards: %s", a.raw)
	}
}

// TestA11A14OneActorOneTarget: the form of a binding allows one actor and one
// target, and a role in a space is for all of it.
func TestA11A14OneActorOneTarget(t *testing.T) {
	w := newWorld(t)
	w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true})
	key := actorVar("API_KEY", w.newKey("k"))
	stack := vars{"kind": "STACK", "id": "app"}
	for name, c := range map[string]struct {
		input vars
		field string
	}{
		"no target":       {vars{"actor": key, "role": "space-reader"}, "spaceId"},
		"both targets":    {vars{"actor": key, "role": "space-reader", "spaceId": "legacy", "entity": stack}, "spaceId"},
		"an empty space":  {vars{"actor": key, "role": "space-reader", "spaceId": ""}, "spaceId"},
		"an empty entity": {vars{"actor": key, "role": "space-reader", "entity": vars{"kind": "STACK", "id": ""}}, "entity"},
		"unknown role":    {vars{"actor": key, "role": "nope", "spaceId": "legacy"}, "role"},
		"unknown key":     {vars{"actor": actorVar("API_KEY", "nope"), "role": "space-reader", "spaceId": "legacy"}, "actor"},
		"unknown user":    {vars{"actor": actorVar("USER", "nope"), "role": "space-reader", "spaceId": "legacy"}, "actor"},
		"unknown group":   {vars{"actor": actorVar("GROUP", "nope"), "role": "space-reader", "spaceId": "legacy"}, "actor"},
		"in the past":     {vars{"actor": key, "role": "space-reader", "spaceId": "legacy", "notAfter": 1}, "notAfter"},
		"no actor":        {vars{"role": "space-reader", "spaceId": "legacy"}, "b.actor"},
		"two actors":      {vars{"actor": vars{"kind": "STACK", "id": "app", "other": "x"}, "role": "space-reader", "spaceId": "legacy"}, "b.actor.other"},
	} {
		a := w.query(bindDocument, vars{"b": c.input})
		if code, _ := a.failure(t); code != "INVALID" || a.Errors[0].Extensions["field"] != c.field {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	for name, input := range map[string]vars{
		"unknown stack":  {"actor": actorVar("STACK", "nope"), "role": "space-reader", "spaceId": "legacy"},
		"unknown space":  {"actor": key, "role": "space-reader", "spaceId": "nope"}, // A15
		"unknown entity": {"actor": key, "role": "space-reader", "entity": vars{"kind": "POLICY", "id": "app"}},
	} {
		if code, _ := w.query(bindDocument, vars{"b": input}).failure(t); code != "NOT_FOUND" {
			t.Errorf("%s: %s", name, code)
		}
	}
}

// TestA17A20Union: what one holds by several bindings and groups adds up at the
// API.
func TestA17A20Union(t *testing.T) {
	w := newWorld(t)
	w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true})
	space := id(w.do("provider_spaces", "Create", vars{"input": vars{"name": "Dev", "inheritEntities": false, "parentSpace": "root", "description": "", "labels": []any{}}}))
	w.do("provider_stacks", "Create", vars{"input": stackInput("dev", space), "manageState": true})
	for i, actions := range [][]any{{"SPACE_READ", "RUN_TRIGGER"}, {"SPACE_READ", "RUN_DISCARD"}, {"RUN_CONFIRM"}} {
		w.do("provider_roles", "Create", vars{"input": vars{"name": fmt.Sprint("Part ", i), "actions": actions}})
	}
	key := w.newKey("k")
	bind := func(role string, target vars) {
		target["actor"], target["role"] = actorVar("API_KEY", key), role
		w.one(bindDocument, vars{"b": target})
	}
	k := w.as(key)
	bind("part-0", vars{"spaceId": "legacy"})
	discard := func(stack, run string) string {
		a := k.query(`mutation($s:ID!,$r:ID!){runDiscard(stack:$s,run:$r){id}}`, vars{"s": stack, "r": run})
		if a.Errors == nil {
			return ""
		}
		code, _ := a.failure(t)
		return code
	}
	run := k.trigger("app")
	if code := discard("app", run); code != "FORBIDDEN" {
		t.Errorf("before: %q", code)
	}
	bind("part-1", vars{"spaceId": space}) // A18: another space
	if code := discard("app", run); code != "FORBIDDEN" {
		t.Errorf("A18: %q", code)
	}
	bind("part-1", vars{"entity": vars{"kind": "STACK", "id": "app"}}) // A17, R24: on top of the space's
	if code := discard("app", run); code != "" {
		t.Errorf("A17: %q", code)
	}
	if code, _ := k.query(`mutation{runTrigger(stack:"dev"){id}}`, nil).failure(t); code != "FORBIDDEN" {
		t.Errorf("A18: triggers in dev: %s", code)
	}
}

// TestCase74AtTheAPI: 10,001 bindings in one mutation are refused as a whole.
func TestCase74AtTheAPI(t *testing.T) {
	w := newWorld(t)
	key := w.newKey("k")
	count := func() int {
		a := w.query(`{roleBindings(input:{first:100}){edges{node{id}} pageInfo{hasNextPage}}}`, nil)
		return strings.Count(a.raw, `"node"`)
	}
	before := count()
	for _, contract := range []bool{false, true} {
		document, list := bindManyDocument, make([]any, 10_001)
		if contract {
			document = `mutation($b:[ApiKeyRoleBindingInput!]){apiKeyRoleBindingBatchCreate(input:{bindings:$b}){id}}`
		}
		for i := range list {
			list[i] = vars{"actor": actorVar("API_KEY", key), "role": "space-reader", "spaceId": "legacy"}
			if contract {
				list[i] = vars{"apiKeyID": key, "roleID": "space-reader", "spaceID": "legacy"}
			}
		}
		code, message := w.query(document, vars{"b": list}).failure(t)
		if code != "INVALID" || !strings.Contains(message, "10001 bindings, at most 1000 can be made at once; none was made") {
			t.Errorf("%s %q", code, message)
		}
	}
	if now := count(); now != before {
		t.Errorf("%d bindings, %d before", now, before)
	}
}

// TestRoleBindingsPages reads the list page by page, and by its filters.
func TestRoleBindingsPages(t *testing.T) {
	w := newWorld(t)
	w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true})
	soon := int(time.Now().Add(36 * time.Hour).Unix())
	var list []any
	var keys []string
	for i := range 5 {
		keys = append(keys, w.newKey(fmt.Sprint("key", i)))
		list = append(list, vars{"actor": actorVar("API_KEY", keys[i]), "role": "space-writer", "spaceId": "legacy", "notAfter": soon + i*86400})
	}
	list = append(list, vars{"actor": actorVar("STACK", "app"), "role": "space-reader", "spaceId": "legacy"})
	if a := w.query(bindManyDocument, vars{"b": list}); a.Errors != nil {
		t.Fatalf("%s", a.raw)
	}
	ids := func(in vars) (out []string) {
		for {
			page := w.one(bindingsDocument, vars{"i": in})
			for _, n := range nodes(page) {
				out = append(out, n["actor"].(vars)["id"].(string))
			}
			info := page["pageInfo"].(vars)
			if info["hasPreviousPage"] != (in["after"] != nil) {
				t.Errorf("page %v of %v", info, in)
			}
			if info["hasNextPage"] != true {
				return out
			}
			in = with(in, "after", info["endCursor"])
		}
	}
	for name, c := range map[string]struct {
		in   vars
		want []string
	}{
		"writers, two at a time": {vars{"first": 2, "role": "space-writer"}, keys},
		"of one key":             {vars{"actor": actorVar("API_KEY", keys[3])}, keys[3:4]},
		"ending in three days":   {vars{"expiringWithinDays": 3}, keys[:2]},
		"of the stack":           {vars{"actor": actorVar("STACK", "app")}, []string{"app"}},
		"in legacy":              {vars{"spaceId": "legacy", "first": 3}, append(slices.Clone(keys), "app")},
		"on the stack":           {vars{"entity": vars{"kind": "STACK", "id": "app"}}, nil},
		"expired":                {vars{"expired": true}, nil},
	} {
		if diff := cmp.Diff(c.want, ids(c.in)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	if all := ids(vars{"spaceId": "root", "descendants": true}); len(all) != 7 { // and the first admin
		t.Errorf("in all spaces: %v", all)
	}
	for field, in := range map[string]vars{
		"first": {"first": 0}, "after": {"after": "%%"}, "expiringWithinDays": {"expiringWithinDays": 0},
	} {
		a := w.query(bindingsDocument, vars{"i": in})
		if code, _ := a.failure(t); code != "INVALID" || a.Errors[0].Extensions["field"] != field {
			t.Errorf("%v: %s", in, a.raw)
		}
	}
	one := nodes(w.one(bindingsDocument, vars{"i": vars{"actor": actorVar("API_KEY", keys[0])}}))[0]
	if one["notAfter"] != float64(soon) || one["expired"] != false {
		t.Errorf("one %v", one)
	}
	// Who may not see it finds nothing, and no hint.
	nobody := w.as(w.newKey("nobody"))
	if a := nobody.query(`query($i:ID!){roleBinding(id:$i){id} roleBindings{edges{cursor}}}`, vars{"i": id(one)}); body(a) != `{"data":{"roleBinding":null,"roleBindings":{"edges":[]}}}` {
		t.Errorf("nobody sees %s", a.raw)
	}
}

// TestR24EndsInTheContractsForms: the contract's inputs take an end, and its
// types show it.
func TestR24EndsInTheContractsForms(t *testing.T) {
	w := newWorld(t)
	key, end := w.newKey("k"), int(time.Now().Add(time.Hour).Unix())
	made := w.do("provider_bindings", "CreateOfKey", vars{"input": vars{"apiKeyID": key, "roleID": w.role("space-admin"), "spaceID": "root", "notAfter": end}})
	a := w.query(`query($i:ID!){apiKeyRoleBinding(id:$i){notAfter}}`, vars{"i": id(made)})
	if body(a) != fmt.Sprintf(`{"data":{"apiKeyRoleBinding":{"notAfter":%d}}}`, end) {
		t.Errorf("read %s", a.raw)
	}
	a = w.query(`mutation($i:ID!,$b:ApiKeyRoleBindingInput!){apiKeyRoleBindingUpdate(id:$i,input:$b){notAfter}}`,
		vars{"i": id(made), "b": vars{"apiKeyID": key, "roleID": w.role("space-admin"), "spaceID": "root"}})
	if !strings.Contains(a.raw, fmt.Sprintf(`"notAfter":%d`, end)) || !strings.Contains(a.raw, "does not count as one who administers the account for good") {
		t.Errorf("updated %s", a.raw)
	}
	if code, _ := w.run("provider_bindings", "CreateOfKey", vars{"input": vars{"apiKeyID": key, "roleID": w.role("space-reader"), "spaceID": "root", "notAfter": 5}}).failure(t); code != "INVALID" {
		t.Errorf("in the past: %s", code)
	}
}

// TestR15ForceAtTheAPI deletes a bound role only on demand.
func TestR15ForceAtTheAPI(t *testing.T) {
	w := newWorld(t)
	role := w.do("provider_roles", "Create", vars{"input": vars{"name": "Dev", "actions": []any{"SPACE_READ"}}})
	key := w.newKey("k")
	w.one(bindDocument, vars{"b": vars{"actor": actorVar("API_KEY", key), "role": "dev", "spaceId": "legacy"}})
	if code, message := w.run("provider_roles", "Delete", vars{"id": id(role)}).failure(t); code != "CONFLICT" || !strings.Contains(message, "1 role bindings") {
		t.Errorf("%s %q", code, message)
	}
	const forced = `mutation($i:ID!,$f:Boolean){roleDelete(id:$i,force:$f){slug}}`
	if code, _ := w.query(forced, vars{"i": id(role), "f": false}).failure(t); code != "CONFLICT" {
		t.Error(code)
	}
	if a := w.query(forced, vars{"i": id(role), "f": true}); body(a) != `{"data":{"roleDelete":{"slug":"dev"}}}` {
		t.Errorf("%s", a.raw)
	}
	if a := w.as(key).query(`{spaces{id}}`, nil); body(a) != `{"data":{"spaces":[]}}` {
		t.Errorf("the key sees %s", a.raw)
	}
}
