package runner

import (
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// tofuBinary finds a real OpenTofu or skips the test.
func tofuBinary(t testing.TB) string {
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

// gitRepo makes a repository with one commit of the files and returns its path.
func gitRepo(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	runGit(t, dir, "init", "-q", "-b", "main")
	runGit(t, dir, "add", "-A")
	runGit(t, dir, "commit", "-q", "-m", "Add the network\n\nMore words.")
	return dir
}

func runGit(t testing.TB, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_AUTHOR_NAME=Ann", "GIT_AUTHOR_EMAIL=ann@example.com",
		"GIT_COMMITTER_NAME=Ann", "GIT_COMMITTER_EMAIL=ann@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// stateServer is OpenTofu's http backend in memory.
type stateServer struct {
	*httptest.Server
	mu     sync.Mutex
	body   []byte
	refuse bool // answer writes with 500
}

func newStateServer(t testing.TB) *stateServer {
	s := &stateServer{}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *stateServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.mu.Lock()
	defer s.mu.Unlock()
	want := "Basic " + base64.StdEncoding.EncodeToString([]byte("run:state-password"))
	switch {
	case r.Header.Get("Authorization") != want:
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodGet && s.body == nil:
		w.WriteHeader(http.StatusNotFound)
	case r.Method == http.MethodGet:
		_, _ = w.Write(s.body)
	case r.Method == http.MethodPost && s.refuse:
		w.WriteHeader(http.StatusForbidden)
	case r.Method == http.MethodPost:
		s.body = body
	}
}

func (s *stateServer) state() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.body)
}

// bench is a worker with a fake control plane.
type bench struct {
	t     testing.TB
	api   *fakeAPI
	cfg   Config
	state *stateServer
}

func newBench(t testing.TB) *bench {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	return &bench{t: t, api: newFake(t), state: newStateServer(t), cfg: Config{
		WorkerID: "test", WorkDir: t.TempDir(), Tofu: tofuBinary(t), LeaseWait: 50 * time.Millisecond, Logger: log,
	}}
}

func (b *bench) job(repo string) *workerapi.Job {
	return &workerapi.Job{
		Ref: workerapi.LeaseRef{RunID: "01RUN", Epoch: 1, Secret: "secret of the lease"}, Phase: workerapi.PhasePlan, RunType: domain.RunTracked,
		LeaseTTL: 10 * time.Second, LogWithAdvance: true,
		Source: workerapi.Source{Provider: "GIT", URL: repo, Branch: "main", Schemes: []string{"file"}},
		State:  &workerapi.State{Address: b.state.URL, Username: "run", Password: "state-password"},
	}
}

// execute runs one job to its end and checks that nothing is left behind.
func (b *bench) execute(ctx context.Context, job *workerapi.Job) error {
	b.t.Helper()
	cfg, err := b.cfg.withDefaults()
	if err != nil {
		b.t.Fatal(err)
	}
	dirs, err := openWorkDir(cfg.WorkDir, cfg.Logger)
	if err != nil {
		b.t.Fatal(err)
	}
	defer dirs.close()
	b.api.begin(job)
	w := &worker{api: b.api, cfg: cfg, dirs: dirs}
	_, err = w.run(ctx, job)
	left, _ := filepath.Glob(filepath.Join(dirs.own, "run-*"))
	if len(left) > 0 {
		b.t.Errorf("the run left %v behind", left)
	}
	return err
}

// must executes a job that has to succeed.
func (b *bench) must(job *workerapi.Job) {
	b.t.Helper()
	if err := b.execute(b.t.Context(), job); err != nil {
		b.t.Fatalf("run: %v\n%s", err, b.api.text())
	}
}

func (b *bench) wantLog(parts ...string) {
	b.t.Helper()
	text := b.api.text()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			b.t.Errorf("the log lacks %q:\n%s", p, text)
		}
	}
}

const oneResource = `
resource "terraform_data" "net" {
  input = "x"
}
output "name" {
  value       = terraform_data.net.output
  description = "the net's name"
}
output "key" {
  value     = "not-for-anyone"
  sensitive = true
}
`
