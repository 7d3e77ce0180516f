package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// everySetting is a stack with all settings that the public provider knows and
// a stack can have here, switched off by a stack_activator, and another one that
// a stack_destructor takes down with what it has made.
const everySetting = `
terraform {
  required_providers {
    spacelift = { source = "spacelift-io/spacelift" }
  }
}
resource "spacelift_stack" "full" {
  name                             = "Full of settings"
  slug                             = "full"
  description                      = %[2]q
  space_id                         = "legacy"
  repository                       = "full"
  branch                           = "main"
  project_root                     = "infra"
  additional_project_globs         = ["modules/**/*.tf"]
  git_sparse_checkout_paths        = ["modules/%[3]s"]
  labels                           = ["folder:a", %[2]q]
  administrative                   = false
  autodeploy                       = %[4]t
  autoretry                        = %[4]t
  enable_local_preview             = %[4]t
  enable_well_known_secret_masking = %[4]t
  enable_sensitive_outputs_upload  = %[4]t
  allow_run_promotion              = %[4]t
  protect_from_deletion            = false
  manage_state                     = true
  runner_image                     = "registry.example.com/runner:%[3]s"
  before_init    = ["echo bi %[3]s"]
  after_init     = ["echo ai %[3]s"]
  before_plan    = ["echo bp %[3]s"]
  after_plan     = ["echo ap %[3]s"]
  before_apply   = ["echo ba %[3]s", "echo second"]
  after_apply    = ["echo aa %[3]s"]
  before_perform = ["echo bf %[3]s"]
  after_perform  = ["echo af %[3]s"]
  before_destroy = ["echo bd %[3]s"]
  after_destroy  = ["echo ad %[3]s"]
  after_run      = ["echo ar %[3]s"]
  raw_git {
    namespace = "local"
    url       = %[1]q
  }
  opentofu {
    version                = ">= 1.%[3]s"
    external_state_access  = %[4]t
    use_smart_sanitization = %[4]t
    logging { concise = %[4]t }
  }
}
resource "spacelift_stack" "terraform" {
  name                         = "Terraform settings"
  space_id                     = "legacy"
  repository                   = "full"
  branch                       = "main"
  manage_state                 = false
  terraform_version            = "~> 1.%[3]s"
  terraform_workflow_tool      = %[5]q
  terraform_workspace          = "stage-%[3]s"
  terraform_smart_sanitization = %[4]t
  raw_git {
    namespace = "local"
    url       = %[1]q
  }
}
resource "spacelift_stack_activator" "full" {
  stack_id = spacelift_stack.full.id
  enabled  = %[4]t
}
resource "spacelift_stack" "made" {
  name       = "Made things"
  space_id   = "legacy"
  repository = "full"
  branch     = "main"
  autodeploy = true
  raw_git {
    namespace = "local"
    url       = %[1]q
  }
  opentofu {}
}
resource "spacelift_run" "made" {
  stack_id = spacelift_stack.made.id
  keepers  = { a = "b" }
  wait {}
}
resource "spacelift_stack_destructor" "made" {
  stack_id     = spacelift_stack.made.id
  discard_runs = true
  depends_on   = [spacelift_run.made]
}
data "spacelift_tool_versions" "tofu" { tool = "OPEN_TOFU" }
data "spacelift_tool_versions" "kubectl" { tool = "KUBECTL" }
data "spacelift_tool_versions" "terragrunt" { tool = "TERRAGRUNT" }
output "tofu" { value = length(data.spacelift_tool_versions.tofu.versions) > 0 }
output "others" { value = concat(data.spacelift_tool_versions.kubectl.versions, data.spacelift_tool_versions.terragrunt.versions) }
`

// refusedVendor is a vendor that does not run here.
const refusedVendor = `
resource "spacelift_stack" "refused" {
  name       = "Refused"
  space_id   = "legacy"
  repository = "full"
  branch     = "main"
  raw_git {
    namespace = "local"
    url       = "https://example.com/x.git"
  }
  ansible { playbook = "main.yml" }
}
`

// TestProviderStacks sets, changes and imports every setting of a stack by the
// public provider, and lets it destroy what a stack has made.
func TestProviderStacks(t *testing.T) {
	t.Parallel()
	provider := clientBinary(t, providerVariable, "the public Terraform provider")
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		url, _ := repository(t, map[string]string{"main.tf": "resource \"terraform_data\" \"x\" {}\n", "infra/main.tf": "", "modules/6/x.tf": "", "modules/7/x.tf": ""})
		code, write, env := s.withProvider(t, provider)
		tofu := func(words string, args ...string) {
			t.Helper()
			out, err := s.command(t, code, "tofu", env, append(args, "-no-color")...)
			if err != nil || !strings.Contains(out, words) {
				t.Fatalf("tofu %v: %v; want %q", args, err, words)
			}
		}
		main := filepath.Join(code, "main.tf")
		write(main, fmt.Sprintf(everySetting, url, "first", "6", true, "OPEN_TOFU"))
		tofu("6 added, 0 changed, 0 destroyed", "apply", "-auto-approve")
		tofu("No changes.", "plan", "-detailed-exitcode")
		tofu("tofu = true", "output")
		s.resourcesByAPI(t)

		write(main, fmt.Sprintf(everySetting, url, "second", "7", false, "TERRAFORM_FOSS"))
		tofu("0 added, 3 changed, 0 destroyed", "apply", "-auto-approve")
		tofu("No changes.", "plan", "-detailed-exitcode")
		tofu("Removed", "state", "rm", "spacelift_stack.full", "spacelift_stack.terraform")
		tofu("Import successful", "import", "spacelift_stack.full", "full")
		tofu("Import successful", "import", "spacelift_stack.terraform", "terraform-settings")
		tofu("0 added, 1 changed, 0 destroyed", "apply", "-auto-approve") // the provider imports no block opentofu
		tofu("No changes.", "plan", "-detailed-exitcode")

		write(main, fmt.Sprintf(everySetting, url, "second", "7", false, "TERRAFORM_FOSS")+refusedVendor)
		out, err := s.command(t, code, "tofu", env, "apply", "-auto-approve", "-no-color")
		if err == nil || !strings.Contains(out, "Ansible does not run here") {
			t.Errorf("a vendor that does not run: %v", err)
		}
		write(main, fmt.Sprintf(everySetting, url, "second", "7", false, "TERRAFORM_FOSS"))
		tofu("6 destroyed", "destroy", "-auto-approve")
		var left struct{ Stacks []struct{ ID string } }
		s.admin.must(t, `{stacks{id}}`, nil, &left)
		if len(left.Stacks) > 0 {
			t.Errorf("left behind: %+v", left)
		}
	})
}

// resourcesByAPI finds what the run has made among the resources of the account.
func (s *story) resourcesByAPI(t *testing.T) {
	t.Helper()
	var out struct {
		Search struct {
			Edges []struct {
				Node struct {
					Address, StackID string
					Creator          *struct{ State string }
				}
			}
		}
	}
	s.admin.must(t, `query($i:SearchInput!){search:searchManagedEntities(input:$i){edges{node{address,stackID:stackId,creator{state}}}}}`,
		vars{"i": vars{"fullTextSearch": "terraform_data.x"}}, &out)
	if e := out.Search.Edges; len(e) != 1 || e[0].Node.StackID != "made-things" || e[0].Node.Creator == nil || e[0].Node.Creator.State != "FINISHED" {
		t.Errorf("resources are %+v", out)
	}
}

// stacksByCLI lists stacks as the CLI does: searched, with dependencies,
// resources and versions.
func (s *story) stacksByCLI(t *testing.T, stack string, ctl func(string, ...string) string) {
	t.Helper()
	other := s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
		"name": "needs it", "space": "legacy", "provider": "GIT", "repository": "other", "repositoryURL": "https://example.com/other.git", "branch": "main",
		"administrative": false, "labels": []any{"quiet"}, "vendorConfig": vars{"opentofu": vars{}},
	}})
	s.admin.id(t, dependencyCreate, vars{"stack": other, "on": stack})
	ctl(stack, "stack", "dependencies", "on", "--id", other, "-o", "json")
	ctl(other, "stack", "dependencies", "off", "--id", stack, "-o", "json")
	ctl("terraform_data", "stack", "resources", "list", "--id", stack)
	if out := ctl("needs it", "stack", "list", "--search", "needs", "-o", "json"); strings.Contains(out, `"`+stack+`"`) {
		t.Errorf("the search shows another stack:\n%s", out)
	}
	s.admin.must(t, `mutation($id:ID!){starSet(id:$id,star:true){id}}`, vars{"id": other}, nil)
	if out := ctl("needs it", "stack", "list", "-o", "json"); strings.Index(out, `"needs it"`) > strings.Index(out, `"web"`) {
		t.Errorf("a starred stack is not first:\n%s", out)
	}
	s.admin.must(t, `mutation($id:ID!){stackDelete(id:$id){id}}`, vars{"id": other}, nil)
}
