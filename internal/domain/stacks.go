package domain

import (
	"path"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
)

// VCSProvider is where a stack's code lives; the wire spelling is the value.
type VCSProvider string

// The providers of the contract. Only ProviderGit can be checked out so far.
const (
	ProviderGit                 VCSProvider = "GIT"
	ProviderGitHub              VCSProvider = "GITHUB"
	ProviderGitHubEnterprise    VCSProvider = "GITHUB_ENTERPRISE"
	ProviderGitLab              VCSProvider = "GITLAB"
	ProviderAzureDevOps         VCSProvider = "AZURE_DEVOPS"
	ProviderBitbucketCloud      VCSProvider = "BITBUCKET_CLOUD"
	ProviderBitbucketDatacenter VCSProvider = "BITBUCKET_DATACENTER"
	ProviderShowcase            VCSProvider = "SHOWCASE"
	ProviderBuiltIn             VCSProvider = "SPACELIFT"
)

// VCSProviders lists every provider a stack may name.
func VCSProviders() []VCSProvider {
	return []VCSProvider{
		ProviderAzureDevOps, ProviderBitbucketCloud, ProviderBitbucketDatacenter, ProviderGit, ProviderGitHub,
		ProviderGitHubEnterprise, ProviderGitLab, ProviderShowcase, ProviderBuiltIn,
	}
}

// Stack is one unit of infrastructure: code, configuration, state and runs.
type Stack struct {
	ID   StackID
	ULID string // never reused, unlike the slug: what outside trust should be tied to
	StackSettings
	StackLife
	ManagesState bool // Airlock keeps the state
	CreatedAt    time.Time

	// RunState, StateSetAt and StateSetBy mirror the stack's newest tracked run.
	RunState   RunState
	StateSetAt time.Time
	StateSetBy string
}

// StackSettings are the fields that a caller may set. Most are zero for most
// stacks, and left out where they are kept: a list of stacks reads them all.
type StackSettings struct {
	Name        string   `json:",omitzero"`
	Description string   `json:",omitzero"`
	Labels      []string `json:",omitzero"`
	Space       SpaceID  `json:",omitzero"`

	Administrative bool `json:",omitzero"` // access model R1, A142-A146

	Provider         VCSProvider `json:",omitzero"`
	Namespace        string      `json:",omitzero"`
	Repository       string      `json:",omitzero"`
	RepositoryURL    string      `json:",omitzero"`
	VCSIntegrationID string      `json:",omitzero"`
	Branch           string      `json:",omitzero"`
	ProjectRoot      string      `json:",omitzero"`
	ProjectGlobs     []string    `json:",omitzero"`
	SparsePaths      []string    `json:",omitzero"`

	Vendor      Vendor       `json:",omitzero"`
	RunnerImage string       `json:",omitzero"`
	WorkerPool  WorkerPoolID `json:",omitzero"` // empty: the default pool
	Hooks       Hooks        `json:",omitzero"`

	Autodeploy             bool `json:",omitzero"`
	Autoretry              bool `json:",omitzero"`
	PromotionEnabled       bool `json:",omitzero"` // the contract's githubActionDeploy
	LocalPreviewEnabled    bool `json:",omitzero"`
	ProtectFromDeletion    bool `json:",omitzero"`
	MaskWellKnownSecrets   bool `json:",omitzero"`
	UploadSensitiveOutputs bool `json:",omitzero"`
}

// Check validates what a caller may set. It never contacts the repository.
func (s StackSettings) Check() error {
	if err := CheckName("name", s.Name); err != nil {
		return err
	}
	if err := CheckText("description", s.Description); err != nil {
		return err
	}
	if err := CheckLabels("labels", s.Labels); err != nil {
		return err
	}
	if err := CheckName("branch", s.Branch); err != nil {
		return err
	}
	if err := s.checkSource(); err != nil {
		return err
	}
	if err := checkProjectRoot(s.ProjectRoot); err != nil {
		return err
	}
	if err := s.Vendor.check(); err != nil {
		return err
	}
	return s.checkLists()
}

func (s StackSettings) checkSource() error {
	known := false
	for _, p := range VCSProviders() {
		known = known || p == s.Provider
	}
	if !known {
		return Invalid("provider", "unknown source provider %q", clip(string(s.Provider)))
	}
	if err := CheckName("repository", s.Repository); err != nil {
		return err
	}
	if s.Provider == ProviderGit && s.RepositoryURL == "" {
		return Invalid("repositoryURL", "a raw git stack needs the URL of its repository")
	}
	lines := []struct{ field, value string }{
		{"namespace", s.Namespace},
		{"repositoryURL", s.RepositoryURL},
		{"vcsIntegrationId", s.VCSIntegrationID},
		{"workerPool", string(s.WorkerPool)},
	}
	for _, l := range lines {
		if err := CheckLine(l.field, l.value); err != nil {
			return err
		}
	}
	return CheckImage("runnerImage", s.RunnerImage)
}

func (s StackSettings) checkLists() error {
	for _, list := range s.Hooks.All() {
		if len(list) > MaxList {
			return Invalid("hooks", "must not have more than %d entries", MaxList)
		}
		for _, h := range list {
			if err := CheckText("hooks", h); err != nil {
				return err
			}
		}
	}
	for _, list := range []struct {
		field string
		all   []string
		check func(string) error
	}{
		{"additionalProjectGlobs", s.ProjectGlobs, checkGlob},
		{"gitSparseCheckoutPaths", s.SparsePaths, CheckSparsePath},
	} {
		if len(list.all) > MaxList {
			return Invalid(list.field, "must not have more than %d entries", MaxList)
		}
		for _, one := range list.all {
			if err := list.check(one); err != nil {
				return err
			}
		}
	}
	return nil
}

// CheckSparsePath asks for a folder of the repository: a relative path, without
// patterns.
func CheckSparsePath(folder string) error {
	const field = "gitSparseCheckoutPaths"
	if err := CheckName(field, folder); err != nil {
		return err
	}
	if strings.HasPrefix(folder, "/") || strings.HasPrefix(folder, "-") || strings.Contains("/"+folder+"/", "/../") || strings.ContainsAny(folder, `\*?[]!"`) {
		return Invalid(field, "must be folders of the repository as relative paths without patterns, not %q", clip(folder))
	}
	return nil
}

// checkProjectRoot keeps the project inside its checkout.
func checkProjectRoot(root string) error {
	if root == "" {
		return nil
	}
	if err := CheckName("projectRoot", root); err != nil {
		return err
	}
	clean := path.Clean("/" + root)
	if strings.HasPrefix(root, "/") || strings.Contains("/"+root+"/", "/../") || strings.Contains(root, `\`) {
		return Invalid("projectRoot", "must be a relative path inside the repository, not %q", clip(clean))
	}
	return nil
}

// All returns every hook list.
func (h Hooks) All() [][]string {
	return [][]string{
		h.BeforeInit, h.AfterInit, h.BeforePlan, h.AfterPlan, h.BeforeApply, h.AfterApply,
		h.BeforePerform, h.AfterPerform, h.BeforeDestroy, h.AfterDestroy, h.AfterRun,
	}
}

// checkGlob refuses a pattern that would never fit anything.
func checkGlob(glob string) error {
	const field = "additionalProjectGlobs"
	if err := CheckName(field, glob); err != nil {
		return err
	}
	if !doublestar.ValidatePattern(glob) {
		return Invalid(field, "%q is no pattern: there are *, ?, [a-z], {a,b} and **, each closed", clip(glob))
	}
	return nil
}
