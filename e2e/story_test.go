package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// webCode waits in a hook until the test has read its log while it runs.
const webCode = `
variable "password" {
  type      = string
  sensitive = true
}
resource "terraform_data" "greeting" { input = "hello" }
resource "terraform_data" "second"   { input = terraform_data.greeting.output }
output "greeting" { value = terraform_data.greeting.output }
output "password" {
  value     = var.password
  sensitive = true
}
`

// factoryCode calls the API from inside its apply, and keeps the token to show
// that it dies with the run.
const factoryCode = `
resource "terraform_data" "caller" {
  provisioner "local-exec" {
    command = "E2E_CREATE_CONTEXT_IN=%[2]s %[1]s; E2E_CREATE_CONTEXT_IN=%[3]s %[1]s; printf %%s \"$SPACELIFT_API_TOKEN\" > %[4]s"
  }
}
`

const canary = "correct-horse-battery-staple"

// TestStory is the main job of the product, end to end.
func TestStory(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		// The code of this story speaks to the test through files of the machine.
		s := &story{top: t, server: start(t, database, "--sandbox", "none"), dir: t.TempDir()}
		t.Run("1 the account", s.account)
		_ = t.Run("2 spaces, roles, keys, stacks", s.build) &&
			t.Run("3 a run", s.webRun) &&
			t.Run("4 a stack that acts", s.factoryRun) &&
			t.Run("5 the audit trail", s.audit) &&
			t.Run("6 a restart", s.restart)
	})
}

type story struct {
	*server
	top       *testing.T // of the whole story: what a part makes outlives the part
	dir       string
	admin, ci *client
	ciName    string

	infra, apps, dev   string
	operator, creator  string
	web, factory, hold string
	webRunID           string
	runCreated         int // contexts that the factory's run created
	denied             int
}

func (s *story) account(t *testing.T) {
	info, err := os.Stat(filepath.Join(s.data, "admin-key.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("admin-key.json: %v, %v", info, err)
	}
	if strings.Contains(s.log.String(), s.Secret) || !strings.Contains(s.log.String(), "admin-key.json") {
		t.Errorf("the log must name the key's file and never the secret:\n%s", s.log.String())
	}
	s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
	var out struct {
		Spaces []struct{ ID string }
		Roles  []struct {
			Slug     string
			IsSystem bool
		}
	}
	s.admin.must(t, `{spaces(){id},roles{slug,isSystem}}`, nil, &out)
	if len(out.Spaces) != 2 || out.Spaces[0].ID != "root" || out.Spaces[1].ID != "legacy" {
		t.Errorf("spaces: %+v", out.Spaces)
	}
	slugs := ""
	for _, r := range out.Roles {
		slugs += fmt.Sprintf("%s %v,", r.Slug, r.IsSystem)
	}
	if slugs != "space-reader true,space-writer true,space-admin true,worker-pool-controller true," {
		t.Errorf("roles: %s", slugs)
	}
	(&client{endpoint: s.Endpoint, acknowledged: new(int)}).refused(t, `{stacks{id}}`, nil, "UNAUTHENTICATED", "unauthorized")
}

func (s *story) space(t *testing.T, name, parent string, inherit bool) string {
	t.Helper()
	return s.admin.id(t, spaceCreate, vars{"input": vars{
		"name": name, "parentSpace": parent, "inheritEntities": inherit, "description": "", "labels": []string{},
	}})
}

func (s *story) stack(t *testing.T, name, space, url string) string {
	t.Helper()
	return s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
		"name": name, "space": space, "provider": "GIT", "repository": name, "repositoryURL": url, "branch": "main",
		"projectRoot": "infra", "administrative": false, "autodeploy": false,
		"vendorConfig": vars{"opentofu": vars{}},
	}})
}

func (s *story) build(t *testing.T) {
	s.infra = s.space(t, "infra", "root", false)
	s.apps = s.space(t, "apps", s.infra, true)
	s.dev = s.space(t, "dev", s.apps, true)
	s.operator = s.admin.id(t, roleCreate, vars{"input": vars{"name": "Deployment Operator", "actions": []string{"RUN_TRIGGER", "RUN_READ"}}})
	s.creator = s.admin.id(t, roleCreate, vars{"input": vars{
		"name": "Stack creator", "actions": []string{"SPACE_READ", "STACK_CREATE", "STACK_MANAGE", "CONTEXT_CREATE"},
	}})
	var key struct{ APIKeyCreate struct{ ID, Secret string } }
	s.admin.must(t, apiKeyCreate, vars{"input": vars{"name": "ci", "admin": false, "teams": []string{}}}, &key)
	s.ciName = "api::" + key.APIKeyCreate.ID
	s.admin.must(t, keyBindingCreate, vars{"input": vars{"apiKeyID": key.APIKeyCreate.ID, "roleID": s.operator, "spaceID": s.apps}}, nil)
	s.ci = signIn(t, s.Endpoint, key.APIKeyCreate.ID, key.APIKeyCreate.Secret)

	url, _ := repository(s.top, map[string]string{"infra/main.tf": webCode})
	s.web = s.stack(t, "web", s.dev, url)
	s.admin.must(t, stackConfigAdd, vars{"stack": s.web, "config": vars{
		"id": "TF_VAR_password", "type": "ENVIRONMENT_VARIABLE", "value": canary, "writeOnly": true,
	}}, nil)

	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	code := fmt.Sprintf(factoryCode, self, s.dev, s.infra, filepath.Join(s.dir, "token"))
	url, _ = repository(s.top, map[string]string{"infra/main.tf": code})
	s.factory = s.stack(t, "factory", s.infra, url)
	s.admin.must(t, stackBindCreate, vars{"input": vars{"stackID": s.factory, "roleID": s.creator, "spaceID": s.dev}}, nil)
}

func (s *story) webRun(t *testing.T) {
	s.hold = filepath.Join(s.dir, "go-on")
	s.admin.must(t, `mutation($id:ID!$input:StackInput!){stackUpdate(id:$id,input:$input){id}}`, vars{"id": s.web, "input": s.webInput(t)}, nil)
	s.webRunID = s.ci.id(t, runTrigger, vars{"stack": s.web})
	await(t, "the log to be readable while the run goes on", time.Minute, func() bool {
		text, finished := s.ci.log(t, s.web, s.webRunID, "PLANNING")
		return !finished && strings.Contains(text, "waiting with ***")
	})
	if err := os.WriteFile(s.hold, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	planned := s.ci.reaches(t, s.web, s.webRunID, "UNCONFIRMED")
	if planned.Delta == nil || planned.Delta.AddCount != 2 || planned.Delta.ChangeCount != 0 || planned.Delta.DeleteCount != 0 {
		t.Errorf("changes: %+v", planned.Delta)
	}
	if planned.Commit.Message != "first commit" || planned.Commit.AuthorName != "Ada" || len(planned.Commit.Hash) != 40 {
		t.Errorf("commit: %+v", planned.Commit)
	}
	s.ciSeesLittle(t)
	s.ci.refused(t, runConfirm, vars{"stack": s.web, "run": s.webRunID}, "FORBIDDEN", "run:confirm", s.dev, s.ciName)
	s.denied++
	s.admin.must(t, runConfirm, vars{"stack": s.web, "run": s.webRunID}, nil)
	s.admin.reaches(t, s.web, s.webRunID, "FINISHED")
	s.outputs(t)
	if all := s.admin.wholeLog(t, s.web, s.webRunID); strings.Contains(all, canary) {
		t.Errorf("the log shows the secret:\n%s", all)
	}
}

// webInput is the update that makes the run wait until the test has seen it.
func (s *story) webInput(t *testing.T) vars {
	t.Helper()
	var out struct {
		Stack struct{ RepositoryURL string }
	}
	s.admin.must(t, `query($id:ID!){stack(id:$id){repositoryURL}}`, vars{"id": s.web}, &out)
	wait := fmt.Sprintf(`echo "waiting with $TF_VAR_password"; while [ ! -e %s ]; do sleep 0.05; done`, s.hold)
	return vars{
		"name": "web", "provider": "GIT", "repository": "web", "repositoryURL": out.Stack.RepositoryURL, "branch": "main",
		"projectRoot": "infra", "administrative": false, "beforePlan": []string{wait},
	}
}

// ciSeesLittle: run:read shows the run by id and a bare stack, nothing else.
func (s *story) ciSeesLittle(t *testing.T) {
	t.Helper()
	var out struct {
		Stacks []struct{ ID string }
		Stack  struct{ ID, Name, Space, State string }
	}
	s.ci.must(t, `query($id:ID!){stacks{id},stack(id:$id){id,name,space,state}}`, vars{"id": s.web}, &out)
	if len(out.Stacks) != 0 || out.Stack.Name != "web" || out.Stack.State != "UNCONFIRMED" {
		t.Errorf("ci sees %+v", out)
	}
	s.ci.refused(t, `query($id:ID!){stack(id:$id){repository}}`, vars{"id": s.web}, "FORBIDDEN", "space:read")
}

func (s *story) outputs(t *testing.T) {
	t.Helper()
	var out struct {
		Stack struct {
			Outputs []struct {
				ID, Value string
				Sensitive bool
			}
		}
	}
	s.admin.must(t, stackOutputsQuery, vars{"id": s.web}, &out)
	got, _ := json.Marshal(out.Stack.Outputs)
	want := `[{"ID":"greeting","Value":"\"hello\"","Sensitive":false},{"ID":"password","Value":"","Sensitive":true}]`
	if string(got) != want {
		t.Errorf("outputs: %s", got)
	}
}

func (s *story) factoryRun(t *testing.T) {
	id := s.admin.id(t, runTrigger, vars{"stack": s.factory})
	s.admin.reaches(t, s.factory, id, "UNCONFIRMED")
	s.admin.must(t, runConfirm, vars{"stack": s.factory, "run": id}, nil)
	s.admin.reaches(t, s.factory, id, "FINISHED")
	log := s.admin.wholeLog(t, s.factory, id)
	// A stack reads nothing upward (access model R14), so infra is hidden from it.
	if !strings.Contains(log, "made by a run in "+s.dev) || !strings.Contains(log, "space not found") {
		t.Errorf("the run's calls are not in its log:\n%s", log)
	}
	s.runCreated, s.denied = 1, s.denied+1
	var out struct{ Contexts []struct{ Space string } }
	s.admin.must(t, `{contexts(){space}}`, nil, &out)
	if len(out.Contexts) != 1 || out.Contexts[0].Space != s.dev {
		t.Errorf("contexts: %+v", out.Contexts)
	}
	token, err := os.ReadFile(filepath.Join(s.dir, "token"))
	if err != nil || len(token) == 0 {
		t.Fatalf("the run's token: %v", err)
	}
	dead := &client{endpoint: s.Endpoint, token: string(token), acknowledged: new(int)}
	dead.refused(t, `mutation($input:ContextInput!){contextCreateV2(input:$input){id}}`,
		vars{"input": vars{"name": "late", "space": s.dev}}, "UNAUTHENTICATED", "unauthorized")
	s.denied++ // a run's token outside its run
	if strings.Contains(log, string(token)) {
		t.Error("the run's token is in its log")
	}
}

// entry is an audit row as the API shows it.
type entry struct {
	ID, Action, Mutation, Outcome, Reason, RemoteIP string
	Body                                            *string
	ActorRoles, Spaces                              []string
	Actor                                           struct{ Username string }
	CreatedAt                                       int
}

// trail reads the whole audit trail, oldest first.
func (s *story) trail(t *testing.T) []entry {
	t.Helper()
	var all []entry
	after := ""
	for {
		var out struct {
			SearchAuditTrailEntries struct {
				Edges    []struct{ Node entry }
				PageInfo struct {
					EndCursor   string
					HasNextPage bool
				}
			}
		}
		input := vars{"first": 20}
		if after != "" {
			input["after"] = after
		}
		s.admin.must(t, `query($input:SearchInput!){searchAuditTrailEntries(input:$input){edges{node{id,action,mutation,outcome,reason,remoteIP,body,actorRoles,spaces,actor{username},createdAt}},pageInfo{endCursor,hasNextPage}}}`, vars{"input": input}, &out)
		for _, e := range out.SearchAuditTrailEntries.Edges {
			all = append(all, e.Node)
		}
		if after = out.SearchAuditTrailEntries.PageInfo.EndCursor; !out.SearchAuditTrailEntries.PageInfo.HasNextPage {
			break
		}
	}
	slices.Reverse(all)
	return all
}

func (s *story) audit(t *testing.T) {
	trail := s.trail(t)
	allowed, denied := 0, 0
	for _, e := range trail {
		if strings.HasPrefix(e.Actor.Username, "system::") { // nobody asked for it: the first run needed a key
			if e.Action != "federation_key.create" || e.RemoteIP != "" {
				t.Errorf("%s by %s from %q", e.Action, e.Actor.Username, e.RemoteIP)
			}
			continue
		}
		if e.Outcome == "DENIED" {
			denied++
		} else {
			allowed++
		}
		if e.RemoteIP != "127.0.0.1" {
			t.Errorf("%s has remote IP %q", e.Action, e.RemoteIP)
		}
		if e.Body != nil && (strings.Contains(*e.Body, canary) || strings.Contains(*e.Body, s.Secret)) {
			t.Errorf("%s shows a secret: %s", e.Action, *e.Body)
		}
	}
	if want := *s.admin.acknowledged + *s.ci.acknowledged + s.runCreated; allowed != want {
		t.Errorf("%d rows for %d acknowledged changes", allowed, want)
	}
	if denied != s.denied {
		t.Errorf("%d rows for %d refusals", denied, s.denied)
	}
	find := func(action, actor, outcome string) entry {
		t.Helper()
		i := slices.IndexFunc(trail, func(e entry) bool {
			return e.Action == action && e.Actor.Username == actor && e.Outcome == outcome
		})
		if i < 0 {
			t.Fatalf("no %s %s by %s in the trail", outcome, action, actor)
		}
		return trail[i]
	}
	admin, factory := "api::"+s.ID, "stack::"+s.factory
	if e := find("stack.create", admin, "ALLOWED"); e.Mutation != "stackCreate" || !slices.Equal(e.ActorRoles, []string{"space-admin"}) {
		t.Errorf("stack.create: %+v", e)
	}
	if e := find("run.confirm", s.ciName, "DENIED"); !slices.Equal(e.ActorRoles, []string{"deployment-operator"}) || !slices.Contains(e.Spaces, s.dev) {
		t.Errorf("run.confirm: %+v", e)
	}
	if e := find("context.create", factory, "ALLOWED"); !slices.Equal(e.ActorRoles, []string{"stack-creator"}) {
		t.Errorf("context.create: %+v", e)
	}
	find("context.create", factory, "DENIED")
	first := slices.IndexFunc(trail, func(e entry) bool { return e.Action == "space.create" })
	last := slices.IndexFunc(trail, func(e entry) bool { return e.Action == "context.create" })
	if first != 0 || last < first {
		t.Errorf("the trail is out of order: the first space at %d, the first context at %d", first, last)
	}
}

// restart: everything is still there, and the key file is not written again.
func (s *story) restart(t *testing.T) {
	before, err := os.ReadFile(filepath.Join(s.data, "admin-key.json"))
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(s.Endpoint, "http://")
	database := s.cmd.Args[slices.Index(s.cmd.Args, "--database")+1]
	s.stop(t)
	s.run(t, "--database", database, "--listen", address)
	after, err := os.ReadFile(filepath.Join(s.data, "admin-key.json"))
	if err != nil || string(after) != string(before) {
		t.Fatalf("admin-key.json changed: %v", err)
	}
	if r := s.admin.run(t, s.web, s.webRunID); r.State != "FINISHED" {
		t.Errorf("after the restart the run is %s", r.State)
	}
}
