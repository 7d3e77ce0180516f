package vcs

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

func gitIn(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_AUTHOR_NAME=Ann Ö", "GIT_AUTHOR_EMAIL=ann@example.com",
		"GIT_COMMITTER_NAME=Bob", "GIT_COMMITTER_EMAIL=bob@example.com", "GIT_COMMITTER_DATE=2026-03-04T05:06:07+02:00")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// repository has two commits on main and one on the branch side; it returns
// the hashes in that order.
func repository(t *testing.T) (dir string, commits [3]string) {
	t.Helper()
	dir = t.TempDir()
	commit := func(body string) string {
		if err := os.WriteFile(filepath.Join(dir, "f"), []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
		gitIn(t, dir, "add", "-A")
		gitIn(t, dir, "commit", "-q", "-m", "Write "+body+"\n\nBecause.\n")
		return gitIn(t, dir, "rev-parse", "HEAD")
	}
	gitIn(t, dir, "init", "-q", "-b", "main")
	commits[0], commits[1] = commit("one"), commit("two")
	gitIn(t, dir, "checkout", "-q", "-b", "side")
	commits[2] = commit("three")
	gitIn(t, dir, "checkout", "-q", "main")
	return dir, commits
}

func local(dir string) Source {
	return Source{URL: dir, Branch: "main", Schemes: []string{"file"}}
}

func TestCheckout(t *testing.T) {
	repo, commits := repository(t)
	for name, c := range map[string]struct {
		set  func(s *Source)
		want string
		body string
	}{
		"head":              {func(*Source) {}, commits[1], "two"},
		"file URL":          {func(s *Source) { s.URL = "file://" + repo }, commits[1], "two"},
		"branch":            {func(s *Source) { s.Branch = "side" }, commits[2], "three"},
		"head by hash":      {func(s *Source) { s.Commit = strings.ToUpper(commits[1]) }, commits[1], "two"},
		"older by hash":     {func(s *Source) { s.Commit = commits[0] }, commits[0], "one"},
		"older, short hash": {func(s *Source) { s.Commit = commits[0][:8] }, commits[0], "one"},
	} {
		t.Run(name, func(t *testing.T) {
			s := local(repo)
			c.set(&s)
			dir := filepath.Join(t.TempDir(), "w")
			got, err := Checkout(t.Context(), s, dir, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			at := time.Date(2026, 3, 4, 3, 6, 7, 0, time.UTC)
			want := domain.Commit{Hash: c.want, AuthorName: "Ann Ö", Message: "Write " + c.body + "\n\nBecause.", Timestamp: at}
			if got != want {
				t.Errorf("commit = %+v, want %+v", got, want)
			}
			if body, _ := os.ReadFile(filepath.Join(dir, "f")); string(body) != c.body {
				t.Errorf("file = %q", body)
			}
		})
	}
}

// TestSparseCheckout: only the wanted folders are there, also of an older
// commit, and what lies directly in the folders above them.
func TestSparseCheckout(t *testing.T) {
	repo, _ := repository(t)
	write := func(body string) string {
		for _, name := range []string{"app/main.tf", "app/deep/x", "lib/y", "lib/net/z", "other/big"} {
			if err := errors.Join(os.MkdirAll(filepath.Join(repo, filepath.Dir(name)), 0o755), os.WriteFile(filepath.Join(repo, name), []byte(body), 0o644)); err != nil {
				t.Fatal(err)
			}
		}
		gitIn(t, repo, "add", "-A")
		gitIn(t, repo, "commit", "-q", "-m", body)
		return gitIn(t, repo, "rev-parse", "HEAD")
	}
	older, newer := write("one"), write("two")
	for commit, body := range map[string]string{"": "two", newer: "two", older: "one"} {
		s := local(repo)
		s.Commit, s.Sparse = commit, []string{"lib/net", "app"}
		dir := filepath.Join(t.TempDir(), "w")
		if _, err := Checkout(t.Context(), s, dir, io.Discard); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, name := range []string{"f", "app/main.tf", "app/deep/x", "lib/y", "lib/net/z", "other/big"} {
			if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil && (name == "f" || string(text) == body) {
				got = append(got, name)
			}
		}
		if want := "f app/main.tf app/deep/x lib/y lib/net/z"; strings.Join(got, " ") != want {
			t.Errorf("commit %q has %v, want %s", commit, got, want)
		}
	}
	for _, path := range []string{"--stdin", "../x", "/etc"} {
		s := local(repo)
		s.Sparse = []string{path}
		if _, err := Checkout(t.Context(), s, filepath.Join(t.TempDir(), "w"), io.Discard); domain.ErrorCode(err) != domain.CodeInvalid {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestCheckoutFailures(t *testing.T) {
	repo, commits := repository(t)
	empty := t.TempDir()
	gitIn(t, empty, "init", "-q", "-b", "main")
	for name, c := range map[string]struct {
		set  func(s *Source)
		want string
	}{
		"no repository":   {func(s *Source) { s.URL = "/does/not/exist" }, "repository /does/not/exist does not exist"},
		"not git":         {func(s *Source) { s.URL = "file://" + t.TempDir() }, "does not exist"},
		"empty":           {func(s *Source) { s.URL = empty }, "branch main does not exist in repository " + empty},
		"branch":          {func(s *Source) { s.Branch = "none" }, "branch none does not exist in repository " + repo},
		"commit":          {func(s *Source) { s.Commit = strings.Repeat("12", 20) }, "commit " + strings.Repeat("12", 20) + " does not exist in repository " + repo},
		"short commit":    {func(s *Source) { s.Commit = "1234567" }, "commit 1234567 does not exist"},
		"another's short": {func(s *Source) { s.Commit = commits[2][:9] }, "does not exist"},
		"scheme":          {func(s *Source) { s.Schemes = []string{"https"} }, "allowed are: https"},
		"bad branch":      {func(s *Source) { s.Branch = "--upload-pack=id" }, "not a valid branch name"},
		"bad commit":      {func(s *Source) { s.Commit = "--help" }, "not a commit hash"},
		"refused":         {func(s *Source) { s.URL, s.Schemes = "http://user:hunter2@127.0.0.1:1/a", []string{"http"} }, "http://127.0.0.1:1/a cannot be reached"},
	} {
		t.Run(name, func(t *testing.T) {
			s := local(repo)
			c.set(&s)
			var out bytes.Buffer
			_, err := Checkout(t.Context(), s, filepath.Join(t.TempDir(), "w"), &out)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("err = %v, want %q\n%s", err, c.want, out.String())
			}
			if strings.Contains(out.String()+err.Error(), "hunter2") {
				t.Errorf("the password shows: %v\n%s", err, out.String())
			}
		})
	}
}

func TestCheckoutRunsNoHooksAndNoSubmodules(t *testing.T) {
	repo, _ := repository(t)
	other, _ := repository(t)
	gitIn(t, repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", other, "sub")
	gitIn(t, repo, "commit", "-q", "-m", "sub")
	home := t.TempDir()
	ran := filepath.Join(home, "ran")
	template := filepath.Join(home, "template", "hooks")
	if err := errors.Join(os.MkdirAll(template, 0o755),
		os.WriteFile(filepath.Join(template, "post-checkout"), []byte("#!/bin/sh\ntouch "+ran+"\n"), 0o755),
		os.WriteFile(filepath.Join(home, ".gitconfig"), []byte("[init]\ntemplateDir = "+filepath.Dir(template)+"\n[core]\nhooksPath = "+template+"\n[submodule]\nrecurse = true\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", home)
	dir := filepath.Join(t.TempDir(), "w")
	if _, err := Checkout(t.Context(), local(repo), dir, io.Discard); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a hook of a template ran")
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "sub")); len(left) > 0 {
		t.Error("a submodule was checked out")
	}
}

// TestCredentialsOverHTTP serves a repository by git's own HTTP server to
// those who sign in.
func TestCredentialsOverHTTP(t *testing.T) {
	repo, commits := repository(t)
	backend := filepath.Join(gitIn(t, repo, "--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skip("this git has no http-backend")
	}
	serve := &cgi.Handler{Path: backend, Root: "/", Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(repo), "GIT_HTTP_EXPORT_ALL=1"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != "hunter2" {
			w.Header().Set("WWW-Authenticate", "Basic realm=x")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serve.ServeHTTP(w, r)
	}))
	defer server.Close()
	path := "/" + filepath.Base(repo) + "/.git"
	with := func(userinfo string) Source {
		return Source{Branch: "main", Commit: commits[0], Schemes: []string{"http"}, URL: strings.Replace(server.URL, "//", "//"+userinfo, 1) + path}
	}
	dir := filepath.Join(t.TempDir(), "w")
	var out bytes.Buffer
	got, err := Checkout(t.Context(), with("ann:hunter2@"), dir, &out)
	if err != nil || got.Hash != commits[0] {
		t.Fatalf("checkout: %v %v\n%s", got, err, out.String())
	}
	config, err := os.ReadFile(filepath.Join(dir, ".git", "config"))
	if err != nil || strings.Contains(string(config)+out.String(), "hunter2") || strings.Contains(string(config), "YW5u") {
		t.Errorf("the password is kept: %v %s %s", err, config, out.String())
	}
	for userinfo, want := range map[string]string{"": "needs credentials", "ann:wrong@": "credentials"} {
		_, err := Checkout(t.Context(), with(userinfo), filepath.Join(t.TempDir(), "w"), io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "wrong") {
			t.Errorf("as %q: %v, want %q", userinfo, err, want)
		}
	}
}

func TestCheckoutIsCancelled(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 100*time.Millisecond, errors.New("that is enough"))
	defer cancel()
	s := Source{URL: server.URL + "/a", Branch: "main", Schemes: []string{"http"}}
	if _, err := Checkout(ctx, s, filepath.Join(t.TempDir(), "w"), io.Discard); err == nil || err.Error() != "that is enough" {
		t.Errorf("err = %v", err)
	}
}
