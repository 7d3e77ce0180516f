package tofu

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

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
	if err := WriteCLIConfig(rc, ""); err != nil {
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
	changes, err := tool.Plan(ctx, "p")
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
	if changes, err := tool.Plan(ctx, "p2"); err != nil || changes {
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
	if _, err := tool.Plan(t.Context(), "p"); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	outs, err := tool.Apply(t.Context(), "p", "/does/not/exist/events")
	if err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	checkOutputs(t, outs)
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
		"plan":  func() error { _, err := tool.Plan(t.Context(), "p"); return err },
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

func TestFindAndVersion(t *testing.T) {
	real := binary(t)
	dir := t.TempDir()
	for _, p := range []string{"/does/not/exist", dir, "/etc/passwd"} {
		if _, err := Find(p); err == nil || !strings.HasPrefix(err.Error(), "OpenTofu binary not found: ") {
			t.Errorf("Find(%s) = %v", p, err)
		}
	}
	if got, err := Find(real); err != nil || got != real {
		t.Errorf("Find = %s, %v", got, err)
	}
	t.Setenv("PATH", dir)
	if _, err := Find(""); err == nil || !strings.Contains(err.Error(), "on PATH") {
		t.Errorf("Find on an empty PATH: %v", err)
	}
	t.Setenv("PATH", filepath.Dir(real))
	if got, err := Find(""); err != nil || got != real {
		t.Errorf("Find on PATH = %s, %v", got, err)
	}
	if _, err := Version(t.Context(), "/does/not/exist"); err == nil {
		t.Error("a missing binary has a version")
	}
	if _, err := Version(t.Context(), "/bin/false"); err == nil {
		t.Error("a failing binary has a version")
	}
	if _, err := Version(t.Context(), "/bin/true"); err == nil || !strings.Contains(err.Error(), "did not state") {
		t.Errorf("another binary: %v", err)
	}
	first, err1 := Version(t.Context(), real)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if again, err2 := Version(cancelled, real); err1 != nil || err2 != nil || first != again {
		t.Errorf("the version was not remembered: %v %v", err1, err2)
	}
	for v, want := range map[string]bool{"1.12.0": true, "1.12.6-dev": true, "2.0.0": true, "1.11.9": false, "1": false, "x.y": false, "": false} {
		if writesEvents(v) != want {
			t.Errorf("writesEvents(%q) = %v", v, !want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_THE_WORKER", "x")
	list := Environment{Home: "/h", Temp: "/t", CLIConfig: "/c", PluginCache: "/p", Extra: []string{"HTTPS_PROXY=e"},
		State: &State{Address: "http://s", Username: "u", Password: "p"}}.List([]string{"A=b"})
	want := []string{"PATH=" + os.Getenv("PATH"), "LANG=C.UTF-8", "HTTPS_PROXY=e", "A=b", "HOME=/h", "TMPDIR=/t", "TF_CLI_CONFIG_FILE=/c",
		"TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1", "TF_PLUGIN_CACHE_DIR=/p", "TF_HTTP_ADDRESS=http://s",
		"TF_HTTP_LOCK_ADDRESS=http://s", "TF_HTTP_UNLOCK_ADDRESS=http://s", "TF_HTTP_USERNAME=u", "TF_HTTP_PASSWORD=p"}
	if d := cmp.Diff(want, list); d != "" {
		t.Error(d)
	}
	for name, reserved := range map[string]bool{"LD_PRELOAD": true, "TF_HTTP_ADDRESS": true, "HOME": true, "TF_VAR_x": false, "TF_LOG": false, "PATH": false} {
		if Reserved(name) != reserved {
			t.Errorf("Reserved(%s) = %v", name, !reserved)
		}
	}
	operator := filepath.Join(t.TempDir(), "rc")
	if err := os.WriteFile(operator, []byte("disable_checkpoint = true\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	copied := operator + "2"
	if err := WriteCLIConfig(copied, operator); err != nil {
		t.Fatal(err)
	}
	if body, _ := os.ReadFile(copied); string(body) != "disable_checkpoint = true\n" {
		t.Errorf("copied %q", body)
	}
	if WriteCLIConfig(copied, "/does/not/exist") == nil || WriteCLIConfig("/does/not/exist/rc", "") == nil {
		t.Error("an impossible CLI configuration was written")
	}
}

func TestProcess(t *testing.T) {
	run := func(ctx context.Context, script string) (string, error, time.Duration) {
		var out bytes.Buffer
		began := time.Now()
		err := Process{Name: "script", Path: "/bin/sh", Args: []string{"-c", script}, Dir: t.TempDir(), Env: []string{"PATH=/usr/bin:/bin"}, Stdout: &out, Stderr: &out}.Run(ctx)
		return out.String(), err, time.Since(began)
	}
	if out, err, _ := run(t.Context(), "echo a; echo b >&2; echo c"); err != nil || out != "a\nb\nc\n" {
		t.Errorf("order: %q %v", out, err)
	}
	if _, err, _ := run(t.Context(), "exit 7"); err == nil || err.Error() != "script failed with exit code 7" {
		t.Errorf("exit: %v", err)
	}
	if _, err, _ := run(t.Context(), "kill -9 $$"); err == nil || err.Error() != "script was ended: signal: killed" {
		t.Errorf("signal: %v", err)
	}
	if _, err, took := run(t.Context(), "sleep 60 & echo left"); err != nil || took > 10*time.Second {
		t.Errorf("background child: %v after %v", err, took)
	}
	if out, err, took := run(t.Context(), "setsid sleep 20 & echo escaped"); err != nil || took > 10*time.Second || out != "escaped\n" {
		t.Errorf("escaped child: %q %v after %v", out, err, took)
	}
	for name, c := range map[string]struct {
		script string
		stop   error
		out    string
	}{
		"SIGINT is heard":   {"trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.05; done", &Stop{Reason: "stopped", Grace: 20 * time.Second}, "up\nbye\n"},
		"SIGINT is ignored": {"trap '' INT; echo up; while :; do sleep 0.05; done", &Stop{Reason: "stopped", Grace: 50 * time.Millisecond}, "up\n"},
		"no grace":          {"trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.05; done", &Stop{Reason: "stopped"}, "up\n"},
		"any other cause":   {"echo up; sleep 60", errors.New("stopped"), "up\n"},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		r, w := io.Pipe()
		go func() {
			_, _ = io.ReadFull(r, make([]byte, 3))
			cancel(c.stop)
			_, _ = io.Copy(io.Discard, r)
		}()
		var out bytes.Buffer
		both := io.MultiWriter(&out, w)
		err := Process{Name: "script", Path: "/bin/sh", Args: []string{"-c", c.script}, Env: []string{"PATH=/usr/bin:/bin"}, Stdout: both, Stderr: both}.Run(ctx)
		w.Close()
		if err == nil && c.out != "up\nbye\n" || err != nil && err.Error() != "stopped" || out.String() != c.out {
			t.Errorf("%s: %q, %v", name, out.String(), err)
		}
		if _, err, _ := run(ctx, "echo never"); err == nil || err.Error() != "stopped" {
			t.Errorf("%s: started after the end: %v", name, err)
		}
	}
}
