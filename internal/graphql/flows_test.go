package graphql

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type vars = map[string]any

// stackInput is what the provider sends for a plain stack.
func stackInput(name, space string) vars {
	return vars{
		"name": name, "administrative": false, "branch": "main", "repository": "demo", "autodeploy": false, "autoretry": false,
		"provider": "GIT", "repositoryURL": "https://git.example.com/demo.git", "namespace": "", "space": space,
		"afterApply": []any{}, "beforeInit": []any{"echo hello"}, "labels": nil, "additionalProjectGlobs": nil, "gitSparseCheckoutPaths": nil,
		"githubActionDeploy": true, "localPreviewEnabled": false, "enableWellKnownSecretMasking": false,
		"enableSensitiveOutputUpload": false, "protectFromDeletion": false, "description": nil, "projectRoot": nil,
		"runnerImage": nil, "vcsIntegrationId": nil, "workerPool": nil,
		"vendorConfig": vars{
			"ansible": nil, "cloudFormation": nil, "kubernetes": nil, "opentofu": nil, "pulumi": nil, "terragrunt": nil,
			"terraform": vars{"useSmartSanitization": false, "version": nil, "workflowTool": nil, "workspace": nil, "externalStateAccessEnabled": nil},
		},
	}
}

func TestSpaceFlow(t *testing.T) {
	w := newWorld(t)
	input := vars{"name": "Dev", "description": "for trying", "inheritEntities": true, "parentSpace": "root", "labels": []any{"a", "b"}}
	made := w.do("provider_spaces", "Create", vars{"input": input})
	if !strings.HasPrefix(id(made), "dev-") {
		t.Errorf("id %q", id(made))
	}
	if diff := cmp.Diff(made, w.do("provider_spaces", "Read", vars{"id": id(made)})); diff != "" {
		t.Error(diff)
	}
	if got := w.do("spacectl_access", "Space", vars{"spaceId": id(made)}); got["accessLevel"] != "ADMIN" {
		t.Errorf("level %v", got["accessLevel"])
	}
	input["name"] = "Trying"
	changed := w.do("provider_spaces", "Update", vars{"space": id(made), "input": input})
	if changed["name"] != "Trying" || changed["id"] != made["id"] {
		t.Errorf("update: %v", changed)
	}
	w.do("provider_spaces", "Delete", vars{"id": id(made)})
	if got := w.do("provider_spaces", "Read", vars{"id": id(made)}); got != nil {
		t.Errorf("still there: %v", got)
	}
	root := w.do("provider_spaces", "Read", vars{"id": "root"})
	if root["parentSpace"] != nil {
		t.Errorf("root has a parent: %v", root)
	}
	if a := w.run("provider_spaces", "All", nil); !strings.Contains(a.raw, `"id":"legacy"`) {
		t.Errorf("list: %s", a.raw)
	}
}

func TestRoleAndKeyFlow(t *testing.T) {
	w := newWorld(t)
	role := w.do("provider_roles", "Create", vars{"input": vars{"name": "Deployer", "description": nil, "actions": []any{"SPACE_READ", "RUN_TRIGGER"}}})
	if diff := cmp.Diff([]any{"SPACE_READ", "RUN_TRIGGER"}, role["actions"]); diff != "" || role["slug"] != "deployer" {
		t.Errorf("%v %s", role, diff)
	}
	w.do("provider_roles", "Update", vars{"id": id(role), "input": vars{"name": nil, "description": "deploys", "Actions": []any{"RUN_TRIGGER", "SPACE_READ", "RUN_CONFIRM"}}})
	if got := w.do("provider_roles", "Read", vars{"id": id(role)}); len(got["actions"].([]any)) != 3 || got["description"] != "deploys" || got["name"] != "Deployer" {
		t.Errorf("update: %v", got)
	}
	if code, message := w.run("provider_roles", "Create", vars{"input": vars{"name": "x", "actions": []any{"NOPE"}}}).failure(t); code != "INVALID" || !strings.Contains(message, "NOPE") {
		t.Errorf("%s %q", code, message)
	}

	key := w.do("provider_apikeys", "Create", vars{"input": vars{"admin": false, "name": "ci", "teams": []any{"team-a"}}})
	secret, _ := key["secret"].(string)
	if secret == "" || key["type"] != "SECRET" {
		t.Fatalf("key: %v", key)
	}
	binding := w.do("provider_bindings", "CreateOfKey", vars{"input": vars{"apiKeyID": id(key), "roleID": id(role), "spaceID": "legacy"}})
	if got := w.do("provider_bindings", "ReadOfKey", vars{"id": id(binding)}); got["spaceID"] != "legacy" || got["role"].(vars)["roleBindingsCount"] != 1.0 {
		t.Errorf("binding: %v", got)
	}
	read := w.do("provider_apikeys", "Read", vars{"id": id(key)})
	if read["secret"] != "" || len(read["apiKeyRoleBindings"].([]any)) != 1 {
		t.Errorf("key: %v", read)
	}
	if diff := cmp.Diff([]any{vars{"space": "legacy", "spaceAccessLevel": "READ"}}, read["accessRules"]); diff != "" {
		t.Error(diff)
	}

	session := w.do("spacectl_session", "Exchange", vars{"id": id(key), "secret": secret})
	if session["jwt"] == "" || session["validUntil"].(float64) < 1e9 {
		t.Errorf("session: %v", session)
	}
	for _, wrong := range []vars{{"id": id(key), "secret": "no"}, {"id": "01NOPE", "secret": secret}} {
		if a := w.run("spacectl_session", "Exchange", wrong); a.Errors != nil || a.Data["apiKeyUser"] != nil {
			t.Errorf("a wrong secret is answered with %s", a.raw)
		}
	}
	if _, message := w.run("provider_apikeys", "Read", vars{"id": "01NOPE"}).failure(t); message != "could not find api key" {
		t.Errorf("message %q", message)
	}
	w.do("provider_bindings", "DeleteOfKey", vars{"id": id(binding)})
	if got := w.do("provider_bindings", "ReadOfKey", vars{"id": id(binding)}); got != nil {
		t.Errorf("binding is still there: %v", got)
	}
	if _, message := w.run("provider_bindings", "DeleteOfKey", vars{"id": id(binding)}).failure(t); !strings.Contains(message, "not found") {
		t.Errorf("message %q", message)
	}
	w.do("provider_apikeys", "Update", vars{"id": id(key), "input": vars{"name": "cd"}})
	if gone := w.do("provider_apikeys", "Delete", vars{"id": id(key)}); gone["name"] != "cd" {
		t.Errorf("deleted %v", gone)
	}
}

func TestStackFlow(t *testing.T) {
	w := newWorld(t)
	made := w.do("provider_stacks", "Create", vars{"input": stackInput("Stack X number 1", "legacy"), "manageState": true, "slug": nil, "stackObjectID": nil})
	if id(made) != "stack-x-number-1" {
		t.Errorf("id %q", id(made))
	}
	read := w.do("provider_stacks", "Read", vars{"id": id(made)})
	if diff := cmp.Diff(made, read); diff != "" {
		t.Error(diff)
	}
	if vendor := read["vendorConfig"].(vars); vendor["__typename"] != "StackConfigVendorTerraform" || vendor["workflowTool"] != "OPEN_TOFU" {
		t.Errorf("vendor %v", vendor)
	}
	if read["githubActionDeploy"] != true || read["managesStateFile"] != true || read["spaceDetails"].(vars)["id"] != "legacy" {
		t.Errorf("read %v", read)
	}
	shown := w.do("spacectl_stacks", "Show", vars{"stackId": id(made)})
	if shown["canWrite"] != true || shown["state"] != "NONE" || shown["blocker"] != nil {
		t.Errorf("shown %v", shown)
	}
	input := stackInput("Renamed", "legacy")
	input["vendorConfig"] = vars{"opentofu": vars{"version": "1.12.6", "workflowTool": nil}}
	changed := w.do("provider_stacks", "Update", vars{"id": id(made), "input": input})
	if vendor := changed["vendorConfig"].(vars); vendor["__typename"] != "StackConfigVendorOpenTofu" || vendor["openTofuWorkflowTool"] != "OPENTOFU" || vendor["version"] != "1.12.6" {
		t.Errorf("vendor %v", vendor)
	}
	if changed["id"] != made["id"] || changed["name"] != "Renamed" {
		t.Errorf("changed %v", changed)
	}

	binding := w.do("provider_bindings", "CreateOfStack", vars{"input": vars{"stackID": id(made), "roleID": w.role("space-reader"), "spaceID": "legacy"}})
	if got := w.do("provider_bindings", "ReadOfStack", vars{"id": id(binding)}); got["stackID"] != id(made) || got["space"].(vars)["name"] == "" {
		t.Errorf("binding %v", got)
	}
	w.do("provider_bindings", "DeleteOfStack", vars{"id": id(binding)})

	for name, tc := range map[string]struct {
		variables vars
		field     string
	}{
		"import":    {vars{"input": stackInput("b", "legacy"), "manageState": true, "stackObjectID": "x"}, "stackObjectID"},
		"two tools": {vars{"input": with(stackInput("b", "legacy"), "vendorConfig", vars{"opentofu": vars{}, "ansible": vars{"playbook": "p"}}), "manageState": true}, "vendorConfig"},
		"odd tool":  {vars{"input": with(stackInput("b", "legacy"), "vendorConfig", vars{"opentofu": vars{"workflowTool": "MAKE"}}), "manageState": true}, "vendorConfig.opentofu.workflowTool"},
	} {
		a := w.run("provider_stacks", "Create", tc.variables)
		if code, _ := a.failure(t); code != "INVALID" || a.Errors[0].Extensions["field"] != tc.field {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
	w.do("spacectl_stacks", "Delete", vars{"id": id(made), "destroyResources": false})
	if got := w.do("provider_stacks", "Read", vars{"id": id(made)}); got != nil {
		t.Errorf("still there: %v", got)
	}
}

func with(object vars, key string, value any) vars {
	object[key] = value
	return object
}

// role finds a role's id by its slug.
func (w *world) role(slug string) string {
	w.t.Helper()
	a := w.run("provider_roles", "All", nil)
	for _, r := range a.Data["roles"].([]any) {
		if r.(vars)["slug"] == slug {
			return id(r.(vars))
		}
	}
	w.t.Fatalf("no role %s", slug)
	return ""
}

func TestContextFlow(t *testing.T) {
	w := newWorld(t)
	stack := w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true})
	made := w.do("provider_contexts", "Create", vars{"input": vars{
		"name": "Shared", "description": nil, "labels": nil, "space": "legacy",
		"hooks": vars{"beforePlan": []any{"make"}, "afterPlan": nil, "afterApply": nil, "afterDestroy": nil, "afterInit": nil, "afterPerform": nil,
			"afterRun": nil, "beforeApply": nil, "beforeDestroy": nil, "beforeInit": nil, "beforePerform": nil},
	}})
	if id(made) != "shared" || made["description"] != nil {
		t.Errorf("made %v", made)
	}
	if diff := cmp.Diff(made, w.do("provider_contexts", "Read", vars{"id": id(made)})); diff != "" {
		t.Error(diff)
	}

	const checksum = "4d5d01ea427b10dd483e8fce5b5149fb5a9814e9ee614176b756ca4a65c8f154" // "is tasty"
	element := w.do("provider_contexts", "AddToContext", vars{"context": id(made), "config": vars{
		"id": "BACON", "type": "ENVIRONMENT_VARIABLE", "value": "is tasty", "writeOnly": true, "description": nil,
	}})
	if element["checksum"] != checksum || element["value"] != nil {
		t.Errorf("element %v", element)
	}
	got := w.do("provider_contexts", "ReadOfContext", vars{"context": id(made), "id": "BACON"})
	if diff := cmp.Diff(element, got["configElement"]); diff != "" {
		t.Error(diff)
	}
	file := w.do("provider_contexts", "AddToStack", vars{"stack": id(stack), "config": vars{
		"id": "a/b.txt", "type": "FILE_MOUNT", "value": "aGVsbG8=", "writeOnly": false, "description": "greets",
	}})
	if file["value"] != "aGVsbG8=" || file["checksum"] != "333d6b3a3c1f5db6c9bdda5939b136986d170f4649172a68368d54ecb44c2ff2" {
		t.Errorf("file %v", file)
	}
	a := w.run("provider_contexts", "AddToStack", vars{"stack": id(stack), "config": vars{"id": "x", "type": "FILE_MOUNT", "value": "%", "writeOnly": false}})
	if code, _ := a.failure(t); code != "INVALID" {
		t.Errorf("not base64: %s", a.raw)
	}

	attached := w.do("provider_contexts", "Attach", vars{"id": id(made), "stack": id(stack), "priority": 3})
	if got := w.do("provider_contexts", "Attachment", vars{"context": id(made), "project": id(stack)}); got["attachedStack"].(vars)["id"] != id(attached) {
		t.Errorf("attachment %v", got)
	}
	env := w.do("spacectl_stacks", "Environment", vars{"stack": id(stack)})
	if list := env["runtimeConfig"].([]any); len(list) != 2 || list[1].(vars)["context"].(vars)["contextName"] != "Shared" || list[0].(vars)["context"] != nil {
		t.Errorf("environment %v", list)
	}
	// The command line lists what labels attach by itself, and says of the rest that somebody attached it.
	w.query(`mutation{contextCreateV2(input:{name:"By label",space:"root",labels:["autoattach:*"],
		configAttachments:[{id:"EGG",type:ENVIRONMENT_VARIABLE,value:"boiled",writeOnly:false}]}){id}}`, nil)
	if list := w.do("spacectl_stacks", "Environment", vars{"stack": id(stack)})["runtimeConfig"].([]any); len(list) != 2 {
		t.Errorf("with one attached by its label: %v", list)
	}
	all := w.one(`query($id:ID!){stack(id:$id){runtimeConfig(autoattached:true){context{contextName isAutoattached} element{id}}}}`, vars{"id": id(stack)})["runtimeConfig"].([]any)
	if diff := cmp.Diff(vars{"context": vars{"contextName": "By label", "isAutoattached": true}, "element": vars{"id": "EGG"}}, all[len(all)-1]); diff != "" || len(all) != 3 {
		t.Errorf("%d elements, the last (-want +got):\n%s", len(all), diff)
	}
	one := w.do("spacectl_contexts", "One", vars{"contextId": id(made)})
	if one["hasAttachedStacks"] != true || one["attachedStacks"].([]any)[0].(vars)["stackName"] != "app" {
		t.Errorf("one %v", one)
	}
	w.do("provider_contexts", "Detach", vars{"id": id(attached)})
	if got := w.do("provider_contexts", "Attachment", vars{"context": id(made), "project": id(stack)}); got["attachedStack"] != nil {
		t.Errorf("still attached: %v", got)
	}
	w.do("provider_contexts", "DeleteOfStack", vars{"stack": id(stack), "id": "a/b.txt"})
	if got := w.do("provider_contexts", "DeleteOfStack", vars{"stack": id(stack), "id": "a/b.txt"}); got != nil {
		t.Errorf("deleted twice: %v", got)
	}
	if _, message := w.run("provider_contexts", "DeleteOfStack", vars{"stack": "nope", "id": "x"}).failure(t); message != "stack not found" {
		t.Errorf("message %q", message)
	}
	w.do("provider_contexts", "Delete", vars{"id": id(made)})
}
