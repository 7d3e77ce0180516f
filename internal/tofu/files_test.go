//go:build unix

package tofu

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// TestPipesHoldUpNothing: what the code of a run has put into the place of a file
// that the worker reads must not keep the worker waiting.
func TestPipesHoldUpNothing(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, ".terraform"), 0o700); err != nil {
		t.Fatal(err)
	}
	tool := Tool{Dir: dir, Version: "1.12.6"}
	events := filepath.Join(dir, "events.json")
	for name, read := range map[string]func() error{
		"events.json":                   func() error { _, err := readOutputs(events); return err },
		".terraform/terraform.tfstate":  tool.CheckBackend,
		"plan":                          func() error { _, err := tool.Told("plan", filepath.Join(dir, "plain.json")); return err },
		"events.json of a plan":         func() error { _, err := tool.Told("plan", events); return err },
		".terraform/terraform.tfstate ": func() error { return withProject(t, tool).CheckBackend() },
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.WriteFile(filepath.Join(dir, "plain.json"), []byte(`{"type":"change_summary","changes":{"operation":"plan"}}`), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, pipe := range []string{"events.json", ".terraform/terraform.tfstate", "plan"} {
				if err := syscall.Mkfifo(filepath.Join(dir, pipe), 0o600); err != nil && !os.IsExist(err) {
					t.Fatal(err)
				}
			}
			done := make(chan error, 1)
			go func() { done <- read() }()
			select {
			case err := <-done:
				if err == nil {
					t.Error("a pipe was read")
				}
			case <-time.After(20 * time.Second):
				t.Error("it waits for a writer")
			}
		})
	}
}

// withProject is the tool with its project opened before.
func withProject(t *testing.T, tool Tool) Tool {
	root, err := os.OpenRoot(tool.Dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	tool.Project = root
	return tool
}
