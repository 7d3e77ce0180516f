package domain

import (
	"net/url"
	"path"
	"slices"
	"strings"
	"time"
)

// GitCredentialKind says how a git credential signs in.
type GitCredentialKind string

// The kinds of git credentials.
const (
	GitPassword GitCredentialKind = "PASSWORD" // over https
	GitSSHKey   GitCredentialKind = "SSH_KEY"  // over ssh
	// GitStatusToken checks nothing out and goes to no worker: the server sets
	// statuses of commits with it.
	GitStatusToken GitCredentialKind = "STATUS_TOKEN"
)

// GitCredential is how workers sign in to the git repositories whose URLs begin
// with its prefix. Stacks use it that can use what lives in its space.
type GitCredential struct {
	ID         GitCredentialID
	Space      SpaceID
	Name       string
	Prefix     string // https://host/path, ssh://host/path or user@host:path
	Kind       GitCredentialKind
	Username   string // of PASSWORD
	KnownHosts string // of SSH_KEY: the keys that the host may have, as ssh writes them down
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// GitAccess is a credential with its secret, for one checkout.
type GitAccess struct {
	Kind       GitCredentialKind `json:"kind"`
	Username   string            `json:"username,omitempty"`
	Secret     string            `json:"secret"` // the password, or the private key in PEM
	KnownHosts string            `json:"knownHosts,omitempty"`
}

// MaxGitSecret bounds a password or private key, and the list of known hosts,
// in bytes.
const MaxGitSecret = 16 << 10

// Check validates the fields that a caller may set.
func (c GitCredential) Check() error {
	if err := CheckName("name", c.Name); err != nil {
		return err
	}
	if err := CheckLine("urlPrefix", c.Prefix); err != nil {
		return err
	}
	scheme := map[GitCredentialKind]string{GitPassword: "https", GitSSHKey: "ssh", GitStatusToken: "https"}[c.Kind]
	p, ok := placeOf(c.Prefix)
	switch {
	case scheme == "":
		return Invalid("kind", "must be PASSWORD, SSH_KEY or STATUS_TOKEN")
	case !ok || p.scheme != scheme:
		return Invalid("urlPrefix", "must be the beginning of %s URLs, with a host and plain path", scheme)
	case c.Kind == GitPassword && c.Username == "":
		return Invalid("username", "must not be empty; hosts that take a token alone take any name beside it")
	case c.Kind == GitStatusToken && (c.Username != "" || c.KnownHosts != ""):
		return Invalid("username", "a token for statuses has neither a user name nor known hosts")
	case c.Kind == GitSSHKey && strings.TrimSpace(c.KnownHosts) == "":
		return Invalid("knownHosts", "must have the keys of the host: no key is trusted because it came first")
	case len(c.KnownHosts) > MaxGitSecret:
		return Invalid("knownHosts", "must not be longer than %d bytes", MaxGitSecret)
	case strings.Contains(c.Username, ":"):
		return Invalid("username", "must not contain a colon")
	}
	if err := CheckText("knownHosts", c.KnownHosts); err != nil {
		return err
	}
	return CheckLine("username", c.Username)
}

// CheckSecret validates the secret, which is never shown.
func (c GitCredential) CheckSecret(secret string) error {
	switch {
	case strings.TrimSpace(secret) == "":
		return Invalid("secret", "must not be empty")
	case len(secret) > MaxGitSecret:
		return Invalid("secret", "must not be longer than %d bytes", MaxGitSecret)
	case c.Kind == GitPassword || c.Kind == GitStatusToken:
		return CheckLine("secret", secret)
	}
	return CheckText("secret", secret)
}

// Host is the host of the prefix, in lower case, without a port.
func (c GitCredential) Host() string {
	p, _ := placeOf(c.Prefix)
	return p.host
}

// Fits reports whether a repository's URL begins with the prefix: the same
// transport, host and port, and a path that continues the prefix by whole parts.
// A token for statuses fits the host and path of any transport, because it goes
// to where its own prefix says.
func (c GitCredential) Fits(repository string) bool {
	prefix, ok := placeOf(c.Prefix)
	if !ok {
		return false
	}
	p, ok := placeOf(repository)
	same := p.scheme == prefix.scheme && p.port == prefix.port || c.Kind == GitStatusToken && p.scheme == "ssh"
	return ok && same && p.host == prefix.host &&
		len(p.parts) >= len(prefix.parts) && slices.Equal(p.parts[:len(prefix.parts)], prefix.parts)
}

// BestGitCredential picks the one to check a repository out with: the longest
// prefix, then the nearest space. The list is ordered by age.
func BestGitCredential(list []GitCredential, repository string, reach []SpaceID) (best GitCredential, found bool) {
	return bestOf(list, false, repository, reach)
}

// BestStatusToken picks the one to set statuses in a repository with, likewise.
func BestStatusToken(list []GitCredential, repository string, reach []SpaceID) (best GitCredential, found bool) {
	return bestOf(list, true, repository, reach)
}

func bestOf(list []GitCredential, statuses bool, repository string, reach []SpaceID) (best GitCredential, found bool) {
	rank := func(c GitCredential) (parts, near int) {
		p, _ := placeOf(c.Prefix)
		return len(p.parts), -slices.Index(reach, c.Space)
	}
	for _, c := range list {
		if (c.Kind == GitStatusToken) != statuses || !c.Fits(repository) || !slices.Contains(reach, c.Space) {
			continue
		}
		parts, near := rank(c)
		bestParts, bestNear := rank(best)
		if !found || parts > bestParts || parts == bestParts && near > bestNear {
			best, found = c, true
		}
	}
	return best, found
}

// place is what a URL says about where a repository is.
type place struct {
	scheme, host, port string
	parts              []string // of the path, the last one without .git
}

// placeOf takes a URL apart. It takes none whose path somebody on the way
// could read in another way than we do: with escapes, empty or dotted parts.
func placeOf(raw string) (p place, ok bool) {
	if !strings.Contains(raw, "://") {
		host, rest, found := strings.Cut(raw, ":")
		if !found || strings.Contains(host, "/") {
			return p, false
		}
		raw = "ssh://" + host + "/" + strings.TrimPrefix(rest, "/") // what git takes for ssh
	}
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.ContainsAny(u.EscapedPath(), `%\`) {
		return p, false
	}
	if _, secret := u.User.Password(); secret {
		return p, false
	}
	p = place{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port()}
	if p.port == "" {
		p.port = map[string]string{"https": "443", "ssh": "22"}[p.scheme]
	}
	clean := strings.Trim(u.Path, "/")
	if clean == "" {
		return p, p.scheme == "https" || p.scheme == "ssh"
	}
	p.parts = strings.Split(strings.TrimSuffix(clean, ".git"), "/")
	return p, path.Clean(clean) == clean && !strings.HasPrefix(clean, "..") && (p.scheme == "https" || p.scheme == "ssh")
}
