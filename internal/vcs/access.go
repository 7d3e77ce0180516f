package vcs

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"github.com/airlock-project/airlock/internal/domain"
)

// CheckAccess refuses a private key or known hosts that ssh could not use.
// Errors are for the fields "secret" and "knownHosts"; they show neither.
func CheckAccess(a domain.GitAccess) error {
	if a.Kind != domain.GitSSHKey {
		return nil
	}
	if a.Secret != "" {
		var locked *ssh.PassphraseMissingError
		_, err := ssh.ParseRawPrivateKey([]byte(a.Secret))
		if errors.As(err, &locked) {
			return domain.Invalid("secret", "the key has a passphrase; give one that has none")
		}
		if err != nil {
			return domain.Invalid("secret", "is not a private key in PEM form")
		}
	}
	keys := 0
	for rest := []byte(a.KnownHosts); ; keys++ {
		_, _, _, _, left, err := ssh.ParseKnownHosts(rest)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return domain.Invalid("knownHosts", "line %d is not one of a known_hosts file", keys+1)
		}
		rest = left
	}
	if keys == 0 {
		return domain.Invalid("knownHosts", "has no key")
	}
	return nil
}

// header is what signs in over https.
func passwordHeader(user, password string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
}

// signIn gives git what the access says, for one checkout; end takes it away.
// A password goes to git alone, as a header for this one URL. A private key is
// never written down: ssh asks an agent that lives as long as the checkout.
func (g *git) signIn(ctx context.Context, a *domain.GitAccess) (end func(), err error) {
	switch {
	case a == nil:
		return func() {}, nil
	case a.Kind == domain.GitPassword && g.remote.scheme == "https" && g.remote.header == "":
		g.remote.header, g.given = passwordHeader(a.Username, a.Secret), a.Kind
		return func() {}, nil
	case a.Kind == domain.GitSSHKey && g.remote.scheme == "ssh":
		return g.serveKey(ctx, a)
	default:
		return nil, fmt.Errorf("the credential that was given for repository %s does not fit its transport", g.remote.url)
	}
}

// signedInBy, unnamed and knownHosts say what is to be put right when a host
// refuses, or is refused. They do not name the credential: whoever reads the run
// may not see it.
func (g git) signedInBy() string {
	if g.given == domain.GitPassword {
		return "the user name or password of its git credential"
	}
	if g.given == domain.GitSSHKey {
		return "the user name in its URL or the private key of its git credential"
	}
	return "the worker's credentials"
}

// unnamed is for hosts that ask who it is: because they know no such name and
// password, or because they have been told none.
func (g git) unnamed() string {
	if g.given == domain.GitPassword {
		return fmt.Sprintf("repository %s does not exist or refuses %s", g.remote.url, g.signedInBy())
	}
	return fmt.Sprintf("repository %s does not exist or needs credentials", g.remote.url)
}

func (g git) knownHosts() string {
	if g.given == domain.GitSSHKey {
		return "among the known hosts of its git credential"
	}
	return "known to the worker"
}

// plainPath is a path that neither a shell nor ssh reads anything into.
var plainPath = regexp.MustCompile(`^/[A-Za-z0-9/._-]+$`)

func (g *git) serveKey(ctx context.Context, a *domain.GitAccess) (func(), error) {
	key, err := ssh.ParseRawPrivateKey([]byte(a.Secret))
	if err != nil {
		return nil, errors.New("the private key for the repository cannot be used") // the parser's words could quote it
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		return nil, fmt.Errorf("use the private key for the repository: %w", err)
	}
	base := os.TempDir()
	if len(base) > 40 || !plainPath.MatchString(base) {
		base = "/tmp" // the path of a socket must be short
	}
	dir, err := os.MkdirTemp(base, "al-ssh-") // mode 0700
	if err != nil {
		return nil, fmt.Errorf("make room for the repository's host keys: %w", err)
	}
	known, socket := filepath.Join(dir, "known_hosts"), filepath.Join(dir, "agent")
	err = os.WriteFile(known, []byte(a.KnownHosts+"\n"), 0o600)
	var listener net.Listener
	if err == nil {
		listener, err = (&net.ListenConfig{}).Listen(ctx, "unix", socket)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make room for the repository's host keys: %w", err), os.RemoveAll(dir))
	}
	go serveAgent(listener, ring)
	g.ssh, g.given = sshCommand(known, socket), a.Kind
	return func() {
		_ = listener.Close() // the directory goes with it
		_ = os.RemoveAll(dir)
	}, nil
}

// serveAgent ends when the listener does.
func serveAgent(l net.Listener, ring agent.Agent) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			_ = agent.ServeAgent(ring, conn) // ends with ssh
			_ = conn.Close()
		}()
	}
}

// sshCommand is what git runs: nothing of the worker's own ssh configuration
// counts, no host key is trusted but those that are known.
func sshCommand(known, socket string) string {
	options := []string{
		"BatchMode=yes", "IdentityAgent=" + socket, "IdentityFile=none", "IdentitiesOnly=no",
		"PreferredAuthentications=publickey", "StrictHostKeyChecking=yes", "UserKnownHostsFile=" + known,
		"GlobalKnownHostsFile=/dev/null", "UpdateHostKeys=no", "ForwardAgent=no", "ClearAllForwardings=yes", "ProxyCommand=none", "ConnectTimeout=30",
	}
	return "ssh -F /dev/null -o" + strings.Join(options, " -o")
}
