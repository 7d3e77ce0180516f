package e2e

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

const (
	gitPassword = "hunter2-of-the-robot"
	statusToken = "ghp_correct-horse-battery"
)

const regions = `variable "region" { default = "nowhere" }
output "value" { value = var.region }`

func inRegion(name string) string {
	return "version: 2\nstack_defaults:\n  environment: {TF_VAR_region: " + name + "}\n"
}

// source is a stack whose code is at a forge that tells of pushes.
type source struct {
	*story
	forge       *forge
	stack       string
	hook        string // that is told of pushes
	url, secret string // of it
}

func newSource(t *testing.T, database string) *source {
	t.Helper()
	f := newForge(t, map[string]string{"main.tf": regions, ".airlock/config.yml": inRegion("eu")})
	server := &server{data: filepath.Join(t.TempDir(), "data"), log: &buffer{}, env: f.trusted(t)}
	server.run(t, "--database", database, "--listen", "127.0.0.1:0", "--outbound-allow", "127.0.0.1")
	s := &source{story: &story{top: t, server: server, dir: t.TempDir()}, forge: f}
	s.admin = signIn(t, server.Endpoint, server.ID, server.Secret)
	keep := func(input vars) string {
		input["name"], input["space"], input["urlPrefix"] = "forge", "legacy", f.URL+"/acme"
		return s.admin.id(t, `mutation($input:CreateGitCredentialInput!){createGitCredential(input:$input){id}}`, vars{"input": input})
	}
	keep(vars{"kind": "PASSWORD", "username": "robot", "secret": gitPassword})
	keep(vars{"kind": "STATUS_TOKEN", "secret": statusToken})
	s.stack = s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
		"name": "infra", "space": "legacy", "provider": "GIT", "repository": "infra", "repositoryURL": f.URL + "/acme/infra.git",
		"branch": "main", "administrative": false, "autodeploy": true, "vendorConfig": vars{"opentofu": vars{}},
	}})
	var out struct {
		CreatePushHook struct {
			Secret   string
			PushHook struct{ ID, URL string }
		}
	}
	s.admin.must(t, `mutation($input:CreatePushHookInput!){createPushHook(input:$input){secret pushHook{id url}}}`,
		vars{"input": vars{"name": "forge", "space": "legacy", "kind": "GITHUB"}}, &out)
	made := out.CreatePushHook
	s.hook, s.url, s.secret = made.PushHook.ID, made.PushHook.URL, made.Secret
	return s
}

// announce tells of a push as GitHub does, and returns the status of the answer.
func (s *source) announce(t *testing.T, secret, branch, commit, path, id string) int {
	t.Helper()
	body := toJSON(t, vars{
		"ref": "refs/heads/" + branch, "after": commit, "repository": vars{"clone_url": s.forge.URL + path},
		"pusher": vars{"name": "ann"}, "head_commit": vars{"message": "change"}, "commits": []any{vars{"id": commit, "modified": []any{"main.tf"}}},
	})
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(body))
	r, err := http.NewRequest(http.MethodPost, s.url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{
		"Content-Type": {"application/json"}, "X-Github-Event": {"push"}, "X-Github-Delivery": {id},
		"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))},
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func (s *source) pushed(t *testing.T, branch, commit, id string) {
	t.Helper()
	if code := s.announce(t, s.secret, branch, commit, "/acme/infra.git", id); code >= 300 {
		t.Fatalf("the push is answered %d", code)
	}
}

// runs are the stack's runs of a field, newest first.
func (s *source) runs(t *testing.T, field string) (ids []string) {
	t.Helper()
	var out struct {
		Stack map[string][]struct{ ID string }
	}
	s.admin.must(t, `query($id:ID!){stack(id:$id){`+field+`{id}}}`, vars{"id": s.stack}, &out)
	for _, r := range out.Stack[field] {
		ids = append(ids, r.ID)
	}
	return ids
}

type delivery struct {
	Event, Repository, Branch, Commit, Ignored string
	Runs                                       *int
}

// came are the messages that the hook has taken, oldest first.
func (s *source) came(t *testing.T) []delivery {
	t.Helper()
	var out struct {
		PushHook struct{ Deliveries []delivery }
	}
	s.admin.must(t, `query($id:ID!){pushHook(id:$id){deliveries{event repository branch commit ignored runs}}}`, vars{"id": s.hook}, &out)
	slices.Reverse(out.PushHook.Deliveries)
	return out.PushHook.Deliveries
}

// known checks what is known of the messages, not of copies and not of what
// somebody made up: how many runs have followed, and why none.
func (s *source) known(t *testing.T, first, branch string) {
	t.Helper()
	const repository = "127.0.0.1/acme/"
	var list []delivery
	await(t, "what came of the pushes to be known", 20*time.Second, func() bool {
		list = s.came(t)
		return !slices.ContainsFunc(list, func(d delivery) bool { return d.Runs == nil && d.Ignored == "" })
	})
	want := []struct {
		branch, commit, repository, ignored string
		runs                                int
	}{
		{"main", first, "infra", "", 1},
		{"main", first, "other", "no stack that the push can reach", 0},
		{"feature", branch, "infra", "", 1},
	}
	if len(list) != len(want) {
		t.Fatalf("%d messages are known: %+v", len(list), list)
	}
	for i, w := range want {
		d := list[i]
		if d.Event != "push" || d.Repository != repository+w.repository || d.Branch != w.branch || d.Commit != w.commit {
			t.Errorf("message %d is known as %+v, not %+v", i+1, d, w)
		}
		if d.Runs == nil || *d.Runs != w.runs || (w.ignored == "") != (d.Ignored == "") || !strings.Contains(d.Ignored, w.ignored) {
			t.Errorf("%s came of message %d, not %+v", toJSON(t, d), i+1, w)
		}
	}
}

func (s *source) value(t *testing.T) string {
	t.Helper()
	var out struct {
		Stack struct{ Outputs []struct{ ID, Value string } }
	}
	s.admin.must(t, stackOutputsQuery, vars{"id": s.stack}, &out)
	if len(out.Stack.Outputs) != 1 {
		t.Fatalf("outputs %v", out.Stack.Outputs)
	}
	return strings.Trim(out.Stack.Outputs[0].Value, `"`)
}

// TestSources takes code from a git host as teams do: pushes that are signed
// start runs, which sign in to check out, do what the code says of itself, and
// tell the host how they went.
func TestSources(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := newSource(t, database)
		first := s.forge.commit(t, "main", "main.tf", regions+"\n")
		if code := s.announce(t, "another secret", "main", first, "/acme/infra.git", "0"); code != http.StatusUnauthorized {
			t.Errorf("a push that somebody made up is answered %d", code)
		}
		s.pushed(t, "main", first, "1")
		await(t, "the push to start a run", 20*time.Second, func() bool { return len(s.runs(t, "runs")) == 1 })
		tracked := s.runs(t, "runs")[0]
		if r := s.admin.reaches(t, s.stack, tracked, "FINISHED"); r.Commit.Hash != first || s.value(t) != "eu" {
			t.Errorf("run %+v came to %s", r, s.value(t))
		}

		s.pushed(t, "main", first, "1") // again, and as somebody who has listened would
		s.pushed(t, "main", first, "2")
		if code := s.announce(t, s.secret, "main", first, "/acme/other.git", "3"); code >= 300 {
			t.Errorf("a push of a repository that no stack has is answered %d", code)
		}
		branch := s.forge.commit(t, "feature", ".airlock/config.yml", inRegion("moon"))
		s.pushed(t, "feature", branch, "4")
		await(t, "the branch to start a run", 20*time.Second, func() bool { return len(s.runs(t, "proposedRuns")) == 1 })
		proposed := s.runs(t, "proposedRuns")[0]
		if r := s.admin.reaches(t, s.stack, proposed, "FINISHED"); r.Commit.Hash != branch || s.value(t) != "eu" || len(s.runs(t, "runs")) != 1 {
			t.Errorf("run %+v came to %s beside %v", r, s.value(t), s.runs(t, "runs"))
		}
		if log := s.admin.wholeLog(t, s.stack, proposed); !strings.Contains(log, ".airlock/config.yml") || !strings.Contains(log, "moon") {
			t.Errorf("the proposed run has not followed its own file:\n%s", log)
		}
		s.known(t, first, branch)
		s.configured(t)
		s.told(t, tracked, first)
		await(t, "the branch's status", 20*time.Second, func() bool { return s.forge.last(branch) == "airlock/infra success" })
		for _, secret := range []string{gitPassword, statusToken, s.secret} {
			if strings.Contains(s.server.log.String(), secret) || strings.Contains(s.admin.wholeLog(t, s.stack, tracked), secret) {
				t.Errorf("%.6s... is in a log", secret)
			}
		}
	})
}

// configured starts a run with settings of its own: they win over the file of
// the tracked commit, and say nothing of it.
func (s *source) configured(t *testing.T) {
	t.Helper()
	id := s.admin.id(t, `mutation($stack:ID!,$config:RuntimeConfigInput){runTrigger(stack:$stack,runtimeConfig:$config){id}}`,
		vars{"stack": s.stack, "config": vars{"yaml": "environment: {TF_VAR_region: mars}"}})
	s.admin.reaches(t, s.stack, id, "FINISHED")
	if s.value(t) != "mars" {
		t.Errorf("with settings of its own it comes to %s", s.value(t))
	}
	if list := s.said(t, id); len(list) > 0 {
		t.Errorf("it tells the host %v", list)
	}
}

type said struct {
	State, Error string
	Attempts     int
	SentAt       *int
}

// said is what a run has told of its commit.
func (s *source) said(t *testing.T, run string) []said {
	t.Helper()
	var out struct {
		Stack struct {
			Run struct{ CommitStatuses []said }
		}
	}
	s.admin.must(t, `query($id:ID!,$run:ID!){stack(id:$id){run(id:$run){commitStatuses{state error attempts sentAt}}}}`, vars{"id": s.stack, "run": run}, &out)
	return out.Stack.Run.CommitStatuses
}

// told waits until the host has been told of a run, whose first status it has
// not taken at once.
func (s *source) told(t *testing.T, run, commit string) {
	t.Helper()
	await(t, "the commit's status", 30*time.Second, func() bool { return s.forge.last(commit) == "airlock/infra success" })
	await(t, "it to be known", 10*time.Second, func() bool {
		list := s.said(t, run)
		return len(list) > 0 && list[len(list)-1].SentAt != nil
	})
	if list := s.said(t, run); list[0].Attempts < 2 || list[0].Error != "" || list[len(list)-1].State != "SUCCESS" {
		t.Errorf("it is known that %+v", list)
	}
}
