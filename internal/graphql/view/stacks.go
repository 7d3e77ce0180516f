package view

import (
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// Stack is a stack as the API shows it.
type Stack struct {
	domain.Stack
	// Bare is set where the caller may read runs of the stack but not the
	// stack: only the fields of BareStackFields answer (access model R5).
	Bare bool
	// Deleted is set in the answer of its deletion.
	Deleted bool
	Batch   *StackBatch
}

// StackBatch answers for all stacks of a list what is asked of any of them,
// and looks it up when it is first asked. A stack by itself is a list of one.
type StackBatch struct {
	CanWrite func() (map[domain.StackID]bool, error)
	Blockers func() (map[domain.StackID]*Run, error)
	Spaces   func() (map[domain.SpaceID]*Space, error)
	Pools    func() (map[domain.WorkerPoolID]*WorkerPool, error)
	Applies  func() (map[domain.StackID]time.Time, error)
	Starred  func() (map[domain.StackID]bool, error)
	Drifts   func() (map[domain.StackID]domain.Schedule, error)
	Versions func() (map[domain.StackID]string, error)
}

// What is looked up. These are no resolvers, because a goroutine for each of
// them and each stack of a page would cost more than the rest of the answer.

func (s *Stack) CanWrite() (bool, error) {
	all, err := s.Batch.CanWrite()
	return all[s.ID], err
}

// Blocker is the run that holds the stack, nil if none does or it is hidden.
func (s *Stack) Blocker() (*Run, error) {
	all, err := s.Batch.Blockers()
	return all[s.ID], err
}

func (s *Stack) Blocked() (*bool, error) {
	run, err := s.Blocker()
	blocked := run != nil
	return &blocked, err
}

// LastApplyAt is when an apply last ended well.
func (s *Stack) LastApplyAt() (*int, error) {
	all, err := s.Batch.Applies()
	return OptionalSeconds(all[s.ID]), err
}

// Starred reports whether the caller has starred the stack.
func (s *Stack) Starred() (bool, error) {
	all, err := s.Batch.Starred()
	return all[s.ID], err
}

// EffectiveTerraformVersion is what the next run would use, nil where that is
// not certain.
func (s *Stack) EffectiveTerraformVersion() (*string, error) {
	all, err := s.Batch.Versions()
	return Optional(all[s.ID]), err
}

// SpaceDetails is the stack's space.
func (s *Stack) SpaceDetails() (*Space, error) {
	all, err := s.Batch.Spaces()
	return all[s.Stack.Space], err
}

// WorkerPool is the pool that the stack names, nil for the built-in one.
func (s *Stack) WorkerPool() (*WorkerPool, error) {
	if s.Stack.WorkerPool == "" {
		return nil, nil
	}
	all, err := s.Batch.Pools()
	return all[s.Stack.WorkerPool], err
}

// BareStackFields are the fields of a stack that answer when it is bare.
var BareStackFields = map[string]bool{
	"__typename": true, "id": true, "name": true, "space": true, "state": true,
	"run": true, "runResourceState": true,
}

// The commands around the phases of its runs.

func (s *Stack) AfterApply() []string    { return s.Stack.Hooks.AfterApply }
func (s *Stack) AfterDestroy() []string  { return s.Stack.Hooks.AfterDestroy }
func (s *Stack) AfterInit() []string     { return s.Stack.Hooks.AfterInit }
func (s *Stack) AfterPerform() []string  { return s.Stack.Hooks.AfterPerform }
func (s *Stack) AfterPlan() []string     { return s.Stack.Hooks.AfterPlan }
func (s *Stack) AfterRun() []string      { return s.Stack.Hooks.AfterRun }
func (s *Stack) BeforeApply() []string   { return s.Stack.Hooks.BeforeApply }
func (s *Stack) BeforeDestroy() []string { return s.Stack.Hooks.BeforeDestroy }
func (s *Stack) BeforeInit() []string    { return s.Stack.Hooks.BeforeInit }
func (s *Stack) BeforePerform() []string { return s.Stack.Hooks.BeforePerform }
func (s *Stack) BeforePlan() []string    { return s.Stack.Hooks.BeforePlan }

// Settings under the names of the API.

func (s *Stack) AdditionalProjectGlobs() []string   { return s.ProjectGlobs }
func (s *Stack) GitSparseCheckoutPaths() []string   { return s.SparsePaths }
func (s *Stack) GithubActionDeploy() bool           { return s.PromotionEnabled }
func (s *Stack) EnableWellKnownSecretMasking() bool { return s.MaskWellKnownSecrets }
func (s *Stack) EnableSensitiveOutputUpload() bool  { return s.UploadSensitiveOutputs }
func (s *Stack) ManagesStateFile() bool             { return s.ManagesState }
func (s *Stack) Description() *string               { return Optional(s.Stack.Description) }
func (s *Stack) ProjectRoot() *string               { return Optional(s.Stack.ProjectRoot) }
func (s *Stack) RepositoryURL() *string             { return Optional(s.Stack.RepositoryURL) }
func (s *Stack) RunnerImage() *string               { return Optional(s.Stack.RunnerImage) }
func (s *Stack) Space() string                      { return string(s.Stack.Space) }
func (s *Stack) CreatedAt() int                     { return Seconds(s.Stack.CreatedAt) }
func (s *Stack) VcsIntegration() *VcsIntegration {
	return newVcsIntegration(s.VCSIntegrationID, s.Provider)
}
func (s *Stack) VendorConfig() StackConfigVendor { return newVendor(s.Vendor) }

// TerraformVersion is the version asked for, whichever vendor asks for it.
func (s *Stack) TerraformVersion() *string {
	switch v := s.Vendor; {
	case v.Tofu() != nil:
		return Optional(v.Tofu().Version)
	case v.Terragrunt != nil:
		return Optional(v.Terragrunt.TerraformVersion)
	default:
		return nil
	}
}

// The state of the stack, which mirrors its newest run that can apply.

func (s *Stack) State() domain.RunState {
	if s.RunState == "" {
		return domain.RunNone
	}
	return s.RunState
}

func (s *Stack) StateIsTerminal() bool { return s.State() == domain.RunNone || s.State().Terminal() }
func (s *Stack) StateSetAt() int       { return Seconds(s.Stack.StateSetAt) }
func (s *Stack) StateSetBy() *string   { return Optional(s.Stack.StateSetBy) }

// What happens to it beside its runs.

func (s *Stack) Deleting() bool    { return s.Destroyer != "" && !s.Deleted }
func (s *Stack) IsDisabled() bool  { return s.Disabled }
func (s *Stack) LockID() *string   { return Optional(s.lock().ID) }
func (s *Stack) LockNote() *string { return Optional(s.lock().Note) }
func (s *Stack) LockedAt() *int    { return OptionalSeconds(s.lock().At) }
func (s *Stack) LockedBy() *string { return Optional(s.lock().By) }

// IsDrifted is nil where drift was never looked for.
func (s *Stack) IsDrifted() *bool {
	if s.Drift == nil {
		return nil
	}
	return &s.Drift.Found
}

func (s *Stack) lock() domain.StackLock {
	if s.Lock == nil {
		return domain.StackLock{}
	}
	return *s.Lock
}

// TrackedBranchHead is the head of the branch as far as it is known.
func (s *Stack) TrackedBranchHead() *Commit {
	if s.Head == nil {
		return nil
	}
	return &Commit{*s.Head}
}

// TrackedCommit is what somebody chose, else the head of the branch.
func (s *Stack) TrackedCommit() *Commit {
	if s.Tracked == nil {
		return s.TrackedBranchHead()
	}
	return &Commit{s.Tracked.Commit}
}

func (s *Stack) TrackedCommitSetBy() string {
	if s.Tracked == nil {
		return ""
	}
	return s.Tracked.By
}

// NeedsApproval reports whether its newest run waits for one.
func (s *Stack) NeedsApproval() bool { return s.RunState == domain.RunPendingReview }

// APIHost is where the service of its code answers, as far as that is known.
func (s *Stack) APIHost() *string {
	if s.Provider == domain.ProviderGitHub {
		return Optional("https://api.github.com")
	}
	return nil
}

// VcsDetached reports whether the code lives at a service without an integration.
func (s *Stack) VcsDetached() bool {
	return s.Provider != domain.ProviderGit && s.Provider != domain.ProviderBuiltIn
}

// VcsIntegration is the integration that a stack names.
type VcsIntegration struct {
	ID       string
	Provider domain.VCSProvider
}

func newVcsIntegration(id string, provider domain.VCSProvider) *VcsIntegration {
	if id == "" {
		return nil
	}
	return &VcsIntegration{ID: id, Provider: provider}
}

// What is known of an integration that only a stack names.

func (v *VcsIntegration) Description() *string { return nil }
func (v *VcsIntegration) IsDefault() bool      { return false }
func (v *VcsIntegration) Name() *string        { return nil }
