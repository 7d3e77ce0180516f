package graphql

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// trigger starts a run and returns its id.
func (w *world) trigger(stack string) string {
	w.t.Helper()
	return id(w.do("spacectl_runs", "Deploy", vars{"stack": stack, "sha": nil, "type": nil, "runtimeConfig": nil, "forceApply": nil}))
}

// key makes an API key with one role of the given actions in a space.
func (w *world) key(space string, actions ...any) string {
	w.t.Helper()
	role := w.do("provider_roles", "Create", vars{"input": vars{"name": "role", "actions": actions}})
	key := w.do("provider_apikeys", "Create", vars{"input": vars{"admin": false, "name": "key", "teams": []any{}}})
	w.do("provider_bindings", "CreateOfKey", vars{"input": vars{"apiKeyID": id(key), "roleID": id(role), "spaceID": space}})
	return id(key)
}

func TestRunFlow(t *testing.T) {
	w := newWorld(t)
	stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true}))
	first, second := w.trigger(stack), w.trigger(stack)

	runs := w.do("spacectl_runs", "Tracked", vars{"stackId": stack, "before": nil})["runs"].([]any)
	if len(runs) != 2 || id(runs[0].(vars)) != second || runs[0].(vars)["isMostRecent"] != true || runs[1].(vars)["isMostRecent"] != false {
		t.Errorf("runs %v", runs)
	}
	if state := runs[1].(vars)["state"]; state != "READY" || runs[0].(vars)["state"] != "QUEUED" || !strings.HasPrefix(runs[0].(vars)["triggeredBy"].(string), "api::") {
		t.Errorf("runs %v", runs)
	}
	older := w.do("spacectl_runs", "Tracked", vars{"stackId": stack, "before": second})["runs"].([]any)
	if len(older) != 1 || id(older[0].(vars)) != first || older[0].(vars)["isMostRecent"] != false {
		t.Errorf("older %v", older)
	}
	if got := w.do("provider_stacks", "Blocker", vars{"id": stack}); got["blocker"].(vars)["id"] != first {
		t.Errorf("blocker %v", got)
	}
	if got := w.do("spacectl_runs", "One", vars{"stackId": stack, "runId": second})["run"].(vars); got["isMostRecent"] != true || got["delta"] != nil {
		t.Errorf("run %v", got)
	}
	history := w.do("spacectl_runs", "History", vars{"stack": stack, "run": first})["run"].(vars)["history"].([]any)
	if len(history) != 2 || history[0].(vars)["state"] != "READY" || history[1].(vars)["state"] != "QUEUED" {
		t.Errorf("history %v", history)
	}
	logs := w.do("spacectl_runs", "Logs", vars{"stack": stack, "run": first, "state": "PLANNING", "stateVersion": 5, "token": nil})["run"].(vars)["logs"].(vars)
	if logs["exists"] != false || logs["hasMore"] != false {
		t.Errorf("logs %v", logs)
	}
	if got := w.do("provider_runs", "Wait", vars{"stack": stack, "id": first})["runResourceState"].(vars); got["finished"] != false {
		t.Errorf("wait %v", got)
	}
	if got := w.do("spacectl_runs", "Changes", vars{"stack": stack, "run": first})["run"].(vars); len(got["changesV3"].([]any)) != 0 {
		t.Errorf("changes %v", got)
	}
	w.do("spacectl_runs", "Discard", vars{"stack": stack, "run": first})
	if got := w.do("provider_runs", "Wait", vars{"stack": stack, "id": first})["runResourceState"].(vars); got["finished"] != true || got["state"] != "DISCARDED" {
		t.Errorf("wait %v", got)
	}
	if code, _ := w.run("spacectl_runs", "Confirm", vars{"stack": stack, "run": second}).failure(t); code != "CONFLICT" {
		t.Errorf("confirming a run without a plan: %s", code)
	}
	if got := w.do("spacectl_stacks", "LookupByRun", vars{"runId": first}); id(got) != stack {
		t.Errorf("stack of run: %v", got)
	}
	if _, message := w.run("spacectl_stacks", "LookupByRun", vars{"runId": "01NOPE"}).failure(t); message != "not found" {
		t.Errorf("message %q", message)
	}
	for _, refused := range []vars{{"stack": stack, "type": "PROPOSED", "forceApply": "SINGLE"}, {"stack": stack, "runtimeConfig": vars{"yaml": "x"}}, {"stack": stack, "type": "TASK"}} {
		if code, _ := w.run("spacectl_runs", "Deploy", refused).failure(t); code != "INVALID" {
			t.Errorf("%v: %s", refused, code)
		}
	}
}

// TestRunMetadata: what clients put on the start and on the confirmation of a run
// comes in a header, is checked, and is read again.
func TestRunMetadata(t *testing.T) {
	sibling := relations[5]
	s := newScene(t, storetest.Databases[0].URL(t), []relation{sibling})
	o := &object{scene: s, branch: s.branch(sibling)}
	o.space = o.ids[sibling.holder]
	waiting := o.stack()
	for field, arguments := range map[string]string{
		"runTrigger": fmt.Sprintf(`(stack:%q)`, o.stack()),
		"runConfirm": fmt.Sprintf(`(stack:%q,run:%q)`, waiting, o.run(waiting, domain.RunTracked, domain.RunUnconfirmed)),
	} {
		ask := func(metadata string) answer {
			body := fmt.Sprintf(`{"query":%q}`, "mutation{"+field+arguments+"{userProvidedMetadata}}")
			r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set(metadataHeader, metadata)
			return s.admin.send(r)
		}
		if code, _ := ask("ticket 7\x07").failure(t); code != "INVALID" {
			t.Errorf("%s with control characters: %s", field, code)
		}
		a := ask("ticket 7")
		if diff := cmp.Diff(vars{"userProvidedMetadata": []any{"ticket 7"}}, a.Data[field]); diff != "" {
			t.Errorf("%s: %s\n%s", field, diff, a.raw)
		}
	}
}

// A deployment key triggers and watches what it knows by id, and sees nothing
// else (access model R5, R26).
func TestBareStack(t *testing.T) {
	w := newWorld(t)
	stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true}))
	other := id(w.do("provider_stacks", "Create", vars{"input": stackInput("other", "root"), "manageState": true}))
	deployer := w.as(w.key("legacy", "RUN_TRIGGER", "RUN_READ"))
	run := deployer.trigger(stack)

	a := deployer.query(`query($s:ID!,$r:ID!){stack(id:$s){__typename id name space state run(id:$r){state history{state} logs(state:PLANNING){finished}} runResourceState(id:$r){finished}}}`, vars{"s": stack, "r": run})
	if a.Errors != nil || a.Data["stack"].(vars)["space"] != "legacy" {
		t.Errorf("bare fields: %s", a.raw)
	}
	for _, field := range []string{"labels", "runs{id}", "spaceDetails{id}", "config{id}", "branch", "description", "canWrite", "outputs{id}", "blocker{id}"} {
		a := deployer.query(`query($s:ID!){stack(id:$s){id `+field+`}}`, vars{"s": stack})
		code, message := a.failure(t)
		if want := fmt.Sprintf("forbidden: %s lacks space:read in space legacy", deployer.caller.Name); code != "FORBIDDEN" || message != want {
			t.Errorf("%s: %s", field, a.raw)
		}
	}
	if code, _ := deployer.run("spacectl_runs", "One", vars{"stackId": stack, "runId": run}).failure(t); code != "FORBIDDEN" {
		t.Errorf("isMostRecent needs the list of runs, got %s", code)
	}
	if a := deployer.query(`query($r:ID!){runStack(runId:$r){id labels}}`, vars{"r": run}); len(a.Errors) != 1 || a.Errors[0].Extensions["code"] != "FORBIDDEN" {
		t.Errorf("runStack: %s", a.raw)
	}
	if a := deployer.query(`{stacks{id} spaces{id} searchStacks(input:{}){edges{node{id}}}}`, nil); a.Errors != nil ||
		cmp.Diff(vars{"stacks": []any{}, "spaces": []any{}, "searchStacks": vars{"edges": []any{}}}, a.Data) != "" {
		t.Errorf("lists: %s", a.raw)
	}
	for _, hidden := range []string{other, "nope"} {
		if a := deployer.query(`query($s:ID!){stack(id:$s){id}}`, vars{"s": hidden}); a.Errors != nil || a.Data["stack"] != nil {
			t.Errorf("%s: %s", hidden, a.raw)
		}
		if code, message := deployer.run("spacectl_runs", "Deploy", vars{"stack": hidden}).failure(t); code != "NOT_FOUND" || message != "stack not found" {
			t.Errorf("%s: %s %q", hidden, code, message)
		}
	}
	if code, message := deployer.run("spacectl_runs", "Discard", vars{"stack": stack, "run": run}).failure(t); code != "FORBIDDEN" || !strings.Contains(message, "lacks run:discard in space legacy") {
		t.Errorf("discard: %s %q", code, message)
	}
}

func TestA261A263A267AuditFlow(t *testing.T) {
	w := newWorld(t)
	stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true}))
	w.do("provider_contexts", "AddToStack", vars{"stack": stack, "config": vars{"id": "TOKEN", "type": "ENVIRONMENT_VARIABLE", "value": "hunter2", "writeOnly": true}})
	stranger := w.as(w.key("legacy", "SPACE_READ"))
	stranger.run("provider_stacks", "Delete", vars{"id": stack})

	var seen []string
	after := any(nil)
	for range 20 {
		out := w.do("spacectl_access", "Audit", vars{"input": vars{"first": 2, "after": after, "orderBy": vars{"field": "createdAt", "direction": "DESC"}}})
		for _, e := range out["edges"].([]any) {
			node := e.(vars)["node"].(vars)
			seen = append(seen, node["action"].(string))
			if body, _ := node["body"].(string); strings.Contains(body, "hunter2") {
				t.Errorf("a secret is in the trail: %s", body)
			}
		}
		info := out["pageInfo"].(vars)
		if info["hasNextPage"] != true {
			break
		}
		after = info["endCursor"]
	}
	want := []string{"stack.delete", "role_binding.create", "api_key.create", "role.create", "stack_config.add", "stack.create"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}

	a := w.query(`{searchAuditTrailEntries(input:{predicates:[{field:"outcome",constraint:{enumEquals:["DENIED"]}}]}){edges{cursor node{
		action eventType outcome reason permission mutation actor{username run{id}} actorRoles remoteIP requestId spaces relatedResource{resourceId resourceType} affectedResource{resourceId resourceType}}}}}`, nil)
	edges := a.Data["searchAuditTrailEntries"].(vars)["edges"].([]any)
	if len(edges) != 1 {
		t.Fatalf("got %s", a.raw)
	}
	node := edges[0].(vars)["node"].(vars)
	delete(node, "reason")
	if diff := cmp.Diff(vars{
		"action": "stack.delete", "eventType": "stack", "outcome": "DENIED", "permission": "stack:delete", "mutation": "stackDelete",
		"actor": vars{"username": stranger.caller.Name, "run": nil}, "actorRoles": []any{"role"}, "remoteIP": "192.0.2.1", "requestId": "req-1",
		"spaces": []any{"legacy"}, "relatedResource": vars{"resourceId": "legacy", "resourceType": "space"},
		"affectedResource": vars{"resourceId": stack, "resourceType": "stack"},
	}, node); diff != "" {
		t.Error(diff)
	}
	if code, _ := stranger.run("spacectl_access", "Audit", vars{"input": vars{}}).failure(t); code != "FORBIDDEN" {
		t.Errorf("a stranger reads the trail: %s", code)
	}
	for _, wrong := range []vars{
		{"after": "x"}, {"first": 0}, {"orderBy": vars{"field": "createdAt", "direction": "ASC"}}, {"orderBy": vars{"field": "createdAt", "direction": "UP"}},
		{"predicates": []any{vars{"field": "nope", "constraint": vars{"enumEquals": []any{"x"}}}}},
	} {
		if code, _ := w.run("spacectl_access", "Audit", vars{"input": wrong}).failure(t); code != "INVALID" {
			t.Errorf("%v: %s", wrong, code)
		}
	}
}

func TestBackstageFlow(t *testing.T) {
	w := newWorld(t)
	stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true}))
	a := w.run("backstage", "GetStacks", nil)
	if list := a.Data["stacks"].([]any); a.Errors != nil || list[0].(vars)["labels"] == nil || list[0].(vars)["branch"] != "main" {
		t.Errorf("stacks: %s", a.raw)
	}
	if run := w.do("backstage", "TriggerRun", vars{"stackId": stack}); run["state"] != "READY" {
		t.Errorf("run: %v", run)
	}
}
