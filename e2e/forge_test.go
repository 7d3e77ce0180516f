package e2e

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// forge is a git host: git's own server over TLS for one user, and the API for
// statuses of commits for one token.
type forge struct {
	*httptest.Server
	dir string // of the repository acme/infra

	mu       sync.Mutex
	statuses map[string][]string // by commit: context, state
	refused  int                 // how many statuses were not taken, to begin with
}

func newForge(t *testing.T, files map[string]string) *forge {
	t.Helper()
	url, _ := repository(t, files)
	f := &forge{dir: strings.TrimPrefix(url, "file://"), statuses: map[string][]string{}}
	backend := filepath.Join(git(t, f.dir, "--exec-path"), "git-http-backend")
	root := t.TempDir()
	if err := os.MkdirAll(filepath.Join(root, "acme"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(f.dir, ".git"), filepath.Join(root, "acme", "infra.git")); err != nil {
		t.Fatal(err)
	}
	serve := &cgi.Handler{Path: backend, Root: "/", Env: []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"}}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v3/repos/acme/infra/statuses/{commit}", f.takeStatus)
	mux.HandleFunc("/acme/", func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "robot" || password != gitPassword {
			w.Header().Set("WWW-Authenticate", "Basic realm=x")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serve.ServeHTTP(w, r)
	})
	f.Server = httptest.NewTLSServer(mux)
	t.Cleanup(f.Close)
	return f
}

func (f *forge) takeStatus(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var body struct{ State, Context string }
	switch {
	case r.Header.Get("Authorization") != "Bearer "+statusToken:
		w.WriteHeader(http.StatusUnauthorized)
	case f.refused == 0:
		f.refused++
		http.Error(w, "not now: "+statusToken, http.StatusBadGateway)
	case json.NewDecoder(r.Body).Decode(&body) != nil:
		w.WriteHeader(http.StatusBadRequest)
	default:
		f.statuses[r.PathValue("commit")] = append(f.statuses[r.PathValue("commit")], body.Context+" "+body.State)
		w.WriteHeader(http.StatusCreated)
	}
}

// last is what the host shows of a commit.
func (f *forge) last(commit string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if list := f.statuses[commit]; len(list) > 0 {
		return list[len(list)-1]
	}
	return ""
}

// trusted is the environment of a process that takes the host's certificate.
func (f *forge) trusted(t *testing.T) []string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: f.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return []string{"SSL_CERT_FILE=" + file, "GIT_SSL_CAINFO=" + file}
}

// commit changes a file on a branch and returns the commit.
func (f *forge) commit(t *testing.T, branch, path, content string) string {
	t.Helper()
	git(t, f.dir, "checkout", "-q", "-B", branch)
	if err := os.WriteFile(filepath.Join(f.dir, path), []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	git(t, f.dir, "commit", "-q", "-a", "-m", "change "+path)
	return git(t, f.dir, "rev-parse", "HEAD")
}
