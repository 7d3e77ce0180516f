package domain

import (
	"slices"
	"strings"
	"time"
)

// PushHookKind says how a push hook's messages look and how they are signed.
type PushHookKind string

// The kinds of push hooks.
const (
	PushHookGeneric PushHookKind = "GENERIC"
	PushHookGitHub  PushHookKind = "GITHUB"
	PushHookGitLab  PushHookKind = "GITLAB"
)

// PushHook is an address that a git host tells of pushes. It lives in a space,
// and starts runs only of stacks that can use what lives there.
type PushHook struct {
	ID    PushHookID
	Space SpaceID
	Name  string
	Kind  PushHookKind
	// Repositories are the URLs of those that it may speak of; none means any.
	Repositories  []string
	CreatedAt     time.Time
	UpdatedAt     time.Time
	PreviousUntil time.Time // the secret before the newest works until then; zero: there is none
}

// PushHookSecrets are what proves that a message comes from the git host.
type PushHookSecrets struct {
	Current  string `json:"current"`
	Previous string `json:"previous,omitempty"`
}

// MaxSecretOverlap is how long two secrets of a push hook can work at most.
const MaxSecretOverlap = 7 * 24 * time.Hour

// maxHookRepositories bounds the list of one hook.
const maxHookRepositories = 100

// Check validates the fields that a caller may set.
func (h PushHook) Check() error {
	if err := CheckName("name", h.Name); err != nil {
		return err
	}
	if !slices.Contains([]PushHookKind{PushHookGeneric, PushHookGitHub, PushHookGitLab}, h.Kind) {
		return Invalid("kind", "must be GENERIC, GITHUB or GITLAB")
	}
	if len(h.Repositories) > maxHookRepositories {
		return Invalid("repositories", "must not have more than %d entries", maxHookRepositories)
	}
	for _, url := range h.Repositories {
		if err := CheckLine("repositories", url); err != nil {
			return err
		}
		if SourceKey(url) == "" {
			return Invalid("repositories", "%q is not the URL of a repository", clip(url))
		}
	}
	return nil
}

// MaySpeakOf returns those of a repository's source keys that the hook may
// announce pushes to.
func (h PushHook) MaySpeakOf(keys []string) []string {
	if len(h.Repositories) == 0 {
		return keys
	}
	return slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		return !slices.ContainsFunc(h.Repositories, func(url string) bool { return SourceKey(url) == key })
	})
}

// Live returns the secrets that work at a time, the newest first.
func (h PushHook) Live(s PushHookSecrets, now time.Time) []string {
	if s.Previous == "" || !now.Before(h.PreviousUntil) {
		return []string{s.Current}
	}
	return []string{s.Current, s.Previous}
}

// PushDelivery is one message that came to a push hook, properly signed.
type PushDelivery struct {
	Hook       PushHookID `json:"-"`
	Key        string     `json:"-"` // the same for every copy of a message
	At         time.Time  `json:"-"`
	Event      string     `json:"event"` // as the git host calls it
	Repository string     `json:"repository,omitempty"`
	Branch     string     `json:"branch,omitempty"`
	Commit     string     `json:"commit,omitempty"`
	// Ignored says why nothing follows from it; empty: stacks are looked for.
	Ignored string `json:"ignored,omitempty"`
	// Runs is how many runs it has started; nil: that is not known yet, or none was to.
	Runs *int `json:"runs,omitempty"`
}

// How long deliveries are remembered, and how many a hook may bring a minute.
const (
	PushDeliveryTime = 30 * 24 * time.Hour
	MaxPushesAMinute = 120
)

// Announced is what a message of a git host says about a repository.
type Announced struct {
	Event   string   // as the git host calls it
	URLs    []string // of the repository
	Branch  string
	Commit  string
	By      string // who pushed, as the git host calls him
	Title   string
	Files   []string
	All     bool   // it is not known which files changed
	Ignored string // why it is no push to a branch; the rest may be empty then
}

// Push is the push that an announcement speaks of, for the stacks of a space.
func (a Announced) Push(h PushHook, keys []string) Push {
	by := "push-hook::" + string(h.ID)
	if name := strings.TrimSpace(a.By); name != "" && CheckLine("by", name) == nil {
		by = "git::" + clip(name)
	}
	return Push{
		By: by, Title: a.Title, Space: h.Space, Source: strings.Join(keys, "\n"),
		Branch: a.Branch, Commit: a.Commit, Files: a.Files, All: a.All,
	}
}

// SourceKeys are the source keys of a repository's URLs, each once.
func SourceKeys(urls []string) (keys []string) {
	for _, url := range urls {
		if key := SourceKey(url); key != "" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}
