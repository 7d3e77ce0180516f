package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// pretend writes a program that states a version as OpenTofu does.
func pretend(t *testing.T, path, version string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho '{\"terraform_version\":\""+version+"\"}'\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestChooseTool(t *testing.T) {
	tools := t.TempDir()
	for _, v := range []string{"1.8.0", "1.9.1", "1.10.3", "2.0.0-rc1"} {
		pretend(t, filepath.Join(tools, v, "tofu"), v)
	}
	if err := os.Mkdir(filepath.Join(tools, "1.11.0"), 0o755); err != nil { // no binary in it
		t.Fatal(err)
	}
	own := pretend(t, filepath.Join(t.TempDir(), "tofu"), "1.12.6-dev")
	terraform := pretend(t, filepath.Join(t.TempDir(), "terraform"), "1.5.7")
	for _, c := range []struct{ tool, want, dir, version, log string }{
		{"", "", tools, "1.12.6-dev", ""},
		{"OPEN_TOFU", "1.12.6", tools, "1.12.6-dev", ""},
		{"OPEN_TOFU", "~> 1.12", tools, "1.12.6-dev", ""},
		{"OPEN_TOFU", "1.9.1", tools, "1.9.1", ""},
		{"OPENTOFU", "1.9.1", tools, "1.9.1", ""},
		{"OPEN_TOFU", "< 1.12", tools, "1.10.3", ""},
		{"OPEN_TOFU", "1.7.0", tools, "", "asks for OpenTofu 1.7.0, which is not installed"},
		{"OPEN_TOFU", "1.9.1", "", "", "not installed on this worker (it has 1.12.6-dev)"},
		{"OPEN_TOFU", "1.9.1", "/does/not/exist", "", "cannot be read"},
		{"OPEN_TOFU", "../..", tools, "", "is not a version constraint"},
		{"TERRAFORM_FOSS", "", tools, "1.5.7", ""},
		{"TERRAFORM_FOSS", "~> 1.5.0", tools, "1.5.7", ""},
		{"TERRAFORM_FOSS", "1.4.0", tools, "1.12.6-dev", "asks for Terraform 1.4.0, which this worker does not have; OpenTofu 1.12.6-dev runs instead"},
		{"MAKE", "", tools, "1.12.6-dev", "asks for the workflow tool MAKE"},
	} {
		s := &sink{}
		l := newLease(t.Context(), s, workerapi.LeaseRef{}, 0, func() bool { return false })
		j := newJournal(l, secrets.NewMasker(nil), "")
		r := &run{worker: &worker{cfg: Config{ToolDir: c.dir, Tofu: own, Terraform: terraform}}, job: &workerapi.Job{Tool: c.tool, ToolVersion: c.want}, log: j}
		r.chooseVendor()
		tool, err := r.vendor.Find(t.Context())
		said := ""
		if err != nil {
			said = err.Error()
		}
		_ = j.flush()
		j.close()
		l.end(nil)
		for _, chunk := range s.chunks {
			said += chunk.Text
		}
		if _, got, _ := strings.Cut(tool.title, " "); got != c.version || !strings.Contains(said, c.log) {
			t.Errorf("%s %q: version %q, said %q", c.tool, c.want, got, said)
		}
	}
}

// TestToldVersions: by what a worker says of itself the control plane tells
// which version a run will use.
func TestToldVersions(t *testing.T) {
	tools := t.TempDir()
	for _, v := range []string{"1.8.0", "1.9.1", "1.13.0", "2.0.0-rc1"} {
		pretend(t, filepath.Join(tools, v, "tofu"), v)
	}
	cfg := Config{
		ToolDir: tools, Tofu: pretend(t, filepath.Join(t.TempDir(), "tofu"), "1.12.6-dev"),
		Terraform: pretend(t, filepath.Join(t.TempDir(), "terraform"), "1.5.7"), Metadata: map[string]string{"opentofu": "9.9.9", "host": "h"},
	}
	l := newLease(t.Context(), &sink{}, workerapi.LeaseRef{}, 0, func() bool { return false })
	j := newJournal(l, secrets.NewMasker(nil), "")
	defer func() {
		j.close()
		l.end(nil)
	}()
	told := domain.Worker{Metadata: withTools(t.Context(), cfg)}
	for _, tool := range []string{"", toolOpenTofu, toolTerraform} {
		for _, want := range []string{"", "1.12.6", "> 1.8", "> 1.12.6", "< 1.9", "~> 1.5.0", "3.0.0"} {
			r := &run{worker: &worker{cfg: cfg}, job: &workerapi.Job{Tool: tool, ToolVersion: want}, log: j}
			r.chooseVendor()
			found, _ := r.vendor.Find(t.Context()) // where it fails, no version is told
			_, used, _ := strings.Cut(found.title, " ")
			if got := told.ToolVersion(domain.Vendor{Terraform: &domain.TofuVendor{WorkflowTool: tool, Version: want}}); got != used {
				t.Errorf("%s %q: told %q, used %q", tool, want, got, used)
			}
		}
	}
	cfg.Tofu = "/none"
	if m := withTools(t.Context(), cfg); m["opentofu"] != "" || m["terraform"] != "1.5.7" || m["host"] != "h" {
		t.Errorf("without OpenTofu it says %v", m)
	}
}

// TestNoTool: a worker that has nothing to run takes the run and says why it
// fails.
func TestNoTool(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for binary, want := range map[string]string{
		"":          "there is no `tofu` on PATH",
		"/none":     "OpenTofu binary not found: /none",
		"/bin/true": "did not state its version",
	} {
		r := &run{worker: &worker{cfg: Config{Tofu: binary}}, job: &workerapi.Job{}}
		if _, err := r.chooseOpenTofu(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", binary, err, want)
		}
	}
}
