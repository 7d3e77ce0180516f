package tofu

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
)

// binary finds a real OpenTofu or skips the test.
func binary(t *testing.T) string {
	t.Helper()
	if p := os.Getenv("AIRLOCK_TEST_TOFU"); p != "" {
		return p
	}
	if p, err := exec.LookPath("tofu"); err == nil {
		return p
	}
	home, _ := os.UserHomeDir()
	if found, _ := filepath.Glob(filepath.Join(home, ".cache/airlock/tofu/*/tofu")); len(found) > 0 {
		return found[len(found)-1]
	}
	t.Skip("no OpenTofu: set AIRLOCK_TEST_TOFU, or run `make tofu`")
	return ""
}

// project returns a tool in a directory with the code, and its log.
func project(t *testing.T, code string) (Tool, *bytes.Buffer) {
	t.Helper()
	dir := t.TempDir()
	home := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	rc := filepath.Join(home, "tofu.rc")
	if err := WriteCLIConfig(rc, "", Services{}); err != nil {
		t.Fatal(err)
	}
	path := binary(t)
	version, err := Version(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	log := &bytes.Buffer{}
	env := Environment{Home: home, Temp: home, CLIConfig: rc}.List(nil)
	return Tool{Binary: path, Version: version, Env: env, Dir: dir, Log: log}, log
}

const code = `
resource "terraform_data" "a" {
  count = 2
  input = "x"
}
output "plain" {
  value       = { a = [1, "two"] }
  description = "described"
}
output "hidden" {
  value     = "canary"
  sensitive = true
}
`

func TestWholeRun(t *testing.T) {
	t.Setenv("TF_CLI_CONFIG_FILE", "/does/not/exist") // must not reach the tool
	tool, log := project(t, code)
	ctx := t.Context()
	if err := tool.Init(ctx, false); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	changes, err := tool.Plan(ctx, "p", "", nil)
	if err != nil || !changes {
		t.Fatalf("plan: %v %v\n%s", changes, err, log)
	}
	plan, err := tool.Show(ctx, "p")
	if err != nil {
		t.Fatal(err)
	}
	want := &Plan{
		Delta:        domain.Delta{Added: 2, Resources: 2},
		Changes:      []domain.ResourceChange{{Address: "terraform_data.a[0]", Action: "create"}, {Address: "terraform_data.a[1]", Action: "create"}},
		Descriptions: map[string]string{"plain": "described"},
	}
	if d := cmp.Diff(want, plan); d != "" {
		t.Error(d)
	}
	outs, err := tool.Apply(ctx, "p", filepath.Join(t.TempDir(), "events"))
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	checkOutputs(t, outs)
	asked, err := tool.Outputs(ctx)
	if err != nil {
		t.Fatal(err)
	}
	checkOutputs(t, asked)
	checkSensitiveOutputs(t, tool)
	if changes, err := tool.Plan(ctx, "p2", "", nil); err != nil || changes {
		t.Errorf("second plan: %v %v", changes, err)
	}
	if !strings.Contains(log.String(), "Apply complete!") || strings.Contains(log.String(), "canary") {
		t.Errorf("log:\n%s", log)
	}
}

// TestApplyOfOlderTool asks for the outputs with a process of its own.
func TestApplyOfOlderTool(t *testing.T) {
	tool, log := project(t, code)
	tool.Version = "1.10.0"
	if _, err := tool.Plan(t.Context(), "p", "", nil); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	outs, err := tool.Apply(t.Context(), "p", "/does/not/exist/events")
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	checkOutputs(t, outs)
}

func checkSensitiveOutputs(t *testing.T, tool Tool) {
	t.Helper()
	outs, err := tool.SensitiveOutputs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range outs {
		if o.Name == "hidden" && (!o.Sensitive || o.Value != `"canary"`) {
			t.Errorf("asked for the values of sensitive outputs, got %+v", o)
		}
	}
}

func checkOutputs(t *testing.T, got []domain.Output) {
	t.Helper()
	for i := range got {
		var compact bytes.Buffer
		if got[i].Value != "" && json.Compact(&compact, []byte(got[i].Value)) == nil {
			got[i].Value = compact.String()
		}
	}
	want := []domain.Output{{Name: "hidden", Sensitive: true}, {Name: "plain", Value: `{"a":[1,"two"]}`}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestToolFailures(t *testing.T) {
	tool, log := project(t, `output "x" { value = file("none") }`)
	for name, call := range map[string]func() error{
		"init": func() error {
			broken := tool
			broken.Env = append(tool.Env, "TF_DATA_DIR=/dev/null/x")
			return broken.Init(t.Context(), true)
		},
		"plan":  func() error { _, err := tool.Plan(t.Context(), "p", "", nil); return err },
		"show":  func() error { _, err := tool.Show(t.Context(), "none"); return err },
		"apply": func() error { _, err := tool.Apply(t.Context(), "none", filepath.Join(t.TempDir(), "e")); return err },
		"output": func() error {
			broken := tool
			broken.Env = append(tool.Env, "TF_CLI_ARGS_output=-bad")
			_, err := broken.Outputs(t.Context())
			return err
		},
	} {
		err := call()
		var failed *CommandError
		if !errors.As(err, &failed) || failed.ExitCode != 1 || err.Error() != "tofu "+name+" failed with exit code 1" || errors.Unwrap(failed) == nil {
			t.Errorf("%s: %v\n%s", name, err, log)
		}
	}
	tool.Binary = "/does/not/exist"
	if err := tool.Init(t.Context(), false); err == nil || !strings.Contains(err.Error(), "start tofu init") {
		t.Errorf("no binary: %v", err)
	}
}

func TestCheckBackend(t *testing.T) {
	for body, want := range map[string]string{
		`{"backend":{"type":"http","config":{"address":null}}}`:          "",
		`{"backend":{"type":"http"}}`:                                    "",
		`{"backend":{"type":"http","config":{"address":"http://evil"}}}`: "replaces the run's state backend",
		`{"backend":{"type":"s3"}}`:                                      `by "s3"`,
		`{`:                                                              "read the configured backend",
	} {
		dir := t.TempDir()
		if err := errors.Join(os.Mkdir(filepath.Join(dir, ".terraform"), 0o700), os.WriteFile(filepath.Join(dir, ".terraform/terraform.tfstate"), []byte(body), 0o600)); err != nil {
			t.Fatal(err)
		}
		err := Tool{Dir: dir}.CheckBackend()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v", body, err)
		}
	}
	if err := (Tool{Dir: t.TempDir()}).CheckBackend(); err == nil {
		t.Error("a project without a backend passed")
	}
}

func TestWriteBackendReplacesALink(t *testing.T) {
	dir, outside := t.TempDir(), filepath.Join(t.TempDir(), "f")
	if err := os.Symlink(outside, filepath.Join(dir, BackendFile)); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := WriteBackend(root); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(outside); err == nil {
		t.Error("written through the link")
	}
	if body, _ := os.ReadFile(filepath.Join(dir, BackendFile)); !strings.Contains(string(body), `"http"`) {
		t.Errorf("body = %s", body)
	}
}

// TestWorkspaceAndConcise: the workspace of the code's own backend is made once
// and then used, and concise logs leave progress out.
func TestWorkspaceAndConcise(t *testing.T) {
	tool, log := project(t, `resource "terraform_data" "a" {
  input = terraform.workspace
}
output "w" { value = terraform_data.a.output }
`)
	tool.Concise = true
	ctx := t.Context()
	for range 2 {
		if err := tool.Init(ctx, false); err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
		if err := tool.SelectWorkspace(ctx, "staging"); err != nil {
			t.Fatalf("%v\n%s", err, log)
		}
	}
	if _, err := tool.Plan(ctx, "p", "", nil); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	outs, err := tool.Apply(ctx, "p", filepath.Join(t.TempDir(), "events"))
	if want := []domain.Output{{Name: "w", Value: `"staging"`}}; err != nil || !cmp.Equal(want, outs) {
		t.Errorf("outputs %v, %v\n%s", outs, err, log)
	}
	if strings.Contains(log.String(), "Creating...") || !strings.Contains(log.String(), "Apply complete!") {
		t.Errorf("log:\n%s", log)
	}
}
