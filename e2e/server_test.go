package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/pgtest"
)

// databases are what each story runs on.
var databases = map[string]func(*testing.T) string{
	"sqlite":   func(*testing.T) string { return "sqlite" },
	"postgres": func(t *testing.T) string { return pgtest.URL(t) },
}

// onBoth runs a story once on each database.
func onBoth(t *testing.T, story func(t *testing.T, database string)) {
	needTofu(t)
	for name, url := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story(t, url(t))
		})
	}
}

// adminKey is the file that the first start leaves behind.
type adminKey struct{ Endpoint, ID, Secret string }

// server is a running `airlock serve`.
type server struct {
	adminKey
	data    string
	objects string // where bodies are kept; empty: the database
	log     *buffer
	cmd     *exec.Cmd
	env     []string // beside the tests' own
}

// start runs `airlock serve` on an empty data directory and waits until it is
// ready. It is stopped at the end of the test.
func start(t testing.TB, database string, flags ...string) *server {
	t.Helper()
	s := &server{data: filepath.Join(t.TempDir(), "data"), log: &buffer{}}
	s.run(t, append([]string{"--database", database, "--listen", "127.0.0.1:0"}, flags...)...)
	return s
}

func (s *server) run(t testing.TB, flags ...string) {
	t.Helper()
	if at := slices.Index(flags, "--objects"); at >= 0 {
		s.objects = flags[at+1]
	}
	args := append([]string{"serve", "--data", s.data, "--git-schemes", "file,https"}, flags...)
	s.cmd = exec.Command(binary(t), args...)
	s.cmd.Env = append(os.Environ(), s.env...)
	s.cmd.Stderr, s.cmd.Stdout = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop(t) })
	await(t, "the server to be ready", 20*time.Second, func() bool {
		body, err := os.ReadFile(filepath.Join(s.data, "admin-key.json"))
		if err != nil || json.Unmarshal(body, &s.adminKey) != nil {
			return false
		}
		res, err := http.Get(s.Endpoint + "/healthz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// stop ends the server as an operator would, and fails the test if it does
// not end.
func (s *server) stop(t testing.TB) {
	if s.cmd.ProcessState != nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGTERM) // it may be gone
	timer := time.AfterFunc(30*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	if err := s.cmd.Wait(); err != nil {
		t.Logf("the server ended with: %v", err)
	}
	if t.Failed() {
		t.Logf("log of the server:\n%s", s.log.String())
	}
}

// await polls until ok, or fails the test.
func await(t testing.TB, what string, atMost time.Duration, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(atMost); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("waited %s for %s", atMost, what)
}

// buffer collects a process's output while it is read.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// repository makes a real git repository of the given files and returns its
// URL and the hash of its only commit.
func repository(t testing.TB, files map[string]string) (url, commit string) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "init", "-q", "-b", "main")
	git(t, dir, "add", ".")
	git(t, dir, "commit", "-q", "-m", "first commit")
	return "file://" + dir, git(t, dir, "rev-parse", "HEAD")
}

func git(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=Ada", "-c", "user.email=ada@example.com"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return string(bytes.TrimSpace(out))
}

// kill ends the server, its worker and all that the worker started, as a
// machine that loses power does.
func (s *server) kill(t *testing.T) {
	t.Helper()
	children := descendants(t, s.cmd.Process.Pid)
	for _, pid := range append([]int{s.cmd.Process.Pid}, children...) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended with its parent
	}
	_ = s.cmd.Wait() // it was killed
}

// descendants returns the processes below pid, from /proc.
func descendants(t *testing.T, pid int) (all []int) {
	t.Helper()
	files, err := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			continue // the thread is gone
		}
		for _, field := range strings.Fields(string(body)) {
			child, err := strconv.Atoi(field)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, child)
			all = append(all, descendants(t, child)...)
		}
	}
	return all
}

func toJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
