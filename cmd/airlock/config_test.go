package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// clearEnv hides what the surroundings set.
func clearEnv(t *testing.T) {
	t.Helper()
	for _, pair := range os.Environ() {
		if name, _, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AIRLOCK_") {
			t.Setenv(name, "")
			_ = os.Unsetenv(name) // Setenv brings it back afterwards
		}
	}
}

// usage runs airlock with arguments that are wrong and returns its lines.
func usage(t *testing.T, args ...string) []string {
	t.Helper()
	var out, log bytes.Buffer
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // should it start after all, it stops at once
	err := run(ctx, args, &out, &log)
	var wrong *usageError
	if !errors.As(err, &wrong) {
		t.Fatalf("%v: %v, want a usage error; log %s", args, err, &log)
	}
	if log.Len() > 0 {
		t.Errorf("%v: logged %s", args, &log)
	}
	return wrong.lines
}

// TestServeFlags: every wrong value has its line, and nothing is made.
func TestServeFlags(t *testing.T) {
	clearEnv(t)
	for _, c := range []struct{ name, flag, value, want string }{
		{"listen without port", "listen", "localhost", "--listen: must be HOST:PORT"},
		{"base URL with path", "base-url", "https://x.example/airlock", "--base-url: must be http:// or https://"},
		{"base URL scheme", "base-url", "ftp://x.example", "--base-url: must be"},
		{"base URL without host", "base-url", "https://", "--base-url: must be"},
		{"base URL with query", "base-url", "https://x.example?a=b", "--base-url: must be"},
		{"base URL unparsable", "base-url", "https://x.example:port", "--base-url: must be"},
		{"database", "database", "mysql://me:s3cr3t@db/x", "--database: must be sqlite or a postgres:// URL"},
		{"too many workers", "workers", "101", "--workers: must be between 0 and 100, not 101"},
		{"fewer than none", "workers", "-1", "--workers: must be between 0 and 100, not -1"},
		{"workers no number", "workers", "two", "--workers: "},
		{"less time than none for a phase", "phase-timeout", "-1s", "--phase-timeout: must not be negative"},
		{"refused states for less than no day", "keep-rescued", "-1", "--keep-rescued: must be between 0 and 36500 days, not -1"},
		{"workspaces for less than no day", "keep-workspaces", "-1", "--keep-workspaces: must be between 0 and 36500 days, not -1"},
		{"tofu a directory", "tofu", "/", "--tofu: is not an executable file"},
		{"tofu not executable", "tofu", "config_test.go", "--tofu: is not an executable file"},
		{"log format", "log-format", "xml", "--log-format: must be text or json"},
		{"scheme", "git-schemes", "https,git", "--git-schemes: knows https, ssh, http and file"},
		{"outgoing address", "outgoing-ips", "192.0.2.1,x", `--outgoing-ips: "x" is not an IP address`},
		{"AWS account", "aws-account-id", "12", "--aws-account-id: must be 12 digits"},
		{"unknown flag", "nonsense", "x", "unknown flag --nonsense"},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := filepath.Join(t.TempDir(), "data")
			lines := usage(t, "serve", "--data="+data, "--"+c.flag+"="+c.value)
			if len(lines) != 1 || !strings.Contains(lines[0], c.want) || strings.Contains(lines[0], "\n") {
				t.Errorf("got %q, want one line with %q", lines, c.want)
			}
			if strings.Contains(strings.Join(lines, ""), "s3cr3t") {
				t.Errorf("a password is shown: %q", lines)
			}
			if _, err := os.Stat(data); !os.IsNotExist(err) {
				t.Errorf("the data directory was made: %v", err)
			}
		})
	}
	t.Run("all at once", func(t *testing.T) {
		data := filepath.Join(t.TempDir(), "data")
		lines := usage(t, "serve", "--data="+data, "--listen=x", "--workers=-1", "--log-format=xml")
		if len(lines) != 3 {
			t.Errorf("got %q, want three lines", lines)
		}
	})
	t.Run("data is a file", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if lines := usage(t, "serve", "--data="+file); len(lines) != 1 || !strings.HasPrefix(lines[0], "--data: ") {
			t.Errorf("got %q", lines)
		}
	})
}

func TestWorkerFlags(t *testing.T) {
	clearEnv(t)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"no server", []string{"--token-file=" + token}, "--server: must be an http:// or https:// URL"},
		{"bad server", []string{"--server=airlock", "--token-file=" + token}, "--server: must be an http:// or https:// URL"},
		{"no token", []string{"--server=http://x"}, "--token-file: give the pool's token"},
		{"token missing", []string{"--server=http://x", "--token-file=" + token + ".missing"}, "--token-file: "},
		{"slots", []string{"--server=http://x", "--token-file=" + token, "--slots=0"}, "--slots: must be between 1 and 100"},
		{"log format", []string{"--server=http://x", "--token-file=" + token, "--log-format=xml"}, "--log-format: must be text or json"},
	} {
		t.Run(c.name, func(t *testing.T) {
			work := filepath.Join(t.TempDir(), "work")
			lines := usage(t, append([]string{"worker", "--work=" + work}, c.args...)...)
			if len(lines) != 1 || !strings.Contains(lines[0], c.want) {
				t.Errorf("got %q, want one line with %q", lines, c.want)
			}
			if _, err := os.Stat(work); !os.IsNotExist(err) {
				t.Errorf("the work directory was made: %v", err)
			}
		})
	}
}

// TestEnvironment: each flag is also AIRLOCK_<FLAG>, and the flag wins.
func TestEnvironment(t *testing.T) {
	clearEnv(t)
	data := filepath.Join(t.TempDir(), "data")
	t.Setenv("AIRLOCK_DATA", data)
	t.Setenv("AIRLOCK_LOG_FORMAT", "xml")
	t.Setenv("AIRLOCK_WORKERS", "500")
	t.Setenv("AIRLOCK_GIT_SCHEMES", "https,gopher")
	if lines := usage(t, "serve"); len(lines) != 3 {
		t.Errorf("got %q, want three lines", lines)
	}
	if lines := usage(t, "serve", "--log-format=text", "--git-schemes=ssh"); len(lines) != 1 || !strings.HasPrefix(lines[0], "--workers: ") {
		t.Errorf("got %q, want a line about the workers", lines)
	}
}

func TestHelpAndVersion(t *testing.T) {
	clearEnv(t)
	var out, log bytes.Buffer
	if err := run(t.Context(), []string{"serve", "--help"}, &out, &log); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"--database", "AIRLOCK_DATABASE", "--git-schemes", "AIRLOCK_BASE_URL"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the help does not name %s", want)
		}
	}
	out.Reset()
	if err := run(t.Context(), []string{"version"}, &out, &log); err != nil || out.String() != version+"\n" {
		t.Errorf("version %q, %v", &out, err)
	}
	if err := run(t.Context(), nil, &out, &log); err == nil {
		t.Error("no command is fine")
	}
}
