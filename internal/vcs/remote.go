package vcs

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/airlock-project/airlock/internal/domain"
)

// maxURL is generous for any real repository.
const maxURL = 2048

// knownSchemes are the transports that an operator may allow. Remote helpers
// such as ext:: run commands and are never among them.
var knownSchemes = []string{"https", "ssh", "http", "file", "git"}

// scpLike matches [user@]host:path, which git takes for ssh.
var scpLike = regexp.MustCompile(`^([A-Za-z0-9._][A-Za-z0-9._~-]*@)?[A-Za-z0-9][A-Za-z0-9._-]*:[^-:].*$`)

// remote is a validated repository URL, its credentials taken out.
type remote struct {
	scheme string
	url    string // what git gets
	header string // an Authorization header for http(s), empty if none
}

// ValidateURL checks that a worker that allows these schemes would accept the
// repository URL. The error is a *domain.Error for the field "repository"; it
// never shows credentials.
func ValidateURL(raw string, schemes []string) error {
	_, err := parseRemote(raw, schemes)
	return err
}

func invalidURL(format string, args ...any) error {
	return domain.Invalid("repository", format, args...)
}

func parseRemote(raw string, schemes []string) (remote, error) {
	switch {
	case raw == "":
		return remote{}, invalidURL("the repository URL is empty")
	case len(raw) > maxURL:
		return remote{}, invalidURL("the repository URL is longer than %d bytes", maxURL)
	case strings.HasPrefix(raw, "-"):
		return remote{}, invalidURL("the repository URL must not begin with a hyphen")
	case strings.ContainsFunc(raw, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || r == unicode.ReplacementChar }):
		return remote{}, invalidURL("the repository URL must not contain spaces or control characters")
	}
	r, err := splitRemote(raw)
	if err != nil {
		return remote{}, err
	}
	if !slices.Contains(schemes, r.scheme) || !slices.Contains(knownSchemes, r.scheme) {
		return remote{}, invalidURL("the URL scheme %q is not allowed; allowed are: %s (setting --git-schemes)",
			r.scheme, strings.Join(schemes, ", "))
	}
	return r, nil
}

// splitRemote tells the transport as git would, before anything is allowed.
func splitRemote(raw string) (remote, error) {
	scheme, _, isURL := strings.Cut(raw, "://")
	if helper, _, ok := strings.Cut(raw, "::"); ok && !strings.ContainsAny(helper, "/:@[") {
		return remote{scheme: strings.ToLower(helper)}, nil // never a known scheme: refused by the caller
	}
	switch {
	case isURL && !strings.ContainsAny(scheme, "/@"):
		return splitURL(raw)
	case strings.HasPrefix(raw, "/"):
		return remote{scheme: "file", url: raw}, nil
	case scpLike.MatchString(raw):
		return remote{scheme: "ssh", url: raw}, nil
	default:
		return remote{}, invalidURL("the repository must be a URL, host:path, or an absolute path")
	}
}

func splitURL(raw string) (remote, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return remote{}, invalidURL("the repository URL cannot be parsed") // the parser's words quote the URL
	}
	r := remote{scheme: strings.ToLower(u.Scheme)}
	u.Scheme = r.scheme
	switch {
	case !slices.Contains(knownSchemes, r.scheme):
		return r, nil
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return remote{}, invalidURL("the repository URL must not have a query or a fragment")
	case r.scheme == "file" && u.Host != "" && u.Host != "localhost":
		return remote{}, invalidURL("a file URL must not name a host")
	case r.scheme != "file" && (u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-")):
		return remote{}, invalidURL("the repository URL has no valid host")
	case strings.Trim(u.Path, "/") == "" || strings.HasPrefix(strings.TrimLeft(u.Path, "/"), "-"):
		return remote{}, invalidURL("the repository URL has no valid path")
	}
	return withoutCredentials(r, u)
}

// withoutCredentials moves http credentials from the URL to a header, so that
// git can neither print nor keep them. An ssh user name is no secret and stays.
func withoutCredentials(r remote, u *url.URL) (remote, error) {
	if u.User != nil {
		password, hasPassword := u.User.Password()
		switch {
		case r.scheme == "http" || r.scheme == "https":
			r.header = passwordHeader(u.User.Username(), password)
			u.User = nil
		case hasPassword || strings.HasPrefix(u.User.Username(), "-"):
			return remote{}, invalidURL("only http and https URLs can carry a password")
		}
	}
	r.url = u.String()
	return r, nil
}

// validRef checks a branch name by the rules of git check-ref-format.
func validRef(name string) bool {
	if name == "" || len(name) > 255 || name == "@" || strings.ContainsAny(name, " ~^:?*[\\\x7f") ||
		strings.ContainsFunc(name, unicode.IsControl) || strings.Contains(name, "..") || strings.Contains(name, "@{") ||
		strings.HasPrefix(name, "-") || strings.HasSuffix(name, ".") {
		return false
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock") {
			return false
		}
	}
	return true
}

// ValidateBranch checks a branch name; the error is for the field "branch".
func ValidateBranch(name string) error {
	if !validRef(name) {
		return domain.Invalid("branch", "%q is not a valid branch name", name)
	}
	return nil
}

var commitHash = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// ValidateCommit checks a commit hash, full or shortened to at least seven
// digits; the error is for the field "commit".
func ValidateCommit(hash string) error {
	if !commitHash.MatchString(hash) {
		return domain.Invalid("commit", "%q is not a commit hash", hash)
	}
	return nil
}

// commitURL is the page of a commit on the hosts whose layout is known.
func (r remote) commitURL(hash string) string {
	host, path := "", ""
	if u, err := url.Parse(r.url); err == nil && u.Scheme != "" && u.Host != "" {
		host, path = u.Hostname(), strings.TrimPrefix(u.Path, "/")
	} else if before, after, ok := strings.Cut(r.url, ":"); ok && r.scheme == "ssh" {
		host, path = before[strings.LastIndex(before, "@")+1:], after
	}
	middle, known := map[string]string{
		"github.com": "/commit/", "gitlab.com": "/-/commit/", "bitbucket.org": "/commits/",
	}[host]
	if !known {
		return ""
	}
	return "https://" + host + "/" + strings.TrimSuffix(strings.Trim(path, "/"), ".git") + middle + hash
}
