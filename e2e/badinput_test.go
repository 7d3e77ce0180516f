package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestFailingRuns: what is wrong with a stack's source or code shows as the
// reason of the failed run and in its log, and nothing is left behind.
func TestFailingRuns(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{server: start(t, database), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		good, _ := repository(t, map[string]string{"infra/main.tf": `resource "terraform_data" "a" {}`})
		broken, _ := repository(t, map[string]string{"infra/main.tf": `resource "terraform_data" {`})
		missing, _ := repository(t, map[string]string{"infra/main.tf": `
terraform {
  required_providers {
    nothing = { source = "example.invalid/none/nothing" }
  }
}
resource "nothing_thing" "a" {}`})
		bare, _ := repository(t, map[string]string{"other/main.tf": ""})
		cases := []struct {
			name, url, commit string
			note              []string // words of the run's reason
			state, log        string   // words of the log of a state
		}{
			{"no such repository", "file:///nowhere/at/all", "", []string{"/nowhere/at/all"}, "PREPARING", ""},
			{"no such commit", good, strings.Repeat("ab", 20), []string{"abababab"}, "PREPARING", ""},
			{"no project root", bare, "", []string{"infra"}, "PREPARING", ""},
			{"code that does not parse", broken, "", []string{"init", "exit"}, "INITIALIZING", "main.tf"},
			{"a provider that cannot be installed", missing, "", []string{"init", "exit"}, "INITIALIZING", "example.invalid/none/nothing"},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				stack := s.stack(t, c.name, "legacy", c.url)
				v := vars{"stack": stack}
				if c.commit != "" {
					v["sha"] = c.commit
				}
				id := s.admin.id(t, runTrigger, v)
				r := s.admin.reaches(t, stack, id, "FAILED")
				for _, w := range c.note {
					if !strings.Contains(r.History[0].Note, w) {
						t.Errorf("the reason %q does not contain %q", r.History[0].Note, w)
					}
				}
				if text, _ := s.admin.log(t, stack, id, c.state); !strings.Contains(text, c.log) {
					t.Errorf("the log of %s does not contain %q:\n%s", c.state, c.log, text)
				}
			})
		}
		t.Run("a source provider that does not work yet", s.otherProvider)
		t.Run("refused at the door", func(t *testing.T) { s.badInput(t, good) })
	})
}

func (s *story) otherProvider(t *testing.T) {
	stack := s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
		"name": "on github", "space": "legacy", "provider": "GITHUB", "namespace": "acme", "repository": "app", "branch": "main", "administrative": false,
	}})
	id := s.admin.id(t, runTrigger, vars{"stack": stack})
	r := s.admin.reaches(t, stack, id, "FAILED")
	if !strings.Contains(r.History[0].Note, "GITHUB") {
		t.Errorf("the reason does not name the provider: %q", r.History[0].Note)
	}
}

// badInput: every refusal is clear, names its field, and changes nothing.
func (s *story) badInput(t *testing.T, good string) {
	before := s.inventory(t)
	stackIn := func(change vars) vars {
		in := vars{"name": "x", "space": "legacy", "provider": "GIT", "repository": "x", "repositoryURL": good, "branch": "main", "administrative": false}
		for k, v := range change {
			in[k] = v
		}
		return vars{"manageState": true, "input": in}
	}
	spaceIn := func(name, parent string) vars {
		return vars{"input": vars{"name": name, "parentSpace": parent, "inheritEntities": true, "description": ""}}
	}
	cases := []struct {
		name, query string
		vars        vars
		code        string
		words       []string
	}{
		{"empty space name", spaceCreate, spaceIn("", "root"), "INVALID", []string{"name"}},
		{"space name of 10 MB", spaceCreate, spaceIn(strings.Repeat("x", 10<<20), "root"), "INVALID", []string{"name"}},
		{"control characters", spaceCreate, spaceIn("a\x07b", "root"), "INVALID", []string{"name", "control"}},
		{"text direction tricks", spaceCreate, spaceIn("a\u202eb", "root"), "INVALID", []string{"name", "control"}},
		{"unknown parent", spaceCreate, spaceIn("a", "nope"), "INVALID", []string{"parentSpace"}},
		{"name taken", spaceCreate, spaceIn("LEGACY", "root"), "INVALID", []string{"name"}},
		{"unknown space", stackCreate, stackIn(vars{"space": "nope"}), "NOT_FOUND", []string{"space not found"}},
		{"scheme not allowed", stackCreate, stackIn(vars{"repositoryURL": "http://example.invalid/a.git"}), "INVALID", []string{"repositoryURL", "http"}},
		{"helper of git", stackCreate, stackIn(vars{"repositoryURL": "ext::sh -c id"}), "INVALID", []string{"repositoryURL"}},
		{"no branch", stackCreate, stackIn(vars{"branch": ""}), "INVALID", []string{"branch"}},
		{"option as branch", stackCreate, stackIn(vars{"branch": "--upload-pack=id"}), "INVALID", []string{"branch"}},
		{"credentials in the URL", stackCreate, stackIn(vars{"repositoryURL": "https://me:secret@example.invalid/a.git"}), "INVALID", []string{"repositoryURL", "credentials"}},
		{"root outside", stackCreate, stackIn(vars{"projectRoot": "../../etc"}), "INVALID", []string{"projectRoot"}},
		{"unknown pool", stackCreate, stackIn(vars{"workerPool": "nope"}), "INVALID", []string{"workerPool"}},
		{"unknown action", roleCreate, vars{"input": vars{"name": "r", "actions": []string{"FLY"}}}, "INVALID", []string{"actions", "FLY"}},
		{"no action", roleCreate, vars{"input": vars{"name": "r", "actions": []string{}}}, "INVALID", []string{"actions"}},
		{"unknown stack", runTrigger, vars{"stack": "nope"}, "NOT_FOUND", []string{"stack not found"}},
		{"unknown run", runConfirm, vars{"stack": "no-such-commit", "run": "nope"}, "NOT_FOUND", []string{"run not found"}},
		{"bad commit", runTrigger, vars{"stack": "no-such-commit", "sha": "--upload-pack=id"}, "INVALID", []string{"commitSha"}},
		{"unknown key", keyBindingCreate, vars{"input": vars{"apiKeyID": "nope", "roleID": "nope", "spaceID": "root"}}, "INVALID", []string{"apiKeyID"}},
		{"reserved variable", stackConfigAdd, vars{"stack": "no-such-commit", "config": vars{"id": "SPACELIFT_API_TOKEN", "type": "ENVIRONMENT_VARIABLE", "value": "x", "writeOnly": false}}, "INVALID", []string{"id", "SPACELIFT_"}},
		{"file outside", stackConfigAdd, vars{"stack": "no-such-commit", "config": vars{"id": "../../x", "type": "FILE_MOUNT", "value": "eA==", "writeOnly": false}}, "INVALID", []string{"id"}},
		{"wrong type", spaceCreate, vars{"input": vars{"name": 7, "parentSpace": "root", "inheritEntities": "yes", "description": ""}}, "INVALID", nil},
		{"unknown input field", spaceCreate, vars{"input": vars{"name": "a", "parentSpace": "root", "inheritEntities": true, "description": "", "owner": "me"}}, "INVALID", []string{"owner"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) { s.admin.refused(t, c.query, c.vars, c.code, c.words...) })
	}
	if after := s.inventory(t); after != before {
		t.Errorf("something changed:\n%s\n%s", before, after)
	}
}

// inventory is everything that the admin can list, as one text.
func (s *story) inventory(t *testing.T) string {
	t.Helper()
	var out map[string]any
	s.admin.must(t, `{spaces(){id,name,parentSpace,inheritEntities},roles{id,name,actions,roleBindingsCount},stacks{id,name,branch,config{id}},contexts(){id},apiKeys{id,name},managedUsers{id},managedUserGroups{id}}`, nil, &out)
	return toJSON(t, out)
}

// TestLostWorker: a server that is killed during an apply ends the run after
// its return, with the reason, and never runs it again by itself.
func TestLostWorker(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{server: start(t, database, "--lease", "5s", "--apply-lease", "5s"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		url, _ := repository(t, map[string]string{"infra/main.tf": `
resource "terraform_data" "slow" {
  provisioner "local-exec" { command = "echo begun; sleep 600" }
}`})
		stack := s.stack(t, "slow", "legacy", url)
		id := s.admin.id(t, runTrigger, vars{"stack": stack})
		s.admin.reaches(t, stack, id, "UNCONFIRMED")
		s.admin.must(t, runConfirm, vars{"stack": stack, "run": id}, nil)
		await(t, "the apply to begin", time.Minute, func() bool {
			text, _ := s.admin.log(t, stack, id, "APPLYING")
			return strings.Contains(text, "begun")
		})
		next := s.admin.id(t, runTrigger, vars{"stack": stack})
		if r := s.admin.run(t, stack, next); r.State != "QUEUED" {
			t.Errorf("a second run beside the first is %s", r.State)
		}
		s.kill(t)
		s.run(t, "--database", database, "--listen", strings.TrimPrefix(s.Endpoint, "http://"), "--workers", "0", "--lease", "5s", "--apply-lease", "5s")
		var r run
		await(t, "the lost run to be ended", time.Minute, func() bool {
			r = s.admin.run(t, stack, id)
			return r.Finished
		})
		if r.State != "FAILED" || !strings.Contains(r.History[0].Note, "apply_interrupted") {
			t.Errorf("the lost run is %s: %s", r.State, r.History[0].Note)
		}
		if r := s.admin.run(t, stack, next); r.State != "QUEUED" {
			t.Errorf("the next run is %s before anybody has looked", r.State)
		}
		s.admin.must(t, stackUnlock, vars{"stack": stack}, nil)
		if r := s.admin.run(t, stack, next); r.State != "READY" {
			t.Errorf("the next run is %s", r.State)
		}
	})
}

// TestNoTofu: without OpenTofu the server starts all the same, and a run fails
// with the reason.
func TestNoTofu(t *testing.T) {
	t.Parallel()
	s := &story{top: t, server: start(t, "sqlite", "--tofu", "/nonexistent/tofu"), dir: t.TempDir()}
	s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
	url, _ := repository(t, map[string]string{"infra/main.tf": ""})
	stack := s.stack(t, "web", "legacy", url)
	id := s.admin.id(t, runTrigger, vars{"stack": stack})
	r := s.admin.reaches(t, stack, id, "FAILED")
	if !strings.Contains(r.History[0].Note, "OpenTofu binary not found") {
		t.Errorf("the reason: %s", r.History[0].Note)
	}
}

// TestFailingPlanAndApply: code that fails while it plans or applies ends its
// run with the reason, and what it has made stays in the state.
func TestFailingPlanAndApply(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		plan, _ := repository(t, map[string]string{"infra/main.tf": `
variable "count_of" { default = 1 }
resource "terraform_data" "a" {
  input = var.count_of == 1 ? file("nothing-${var.count_of}.txt") : ""
}`})
		apply, _ := repository(t, map[string]string{"infra/main.tf": `
resource "terraform_data" "good" {}
resource "terraform_data" "bad" {
  depends_on = [terraform_data.good]
  provisioner "local-exec" { command = "exit 3" }
}`})
		stack := s.stack(t, "plan", "legacy", plan)
		id := s.admin.id(t, runTrigger, vars{"stack": stack})
		r := s.admin.reaches(t, stack, id, "FAILED")
		if log, _ := s.admin.log(t, stack, id, "PLANNING"); !strings.Contains(r.History[0].Note, "plan") || !strings.Contains(log, "nothing-1.txt") {
			t.Errorf("plan: %s\n%s", r.History[0].Note, log)
		}
		stack = s.stack(t, "apply", "legacy", apply)
		id = s.admin.id(t, runTrigger, vars{"stack": stack})
		s.admin.reaches(t, stack, id, "UNCONFIRMED")
		s.admin.must(t, runConfirm, vars{"stack": stack, "run": id}, nil)
		r = s.admin.reaches(t, stack, id, "FAILED")
		if !strings.Contains(r.History[0].Note, "apply") {
			t.Errorf("apply: %s", r.History[0].Note)
		}
		again := s.admin.id(t, runTrigger, vars{"stack": stack})
		if r := s.admin.reaches(t, stack, again, "UNCONFIRMED"); r.Delta.DeleteCount != 1 || r.Delta.AddCount != 1 {
			t.Errorf("the good resource is not in the state: %+v", r.Delta)
		}
	})
}
