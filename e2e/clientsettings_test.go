package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// settingsCode brings settings for runs: by schedules, one of which comes due
// soon, by a run that it starts, and by the account's images.
const settingsCode = `
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
  autodeploy = true
  raw_git {
    namespace = "local"
    url       = %[1]q
  }
  opentofu {}
}
resource "spacelift_scheduled_run" "nightly" {
  stack_id = spacelift_stack.timed.id
  name     = "nightly"
  every    = ["0 3 * * *"]
  timezone = "Europe/Paris"
  runtime_config {
    project_root = "infra"
    runner_image = "registry.example.com/runner:1"
    environment {
      key   = "TF_VAR_region"
      value = %[3]q
    }
    environment {
      key   = "ANOTHER"
      value = "with = and\nlines"
    }
    before_init    = ["echo one", "echo two"]
    after_init     = ["echo after init"]
    before_plan    = ["echo before plan"]
    after_plan     = ["echo after plan"]
    before_apply   = ["echo before apply"]
    after_apply    = ["echo after apply"]
    before_perform = ["echo before perform"]
    after_perform  = ["echo after perform"]
    before_destroy = ["echo before destroy"]
    after_destroy  = ["echo after destroy"]
    after_run      = ["echo after run"]
  }
}
resource "spacelift_scheduled_run" "soon" {
  stack_id = spacelift_stack.timed.id
  at       = %[2]d
  runtime_config {
    environment {
      key   = "TF_VAR_region"
      value = "moon"
    }
  }
}
resource "spacelift_scheduled_run" "plain" {
  stack_id = spacelift_stack.timed.id
  every    = ["0 5 * * *"]
  %[5]s
}
data "spacelift_scheduled_run" "nightly" {
  scheduled_run_id = spacelift_scheduled_run.nightly.id
}
resource "spacelift_run" "now" {
  stack_id = spacelift_stack.timed.id
  proposed = true
  runtime_config {
    environment {
      key   = "TF_VAR_region"
      value = "mars"
    }
    after_plan = ["echo planned for $TF_VAR_region"]
  }
  wait {
    continue_on_state = ["finished"]
  }
}
resource "spacelift_default_runner_image" "all" {
  %[4]s
}
`

// TestProviderSettings brings settings for runs by the public provider: they are
// read back as they were written, changed, taken away, imported, and followed.
func TestProviderSettings(t *testing.T) {
	t.Parallel()
	provider := clientBinary(t, providerVariable, "the public Terraform provider")
	onBoth(t, func(t *testing.T, database string) {
		s := &source{story: &story{top: t, server: start(t, database), dir: t.TempDir()}, stack: "timed"}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		before := s.inventory(t) + s.images(t)
		url, _ := repository(t, map[string]string{"main.tf": regions})
		code, write, env := s.withProvider(t, provider)
		tofu := func(words string, args ...string) string {
			t.Helper()
			out, err := s.command(t, code, "tofu", env, append(args, "-no-color")...)
			if err != nil || !strings.Contains(out, words) {
				t.Fatalf("tofu %v: %v; want %q", args, err, words)
			}
			return out
		}
		soon := time.Now().Add(5 * time.Second).Unix()
		use := func(region, images, plain string) {
			write(filepath.Join(code, "main.tf"), fmt.Sprintf(settingsCode, url, soon, region, images, plain))
		}
		use("mars", `private = "registry.example.com/runner:2"`, "runtime_config {\n    after_run = [\"echo over\"]\n  }")
		tofu("6 added, 0 changed, 0 destroyed", "apply", "-auto-approve")
		tofu("No changes.", "plan", "-detailed-exitcode")
		tofu("0 added", "apply", "-auto-approve") // reads the data source, which came too early
		tofu("echo two", "state", "show", "data.spacelift_scheduled_run.nightly")
		if got := s.images(t); got != `{"defaultPrivateWorkerPoolRunnerImage":"registry.example.com/runner:2","defaultPublicWorkerPoolRunnerImage":null}` {
			t.Errorf("images: %s", got)
		}
		proposed := s.runs(t, "proposedRuns")[0]
		if log := s.admin.wholeLog(t, "timed", proposed); !strings.Contains(log, "\nplanned for mars\n") {
			t.Errorf("the run that it started has the log:\n%s", log)
		}
		await(t, "the schedule to start a run", 30*time.Second, func() bool { return len(s.runs(t, "runs")) == 1 })
		s.admin.reaches(t, "timed", s.runs(t, "runs")[0], "FINISHED")
		if s.value(t) != "moon" {
			t.Errorf("the run of the schedule came to %s", s.value(t))
		}
		tofu("No changes.", "plan", "-detailed-exitcode")

		use("venus", "private = \"registry.example.com/runner:2\"\n  public = \"registry.example.com/runner:3\"", "")
		tofu("0 added, 3 changed, 0 destroyed", "apply", "-auto-approve")
		tofu("No changes.", "plan", "-detailed-exitcode")
		s.plainAgain(t, idOf(t, tofu("", "state", "show", "spacelift_scheduled_run.plain")))
		for _, resource := range []string{"spacelift_scheduled_run.nightly", "spacelift_default_runner_image.all"} {
			id := idOf(t, tofu("", "state", "show", resource))
			tofu("removed", "state", "rm", resource)
			tofu("Import successful", "import", resource, id)
			tofu("No changes.", "plan", "-detailed-exitcode")
		}
		tofu("6 destroyed", "destroy", "-auto-approve")
		if after := s.inventory(t) + s.images(t); after != before {
			t.Errorf("something was left behind:\n%s\n%s", before, after)
		}
	})
}

func (s *story) images(t *testing.T) string {
	t.Helper()
	var out map[string]any
	s.admin.must(t, `{defaultPublicWorkerPoolRunnerImage defaultPrivateWorkerPoolRunnerImage}`, nil, &out)
	return toJSON(t, out)
}

// plainAgain looks at a schedule whose settings were taken away.
func (s *source) plainAgain(t *testing.T, id string) {
	t.Helper()
	var out struct {
		Stack struct {
			ScheduledRun struct {
				CustomRuntimeConfig *struct{ AfterRun []string }
			}
		}
	}
	_, schedule, _ := strings.Cut(id, "/")
	s.admin.must(t, `query($stack:ID!,$id:ID!){stack(id:$stack){scheduledRun(id:$id){customRuntimeConfig{afterRun}}}}`, vars{"stack": s.stack, "id": schedule}, &out)
	if c := out.Stack.ScheduledRun.CustomRuntimeConfig; c != nil {
		t.Errorf("the settings are still there: %+v", c)
	}
}
