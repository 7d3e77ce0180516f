package graphql

import (
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/workers"
)

// putState keeps a state of a stack as its backend does.
func putState(t *testing.T, db *store.Store, stack, body string) {
	t.Helper()
	permit, err := access.NewGate().System(access.SystemStateStore, access.KindState, stack)
	must(t, err)
	entities, err := domain.ReadEntities([]byte(body), false)
	must(t, err)
	must(t, db.Change(t.Context(), func(tx *store.Tx) error {
		v := domain.StateVersion{ID: domain.StateVersionID(testIDs{}.ULID()), StackID: domain.StackID(stack), Serial: 1, CreatedAt: tx.Now()}
		if err := tx.InsertState(t.Context(), permit, v, []byte(body)); err != nil {
			return err
		}
		return tx.SetManagedEntities(t.Context(), permit, v.StackID, "", entities)
	}))
}

// TestResourcesOfTheAccount: pages and groups over stacks, values only as far as
// the stack shows them, and no secret.
func TestResourcesOfTheAccount(t *testing.T) {
	w, db := newWorldOver(t)
	const body = `{"version":4,"serial":1,"lineage":"l","outputs":{"o":{"value":"canary","sensitive":true}},"resources":[{"mode":"managed","type":"t","name":"a",
		"provider":"provider[\"example.com/a/t\"]","instances":[{"attributes":{"id":"1","key":"canary"},"sensitive_attributes":[[{"type":"get_attr","value":"key"}]]}]}]}`
	for name, smart := range map[string]bool{"open": true, "shut": false} {
		in := with(stackInput(name, "legacy"), "vendorConfig", vars{"terraform": vars{"useSmartSanitization": smart}})
		putState(t, db, id(w.do("provider_stacks", "Create", vars{"input": in, "manageState": true})), body)
	}
	const search = `query($i:SearchInput!){searchManagedEntities(input:$i){edges{cursor node{id address type parent stackId stackName drifted updatedAt creator{id}
		vendor{...on EntityVendorTerraform{terraform{...on TerraformResource{values}...on TerraformOutput{value sensitive}}}}}}pageInfo{endCursor hasNextPage}}}`
	said, after := "", any(nil)
	for range 4 {
		a := w.query(search, vars{"i": vars{"first": 1, "after": after, "orderBy": vars{"field": "stackName", "direction": "DESC"}}})
		page, _ := a.Data["searchManagedEntities"].(vars)
		edges, _ := page["edges"].([]any)
		if len(edges) != 1 || strings.Contains(a.raw, "canary") {
			t.Fatalf("got %s", a.raw)
		}
		node := edges[0].(vars)["node"].(vars)
		said += id(node)
		if r, ok := node["vendor"].(vars)["terraform"].(vars)["values"]; ok {
			said += r.(string)
		}
		said += " "
		after = page["pageInfo"].(vars)["endCursor"]
	}
	if want := `shut/t.a{"id":"(not shown)","key":"(not shown)"} shut/output.o open/t.a{"id":"1","key":"(not shown)"} open/output.o `; said != want {
		t.Errorf("got  %s\nwant %s", said, want)
	}
	for field, want := range map[string]string{
		"Providers": `{"id":"example.com/a/t","count":2,"stackName":null}`,
		"Types":     `{"id":"output","count":2,"stackName":null}`,
		"Stacks":    `{"id":"open","count":2,"stackName":"open"}`,
	} {
		a := w.query(`query($i:SearchInput!){searchManagedEntitiesGroupBy`+field+`(input:$i){edges{node{id count stackName}}pageInfo{hasNextPage}}}`,
			vars{"i": vars{"orderBy": vars{"field": "count", "direction": "DESC"}}})
		if !strings.Contains(a.raw, want) {
			t.Errorf("by %s: %s", field, a.raw)
		}
	}
	for name, in := range map[string]vars{
		"first":      {"first": 0},
		"predicates": {"predicates": []any{vars{"field": "values", "constraint": vars{"stringMatches": []any{"canary"}}}}},
		"orderBy":    {"orderBy": vars{"field": "print", "direction": "ASC"}},
		"after":      {"after": "!"},
	} {
		if a := w.query(search, vars{"i": in}); a.Errors == nil || a.Errors[0].Extensions["field"] != name {
			t.Errorf("%s: %s", name, a.raw)
		}
	}
}

// TestStarsAndOlderCalls: what the API shows of a star, and the older way to
// start a run.
func TestStarsAndOlderCalls(t *testing.T) {
	w := newWorld(t)
	stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true}))
	a := w.query(`mutation($s:ID!){starSet(id:$s,star:true){starred lastApplyAt apiHost vcsDetached needsApproval}}`, vars{"s": stack})
	if want := `{"data":{"starSet":{"starred":true,"lastApplyAt":null,"apiHost":null,"vcsDetached":false,"needsApproval":false}}}`; strings.TrimSpace(a.raw) != want {
		t.Errorf("got %s", a.raw)
	}
	a = w.query(`mutation($s:ID!){proposed:runResourceCreate(stack:$s,proposed:true,commitSha:"0123456789") tracked:runResourceCreate(stack:$s)}`, vars{"s": stack})
	run, _ := a.Data["proposed"].(string)
	b := w.query(`query($s:ID!,$r:ID!){stack(id:$s){run(id:$r){type commit{hash}}}}`, vars{"s": stack, "r": run})
	if !strings.Contains(b.raw, `{"type":"PROPOSED","commit":{"hash":"0123456789"}}`) {
		t.Errorf("got %s and %s", a.raw, b.raw)
	}
	if other, _ := a.Data["tracked"].(string); other == "" || other == run {
		t.Errorf("got %s", a.raw)
	}
	a = w.query(`{kubectlVersions openTofuVersions terraformVersions terragruntVersions openTofuEffectiveVersion(constraints:"~> 1.9")
		terragruntEffectiveVersion(terraformConstraints:"1",terragruntConstraints:"1"){tool}}`, nil)
	if want := `{"data":{"kubectlVersions":[],"openTofuVersions":[],"terraformVersions":[],"terragruntVersions":[],"openTofuEffectiveVersion":null,"terragruntEffectiveVersion":null}}`; strings.TrimSpace(a.raw) != want {
		t.Errorf("without workers: %s", a.raw)
	}
	if a := w.query(`{terraformEffectiveVersion(constraints:"new")}`, nil); a.Errors == nil || a.Errors[0].Extensions["field"] != "constraints" {
		t.Errorf("bad constraints: %s", a.raw)
	}
}

// TestEffectiveVersion: what the next run of a stack would use, once there is a
// worker.
func TestEffectiveVersion(t *testing.T) {
	w, db := newWorldOver(t)
	stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true}))
	looking := workers.New(store.Bind[workers.Tx](db), access.NewGate(), testIDs{}, workers.Tokens{}, "")
	worker := domain.Worker{ID: "w", Slots: 1, Metadata: map[string]string{"opentofu": "1.10.0,1.12.6"}}
	for _, want := range []string{`null`, `"1.10.0"`} {
		a := w.query(`query($s:ID!){stack(id:$s){effectiveTerraformVersion}}`, vars{"s": stack})
		if strings.TrimSpace(a.raw) != `{"data":{"stack":{"effectiveTerraformVersion":`+want+`}}}` {
			t.Errorf("got %s, want %s", a.raw, want)
		}
		_, err := looking.Seen(t.Context(), domain.PoolKey{Pool: domain.DefaultWorkerPool}, worker)
		must(t, err)
	}
}

// TestDeletedTwice: a client may delete what another call has deleted, as the
// provider does behind a stack_destructor.
func TestDeletedTwice(t *testing.T) {
	w := newWorld(t)
	stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true}))
	for _, want := range []string{`{"data":{"stackDelete":{"deleted":true}}}`, `{"data":{"stackDelete":null}}`} {
		if a := w.query(`mutation($s:ID!){stackDelete(id:$s){deleted}}`, vars{"s": stack}); strings.TrimSpace(a.raw) != want {
			t.Errorf("got %s, want %s", a.raw, want)
		}
	}
	if a := w.query(`mutation($s:ID!){stackDelete(id:$s,destroyResources:true){id}}`, vars{"s": stack}); strings.TrimSpace(a.raw) != `{"data":{"stackDelete":null}}` {
		t.Errorf("got %s", a.raw)
	}
}
