package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	taskSchedule = `mutation($stack:ID!,$input:ScheduledTaskInput!){stackScheduledTaskCreate(stack:$stack,input:$input){id}}`
	endSchedule  = `mutation($stack:ID!,$input:ScheduledDeleteInput!){stackScheduledDeleteCreate(stack:$stack,input:$input){id}}`
	taskTick     = `query($stack:ID!,$id:ID!){stack(id:$stack){scheduledTask(id:$id){nextSchedule last{runId note}} tasks{id triggeredBy}}}`
)

// TestSchedules lets a task and a deletion come due, the task while no server
// runs.
func TestSchedules(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database, "--sandbox", "none"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		made := filepath.Join(s.dir, "made")
		url, _ := repository(t, map[string]string{"infra/main.tf": fmt.Sprintf(fileCode, made)})
		stack := s.stack(t, "timed", "legacy", url)
		apply := s.admin.id(t, runTrigger, vars{"stack": stack})
		s.admin.reaches(t, stack, apply, "UNCONFIRMED")
		s.admin.must(t, runConfirm, vars{"stack": stack, "run": apply}, nil)
		s.admin.reaches(t, stack, apply, "FINISHED")

		at := time.Now().Add(2 * time.Second).Unix()
		task := s.admin.id(t, taskSchedule, vars{"stack": stack, "input": vars{"command": "echo it is time", "timestampSchedule": at, "cronSchedule": nil}})
		s.stop(t)
		await(t, "the task to be due", 5*time.Second, func() bool { return time.Now().Unix() > at+1 })
		s.run(t, "--database", database, "--listen", strings.TrimPrefix(s.Endpoint, "http://"), "--sandbox", "none")
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		var out struct {
			Stack struct {
				ScheduledTask struct {
					NextSchedule *int
					Last         *struct{ RunID, Note string }
				}
				Tasks []struct{ ID, TriggeredBy string }
			}
		}
		await(t, "the task to be started", 20*time.Second, func() bool {
			s.admin.must(t, taskTick, vars{"stack": stack, "id": task}, &out)
			return out.Stack.ScheduledTask.Last != nil
		})
		if d := out.Stack.ScheduledTask; d.NextSchedule != nil || len(out.Stack.Tasks) != 1 || out.Stack.Tasks[0].TriggeredBy != "schedule::"+task || d.Last.RunID != out.Stack.Tasks[0].ID {
			t.Fatalf("got %+v", out)
		}
		s.admin.reaches(t, stack, out.Stack.Tasks[0].ID, "FINISHED")
		if !strings.Contains(s.admin.wholeLog(t, stack, out.Stack.Tasks[0].ID), "it is time") {
			t.Error("the log does not show what the task has printed")
		}

		s.admin.id(t, endSchedule, vars{"stack": stack, "input": vars{"shouldDeleteResources": true, "timestampSchedule": time.Now().Add(2 * time.Second).Unix()}})
		await(t, "the stack to be deleted", time.Minute, func() bool { return s.admin.life(t, stack) == nil })
		if _, err := os.Stat(made); err == nil {
			t.Error("the stack is gone, and what it had made is still there")
		}
	})
}

// driftCode keeps a file as it should be: whatever else it says is a change
// that a plan sees, and an apply writes it anew. The first apply finds it right.
const driftCode = `
locals {
  path   = %[1]q
  wanted = "as it should be"
  found  = try(file(local.path), "there is no file")
}
resource "terraform_data" "managed" {
  triggers_replace = local.found == local.wanted ? "right" : local.found
  provisioner "local-exec" { command = "printf %%s '${local.wanted}' > '${local.path}'" }
}
`

// TestDrift changes a managed file outside: drift detection finds it, and puts
// it right.
func TestDrift(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database, "--sandbox", "none"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		managed := filepath.Join(s.dir, "managed")
		write := func(content string) {
			t.Helper()
			if err := os.WriteFile(managed, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		write("as it should be")
		url, _ := repository(t, map[string]string{"main.tf": fmt.Sprintf(driftCode, managed)})
		stack := s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
			"name": "drifting", "space": "legacy", "provider": "GIT", "repository": "drifting", "repositoryURL": url, "branch": "main",
			"administrative": false, "autodeploy": true, "vendorConfig": vars{"opentofu": vars{}},
		}})
		s.admin.reaches(t, stack, s.admin.id(t, runTrigger, vars{"stack": stack}), "FINISHED")
		content := func() string { b, _ := os.ReadFile(managed); return string(b) }
		write("changed by hand")
		detect := `mutation($stack:ID!,$input:DriftDetectionIntegrationInput!){stackIntegrationDriftDetectionCreate(stack:$stack,input:$input){deleted}}`
		s.admin.must(t, detect, vars{"stack": stack, "input": vars{"ignoreState": false, "reconcile": true, "schedule": []string{"* * * * *"}}}, nil)

		type run struct {
			ID, State      string
			DriftDetection bool
			Delta          *struct{ AddCount int }
		}
		var out struct {
			Stack struct {
				IsDrifted          *bool
				ProposedRuns, Runs []run
			}
		}
		look := func() {
			s.admin.must(t, `query($id:ID!){stack(id:$id){isDrifted proposedRuns{id state driftDetection delta{addCount}} runs{id state driftDetection}}}`, vars{"id": stack}, &out)
		}
		await(t, "drift to be put right", 100*time.Second, func() bool {
			look()
			return len(out.Stack.Runs) == 2 && out.Stack.Runs[0].State == "FINISHED"
		})
		look() // the parts of one answer are not of one moment
		if p := out.Stack.ProposedRuns; len(p) == 0 || !p[len(p)-1].DriftDetection || p[len(p)-1].State != "FINISHED" || p[len(p)-1].Delta.AddCount != 1 {
			t.Errorf("looked by %+v", p)
		}
		if !out.Stack.Runs[0].DriftDetection || out.Stack.IsDrifted == nil || *out.Stack.IsDrifted || content() != "as it should be" {
			t.Errorf("got %+v, the file says %q", out.Stack, content())
		}
	})
}

// scheduleCode has every schedule of the public provider.
const scheduleCode = `
terraform {
  required_providers {
    spacelift = { source = "spacelift-io/spacelift" }
  }
}
resource "spacelift_stack" "timed" {
  name       = "timed"
  space_id   = "legacy"
  branch     = "main"
  repository = "timed"
  raw_git {
    namespace = "local"
    url       = %[1]q
  }
  opentofu {}
}
resource "spacelift_scheduled_run" "nightly" {
  stack_id = spacelift_stack.timed.id
  name     = %[2]q
  every    = ["0 3 * * *", "0 15 * * 1-5"]
  timezone = "Europe/Paris"
}
resource "spacelift_scheduled_run" "once" {
  stack_id = spacelift_stack.timed.id
  at       = %[3]d
}
resource "spacelift_scheduled_task" "nightly" {
  stack_id = spacelift_stack.timed.id
  command  = "tofu state list"
  every    = [%[4]q]
}
resource "spacelift_scheduled_task" "once" {
  stack_id = spacelift_stack.timed.id
  command  = "tofu output"
  at       = %[3]d
}
resource "spacelift_scheduled_delete_stack" "end" {
  stack_id         = spacelift_stack.timed.id
  at               = %[3]d
  delete_resources = false
}
resource "spacelift_drift_detection" "timed" {
  stack_id  = spacelift_stack.timed.id
  schedule  = ["*/15 * * * *"]
  reconcile = %[5]t
}
resource "spacelift_stack_destructor" "timed" {
  stack_id    = spacelift_stack.timed.id
  deactivated = true
}
data "spacelift_drift_detection" "timed" {
  stack_id   = spacelift_drift_detection.timed.stack_id
}
output "read" { value = data.spacelift_drift_detection.timed.schedule }
`

// TestProviderSchedules makes, changes, imports and destroys every schedule with
// the public provider.
func TestProviderSchedules(t *testing.T) {
	t.Parallel()
	provider := clientBinary(t, providerVariable, "the public Terraform provider")
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		before := s.inventory(t)
		url, _ := repository(t, map[string]string{"main.tf": ""})
		code, write, env := s.withProvider(t, provider)
		tofu := func(words string, args ...string) string {
			t.Helper()
			out, err := s.command(t, code, "tofu", env, append(args, "-no-color")...)
			if err != nil || !strings.Contains(out, words) {
				t.Fatalf("tofu %v: %v; want %q", args, err, words)
			}
			return out
		}
		const someDay = 2000000000 // in 2033; the provider has times of 32 bits
		write(filepath.Join(code, "main.tf"), fmt.Sprintf(scheduleCode, url, "nightly", someDay, "0 4 * * *", false))
		tofu("8 added, 0 changed, 0 destroyed", "apply", "-auto-approve")
		tofu("No changes.", "plan", "-detailed-exitcode")
		write(filepath.Join(code, "main.tf"), fmt.Sprintf(scheduleCode, url, "every night", someDay+60, "30 4 * * *", true))
		tofu("0 added, 6 changed, 0 destroyed", "apply", "-auto-approve")
		tofu("No changes.", "plan", "-detailed-exitcode")
		for resource, field := range map[string]string{
			"spacelift_scheduled_run.nightly": "id", "spacelift_scheduled_task.nightly": "id", "spacelift_scheduled_delete_stack.end": "id", "spacelift_drift_detection.timed": "stack",
		} {
			id := "stack/timed"
			if field == "id" {
				id = idOf(t, tofu("", "state", "show", resource))
			}
			tofu("removed", "state", "rm", resource)
			tofu("Import successful", "import", resource, id)
			tofu("No changes.", "plan", "-detailed-exitcode")
		}
		// The provider reads no time zone of what has one time, and wants UTC for it: that
		// takes one update, which changes nothing.
		for _, resource := range []string{"spacelift_scheduled_run.once", "spacelift_scheduled_task.once"} {
			id := idOf(t, tofu("", "state", "show", resource))
			tofu("removed", "state", "rm", resource)
			tofu("Import successful", "import", resource, id)
			tofu("0 added, 1 changed, 0 destroyed", "apply", "-auto-approve")
			tofu("No changes.", "plan", "-detailed-exitcode")
		}
		tofu("8 destroyed", "destroy", "-auto-approve")
		if after := s.inventory(t); after != before {
			t.Errorf("something was left behind:\n%s\n%s", before, after)
		}
	})
}

// idOf reads the id of a resource that tofu shows.
func idOf(t *testing.T, shown string) string {
	t.Helper()
	for line := range strings.Lines(shown) {
		name, value, _ := strings.Cut(line, "=")
		if strings.TrimSpace(name) == "id" {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	t.Fatalf("no id in %s", shown)
	return ""
}
