package domain

import (
	"strconv"
	"strings"
	"time"
)

// Space is a node of the account's tree (access model A1-A7).
type Space struct {
	ID          SpaceID
	Parent      SpaceID // empty for root only
	Name        string
	Description string // Markdown
	Labels      []string
	Inherit     bool // entities flow down from the parent, Read climbs up to it
	CreatedAt   time.Time
}

// BuiltIn reports whether the space exists in every account and can neither be
// moved nor deleted (access model A1, A2).
func (s SpaceID) BuiltIn() bool { return s == RootSpace || s == LegacySpace }

// Check validates the fields that a caller may set.
func (s Space) Check() error {
	if err := CheckName("name", s.Name); err != nil {
		return err
	}
	if err := CheckText("description", s.Description); err != nil {
		return err
	}
	return CheckLabels("labels", s.Labels)
}

// SpaceContents counts what lives directly in a space; only an empty one can
// be deleted (access model A110).
type SpaceContents struct{ Spaces, Stacks, Contexts, WorkerPools, Repos, PushHooks, GitCredentials int }

// Empty reports whether nothing lives in the space.
func (c SpaceContents) Empty() bool { return c == SpaceContents{} }

// String names what is there, for example "2 stacks, 1 context".
func (c SpaceContents) String() string {
	var parts []string
	for _, p := range []struct {
		n    int
		noun string
	}{{c.Spaces, "space"}, {c.Stacks, "stack"}, {c.Contexts, "context"}, {c.WorkerPools, "worker pool"}, {c.Repos, "repository"}, {c.PushHooks, "push hook"}, {c.GitCredentials, "git credential"}} {
		switch {
		case p.n == 1:
			parts = append(parts, "1 "+p.noun)
		case p.n > 1 && p.noun == "repository":
			parts = append(parts, strconv.Itoa(p.n)+" repositories")
		case p.n > 1:
			parts = append(parts, strconv.Itoa(p.n)+" "+p.noun+"s")
		}
	}
	return strings.Join(parts, ", ")
}
