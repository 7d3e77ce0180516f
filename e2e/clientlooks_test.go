package e2e

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// looksCode looks at everything of stacks, contexts, spaces and pools that the
// public provider has a data source for, and is not a part of another story.
const looksCode = `
terraform {
  required_providers {
    spacelift = { source = "spacelift-io/spacelift" }
  }
}
resource "spacelift_space" "outer" {
  name             = "outer"
  parent_space_id  = "root"
  inherit_entities = true
}
resource "spacelift_space" "inner" {
  name            = "inner"
  parent_space_id = spacelift_space.outer.id
}
resource "spacelift_repo" "code" {
  name     = "code"
  space_id = spacelift_space.outer.id
}
resource "spacelift_repo_file" "main" {
  repo_id = spacelift_repo.code.id
  path    = "main.tf"
  content = "output \"made\" { value = 7 }"
}
resource "spacelift_stack" "seen" {
  name       = "seen"
  space_id   = spacelift_space.outer.id
  repository = spacelift_repo.code.id
  branch     = "main"
  autodeploy = true
  labels     = ["seen", "by:label"]
  spacelift_repo {}
  opentofu {}
  depends_on = [spacelift_repo_file.main]
}
resource "spacelift_run" "made" {
  stack_id = spacelift_stack.seen.id
  wait {}
}
resource "spacelift_task" "asked" {
  stack_id   = spacelift_stack.seen.id
  command    = "tofu version"
  init       = false
  depends_on = [spacelift_run.made]
  wait {}
}
resource "spacelift_context" "seen" {
  name     = "seen"
  space_id = spacelift_space.outer.id
  labels   = ["seen"]
}
resource "spacelift_worker_pool" "seen" {
  name     = "seen"
  space_id = spacelift_space.outer.id
}
resource "spacelift_worker_pool_recycle" "seen" {
  worker_pool_id = spacelift_worker_pool.seen.id
  keepers        = { image = "1" }
}
resource "spacelift_security_email" "us" {
  email = "security@example.com"
}
data "spacelift_account" "this" {}
data "spacelift_ips" "this" {}
data "spacelift_role_actions" "all" {}
data "spacelift_space_by_path" "inner" {
  space_path = "root/outer/inner"
  depends_on = [spacelift_space.inner]
}
data "spacelift_spaces" "all" {
  depends_on = [spacelift_space.inner]
}
data "spacelift_stacks" "seen" {
  labels { any_of = ["by:label"] }
  branch { any_of = ["main"] }
  locked { equals = false }
  administrative { equals = false }
  depends_on = [spacelift_run.made]
}
data "spacelift_stacks" "none" {
  name { any_of = ["seen elsewhere"] }
  depends_on = [spacelift_run.made]
}
data "spacelift_stack_outputs" "seen" {
  stack_id   = spacelift_stack.seen.id
  depends_on = [spacelift_run.made]
}
data "spacelift_contexts" "seen" {
  labels { any_of = ["seen"] }
  depends_on = [spacelift_context.seen]
}
data "spacelift_repos" "seen" {
  space_id   = spacelift_space.outer.id
  depends_on = [spacelift_stack.seen]
}
output "seen" {
  value = {
    account  = data.spacelift_account.this.name
    ips      = length(data.spacelift_ips.this.ips)
    action   = contains(data.spacelift_role_actions.all.actions, "RUN_TRIGGER")
    path     = data.spacelift_space_by_path.inner.id == spacelift_space.inner.id
    spaces   = [for s in data.spacelift_spaces.all.spaces : s.name]
    stacks   = [for s in data.spacelift_stacks.seen.stacks : s.stack_id]
    none     = length(data.spacelift_stacks.none.stacks)
    outputs  = [for o in data.spacelift_stack_outputs.seen.outputs : o.id]
    contexts = [for c in data.spacelift_contexts.seen.contexts : c.context_id]
    repos    = [for r in data.spacelift_repos.seen.repos : r.stacks]
  }
}
`

// TestProviderLooks reads by the public provider what there is.
func TestProviderLooks(t *testing.T) {
	t.Parallel()
	provider := clientBinary(t, providerVariable, "the public Terraform provider")
	needTofu(t)
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		before := s.inventory(t)
		code, write, env := s.withProvider(t, provider)
		tofu := func(args ...string) string {
			t.Helper()
			out, err := s.command(t, code, "tofu", env, append(args, "-no-color")...)
			if err != nil {
				t.Fatalf("tofu %v: %v", args, err)
			}
			return out
		}
		write(filepath.Join(code, "main.tf"), looksCode)
		tofu("apply", "-auto-approve")
		var seen map[string]any
		if err := json.Unmarshal([]byte(tofu("output", "-json", "seen")), &seen); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"account": "airlock", "ips": 0.0, "action": true, "path": true, "spaces": []any{"root", "legacy", "outer", "inner"},
			"stacks": []any{"seen"}, "none": 0.0, "outputs": []any{"made"}, "contexts": []any{"seen"}, "repos": []any{[]any{"seen"}},
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("seen (-want +got):\n%s", diff)
		}
		tofu("plan", "-detailed-exitcode")
		tofu("destroy", "-auto-approve")
		if after := s.inventory(t); after != before {
			t.Errorf("something was left behind:\n%s\n%s", before, after)
		}
	})
}
