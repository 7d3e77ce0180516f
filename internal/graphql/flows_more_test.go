package graphql

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryQueryAnswers runs every query of the client documents on a small
// account: each must be answered without an error.
func TestEveryQueryAnswers(t *testing.T) {
	w := newWorld(t)
	stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true}))
	config := vars{"id": "A", "type": "ENVIRONMENT_VARIABLE", "value": "x", "writeOnly": false}
	w.do("provider_contexts", "AddToStack", vars{"stack": stack, "config": config})
	shared := id(w.do("provider_contexts", "Create", vars{"input": vars{"name": "shared", "space": "legacy", "configAttachments": []any{config},
		"stackAttachments": []any{vars{"stack": stack, "priority": 0}}}}))
	run := w.trigger(stack)
	key := w.key("legacy", "SPACE_READ")
	role := w.role("space-admin")
	user := id(w.do("provider_people", "Invite", vars{"input": vars{"invitationEmail": "carol@example.com", "username": "carol", "accessRules": []any{}}}))
	group := id(w.do("provider_people", "CreateGroup", vars{"input": vars{"groupName": "DevOps", "description": "", "accessRules": []any{}}}))
	pool := id(w.do("provider_workers", "Create", poolInputOf(t, "build", "root")))
	search := vars{"first": 10}
	all := map[string][]struct {
		operation string
		variables vars
	}{
		"provider_session":  {{"Actions", vars{"includeDeprecated": true}}},
		"provider_spaces":   {{"Read", vars{"id": "root"}}, {"All", nil}},
		"provider_roles":    {{"Read", vars{"id": role}}, {"All", nil}},
		"provider_apikeys":  {{"Read", vars{"id": key}}},
		"provider_people":   {{"User", vars{"id": user}}, {"Users", nil}, {"Group", vars{"id": group}}, {"Groups", nil}},
		"provider_stacks":   {{"Read", vars{"id": stack}}, {"Search", vars{"input": search}}, {"Outputs", vars{"id": stack}}, {"Blocker", vars{"id": stack}}},
		"provider_contexts": {{"Read", vars{"id": shared}}, {"All", nil}, {"Attachment", vars{"context": shared, "project": stack}}, {"ReadOfContext", vars{"context": shared, "id": "A"}}, {"ReadOfStack", vars{"stack": stack, "id": "A"}}},
		"provider_runs":     {{"Wait", vars{"stack": stack, "id": run}}},
		"spacectl_session":  {{"Viewer", nil}, {"Version", nil}},
		"spacectl_stacks": {{"Search", vars{"input": search}}, {"Show", vars{"stackId": stack}}, {"ShowOlder", vars{"stackId": stack}}, {"Lookup", vars{"id": stack}},
			{"LookupByRun", vars{"runId": run}}, {"Outputs", vars{"stackId": stack}}, {"Dependencies", vars{"id": stack}}, {"Environment", vars{"stack": stack}}},
		"spacectl_runs": {{"Tracked", vars{"stackId": stack}}, {"Proposed", vars{"stackId": stack}}, {"Tasks", vars{"stackId": stack}}, {"One", vars{"stackId": stack, "runId": run}},
			{"History", vars{"stack": stack, "run": run}}, {"Logs", vars{"stack": stack, "run": run, "state": "QUEUED", "stateVersion": 1}}, {"Changes", vars{"stack": stack, "run": run}}},
		"spacectl_access":   {{"Keys", nil}, {"Key", vars{"id": key}}, {"Spaces", nil}, {"Space", vars{"spaceId": "legacy"}}, {"Audit", vars{"input": search}}},
		"spacectl_contexts": {{"Search", vars{"input": search}}, {"One", vars{"contextId": shared}}},
		"backstage":         {{"GetStacks", nil}},
		"provider_workers":  {{"Read", vars{"id": pool}}, {"All", nil}},
		"spacectl_workers":  {{"List", nil}, {"Search", vars{"input": search}}, {"One", vars{"workerPoolId": pool}}},
	}
	for file, operations := range all {
		for _, o := range operations {
			a := w.run(file, o.operation, o.variables)
			if a.Errors != nil || a.Data == nil {
				t.Errorf("%s %s: %s", file, o.operation, a.raw)
			}
			for field, v := range a.Data {
				if v == nil {
					t.Errorf("%s %s: %s is null", file, o.operation, field)
				}
			}
		}
	}
	a := w.query(`query($s:ID!){name tier logout:viewer{id} stack(id:$s){blocked attachedAwsIntegrations{id} integrations{awsV2{id} slack{activated}} stateIsTerminal stateSetBy}}`, vars{"s": stack})
	if a.Errors != nil || a.Data["name"] != "acme" || a.Data["stack"].(vars)["blocked"] != true {
		t.Errorf("got %s", a.raw)
	}
	if a := w.query(`mutation{logout{id}}`, nil); a.Errors != nil || a.Data["logout"] == nil {
		t.Errorf("logout: %s", a.raw)
	}
}

func TestToolsThatRunRoundTrip(t *testing.T) {
	w := newWorld(t)
	for name, tc := range map[string]struct{ in, want vars }{
		"opentofu": {vars{"concise": true, "workflowTool": "OPENTOFU", "workspace": "w", "version": "~> 1.9"}, vars{"__typename": "StackConfigVendorOpenTofu", "concise": true,
			"openTofuWorkflowTool": "OPENTOFU", "workspace": "w", "externalStateAccessEnabled": false, "useSmartSanitization": false, "version": "~> 1.9"}},
		"terraform": {vars{"workflowTool": "TERRAFORM_FOSS", "useSmartSanitization": true}, vars{"__typename": "StackConfigVendorTerraform", "externalStateAccessEnabled": false,
			"useSmartSanitization": true, "version": nil, "workflowTool": "TERRAFORM_FOSS", "workspace": nil}},
		"own opentofu": {vars{"workflowTool": "CUSTOM"}, vars{"__typename": "StackConfigVendorOpenTofu", "concise": false,
			"openTofuWorkflowTool": "CUSTOM", "workspace": nil, "externalStateAccessEnabled": false, "useSmartSanitization": false, "version": nil}},
		"own terraform": {vars{"workflowTool": "CUSTOM", "useSmartSanitization": false}, vars{"__typename": "StackConfigVendorTerraform", "externalStateAccessEnabled": false,
			"useSmartSanitization": false, "version": nil, "workflowTool": "CUSTOM", "workspace": nil}},
	} {
		made := w.do("provider_stacks", "Create", vars{"input": with(stackInput(name, "legacy"), "vendorConfig", vars{name[strings.LastIndex(name, " ")+1:]: tc.in}), "manageState": false})
		if diff := cmp.Diff(tc.want, made["vendorConfig"]); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	plain := w.do("provider_stacks", "Create", vars{"input": with(stackInput("plain", "legacy"), "vendorConfig", nil), "manageState": true})
	if vendor := plain["vendorConfig"].(vars); vendor["__typename"] != "StackConfigVendorOpenTofu" {
		t.Errorf("no tool: %v", vendor)
	}
}

// TestToolsThatDoNotRun: each is refused at the door, and the error names it.
func TestToolsThatDoNotRun(t *testing.T) {
	w := newWorld(t)
	made := w.do("provider_stacks", "Create", vars{"input": stackInput("made", "legacy"), "manageState": true})
	for field, in := range map[string]vars{
		"ansible":                {"ansible": vars{"playbook": "p.yml"}},
		"cloudFormation":         {"cloudFormation": vars{"entryTemplateFile": "e", "region": "r", "stackName": "s", "templateBucket": "b"}},
		"kubernetes":             {"kubernetes": vars{"namespace": "n"}},
		"pulumi":                 {"pulumi": vars{"loginURL": "s3://x", "stackName": "s"}},
		"terragrunt":             {"terragrunt": vars{"useRunAll": true, "useSmartSanitization": true}},
		"opentofu.workflowTool":  {"opentofu": vars{"workflowTool": "TERRAFORM_FOSS"}},
		"opentofu.version":       {"opentofu": vars{"version": "newest"}},
		"terraform.version":      {"terraform": vars{"version": "1.x.y", "useSmartSanitization": false}},
		"terraform.workspace":    {"terraform": vars{"workspace": "staging", "useSmartSanitization": false}},
		"opentofu.workspace":     {"opentofu": vars{"workspace": "-from-module=x"}},
		"terraform.workflowTool": {"terraform": vars{"workflowTool": "MAKE", "useSmartSanitization": false}},
	} {
		settings := with(stackInput("never", "legacy"), "vendorConfig", in)
		for how, a := range map[string]answer{
			"create": w.run("provider_stacks", "Create", vars{"input": settings, "manageState": true}),
			"update": w.run("provider_stacks", "Update", vars{"id": id(made), "input": settings}),
		} {
			code, _ := a.failure(t)
			if got := a.Errors[0].Extensions["field"]; code != "INVALID" || got != "vendorConfig."+field {
				t.Errorf("%s %s: %s", how, field, a.raw)
			}
		}
	}
	// Clients look for these words.
	a := w.run("provider_stacks", "Create", vars{"manageState": true, "input": with(stackInput("never", "legacy"), "vendorConfig",
		vars{"terraform": vars{"version": "1.x.y", "useSmartSanitization": false}})})
	if want := "stack has 1 error: terraform: invalid Terraform version constraints: improper constraint: 1.x.y"; a.Errors[0].Message != want {
		t.Errorf("got %s", a.raw)
	}
	// A state that is kept elsewhere is nobody's to open (A126).
	for _, managed := range []bool{true, false} {
		a := w.run("provider_stacks", "Create", vars{"manageState": managed, "input": with(stackInput("open", "legacy"), "vendorConfig",
			vars{"opentofu": vars{"externalStateAccessEnabled": true}})})
		if refused := len(a.Errors) > 0 && a.Errors[0].Extensions["field"] == "vendorConfig.opentofu.externalStateAccessEnabled"; refused == managed {
			t.Errorf("state kept here %v: %s", managed, a.raw)
		}
	}
}

func TestMigrateVendor(t *testing.T) {
	w := newWorld(t)
	tofu := vars{"opentofu": vars{"version": "~> 1.9", "concise": true, "useSmartSanitization": true}}
	in := with(with(stackInput("app", "legacy"), "vendorConfig", tofu), "labels", []any{"old"})
	made := id(w.do("provider_stacks", "Create", vars{"input": in, "manageState": true}))
	migrate := func(to string) answer {
		return w.query(`mutation($id:ID!$to:StackVendor!$c:StackVendorMigrationInput){stackMigrateVendor(id:$id,targetVendor:$to,config:$c){labels vendorConfig{
			__typename ... on StackConfigVendorTerraform{version workflowTool useSmartSanitization}}}}`, vars{"id": made, "to": to, "c": vars{"labels": []any{"old", "terragrunt"}}})
	}
	if a := migrate("Terragrunt"); a.Errors == nil || a.Errors[0].Extensions["field"] != "targetVendor" {
		t.Errorf("to Terragrunt: %s", a.raw)
	}
	want := vars{"stackMigrateVendor": vars{"labels": []any{"old", "terragrunt"}, "vendorConfig": vars{
		"__typename": "StackConfigVendorTerraform", "version": "~> 1.9", "workflowTool": "OPEN_TOFU", "useSmartSanitization": true,
	}}}
	a := migrate("Terraform")
	if diff := cmp.Diff(want, a.Data); diff != "" {
		t.Errorf("to Terraform: %s %s", diff, a.raw)
	}
	if a := migrate("Terraform"); a.Errors == nil || a.Errors[0].Extensions["code"] != "CONFLICT" {
		t.Errorf("again: %s", a.raw)
	}
}

func TestBindingBatchesAndUpdates(t *testing.T) {
	w := newWorld(t)
	key := id(w.do("provider_apikeys", "Create", vars{"input": vars{"admin": false, "name": "k", "teams": []any{}}}))
	stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true}))
	reader, writer := w.role("space-reader"), w.role("space-writer")

	const keys = `mutation($b:[ApiKeyRoleBindingInput!]){apiKeyRoleBindingBatchCreate(input:{bindings:$b}){id spaceID}}`
	bind := func(key, role, space string) vars { return vars{"apiKeyID": key, "roleID": role, "spaceID": space} }
	a := w.query(keys, vars{"b": []any{bind(key, reader, "legacy"), bind(key, writer, "root")}})
	list, _ := a.Data["apiKeyRoleBindingBatchCreate"].([]any)
	if len(list) != 2 {
		t.Fatalf("got %s", a.raw)
	}
	other := id(w.do("provider_apikeys", "Create", vars{"input": vars{"admin": false, "name": "other", "teams": []any{}}}))
	if a := w.query(keys, vars{"b": []any{bind(key, reader, "root"), bind(other, reader, "root")}}); a.Errors != nil {
		t.Errorf("several keys in one batch: %s", a.raw)
	}
	for _, wrong := range [][]any{{}, {bind(key, writer, "legacy"), bind("missing", reader, "legacy")}, {bind(key, writer, "legacy"), bind(key, reader, "nope")},
		{bind(key, writer, "legacy"), bind(key, writer, "legacy")}} {
		if a := w.query(keys, vars{"b": wrong}); len(a.Errors) != 1 {
			t.Errorf("%v: %s", wrong, a.raw)
		}
	}
	if got := w.do("provider_apikeys", "Read", vars{"id": key}); len(got["apiKeyRoleBindings"].([]any)) != 3 {
		t.Errorf("a failed batch left something: %v", got)
	}
	const update = `mutation($i:ID!,$b:ApiKeyRoleBindingInput!){apiKeyRoleBindingUpdate(id:$i,input:$b){id spaceID role{slug}}}`
	first := id(list[0].(vars))
	a = w.query(update, vars{"i": first, "b": bind(key, writer, "legacy")})
	if diff := cmp.Diff(vars{"id": first, "spaceID": "legacy", "role": vars{"slug": "space-writer"}}, a.Data["apiKeyRoleBindingUpdate"]); diff != "" {
		t.Errorf("%s %s", diff, a.raw)
	}
	if code, _ := w.query(update, vars{"i": first, "b": bind("other", writer, "legacy")}).failure(t); code != "INVALID" {
		t.Errorf("a binding passed to another key: %s", code)
	}

	a = w.query(`mutation($b:[StackRoleBindingInput!]){stackRoleBindingBatchCreate(input:{bindings:$b}){id stackName}}`,
		vars{"b": []any{vars{"stackID": stack, "roleID": reader, "spaceID": "legacy"}}})
	list, _ = a.Data["stackRoleBindingBatchCreate"].([]any)
	if len(list) != 1 || list[0].(vars)["stackName"] != "app" {
		t.Fatalf("got %s", a.raw)
	}
	a = w.query(`mutation($i:ID!,$r:ID){stackRoleBindingUpdate(id:$i,input:{roleID:$r}){role{slug} space{id}}}`, vars{"i": id(list[0].(vars)), "r": writer})
	if diff := cmp.Diff(vars{"role": vars{"slug": "space-writer"}, "space": vars{"id": "legacy"}}, a.Data["stackRoleBindingUpdate"]); diff != "" {
		t.Errorf("%s %s", diff, a.raw)
	}
	if code, _ := w.query(`mutation{stackRoleBindingUpdate(id:"nope",input:{}){id}}`, nil).failure(t); code != "NOT_FOUND" {
		t.Errorf("code %s", code)
	}
}

func TestOlderFormsOfContextCalls(t *testing.T) {
	w := newWorld(t)
	a := w.query(`mutation{contextCreate(name:"old",description:"d",labels:["l"]){id space}}`, nil)
	if diff := cmp.Diff(vars{"id": "old", "space": "root"}, a.Data["contextCreate"]); diff != "" {
		t.Fatalf("%s %s", diff, a.raw)
	}
	a = w.query(`mutation{contextUpdate(id:"old",name:"older"){name description labels}}`, nil)
	if diff := cmp.Diff(vars{"name": "older", "description": "d", "labels": []any{"l"}}, a.Data["contextUpdate"]); diff != "" {
		t.Errorf("%s %s", diff, a.raw)
	}
	a = w.query(`mutation{contextUpdateV2(id:"old",replaceConfigElements:true,input:{name:"v2",configAttachments:[{id:"B",type:ENVIRONMENT_VARIABLE,value:"b",writeOnly:false}]}){name description labels config{id value}}}`, nil)
	if diff := cmp.Diff(vars{"name": "v2", "description": nil, "labels": []any{}, "config": []any{vars{"id": "B", "value": "b"}}}, a.Data["contextUpdateV2"]); diff != "" {
		t.Errorf("%s %s", diff, a.raw)
	}
	if code, _ := w.query(`mutation{contextUpdate(id:"nope",name:"x"){id}}`, nil).failure(t); code != "NOT_FOUND" {
		t.Errorf("code %s", code)
	}
	if code, _ := w.query(`mutation{contextCreateV2(input:{name:"x",configAttachments:[{id:"f",type:FILE_MOUNT,value:"%",writeOnly:false}]}){id}}`, nil).failure(t); code != "INVALID" {
		t.Errorf("code %s", code)
	}
	w.query(`mutation{contextConfigDelete(context:"old",id:"B"){id}}`, nil)
	if a := w.query(`{context(id:"old"){config{id}}}`, nil); strings.Contains(a.raw, `"B"`) {
		t.Errorf("still there: %s", a.raw)
	}
}

func TestKeysOfIdentityProviders(t *testing.T) {
	w := newWorld(t)
	made := w.do("provider_apikeys", "Create", vars{"input": vars{"admin": true, "name": "k", "teams": []any{}, "expiresAt": "4102444800",
		"oidc": vars{"issuer": "https://i", "clientId": "c", "subjectExpression": "^s$", "claimMappings": vars{"entries": []any{vars{"name": "b", "value": "2"}, vars{"name": "a", "value": "1"}}}}}})
	want := vars{"issuer": "https://i", "clientId": "c", "subjectExpression": "^s$", "claimMapping": vars{"entries": []any{vars{"name": "a", "value": "1"}, vars{"name": "b", "value": "2"}}}}
	if diff := cmp.Diff(want, made["oidcSettings"]); diff != "" || made["admin"] != true || made["secret"] != "" || made["type"] != "OIDC" {
		t.Errorf("%v %s", made, diff)
	}
	if diff := cmp.Diff([]any{vars{"space": "root", "spaceAccessLevel": "ADMIN"}}, made["accessRules"]); diff != "" {
		t.Error(diff)
	}
	if got := w.do("spacectl_access", "Key", vars{"id": id(made)}); got["expiresAt"] != 4102444800.0 {
		t.Errorf("key %v", got)
	}
	changed := w.do("provider_apikeys", "Update", vars{"id": id(made), "input": vars{"teams": []any{"g"}, "oidcClaimMappings": vars{"entries": []any{}}}})
	if len(changed["oidcSettings"].(vars)["claimMapping"].(vars)["entries"].([]any)) != 0 || len(changed["teams"].([]any)) != 1 {
		t.Errorf("changed %v", changed)
	}
	for _, at := range []string{"soon", "2001-01-01T00:00:00Z"} {
		if code, _ := w.run("provider_apikeys", "Create", vars{"input": vars{"admin": false, "name": "k", "teams": []any{}, "expiresAt": at}}).failure(t); code != "INVALID" {
			t.Errorf("%s: %s", at, code)
		}
	}
}
