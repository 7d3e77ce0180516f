package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// sshd is a real OpenSSH server with a configuration, keys and port of its own.
// It lets the user of the test in, by one key.
type sshd struct {
	user, address string
	known         string // its line for a file of known hosts
	key           string // the private key that it lets in
	log           *buffer
}

// needSSHD starts a server, or skips the test where OpenSSH is missing;
// AIRLOCK_TEST_REQUIRE_SSHD makes that a failure.
func needSSHD(t *testing.T) *sshd {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("AIRLOCK_TEST_REQUIRE_SSHD") != "" {
		missing = t.Fatalf
	}
	program := "/usr/sbin/sshd" // not on everybody's PATH
	if _, err := os.Stat(program); err != nil {
		missing("not run: there is no %s", program)
	}
	if _, err := exec.LookPath("ssh"); err != nil {
		missing("not run: there is no ssh")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 {
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // as its service does
			t.Fatal(err)
		}
	}
	s := &sshd{user: me.Username, address: freeAddress(t), log: &buffer{}}
	dir := t.TempDir()
	host, hostPEM := sshKey(t)
	client, clientPEM := sshKey(t)
	s.known, s.key = s.knownAs(t, host), clientPEM
	write(t, filepath.Join(dir, "host"), hostPEM)
	write(t, filepath.Join(dir, "let-in"), string(ssh.MarshalAuthorizedKey(client)))
	write(t, filepath.Join(dir, "sshd_config"), strings.Join([]string{
		"ListenAddress " + s.address, "HostKey " + dir + "/host", "AuthorizedKeysFile " + dir + "/let-in", "PidFile none",
		"StrictModes no", "UsePAM no", "PasswordAuthentication no", "KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password",
	}, "\n")+"\n")
	s.start(t, program, filepath.Join(dir, "sshd_config"))
	return s
}

func (s *sshd) start(t *testing.T, program, config string) {
	t.Helper()
	cmd := exec.Command(program, "-D", "-e", "-f", config)
	cmd.Stderr = s.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill() // it has no connection any more, and nothing to keep
		_ = cmd.Wait()         // it was killed
		if t.Failed() {
			t.Logf("log of sshd:\n%s", s.log.String())
		}
	})
	await(t, "sshd to listen", 10*time.Second, func() bool {
		conn, err := net.Dial("tcp", s.address)
		if err != nil {
			return false
		}
		_ = conn.Close()
		return true
	})
}

func sshKey(t *testing.T) (public ssh.PublicKey, private string) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(priv, "")
	if err != nil {
		t.Fatal(err)
	}
	if public, err = ssh.NewPublicKey(pub); err != nil {
		t.Fatal(err)
	}
	return public, string(pem.EncodeToMemory(block))
}

// knownAs is what ssh notes of the server when it shows a key.
func (s *sshd) knownAs(t *testing.T, key ssh.PublicKey) string {
	t.Helper()
	host, port, err := net.SplitHostPort(s.address)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(key))
}

// TestSSH checks code out of a repository that a real OpenSSH serves, with a
// credential that the server keeps: a host that shows another key is not
// talked to, and a key that the host does not know is named as what is wrong.
func TestSSH(t *testing.T) {
	t.Parallel()
	needTofu(t)
	host := needSSHD(t)
	s := &story{server: start(t, "sqlite", "--git-schemes", "ssh")}
	s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
	url, commit := repository(t, map[string]string{"main.tf": `resource "terraform_data" "came" { input = timestamp() }`})
	stack := s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
		"name": "private", "space": "legacy", "provider": "GIT", "repository": "private", "branch": "main", "autodeploy": true,
		"repositoryURL": "ssh://" + host.user + "@" + host.address + strings.TrimPrefix(url, "file://"), "administrative": false, "vendorConfig": vars{"opentofu": vars{}},
	}})
	credential := s.admin.id(t, `mutation($input:CreateGitCredentialInput!){createGitCredential(input:$input){id}}`, vars{"input": vars{
		"name": "deploy", "space": "legacy", "kind": "SSH_KEY", "urlPrefix": "ssh://" + host.address, "knownHosts": host.known, "secret": host.key,
	}})
	stranger, other := sshKey(t)
	for _, c := range []struct{ name, known, key, state, note string }{
		{"as it should be", host.known, host.key, "FINISHED", ""},
		{"another host", host.knownAs(t, stranger), host.key, "FAILED", "is not among the known hosts of its git credential"},
		{"another key", host.known, other, "FAILED", "refuses the user name in its URL or the private key of its git credential"},
		{"put right", host.known, host.key, "FINISHED", ""},
	} {
		s.admin.must(t, `mutation($input:UpdateGitCredentialInput!){updateGitCredential(input:$input){id}}`,
			vars{"input": vars{"id": credential, "knownHosts": c.known, "secret": c.key}}, nil)
		id := s.admin.id(t, runTrigger, vars{"stack": stack})
		r := s.admin.reaches(t, stack, id, c.state)
		log := s.admin.wholeLog(t, stack, id)
		if c.state == "FINISHED" && (r.Commit.Hash != commit || !strings.Contains(log, "Apply complete!")) {
			t.Errorf("%s: commit %+v\n%s", c.name, r.Commit, log)
		}
		if !strings.Contains(r.History[0].Note, c.note) {
			t.Errorf("%s: the run says %q, not %q", c.name, r.History[0].Note, c.note)
		}
		for _, secret := range strings.Split(strings.TrimSpace(c.key), "\n")[1:3] {
			if strings.Contains(log+s.log.String(), secret) {
				t.Errorf("%s: the private key is in a log", c.name)
			}
		}
	}
	if n := strings.Count(host.log.String(), "Accepted publickey"); n != 2 {
		t.Errorf("the host let %d in, not 2", n)
	}
}
