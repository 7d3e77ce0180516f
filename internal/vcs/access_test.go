package vcs

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/crypto/ssh"

	"github.com/airlock-project/airlock/internal/domain"
)

// overHTTPS serves a repository by git's own server, over TLS, to ann.
func overHTTPS(t *testing.T, repo string) *httptest.Server {
	t.Helper()
	backend := filepath.Join(gitIn(t, repo, "--exec-path"), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skip("this git has no http-backend")
	}
	serve := &cgi.Handler{Path: backend, Root: "/", Env: []string{"GIT_PROJECT_ROOT=" + filepath.Dir(repo), "GIT_HTTP_EXPORT_ALL=1"}}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, _ := r.BasicAuth(); user != "ann" || password != "hunter2hunter2" {
			w.Header().Set("WWW-Authenticate", "Basic realm=x")
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		serve.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	trust(t, server)
	return server
}

// trust makes git take the certificate of a test's server.
func trust(t *testing.T, server *httptest.Server) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ca.pem")
	body := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, body, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_SSL_CAINFO", file)
}

func TestPasswordOverHTTPS(t *testing.T) {
	repo, commits := repository(t)
	server := overHTTPS(t, repo)
	source := Source{URL: server.URL + "/" + filepath.Base(repo) + "/.git", Branch: "main", Commit: commits[0], Schemes: []string{"https"}}
	source.Access = &domain.GitAccess{Kind: domain.GitPassword, Username: "ann", Secret: "hunter2hunter2"}
	dir := filepath.Join(t.TempDir(), "w")
	var out bytes.Buffer
	got, err := Checkout(t.Context(), source, dir, &out)
	if err != nil || got.Hash != commits[0] {
		t.Fatalf("checkout: %v %v\n%s", got, err, out.String())
	}
	for _, hidden := range []string{"hunter2", passwordHeader("ann", "hunter2hunter2")[21:]} {
		if found := grep(t, dir, hidden); found != "" || strings.Contains(out.String(), hidden) {
			t.Errorf("the password is kept in %s, or shown: %s", found, out.String())
		}
	}
	source.Access.Secret = "another one"
	_, err = Checkout(t.Context(), source, filepath.Join(t.TempDir(), "w"), &out)
	if err == nil || !strings.Contains(err.Error(), "does not exist or refuses the user name or password of its git credential") || strings.Contains(err.Error()+out.String(), "another one") {
		t.Errorf("with a wrong password: %v\n%s", err, out.String())
	}
}

// grep names a file below dir that has a text in it.
func grep(t *testing.T, dir, text string) (found string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		body, err := os.ReadFile(path)
		if bytes.Contains(body, []byte(text)) {
			found = path
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestPasswordStaysWithItsHost redirects git to another host.
func TestPasswordStaysWithItsHost(t *testing.T) {
	repo, _ := repository(t)
	var mu sync.Mutex
	var seen []string
	other := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusNotFound)
	}))
	defer other.Close()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL+r.URL.String(), http.StatusMovedPermanently)
	}))
	defer server.Close()
	trust(t, server) // all of httptest's servers have the same certificate
	source := Source{URL: server.URL + "/" + filepath.Base(repo), Branch: "main", Schemes: []string{"https"}}
	source.Access = &domain.GitAccess{Kind: domain.GitPassword, Username: "ann", Secret: "hunter2hunter2"}
	_, err := Checkout(t.Context(), source, filepath.Join(t.TempDir(), "w"), io.Discard)
	if err == nil || !strings.Contains(err.Error(), "another address") {
		t.Errorf("err = %v", err)
	}
	if len(seen) > 0 {
		t.Errorf("the other host was asked, with %q", seen)
	}
}

// sshHost is a real ssh server that serves repositories to one key.
type sshHost struct {
	address string
	host    ssh.Signer
	client  string // private key in PEM
}

func newKey(t *testing.T) (ssh.Signer, string) {
	t.Helper()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return signer, string(pem.EncodeToMemory(block))
}

func serveSSH(t *testing.T) sshHost {
	t.Helper()
	if _, err := exec.LookPath("ssh"); err != nil {
		t.Skip("there is no ssh")
	}
	host, _ := newKey(t)
	client, private := newKey(t)
	config := &ssh.ServerConfig{PublicKeyCallback: func(c ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if c.User() != "git" || !bytes.Equal(key.Marshal(), client.PublicKey().Marshal()) {
			return nil, fmt.Errorf("unknown key of %s", c.User())
		}
		return nil, nil
	}}
	config.AddHostKey(host)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go serveConn(conn, config)
		}
	}()
	return sshHost{listener.Addr().String(), host, private}
}

// serveConn runs git-upload-pack for whoever has signed in.
func serveConn(conn net.Conn, config *ssh.ServerConfig) {
	_, channels, requests, err := ssh.NewServerConn(conn, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(requests)
	for one := range channels {
		channel, requests, err := one.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range requests {
				var asked struct{ Command string }
				if r.Type != "exec" || ssh.Unmarshal(r.Payload, &asked) != nil {
					_ = r.Reply(r.Type == "env", nil)
					continue
				}
				_ = r.Reply(true, nil)
				name, path, _ := strings.Cut(asked.Command, " ")
				cmd := exec.Command(name, strings.Trim(path, "'"))
				cmd.Stdin, cmd.Stdout, cmd.Stderr = channel, channel, channel.Stderr()
				status := struct{ Status uint32 }{}
				if name != "git-upload-pack" || cmd.Run() != nil {
					status.Status = 1
				}
				_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(status))
				_ = channel.Close()
			}
		}()
	}
}

func (h sshHost) known(key ssh.PublicKey) string {
	name, port, _ := net.SplitHostPort(h.address)
	return fmt.Sprintf("[%s]:%s %s", name, port, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))))
}

func TestKeyOverSSH(t *testing.T) {
	repo, commits := repository(t)
	h := serveSSH(t)
	stranger, other := newKey(t)
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("GIT_SSH_COMMAND", "false") // the worker's own counts for nothing here
	for name, c := range map[string]struct {
		access domain.GitAccess
		want   string
	}{
		"signs in":             {domain.GitAccess{Secret: h.client, KnownHosts: h.known(h.host.PublicKey())}, ""},
		"the host has changed": {domain.GitAccess{Secret: h.client, KnownHosts: h.known(stranger.PublicKey())}, "is not among the known hosts of its git credential"},
		"the host is unknown":  {domain.GitAccess{Secret: h.client, KnownHosts: "elsewhere " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(h.host.PublicKey())))}, "is not among the known hosts of its git credential"},
		"another key":          {domain.GitAccess{Secret: other, KnownHosts: h.known(h.host.PublicKey())}, "refuses the user name in its URL or the private key of its git credential"},
	} {
		t.Run(name, func(t *testing.T) {
			c.access.Kind = domain.GitSSHKey
			temp := t.TempDir()
			t.Setenv("TMPDIR", temp)
			source := Source{URL: "ssh://git@" + h.address + repo, Branch: "main", Commit: commits[0], Schemes: []string{"ssh"}, Access: &c.access}
			dir := filepath.Join(t.TempDir(), "w")
			var out bytes.Buffer
			got, err := Checkout(t.Context(), source, dir, &out)
			if c.want == "" && (err != nil || got.Hash != commits[0]) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("%v, error %v, want %q\n%s", got, err, c.want, out.String())
			}
			for _, place := range []string{temp, home} {
				if left, _ := os.ReadDir(place); len(left) > 0 {
					t.Errorf("%s is left in %s", left, place)
				}
			}
		})
	}
	if err := CheckAccess(domain.GitAccess{Kind: domain.GitSSHKey, Secret: h.client, KnownHosts: h.known(h.host.PublicKey()) + "\n# mine\n"}); err != nil {
		t.Error(err)
	}
}

func TestAccessMustFit(t *testing.T) {
	for url, kind := range map[string]domain.GitCredentialKind{"https://127.0.0.1:1/a": domain.GitSSHKey, "ssh://127.0.0.1:1/a": domain.GitPassword, "http://127.0.0.1:1/a": domain.GitPassword} {
		s := Source{URL: url, Branch: "main", Schemes: []string{"https", "ssh", "http"}, Access: &domain.GitAccess{Kind: kind, Secret: "hunter2hunter2"}}
		if _, err := Checkout(t.Context(), s, filepath.Join(t.TempDir(), "w"), io.Discard); err == nil || !strings.Contains(err.Error(), "does not fit") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestCheckAccess(t *testing.T) {
	signer, private := newKey(t)
	known := "git.example.com " + string(ssh.MarshalAuthorizedKey(signer.PublicKey()))
	for name, a := range map[string]domain.GitAccess{
		"secret":     {Secret: "hunter2", KnownHosts: known},
		"knownHosts": {Secret: private, KnownHosts: "git.example.com"},
	} {
		a.Kind = domain.GitSSHKey
		var wrong *domain.Error
		err := CheckAccess(a)
		if wrong, _ = err.(*domain.Error); wrong == nil || wrong.Field != name || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := CheckAccess(domain.GitAccess{Kind: domain.GitPassword, Secret: "x"}); err != nil {
		t.Error(err)
	}
}
