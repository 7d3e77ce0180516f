package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAnswersAgree grants, explains, and asks who may: the command line, the
// GraphQL API and the AuthZEN API say the same, before and after a role is
// taken away.
func TestAnswersAgree(t *testing.T) {
	for name, url := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newAskedWorld(t, start(t, url(t), "--workers", "0"))
			w.agree(t, w.admin, w.spaces, w.actors)
			w.agree(t, w.eve, []string{"dev"}, w.actors[:5]) // the last is a stack that she does not see
			w.sentences(t)

			w.admin.must(t, `mutation($id:ID!){deleteRoleBinding(input:{id:$id}){id}}`, vars{"id": w.bound["ci"]}, nil)
			if out, status := w.airlock(t, w.admin, "explain", w.ref["ci"], "run:trigger", w.space["dev"]); status != 2 || !strings.HasPrefix(out, "ci MAY NOT run:trigger in dev: ") {
				t.Errorf("after it was taken away, status %d: %s", status, out)
			}
			w.agree(t, w.admin, []string{"dev"}, w.actors)
		})
	}
}

// askedWorld is a tree and actors to ask about.
type askedWorld struct {
	*server
	story      // for its ways to make things
	admin, eve *client
	spaces     []string
	space, ref map[string]string // ids of spaces, and actors as arguments, by their names
	bound      map[string]string // bindings by the names of their actors
	actors     []string
}

func newAskedWorld(t *testing.T, s *server) *askedWorld {
	w := &askedWorld{server: s, space: map[string]string{"root": "root"}, ref: map[string]string{}, bound: map[string]string{}}
	w.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
	w.story = story{server: s, admin: w.admin}
	w.ref["admin"] = "api_key:" + s.ID
	for _, p := range []struct {
		name, parent string
		inherit      bool
	}{{"apps", "root", true}, {"dev", "apps", true}, {"prod", "apps", false}, {"vault", "root", false}} {
		w.space[p.name] = w.story.space(t, p.name, w.space[p.parent], p.inherit)
	}
	w.spaces = []string{"root", "apps", "dev", "prod", "vault"}
	w.admin.must(t, roleCreate, vars{"input": vars{"name": "Deployment Operator", "actions": []string{"RUN_TRIGGER", "RUN_READ"}}}, nil)
	for name, teams := range map[string][]string{"ci": {}, "dora": {"DevOps"}, "eve": {}} {
		var made struct{ APIKeyCreate struct{ ID, Secret string } }
		w.admin.must(t, apiKeyCreate, vars{"input": vars{"name": name, "admin": false, "teams": teams}}, &made)
		w.ref[name] = "api_key:" + made.APIKeyCreate.ID
		if name == "eve" {
			w.eve = signIn(t, s.Endpoint, made.APIKeyCreate.ID, made.APIKeyCreate.Secret)
		}
	}
	w.ref["DevOps"] = "group:" + w.admin.id(t, `mutation($i:ManagedUserGroupCreateInput!){managedUserGroupCreate(input:$i){id}}`,
		vars{"i": vars{"groupName": "DevOps", "description": "", "accessRules": []vars{}}})
	url, _ := repository(t, map[string]string{"infra/main.tf": ""})
	w.ref["factory"] = "stack:" + w.stack(t, "factory", w.space["vault"], url)
	w.actors = []string{"admin", "ci", "dora", "eve", "DevOps", "factory"}
	for _, b := range [][3]string{
		{"ci", "deployment-operator", "apps"}, {"eve", "space-reader", "dev"}, {"DevOps", "space-writer", "dev"}, {"factory", "space-writer", "dev"},
	} {
		kind, id, _ := strings.Cut(w.ref[b[0]], ":")
		w.bound[b[0]] = w.admin.id(t, `mutation($b:CreateRoleBindingInput!){createRoleBinding(input:$b){id}}`, vars{"b": vars{
			"actor": vars{"kind": strings.ToUpper(kind), "id": id}, "role": b[1], "spaceId": w.space[b[2]],
		}})
	}
	return w
}

// airlock runs `airlock access` as somebody.
func (w *askedWorld) airlock(t *testing.T, as *client, args ...string) (out string, status int) {
	t.Helper()
	cmd := exec.Command(binary(t), append([]string{"access"}, args...)...)
	cmd.Env = append(os.Environ(), "AIRLOCK_ENDPOINT="+w.Endpoint, "AIRLOCK_API_TOKEN="+as.token, "AIRLOCK_API_KEY_ID=", "AIRLOCK_API_KEY_SECRET=")
	var said strings.Builder
	cmd.Stderr = &said
	raw, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() == 1 {
		t.Fatalf("airlock access %v: %v\n%s", args, err, said.String())
	}
	return string(raw), cmd.ProcessState.ExitCode()
}

// agree asks all three about everybody, and for everybody, as somebody.
func (w *askedWorld) agree(t *testing.T, as *client, spaces, actors []string) {
	t.Helper()
	for _, space := range spaces {
		for _, action := range []string{"space:read", "run:trigger", "stack:create"} {
			var able []string
			for _, name := range actors {
				allowed := w.graphql(t, as, w.ref[name], action, w.space[space])
				if _, status := w.airlock(t, as, "explain", w.ref[name], action, w.space[space]); (status == 0) != allowed {
					t.Errorf("%s %s in %s: the command line ends with %d, GraphQL says %v", name, action, space, status, allowed)
				}
				if door := w.evaluate(t, as, w.ref[name], action, w.space[space]); door != allowed {
					t.Errorf("%s %s in %s: AuthZEN says %v, GraphQL %v", name, action, space, door, allowed)
				}
				if allowed {
					able = append(able, w.ref[name])
				}
			}
			slices.Sort(able)
			for door, found := range map[string][]string{
				"the command line": w.listed(t, as, action, w.space[space]), "GraphQL": w.who(t, as, action, w.space[space]), "AuthZEN": w.searched(t, as, action, w.space[space]),
			} {
				if diff := cmp.Diff(able, found); diff != "" {
					t.Errorf("who may %s in %s, %s: %s", action, space, door, diff)
				}
			}
		}
	}
}

func reference(ref string) vars {
	kind, id, _ := strings.Cut(ref, ":")
	return vars{"kind": strings.ToUpper(kind), "id": id}
}

func (w *askedWorld) graphql(t *testing.T, as *client, actor, action, space string) bool {
	t.Helper()
	var out struct{ ExplainAccess struct{ Outcome string } }
	as.must(t, `query($i:ExplainAccessInput!){explainAccess(input:$i){outcome}}`, vars{"i": vars{
		"actor": reference(actor), "action": strings.ToUpper(strings.ReplaceAll(action, ":", "_")), "target": vars{"kind": "SPACE", "id": space},
	}}, &out)
	return out.ExplainAccess.Outcome == "ALLOWED"
}

// door sends a question to AuthZEN.
func (w *askedWorld) door(t *testing.T, as *client, path string, subject vars, action, space string, out any) {
	t.Helper()
	question, err := json.Marshal(vars{"subject": subject, "action": vars{"name": action}, "resource": vars{"type": "space", "id": space}})
	if err != nil {
		t.Fatal(err)
	}
	status, body := send(t, http.MethodPost, w.Endpoint+"/access/v1/"+path, as.token, string(question))
	if err := json.Unmarshal([]byte(body), out); err != nil || status != "200 OK" {
		t.Fatalf("%s %s: %s %s", path, question, status, body)
	}
}

func (w *askedWorld) evaluate(t *testing.T, as *client, actor, action, space string) bool {
	t.Helper()
	kind, id, _ := strings.Cut(actor, ":")
	var out struct{ Decision bool }
	w.door(t, as, "evaluation", vars{"type": kind, "id": id}, action, space, &out)
	return out.Decision
}

func (w *askedWorld) searched(t *testing.T, as *client, action, space string) (found []string) {
	t.Helper()
	for _, kind := range []string{"user", "api_key", "group", "stack"} {
		var out struct{ Results []struct{ Type, ID string } }
		w.door(t, as, "search/subject", vars{"type": kind}, action, space, &out)
		for _, r := range out.Results {
			found = append(found, r.Type+":"+r.ID)
		}
	}
	slices.Sort(found)
	return found
}

// ableActor is somebody that may.
type ableActor struct{ Actor struct{ Kind, ID string } }

func refs(list []ableActor) (found []string) {
	for _, a := range list {
		found = append(found, strings.ToLower(a.Actor.Kind)+":"+a.Actor.ID)
	}
	slices.Sort(found)
	return found
}

// who reads pages of two.
func (w *askedWorld) who(t *testing.T, as *client, action, space string) []string {
	t.Helper()
	var all []ableActor
	for after := any(nil); ; {
		var out struct {
			WhoCan struct {
				TotalCount, HiddenCount int
				Edges                   []struct{ Node ableActor }
				PageInfo                struct {
					EndCursor   *string
					HasNextPage bool
				}
			}
		}
		as.must(t, `query($i:WhoCanInput!){whoCan(input:$i){totalCount hiddenCount edges{node{actor{kind id}}} pageInfo{endCursor hasNextPage}}}`, vars{"i": vars{
			"action": strings.ToUpper(strings.ReplaceAll(action, ":", "_")), "target": vars{"kind": "SPACE", "id": space}, "first": 2, "after": after,
		}}, &out)
		for _, e := range out.WhoCan.Edges {
			all = append(all, e.Node)
		}
		if after = out.WhoCan.PageInfo.EndCursor; !out.WhoCan.PageInfo.HasNextPage {
			if len(all) != out.WhoCan.TotalCount-out.WhoCan.HiddenCount {
				t.Errorf("%s in %s: %d of %d, %d hidden", action, space, len(all), out.WhoCan.TotalCount, out.WhoCan.HiddenCount)
			}
			return refs(all)
		}
	}
}

func (w *askedWorld) listed(t *testing.T, as *client, action, space string) []string {
	t.Helper()
	raw, _ := w.airlock(t, as, "who-can", action, space, "--json")
	var out struct{ Actors []ableActor }
	if err := json.Unmarshal([]byte(raw), &out); err != nil {
		t.Fatalf("%v in %s", err, raw)
	}
	return refs(out.Actors)
}

// sentences are what people read.
func (w *askedWorld) sentences(t *testing.T) {
	t.Helper()
	dev := w.space["dev"]
	for _, c := range []struct {
		as     *client
		status int
		args   []string
		words  []string
	}{
		{w.admin, 0, []string{"explain", w.ref["dora"], "run:trigger", dev}, []string{"dora MAY run:trigger in dev: ", "of group DevOps", w.bound["DevOps"]}},
		{w.admin, 0, []string{"explain", "group:DevOps", "run:trigger", dev}, []string{"user group DevOps MAY run:trigger in dev: "}},
		{w.admin, 2, []string{"explain", w.ref["ci"], "run:confirm", dev}, []string{"without space:read no tier counts", "space-writer, by its tier", w.bound["ci"]}},
		{w.eve, 2, []string{"explain", "me", "space:read", w.space["vault"]}, []string{"there is no such space, or it is hidden"}},
		{w.admin, 0, []string{"effective", w.ref["ci"], dev}, []string{"2 actions", "run: trigger, read"}},
		{w.eve, 0, []string{"who-can", "run:trigger", dev}, []string{"5 actors may run:trigger on space dev; 1 of them you may not see"}},
	} {
		out, status := w.airlock(t, c.as, c.args...)
		for _, word := range c.words {
			if status != c.status || !strings.Contains(out, word) {
				t.Errorf("%v: status %d, no %q in\n%s", c.args, status, word, out)
			}
		}
		if c.as == w.eve && strings.Contains(out, "factory") {
			t.Errorf("%v names a stack that she does not see:\n%s", c.args, out)
		}
	}
	if out := fmt.Sprint(w.who(t, w.eve, "run:trigger", dev)); strings.Contains(out, "factory") {
		t.Errorf("GraphQL names a stack that she does not see: %s", out)
	}
}
