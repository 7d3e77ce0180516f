package domain

import (
	"strings"
	"time"
)

// Push says that a branch of a repository has moved. It is kept until the runs
// that follow from it have been started.
type Push struct {
	ID     string  `json:"id"`
	By     string  `json:"by"`     // who pushed, as runs show it
	Title  string  `json:"title"`  // of the runs
	Space  SpaceID `json:"space"`  // only stacks that can use what lives there are meant
	Repo   RepoID  `json:"repo"`   // a built-in repository, or else
	Source string  `json:"source"` // the SourceKey of the repository's URLs, one a line
	Branch string  `json:"branch"` // empty for a built-in repository
	Commit string  `json:"commit"`
	// Files are the paths that changed. They count where All is not set.
	Files []string  `json:"files,omitempty"`
	All   bool      `json:"all,omitempty"` // it is not known which files changed
	At    time.Time `json:"at"`
	// Hook and Key name the message that told of it; empty for a built-in repository.
	Hook PushHookID `json:"hook,omitempty"`
	Key  string     `json:"key,omitempty"`

	Tries int `json:"-"` // how often it could not be followed
}

// MaxPushTries is how often it is tried to follow a push: about a day long.
const MaxPushTries = 150

// Backoff is when a push is tried again that could not be followed for the n-th
// time.
func (p Push) Backoff() time.Duration {
	return min(2*time.Second<<min(max(p.Tries-1, 0), 9), 10*time.Minute)
}

// PushOutcome is what has followed from a push.
type PushOutcome struct {
	Runs    int
	Ignored string // why there are none
}

// SourceKey is the same for all addresses of a repository: host and path, in
// lower case, without user, port, scheme and the ending .git.
func SourceKey(url string) string {
	s := strings.ToLower(strings.TrimSpace(url))
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
	} else if host, path, ok := strings.Cut(s, ":"); ok && !strings.Contains(host, "/") {
		s = host + "/" + strings.TrimPrefix(path, "/") // host:path, which git takes for ssh
	}
	host, path, _ := strings.Cut(s, "/")
	host = host[strings.LastIndexByte(host, '@')+1:]
	if name, port, ok := strings.Cut(host, ":"); ok && !strings.ContainsFunc(port, func(r rune) bool { return r < '0' || r > '9' }) {
		host = name
	}
	path = strings.TrimSuffix(strings.Trim(path, "/"), ".git")
	if path == "" {
		return ""
	}
	return host + "/" + path
}
