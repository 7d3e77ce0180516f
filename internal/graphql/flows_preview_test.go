package graphql

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	previewDocument = `query($i:PreviewAccessChangeInput!){previewAccessChange(input:$i){possible refusals{change code message field}
		gaining losing hiddenActors effects{edges{node{actor{kind id} sentence parts{gained lost spaces tops{spaceId below} target{kind targetId}}}} pageInfo{hasNextPage endCursor}}
		paths{goal{target{targetId} roleName} gainedCount gained{sentence from{id} hops{kind rule action planOnly evidence{bindingId spaceId} to{actor{kind id} object{targetId}}}}} hiddenPaths morePaths}}`
	pathsDocument = `query($i:EscalationPathsInput!){escalationPaths(input:$i){mode actors edges{cursor node{sentence escalates from{kind id}
		hops{kind rule action target{kind targetId} ways{rule action} evidence{bindingId roleSlug spaceId} refusedByEnforce guards}}} pageInfo{hasNextPage hasPreviousPage endCursor}}}`
)

// lent makes a stack in app that holds Space admin in safe, and a writer of app.
func lent(t *testing.T) (w *world, app, safe, writer string) {
	t.Helper()
	w = newWorld(t)
	space := func(name string) string {
		return id(w.one(`mutation($i:SpaceInput!){spaceCreate(input:$i){id}}`,
			vars{"i": vars{"name": name, "description": "", "labels": []string{}, "parentSpace": "root", "inheritEntities": false}}))
	}
	app, safe = space("app"), space("safe")
	w.do("provider_stacks", "Create", vars{"input": stackInput("deploy", app), "manageState": true})
	bind := `mutation($i:CreateRoleBindingInput!){createRoleBinding(input:$i){id}}`
	w.one(bind, vars{"i": vars{"actor": vars{"kind": "STACK", "id": "deploy"}, "role": "space-admin", "spaceId": safe}})
	writer = w.newKey("writer")
	return w, app, safe, writer
}

// TestPreviewFlow: a grant is tried out, refused where it could not be made,
// and leaves nothing.
func TestPreviewFlow(t *testing.T) {
	w, app, safe, writer := lent(t)
	grant := vars{"createRoleBinding": vars{"actor": vars{"kind": "API_KEY", "id": writer}, "role": "space-writer", "spaceId": app}}
	in := func(changes ...any) vars { return vars{"i": vars{"changes": changes, "paths": true}} }
	got := w.one(previewDocument, in(grant))
	if got["possible"] != true || got["gaining"] != 1.0 || got["losing"] != 0.0 || got["hiddenActors"] != 0.0 || len(got["refusals"].([]any)) != 0 {
		t.Errorf("previewed %v", got)
	}
	effect := nodes(got["effects"].(vars))[0]
	part := effect["parts"].([]any)[0].(vars)
	if effect["sentence"] != "writer gains everything of reader and writer in app" || len(part["gained"].([]any)) < 30 || len(part["lost"].([]any)) != 0 || part["spaces"] != 1.0 {
		t.Errorf("effect %v", effect)
	}
	path := got["paths"].([]any)[0].(vars)
	want := "writer, by E1 task:create acts through stack deploy, which holds it in safe"
	if path["goal"].(vars)["roleName"] != "Space admin" || path["gained"].([]any)[0].(vars)["sentence"] != want {
		t.Errorf("path %v", path)
	}
	if hop := path["gained"].([]any)[0].(vars)["hops"].([]any)[0].(vars); hop["evidence"].([]any)[0].(vars)["bindingId"] != nil {
		t.Errorf("a binding that is only tried out has an id: %v", hop)
	}

	for name, tc := range map[string]struct {
		changes       []any
		code, message string
	}{
		"none":      {[]any{vars{}}, "INVALID", "must have exactly one field, not 0"},
		"two":       {[]any{vars{"deleteSpace": app, "deleteStack": "deploy"}}, "INVALID", "must have exactly one field, not 2"},
		"full":      {[]any{vars{"deleteSpace": app}}, "CONFLICT", "is not empty"},
		"not there": {[]any{vars{"moveStack": vars{"id": "nope", "spaceId": app}}}, "NOT_FOUND", "stack not found"},
		"after":     {[]any{vars{"deleteStack": "deploy"}, vars{"deleteStack": "deploy"}}, "NOT_FOUND", "stack not found"},
	} {
		p := w.one(previewDocument, in(tc.changes...))
		refusals := p["refusals"].([]any)
		if p["possible"] != false || len(refusals) != 1 || refusals[0].(vars)["code"] != tc.code || !strings.Contains(refusals[0].(vars)["message"].(string), tc.message) ||
			refusals[0].(vars)["change"] != float64(len(tc.changes)-1) || len(nodes(p["effects"].(vars))) != 0 {
			t.Errorf("%s: %v", name, p)
		}
	}
	// All kinds of changes, one after the other, in one world.
	other := w.newKey("other")
	all := w.one(previewDocument, in(
		vars{"createSpace": vars{"name": "qa", "parentSpaceId": app, "inherits": true}},
		vars{"setSpaceInherits": vars{"spaceId": safe, "inherits": true}},
		vars{"moveSpace": vars{"spaceId": safe, "parentSpaceId": app}},
		vars{"moveStack": vars{"id": "deploy", "spaceId": safe}},
		vars{"setStackAdministrative": vars{"stackId": "deploy", "administrative": true}},
		vars{"createUserGroup": "devops"},
		vars{"setApiKeyGroups": vars{"apiKeyId": other, "groups": []string{"devops"}}},
		vars{"deleteStack": "deploy"},
		vars{"deleteApiKey": other},
	))
	if all["possible"] != true {
		t.Errorf("all kinds: %v", all["refusals"])
	}
	if left := w.query(`{stacks{id} spaces{id parentSpace} roleBindings{edges{node{id}}}}`, nil).raw; strings.Contains(left, "qa") || !strings.Contains(left, "deploy") {
		t.Errorf("left %s", left)
	}
	// Whoever could not make it learns what he lacks.
	p := w.as(writer).one(previewDocument, in(grant))
	if p["possible"] != false || len(nodes(p["effects"].(vars))) != 0 || p["refusals"].([]any)[0].(vars)["code"] != "NOT_FOUND" {
		t.Errorf("the writer is told %v", p)
	}
}

// TestPathsFlow asks for escalation paths, page by page.
func TestPathsFlow(t *testing.T) {
	w, app, safe, writer := lent(t)
	bind := func(role, space string) {
		w.one(`mutation($i:CreateRoleBindingInput!){createRoleBinding(input:$i){id}}`, vars{"i": vars{"actor": vars{"kind": "API_KEY", "id": writer}, "role": role, "spaceId": space}})
	}
	ask := func(in vars) vars { return w.one(pathsDocument, vars{"i": in}) }
	toSafe := vars{"to": vars{"kind": "SPACE", "id": safe}, "role": "space-admin", "escalating": true}
	if got := ask(toSafe); got["actors"] != 0.0 {
		t.Errorf("nobody can, and yet %v", got)
	}
	bind("space-writer", app)
	got := nodes(ask(toSafe))
	if len(got) != 1 || got[0]["sentence"] != "writer, by E1 task:create acts through stack deploy, which holds it in safe" || got[0]["escalates"] != true {
		t.Fatalf("to safe: %v", got)
	}
	hops := got[0]["hops"].([]any)
	first := hops[0].(vars)
	if len(hops) != 2 || first["rule"] != "E1" || first["kind"] != "INFLUENCES" || len(first["ways"].([]any)) < 5 ||
		first["evidence"].([]any)[0].(vars)["roleSlug"] != "space-writer" || first["refusedByEnforce"] != true {
		t.Errorf("hops %v", hops)
	}
	// The same without narrowing it: the admin holds it himself.
	delete(toSafe, "escalating")
	toSafe["first"] = 1
	page := ask(toSafe)
	if page["actors"] != 2.0 || nodes(page)[0]["escalates"] != false || page["pageInfo"].(vars)["hasNextPage"] != true {
		t.Errorf("first page %v", page)
	}
	toSafe["after"] = page["pageInfo"].(vars)["endCursor"]
	page = ask(toSafe)
	if len(nodes(page)) != 1 || nodes(page)[0]["escalates"] != true || page["pageInfo"].(vars)["hasNextPage"] != false || page["pageInfo"].(vars)["hasPreviousPage"] != true {
		t.Errorf("second page %v", page)
	}
	become := w.one(`query($i:WhoCanBecomeInput!){whoCanBecome(input:$i){actors edges{node{from{id}}}}}`, vars{"i": vars{"spaceId": safe, "role": "space-admin"}})
	if diff := cmp.Diff(2.0, become["actors"]); diff != "" {
		t.Error(diff)
	}
	if got := ask(vars{}); got["actors"] != 1.0 || nodes(got)[0]["escalates"] != false { // the account: the first admin
		t.Errorf("the account: %v", got)
	}
	from := ask(vars{"to": vars{"kind": "SPACE", "id": safe}, "role": "space-reader", "from": vars{"kind": "API_KEY", "id": writer}, "mode": "ENFORCE"})
	if from["mode"] != "ENFORCE" || from["actors"] != 0.0 {
		t.Errorf("in mode ENFORCE: %v", from)
	}
	for name, tc := range map[string]struct {
		in   vars
		code string
	}{
		"no goal":    {vars{"to": vars{"kind": "SPACE", "id": safe}}, "INVALID"},
		"two goals":  {vars{"to": vars{"kind": "SPACE", "id": safe}, "role": "space-admin", "action": "RUN_TRIGGER"}, "INVALID"},
		"no place":   {vars{"role": "space-admin"}, "INVALID"},
		"no space":   {vars{"to": vars{"kind": "SPACE", "id": "nope"}, "role": "space-admin"}, "NOT_FOUND"},
		"no role":    {vars{"to": vars{"kind": "SPACE", "id": safe}, "role": "nope"}, "NOT_FOUND"},
		"no actor":   {vars{"from": vars{"kind": "API_KEY", "id": "nope"}}, "NOT_FOUND"},
		"many hops":  {vars{"maxHops": 33}, "INVALID"},
		"no hops":    {vars{"maxHops": 0}, "INVALID"},
		"bad cursor": {vars{"after": "x"}, "INVALID"},
	} {
		if code, _ := w.query(pathsDocument, vars{"i": tc.in}).failure(t); code != tc.code {
			t.Errorf("%s: %s", name, code)
		}
	}
}

// TestRepositoryPathsFlow: a stack gets a built-in repository as its source, in
// which somebody may commit who may do nothing else there: told beforehand, and
// then, with its name.
func TestRepositoryPathsFlow(t *testing.T) {
	w, app, safe, writer := lent(t)
	repo := id(w.one(`mutation($i:RepoCreateInput!){repoCreate(input:$i){id}}`, vars{"i": vars{"name": "Main code", "spaceID": app}}))
	role := id(w.one(`mutation($i:RoleInput!){roleCreate(input:$i){id}}`, vars{"i": vars{
		"name": "Committer", "description": "", "actions": []string{"SPACE_READ", "SPACELIFT_VCS_COMMIT_FILES"}}}))
	w.one(`mutation($i:CreateRoleBindingInput!){createRoleBinding(input:$i){id}}`, vars{"i": vars{
		"actor": vars{"kind": "API_KEY", "id": writer}, "role": role, "spaceId": app}})
	toSafe := vars{"i": vars{"to": vars{"kind": "SPACE", "id": safe}, "role": "space-admin", "escalating": true}}
	if got := w.one(pathsDocument, toSafe); got["actors"] != 0.0 {
		t.Errorf("nobody can, and yet %v", got)
	}
	const want = "writer, by E4 spacelift-vcs:commit-files acts through repository Main code of app, which stack deploy uses, which holds it in safe"
	change := vars{"setStackRepository": vars{"stackId": "deploy", "repoId": repo}}
	p := w.one(previewDocument, vars{"i": vars{"changes": []any{change}, "paths": true}})
	if len(p["paths"].([]any)) != 1 || p["paths"].([]any)[0].(vars)["gained"].([]any)[0].(vars)["sentence"] != want {
		t.Errorf("previewed %v", p)
	}
	if got := w.one(pathsDocument, toSafe); got["actors"] != 0.0 {
		t.Errorf("the preview has changed something: %v", got)
	}
	w.do("provider_stacks", "Update", vars{"id": "deploy", "input": with(with(stackInput("deploy", app), "provider", "SPACELIFT"), "repository", repo)})
	got := nodes(w.one(pathsDocument, toSafe))
	if len(got) != 1 || got[0]["sentence"] != want {
		t.Fatalf("paths %v", got)
	}
	hop := got[0]["hops"].([]any)[0].(vars)
	if hop["rule"] != "E4" || hop["action"] != "SPACELIFT_VCS_COMMIT_FILES" || hop["refusedByEnforce"] != true ||
		hop["target"].(vars)["kind"] != "REPO" || hop["target"].(vars)["targetId"] != repo || len(hop["ways"].([]any)) != 1 {
		t.Errorf("hop %v", hop)
	}
}
