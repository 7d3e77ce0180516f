package tofu

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

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
	if err := WriteCLIConfig(copied, operator, Services{}); err != nil {
		t.Fatal(err)
	}
	if body, _ := os.ReadFile(copied); string(body) != "disable_checkpoint = true\n" {
		t.Errorf("copied %q", body)
	}
	if WriteCLIConfig(copied, "/does/not/exist", Services{}) == nil || WriteCLIConfig("/does/not/exist/rc", "", Services{}) == nil {
		t.Error("an impossible CLI configuration was written")
	}
}
