package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The public clients, unmodified. Their binaries are built elsewhere and named
// by these variables; without them the suite says that it was skipped.
const (
	spacectlVariable = "AIRLOCK_E2E_SPACECTL"
	providerVariable = "AIRLOCK_E2E_PROVIDER"
)

func clientBinary(t *testing.T, variable, what string) string {
	t.Helper()
	path := os.Getenv(variable)
	if path == "" {
		t.Skipf("set %s to the binary of %s", variable, what)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

// command runs a client with the admin key in its environment and returns
// everything that it printed.
func (s *story) command(t *testing.T, dir, binary string, extra []string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = dir
	cmd.Env = append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir,
		"SPACELIFT_API_KEY_ENDPOINT=" + s.Endpoint, "SPACELIFT_API_KEY_ID=" + s.ID, "SPACELIFT_API_KEY_SECRET=" + s.Secret,
	}, extra...)
	out, err := cmd.CombinedOutput()
	t.Logf("$ %s %s\n%s", filepath.Base(binary), strings.Join(args, " "), out)
	return string(out), err
}

// withProvider is a directory for code that uses the public provider: where it
// is, how to write a file, and what OpenTofu needs in its environment there.
func (s *story) withProvider(t *testing.T, provider string) (code string, write func(path, content string), env []string) {
	t.Helper()
	write = func(path, content string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rc := filepath.Join(s.dir, "tofu.rc")
	write(rc, fmt.Sprintf("provider_installation {\n  dev_overrides { \"spacelift-io/spacelift\" = %q }\n  direct {}\n}\n", filepath.Dir(provider)))
	return t.TempDir(), write, []string{"TF_CLI_CONFIG_FILE=" + rc}
}

// TestCLI walks through the public CLI's commands for what exists.
func TestCLI(t *testing.T) {
	t.Parallel()
	spacectl := clientBinary(t, spacectlVariable, "the public CLI")
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		url, _ := repository(t, map[string]string{"infra/main.tf": webCode})
		web := s.stack(t, "web", "legacy", url)
		s.admin.must(t, stackConfigAdd, vars{"stack": web, "config": vars{
			"id": "TF_VAR_password", "type": "ENVIRONMENT_VARIABLE", "value": canary, "writeOnly": true,
		}}, nil)
		ctl := func(words string, args ...string) string {
			t.Helper()
			out, err := s.command(t, s.dir, spacectl, nil, args...)
			if err != nil || !strings.Contains(out, words) {
				t.Fatalf("spacectl %v: %v; want %q", args, err, words)
			}
			return out
		}
		ctl(s.ID, "whoami")
		ctl("web", "stack", "list")
		s.admin.must(t, poolCreate, vars{"csr": certificateRequest(t)}, nil)
		ctl(`"registeredWorkers": 0`, "workerpool", "list", "-o", "json")
		ctl("build", "workerpool", "list")
		ctl("OpenTofu", "stack", "show", "--id", web)
		ctl("created a deployment", "stack", "deploy", "--id", web)
		first := s.newestRun(t, web)
		s.admin.reaches(t, web, first, "UNCONFIRMED")
		ctl(first, "stack", "run", "list", "--id", web)
		ctl("confirmed", "stack", "confirm", "--id", web, "--run", first)
		s.admin.reaches(t, web, first, "FINISHED")
		if log := ctl("Apply complete!", "stack", "logs", "--id", web, "--run", first); strings.Contains(log, canary) {
			t.Error("the log shows the secret")
		}
		s.stacksByCLI(t, web, ctl)
		s.discardByCLI(t, web, ctl)
		s.actionsByCLI(t, web, ctl)
		s.previewByCLI(t, spacectl, url)
		s.lifeByCLI(t, web, ctl)
		s.deleteByCLI(t, web, ctl)
		s.profileLogin(t, spacectl)
	})
}

func (s *story) newestRun(t *testing.T, stack string) string {
	t.Helper()
	var out struct {
		Stack struct{ Runs []struct{ ID string } }
	}
	s.admin.must(t, `query($id:ID!){stack(id:$id){runs{id}}}`, vars{"id": stack}, &out)
	return out.Stack.Runs[0].ID
}

func (s *story) discardByCLI(t *testing.T, stack string, ctl func(string, ...string) string) {
	t.Helper()
	s.admin.must(t, stackConfigAdd, vars{"stack": stack, "config": vars{
		"id": "TF_VAR_password", "type": "ENVIRONMENT_VARIABLE", "value": "another-" + canary, "writeOnly": true,
	}}, nil)
	ctl("created a deployment", "stack", "deploy", "--id", stack)
	second := s.newestRun(t, stack)
	s.admin.reaches(t, stack, second, "UNCONFIRMED")
	ctl("discarded", "stack", "discard", "--id", stack, "--run", second)
	s.admin.reaches(t, stack, second, "DISCARDED")
}

// actionsByCLI does to runs what else the CLI offers.
func (s *story) actionsByCLI(t *testing.T, stack string, ctl func(string, ...string) string) {
	t.Helper()
	ctl("hello from the workspace", "stack", "task", "--id", stack, "--tail", "echo hello from the workspace")
	ctl("FINISHED", "stack", "preview", "--id", stack, "--tail")
	ctl("created a deployment", "stack", "deploy", "--id", stack)
	run := s.newestRun(t, stack)
	s.admin.reaches(t, stack, run, "UNCONFIRMED")
	ctl("", "stack", "approve", "--id", stack, "--run", run, "--note", "fine")
	ctl("created a deployment", "stack", "deploy", "--id", stack)
	behind := s.newestRun(t, stack)
	ctl("", "stack", "prioritize", "--id", stack, "--run", behind)
	ctl("", "stack", "cancel", "--id", stack, "--run", behind)
	s.admin.reaches(t, stack, behind, "CANCELED")
	ctl("discarded", "stack", "discard", "--id", stack, "--run", run)
	ctl("retried", "stack", "retry", "--id", stack, "--run", run)
	again := s.newestRun(t, stack)
	s.admin.reaches(t, stack, again, "UNCONFIRMED")
	ctl("discarded", "stack", "discard", "--id", stack, "--run", again)
	config := filepath.Join(s.dir, "run.yml")
	if err := os.WriteFile(config, []byte("before_plan: [echo only for this run]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctl("created a deployment", "stack", "deploy", "--id", stack, "--runtime-config", config)
	once := s.newestRun(t, stack)
	s.admin.reaches(t, stack, once, "UNCONFIRMED")
	ctl("\nonly for this run", "stack", "logs", "--id", stack, "--run", once)
	ctl("discarded", "stack", "discard", "--id", stack, "--run", once)
}

// previewByCLI previews a directory that nobody has committed, and one that a
// worker must not unpack.
func (s *story) previewByCLI(t *testing.T, spacectl, url string) {
	t.Helper()
	stack := s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
		"name": "previewed", "space": "legacy", "provider": "GIT", "repository": "previewed", "repositoryURL": url, "branch": "main",
		"projectRoot": "infra", "administrative": false, "localPreviewEnabled": true, "vendorConfig": vars{"opentofu": vars{}},
	}})
	dir := t.TempDir()
	write := func(name, content string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(content), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	write("infra/main.tf", `variable "who" { default = "nobody" }
resource "terraform_data" "never_committed" { input = var.who }
`)
	write("infra/deep/er/empty.txt", "")
	if err := os.Symlink("main.tf", filepath.Join(dir, "infra/same.txt")); err != nil {
		t.Fatal(err)
	}
	preview := func(extra ...string) (string, error) {
		return s.command(t, dir, spacectl, nil, append([]string{"stack", "local-preview", "--id", stack}, extra...)...)
	}
	out, err := preview("--env-var-override", "TF_VAR_who=somebody", "--target", "terraform_data.never_committed")
	if err != nil || !strings.Contains(out, "terraform_data.never_committed") || !strings.Contains(out, "somebody") {
		t.Fatalf("local preview: %v", err)
	}
	var list struct {
		Stack struct {
			ProposedRuns []struct{ ID, State, Title string }
		}
	}
	s.admin.must(t, `query($id:ID!){stack(id:$id){proposedRuns{id,state,title}}}`, vars{"id": stack}, &list)
	if runs := list.Stack.ProposedRuns; len(runs) != 1 || runs[0].State != "FINISHED" || runs[0].Title != "Local preview" {
		t.Errorf("proposed runs: %+v", runs)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "infra/elsewhere")); err != nil {
		t.Fatal(err)
	}
	if out, err := preview(); err == nil || !strings.Contains(out, "the link leaves the directory") {
		t.Errorf("a link out of the directory: %v", err)
	}
}

// profileLogin signs in as a person does, answering the CLI's questions at a
// terminal (script makes one), and then asks who he is.
func (s *story) profileLogin(t *testing.T, spacectl string) {
	t.Helper()
	run := func(line string) (*exec.Cmd, *buffer) {
		cmd := exec.CommandContext(t.Context(), "script", "-qec", line, os.DevNull)
		cmd.Env = []string{"HOME=" + s.dir, "PATH=" + os.Getenv("PATH")}
		out := &buffer{}
		cmd.Stdout, cmd.Stderr = out, out
		return cmd, out
	}
	cmd, out := run(spacectl + " profile login --endpoint " + s.Endpoint + " --method api mine")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for _, q := range []struct{ question, answer string }{{"API key ID", s.ID}, {"API key secret", s.Secret}} {
		await(t, "the question for the "+q.question, 20*time.Second, func() bool { return strings.Contains(out.String(), q.question) })
		if _, err := fmt.Fprintf(stdin, "%s\n", q.answer); err != nil {
			t.Fatal(err)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatalf("profile login: %v\n%s", err, out.String())
	}
	who, out := run(spacectl + " whoami")
	if err := who.Run(); err != nil || !strings.Contains(out.String(), s.ID) {
		t.Fatalf("whoami with the profile: %v\n%s", err, out.String())
	}
}

// providerCode is a configuration of spaces, stacks, contexts, keys and roles.
const providerCode = `
terraform {
  required_providers {
    spacelift = { source = "spacelift-io/spacelift" }
  }
}
resource "spacelift_space" "infra" {
  name            = "infra"
  parent_space_id = "root"
  description     = "Infrastructure"
  labels          = ["one", "two"]
}
resource "spacelift_space" "apps" {
  name             = "apps"
  parent_space_id  = spacelift_space.infra.id
  inherit_entities = true
}
resource "spacelift_role" "operator" {
  name        = "Deployment Operator"
  description = %[2]q
  actions     = ["RUN_TRIGGER", "RUN_READ"]
}
resource "spacelift_api_key" "ci" { name = "ci" }
resource "spacelift_role_attachment" "key" {
  api_key_id = spacelift_api_key.ci.id
  role_id    = spacelift_role.operator.id
  space_id   = spacelift_space.apps.id
}
resource "spacelift_stack" "web" {
  name       = "web"
  space_id   = spacelift_space.apps.id
  branch     = "main"
  repository = "web"
  labels     = ["x"]
  raw_git {
    namespace = "local"
    url       = %[1]q
  }
  opentofu {}
}
resource "spacelift_stack" "terraform" {
  name                    = "Terraform flavour"
  space_id                = spacelift_space.apps.id
  branch                  = "main"
  repository              = "web"
  terraform_workflow_tool = "TERRAFORM_FOSS"
  raw_git {
    namespace = "local"
    url       = %[1]q
  }
}
resource "spacelift_role_attachment" "stack" {
  stack_id = spacelift_stack.web.id
  role_id  = spacelift_role.operator.id
  space_id = spacelift_space.apps.id
}
resource "spacelift_context" "shared" {
  name        = "shared"
  space_id    = spacelift_space.infra.id
  description = "Shared by all"
  before_init = ["echo hello"]
}
resource "spacelift_context_attachment" "web" {
  context_id = spacelift_context.shared.id
  stack_id   = spacelift_stack.web.id
  priority   = 1
}
resource "spacelift_environment_variable" "plain" {
  context_id = spacelift_context.shared.id
  name       = "PLAIN"
  value      = "visible"
  write_only = false
}
resource "spacelift_environment_variable" "secret" {
  stack_id = spacelift_stack.web.id
  name     = "SECRET"
  value    = "is tasty"
}
resource "spacelift_repo" "code" {
  name        = "code"
  space_id    = spacelift_space.infra.id
  description = "Kept by the server"
  labels      = ["b", "a"]
}
resource "spacelift_repo_file" "main" {
  repo_id = spacelift_repo.code.id
  path    = "infra/main.tf"
  content = "# %[2]s\n"
}
resource "spacelift_repo_file" "hidden" {
  repo_id    = spacelift_repo.code.id
  path       = "infra/secret.txt"
  content    = "is tasty"
  encrypt    = true
  file_mode  = "755"
  depends_on = [spacelift_repo_file.main]
}
resource "spacelift_mounted_file" "motd" {
  stack_id      = spacelift_stack.web.id
  relative_path = "source/motd"
  content       = base64encode("hello")
  write_only    = false
}
`

// TestProvider applies, plans, changes and destroys a configuration with the
// public provider.
func TestProvider(t *testing.T) {
	t.Parallel()
	provider := clientBinary(t, providerVariable, "the public Terraform provider")
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		before := s.inventory(t)
		url, _ := repository(t, map[string]string{"main.tf": ""})
		code, write, env := s.withProvider(t, provider)
		tofu := func(words string, args ...string) {
			t.Helper()
			out, err := s.command(t, code, "tofu", env, append(args, "-no-color")...)
			if err != nil || !strings.Contains(out, words) {
				t.Fatalf("tofu %v: %v; want %q", args, err, words)
			}
		}
		write(filepath.Join(code, "main.tf"), fmt.Sprintf(providerCode+peopleCode+poolCode+dependencyCode, url, "May deploy.", "WRITE"))
		tofu("27 added, 0 changed, 0 destroyed", "apply", "-auto-approve")
		tofu("No changes.", "plan", "-detailed-exitcode")
		write(filepath.Join(code, "main.tf"), fmt.Sprintf(providerCode+peopleCode+poolCode+dependencyCode, url, "May deploy, not confirm.", "ADMIN"))
		tofu("0 added, 4 changed, 0 destroyed", "apply", "-auto-approve")
		tofu("No changes.", "plan", "-detailed-exitcode")
		for _, by := range []string{"ids", "names"} {
			tofu("Import successful", s.reimport(t, by, tofu)...)
			tofu("No changes.", "plan", "-detailed-exitcode")
		}
		tofu("27 destroyed", "destroy", "-auto-approve")
		if after := s.inventory(t); after != before {
			t.Errorf("something was left behind:\n%s\n%s", before, after)
		}
	})
}

// insideCode is what a stack runs that manages Airlock by the public provider
// with the token of its own run.
const insideCode = `
terraform {
  required_providers {
    spacelift = { source = "spacelift-io/spacelift" }
  }
}
data "spacelift_current_stack" "this" {}
data "spacelift_current_space" "this" {}
data "spacelift_space_by_path" "this" {
  space_path = "root/legacy"
}
resource "spacelift_context" "made" {
  name        = "made inside"
  description = data.spacelift_current_stack.this.id
  space_id    = data.spacelift_current_space.this.id
  labels      = [data.spacelift_space_by_path.this.name]
}
`

// TestProviderInRun runs the public provider inside a run, far down in the
// file system: a provider's socket must still fit into its 107 characters.
func TestProviderInRun(t *testing.T) {
	t.Parallel()
	provider := clientBinary(t, providerVariable, "the public Terraform provider")
	needTofu(t)
	deep := filepath.Join(t.TempDir(), strings.Repeat("deep-down/", 12))
	s := &story{top: t, server: &server{data: deep, log: &buffer{}}, dir: t.TempDir()}
	if err := os.MkdirAll(deep, 0o700); err != nil {
		t.Fatal(err)
	}
	mirror := filepath.Join(s.dir, "mirror")
	place := filepath.Join(mirror, "registry.opentofu.org/spacelift-io/spacelift/0.0.1/linux_"+runtime.GOARCH)
	if err := os.MkdirAll(place, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(provider, filepath.Join(place, "terraform-provider-spacelift_v0.0.1")); err != nil {
		t.Fatal(err)
	}
	rc := filepath.Join(s.dir, "tofu.rc")
	if err := os.WriteFile(rc, fmt.Appendf(nil, "provider_installation {\n  filesystem_mirror { path = %q }\n}\n", mirror), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run(t, "--listen", "127.0.0.1:0", "--cli-config", rc, "--sandbox-read", provider) // the mirror only links to it
	s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
	url, _ := repository(t, map[string]string{"infra/main.tf": insideCode})
	stack := s.stack(t, "factory", "legacy", url)
	var roles struct{ Roles []struct{ ID, Slug string } }
	s.admin.must(t, `{roles{id,slug}}`, nil, &roles)
	for _, r := range roles.Roles {
		if r.Slug == "space-admin" {
			s.admin.must(t, stackBindCreate, vars{"input": vars{"stackID": stack, "roleID": r.ID, "spaceID": "legacy"}}, nil)
		}
	}
	id := s.admin.id(t, runTrigger, vars{"stack": stack})
	s.admin.reaches(t, stack, id, "UNCONFIRMED")
	s.admin.must(t, runConfirm, vars{"stack": stack, "run": id}, nil)
	s.admin.reaches(t, stack, id, "FINISHED")
	type made struct {
		Name, Description, Space string
		Labels                   []string
	}
	var out struct{ Contexts []made }
	s.admin.must(t, `{contexts{name,description,space,labels}}`, nil, &out)
	if diff := cmp.Diff([]made{{"made inside", stack, "legacy", []string{"legacy"}}}, out.Contexts); diff != "" {
		t.Errorf("contexts (-want +got):\n%s", diff)
	}
}
