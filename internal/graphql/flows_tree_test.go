package graphql

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// poolInputOf is what the provider sends for a worker pool.
func poolInputOf(t testing.TB, name, space string) vars {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	must(t, err)
	csr := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	return vars{"name": name, "csr": csr, "description": nil, "labels": nil, "space": space, "drift_detection_run_limit": -1}
}

func TestWorkerPoolFlow(t *testing.T) {
	w := newWorld(t)
	in := poolInputOf(t, "Build", "root")
	made := w.do("provider_workers", "Create", in)
	if made["config"] == "" || made["space"] != "root" || made["driftDetectionRunLimit"] != -1.0 || made["description"] != nil {
		t.Errorf("made %v", made)
	}
	if diff := cmp.Diff(made, w.do("provider_workers", "Read", vars{"id": id(made)})); diff != "" {
		t.Errorf("made and read differ:\n%s", diff)
	}
	space := id(w.do("provider_spaces", "Create", vars{"input": vars{"name": "infra", "description": "", "inheritEntities": true, "parentSpace": "root"}}))
	reader := w.as(w.key(space, "SPACE_READ"))
	if got := reader.do("provider_workers", "Read", vars{"id": id(made)}); got["config"] != "" || got["name"] != "Build" {
		t.Errorf("a reader sees %v", got)
	}

	in["id"], in["name"], in["description"], in["labels"] = id(made), "Build 2", "d", []any{"x"}
	changed := w.do("provider_workers", "Update", in)
	if changed["config"] != made["config"] || changed["description"] != "d" || changed["name"] != "Build 2" {
		t.Errorf("changed to %v", changed)
	}
	reset := w.do("provider_workers", "Reset", vars{"id": id(made), "csr": in["csr"]})
	if reset["config"] == made["config"] || reset["config"] == "" {
		t.Errorf("reset to %v", reset)
	}

	stack := id(w.do("provider_stacks", "Create", vars{"input": with(stackInput("app", space), "workerPool", id(made)), "manageState": true}))
	run := w.trigger(stack)
	listed := w.run("spacectl_workers", "List", nil)
	want := vars{"id": id(made), "name": "Build 2", "description": "d", "pendingRuns": 1.0, "busyWorkers": 0.0, "workers": []any{}}
	if diff := cmp.Diff([]any{want}, listed.Data["workerPools"]); diff != "" {
		t.Errorf("listed after run %s:\n%s", run, diff)
	}
	if found := w.run("spacectl_workers", "Search", vars{"input": vars{"first": 5, "predicates": []any{vars{"field": "space", "constraint": vars{"stringMatches": []any{"root"}}}}}}); !strings.Contains(found.raw, `"name":"Build 2"`) {
		t.Errorf("found %s", found.raw)
	}
	attachable := w.query(`query($s:ID!){attachableWorkerPoolsInSpace(id:$s){id} attachableContextsInSpace(id:$s){id} publicWorkerPool{busyWorkers parallelism pendingRuns}}`, vars{"s": space})
	if diff := cmp.Diff(vars{"attachableWorkerPoolsInSpace": []any{vars{"id": id(made)}}, "attachableContextsInSpace": []any{},
		"publicWorkerPool": vars{"busyWorkers": 0.0, "parallelism": 2.0, "pendingRuns": 0.0}}, attachable.Data); diff != "" {
		t.Errorf("attachable: %s\n%s", attachable.raw, diff)
	}

	for _, document := range []string{`{stacks{workerPool{id name}}}`, `query{stack(id:"` + stack + `"){workerPool{id name}}}`} {
		if a := reader.query(document, nil); !strings.Contains(a.raw, `"name":"Build 2"`) {
			t.Errorf("%s: %s", document, a.raw)
		}
	}
	a := w.run("provider_workers", "Delete", vars{"id": id(made)})
	if code, message := a.failure(t); code != "CONFLICT" || !strings.Contains(message, "stack app") || !strings.Contains(fmt.Sprint(a.Errors[0].Extensions["losses"]), id(made)) {
		t.Errorf("deleted under a stack: %s", a.raw)
	}
	w.do("provider_stacks", "Update", vars{"id": stack, "input": stackInput("app", space)})
	w.do("provider_workers", "Delete", vars{"id": id(made)})
	if got := w.do("provider_workers", "Read", vars{"id": id(made)}); got != nil {
		t.Errorf("still there: %v", got)
	}
}

// asStack is the world, asked by a stack that reads a space.
func (w *world) asStack(t *testing.T, stack, space string) *world {
	t.Helper()
	w.do("provider_bindings", "CreateOfStack", vars{"input": vars{"stackID": stack, "roleID": w.role("space-reader"), "spaceID": space}})
	other := w.as("")
	other.caller = &access.Caller{
		Name: domain.StackID(stack).AuditName(), Stack: domain.StackID(stack),
		Subject: authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorStack, ID: stack}},
	}
	return other
}

// TestHiddenPool: a stack shows no more than the id of a pool that its reader
// does not see.
func TestHiddenPool(t *testing.T) {
	w := newWorld(t)
	pool := id(w.do("provider_workers", "Create", poolInputOf(t, "Secret build", "root")))
	space := id(w.do("provider_spaces", "Create", vars{"input": vars{"name": "infra", "description": "", "inheritEntities": true, "parentSpace": "root"}}))
	stack := id(w.do("provider_stacks", "Create", vars{"input": with(stackInput("app", space), "workerPool", pool), "manageState": true}))
	factory := w.asStack(t, stack, space)
	for _, document := range []string{`{stacks{workerPool{id name config space}}}`, `query{stack(id:"` + stack + `"){workerPool{id name config space}}}`} {
		a := factory.query(document, nil) // nothing climbs for stacks (R14)
		if a.Errors != nil || strings.Contains(a.raw, "Secret build") || !strings.Contains(a.raw, `{"id":"`+pool+`","name":"`+pool+`","config":"","space":""}`) {
			t.Errorf("%s: %s", document, a.raw)
		}
	}
}

func TestAccountSettingsFlow(t *testing.T) {
	w := newWorld(t)
	const see = `{accountSettings{delegateSpaceManagement stackActAs}}`
	if a := w.query(see, nil); !strings.Contains(a.raw, `{"delegateSpaceManagement":false,"stackActAs":"WARN"}`) {
		t.Errorf("at first %s", a.raw)
	}
	a := w.query(`mutation{updateAccountSettings(input:{delegateSpaceManagement:true,stackActAs:ENFORCE}){delegateSpaceManagement stackActAs}}`, nil)
	if !strings.Contains(a.raw, `{"delegateSpaceManagement":true,"stackActAs":"ENFORCE"}`) {
		t.Errorf("changed to %s", a.raw)
	}
	if a := w.query(`mutation{updateAccountSettings(input:{stackActAs:NEVER}){stackActAs}}`, nil); len(a.Errors) != 1 {
		t.Errorf("an unknown mode: %s", a.raw)
	}
	reader := w.as(w.key("legacy", "SPACE_READ"))
	if code, _ := reader.query(see, nil).failure(t); code != "FORBIDDEN" {
		t.Errorf("a reader sees them: %s", code)
	}
}

// TestA144Warnings: binding a role to an administrative stack works and warns;
// so does converting one whose roles did not count.
func TestA144Warnings(t *testing.T) {
	w := newWorld(t)
	stack := id(w.do("provider_stacks", "Create", vars{"input": with(stackInput("app", "legacy"), "administrative", true), "manageState": true}))
	bind := func(operation string, input vars) answer {
		return w.run("provider_bindings", operation, vars{"input": input})
	}
	binding := vars{"stackID": stack, "roleID": w.role("space-reader"), "spaceID": "legacy"}
	a := bind("CreateOfStack", binding)
	if a.Errors != nil || !strings.Contains(fmt.Sprint(a.Extensions["warnings"]), "stack app is administrative: as long as it is, no role") {
		t.Errorf("bound: %s", a.raw)
	}
	const batch = `mutation($b:[StackRoleBindingInput!]!){stackRoleBindingBatchCreate(input:{bindings:$b}){id}}`
	binding["roleID"] = w.role("space-writer")
	a = w.query(batch, vars{"b": []any{binding}})
	if a.Errors != nil || !strings.Contains(fmt.Sprint(a.Extensions["warnings"]), "stack app is administrative") {
		t.Errorf("bound in a batch: %s", a.raw)
	}
	const convert = `mutation($s:ID!){convertAdministrativeStack(input:{stack:$s}){id administrative}}`
	a = w.query(convert, vars{"s": stack})
	if a.Errors != nil || !strings.Contains(a.raw, `"administrative":false`) ||
		!strings.Contains(fmt.Sprint(a.Extensions["warnings"]), "2 other role bindings of the stack count from now on") {
		t.Errorf("converted: %s", a.raw)
	}
	if code, _ := w.query(convert, vars{"s": stack}).failure(t); code != "CONFLICT" {
		t.Errorf("converted twice: %s", code)
	}
	binding["roleID"] = w.role("worker-pool-controller")
	if a := bind("CreateOfStack", binding); a.Errors != nil || a.Extensions["warnings"] != nil {
		t.Errorf("bound without the flag: %s", a.raw)
	}
}

// TestReachOnTheWire: a refusal has every loss in its extensions.
func TestReachOnTheWire(t *testing.T) {
	w := newWorld(t)
	input := vars{"name": "infra", "description": "", "inheritEntities": true, "parentSpace": "root"}
	space := id(w.do("provider_spaces", "Create", vars{"input": input}))
	shared := id(w.do("provider_contexts", "Create", vars{"input": vars{"name": "shared", "space": "root"}}))
	for _, name := range []string{"one", "two"} {
		stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput(name, space), "manageState": true}))
		w.do("provider_contexts", "Attach", vars{"id": shared, "stack": stack, "priority": 0})
	}
	input["inheritEntities"] = false
	a := w.run("provider_spaces", "Update", vars{"space": space, "input": input})
	if code, message := a.failure(t); code != "CONFLICT" || !strings.Contains(message, "stack one") || !strings.Contains(message, "stack two") {
		t.Errorf("refused with %s", a.raw)
	}
	loss := func(stack string) vars {
		return vars{"stack": stack, "stackSpace": space, "entityKind": "context", "entity": "shared", "entityName": "shared", "entitySpace": "root"}
	}
	want := vars{"code": "CONFLICT", "hiddenLosses": 0.0, "losses": []any{loss("one"), loss("two")}}
	if diff := cmp.Diff(want, a.Errors[0].Extensions); diff != "" {
		t.Error(diff)
	}
}
