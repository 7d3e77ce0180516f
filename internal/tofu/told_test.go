package tofu

import (
	"cmp"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	godiff "github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
)

// before is what the plans of TestToldIsWhatShowSays start from.
const before = `
resource "terraform_data" "kept" { input = "x" }
resource "terraform_data" "from" { input = "x" }
resource "terraform_data" "updated" { input = "x" }
resource "terraform_data" "gone" {
  count = 2
  input = "x"
}
resource "terraform_data" "replaced" {
  triggers_replace = 1
  lifecycle { create_before_destroy = true }
}
`

// TestToldIsWhatShowSays compares what planning tells with what the plan says.
func TestToldIsWhatShowSays(t *testing.T) {
	nothing := func(Tool) {}
	for name, c := range map[string]struct {
		files map[string]string
		first func(Tool) // before the plan, after one with the code of before
		want  domain.Delta
	}{
		"nothing": {map[string]string{"main.tf": before}, nothing, domain.Delta{Resources: 6}},
		"everything": {map[string]string{"main.tf": strings.NewReplacer(`"updated" { input = "x" }`, `"updated" { input = "y" }`,
			"replace = 1", "replace = 2", "count = 2", "count = 1", `"from"`, `"to"`).Replace(before) + `
moved {
  from = terraform_data.from
  to   = terraform_data.to
}
import {
  to = terraform_data.imported
  id = "id"
}
resource "terraform_data" "imported" {}
module "m" { source = "./m" }
data "terraform_remote_state" "late" {
  backend = "local"
  config  = { path = terraform_data.updated.output }
}
`, "m/main.tf": `
resource "terraform_data" "below" { for_each = toset(["a", "b\"c"]) }
output "below" {
  value       = 1
  description = "of another module"
}`}, nothing, domain.Delta{Added: 3, Changed: 1, Deleted: 2, Resources: 8}},
		"outputs": {map[string]string{
			"main.tf": before, "outputs.tf": `
output "a" {
  value       = 1
  description = "in \"quotes\" and ${"in"} parts"
}
output "b" {
  value       = sensitive("canary")
  sensitive   = true
  description = <<-EOT
    of two
    lines
  EOT
}
output "c" { value = 3 }
output "d" {
  value       = 4
  description = "overridden"
}`,
			"more.tf.json":    `{"output":{"e":{"value":5,"description":"in JSON"}}}`,
			"override.tf":     `output "d" { description = "by another file" }`,
			"z_override.tf":   `output "c" { description = "by a third" }`,
			"twice.tf":        `output "f" { description = "not read" }`,
			"twice.tofu":      "output \"f\" {\n value = 6\n description = \"read\"\n}",
			"other.tf.backup": `output "g" {`,
		}, nothing, domain.Delta{Resources: 6}},
	} {
		t.Run(name, func(t *testing.T) {
			tool := planned(t, c.first, c.files)
			told, err := tool.Told("p", tool.events())
			if err != nil {
				t.Fatal(err)
			}
			shown, err := tool.Show(t.Context(), "p")
			if err != nil {
				t.Fatal(err)
			}
			slices.SortFunc(shown.Changes, func(a, b domain.ResourceChange) int { return cmp.Compare(a.Address, b.Address) })
			if d := godiff.Diff(shown, told); d != "" {
				t.Errorf("shown and told differ:\n%s", d)
			}
			if told.Delta != c.want || name != "nothing" && len(told.Changes)+len(told.Descriptions) == 0 {
				t.Errorf("told: %+v", told)
			}
		})
	}
}

// TestForgottenIsTold: OpenTofu's JSON of a plan still counts what it is about
// to forget.
func TestForgottenIsTold(t *testing.T) {
	code := strings.Replace(before, `resource "terraform_data" "kept" { input = "x" }`, `
removed {
  from = terraform_data.kept
  lifecycle { destroy = false }
}`, 1)
	tool := planned(t, func(Tool) {}, map[string]string{"main.tf": code})
	told, err := tool.Told("p", tool.events())
	if err != nil {
		t.Fatal(err)
	}
	want := &Plan{
		Delta: domain.Delta{Resources: 5}, Changes: []domain.ResourceChange{{Address: "terraform_data.kept", Action: "forget"}},
		Descriptions: map[string]string{},
	}
	if d := godiff.Diff(want, told); d != "" {
		t.Error(d)
	}
}

// TestToldOnlyWhereItIsSure: what planning does not tell is left to Show.
func TestToldOnlyWhereItIsSure(t *testing.T) {
	for name, c := range map[string]struct {
		first func(Tool)
		then  func(t *testing.T, tool *Tool)
	}{
		"a deposed resource": {depose(t), func(*testing.T, *Tool) {}},
		"an older version":   {func(Tool) {}, func(_ *testing.T, tool *Tool) { tool.Version = "1.11.0" }},
		"Terraform":          {func(Tool) {}, func(_ *testing.T, tool *Tool) { tool.Terraform = true }},
		"no events":          {func(Tool) {}, func(t *testing.T, tool *Tool) { rewrite(t, tool.events(), "") }},
		"other events": {func(Tool) {}, func(t *testing.T, tool *Tool) {
			rewrite(t, tool.events(), `{"type":"planned_change","change":{"action":"x"}}`)
		}},
		"no plan": {func(Tool) {}, func(t *testing.T, tool *Tool) { rewrite(t, filepath.Join(tool.Dir, "p"), "encrypted") }},
		"a link out of the run": {func(Tool) {}, func(t *testing.T, tool *Tool) {
			out := filepath.Join(t.TempDir(), "out")
			if err := os.Rename(filepath.Join(tool.Dir, "p"), out); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(out, filepath.Join(tool.Dir, "p")); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			tool := planned(t, c.first, map[string]string{"main.tf": before})
			c.then(t, &tool)
			if told, err := tool.Told("p", tool.events()); err == nil {
				t.Errorf("told: %+v", told)
			}
		})
	}
}

// depose leaves an object in the state whose successor is there already.
func depose(t *testing.T) func(Tool) {
	return func(tool Tool) {
		path := filepath.Join(tool.Dir, "terraform.tfstate")
		body, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var state map[string]any
		if err := json.Unmarshal(body, &state); err != nil {
			t.Fatal(err)
		}
		resource := state["resources"].([]any)[0].(map[string]any)
		old := maps.Clone(resource["instances"].([]any)[0].(map[string]any))
		old["deposed"] = "0123abcd"
		resource["instances"] = append(resource["instances"].([]any), old)
		if body, err = json.Marshal(state); err != nil {
			t.Fatal(err)
		}
		rewrite(t, path, string(body))
	}
}

func rewrite(t *testing.T, path, body string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (t Tool) events() string { return filepath.Join(t.Dir, "events.json") }

// planned applies the code of before, does something, and plans other code.
func planned(t *testing.T, first func(Tool), files map[string]string) Tool {
	t.Helper()
	tool, log := project(t, before)
	run := func(args ...string) {
		if err := tool.run(t.Context(), log, args...); err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
	}
	run("init")
	run("apply", "-auto-approve")
	first(tool)
	for name, body := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(tool.Dir, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		rewrite(t, filepath.Join(tool.Dir, name), body)
	}
	run("init")
	if _, err := tool.Plan(t.Context(), "p", tool.events(), nil); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	return tool
}
