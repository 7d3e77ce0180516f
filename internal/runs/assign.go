package runs

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Assignment is all that the holder of a lease needs to know.
type Assignment struct {
	Lease
	Run        domain.Run
	Stack      domain.Stack
	Token      string // of the run, for the API and the state backend
	Env        []Variable
	Files      []domain.Config
	Hooks      domain.Hooks
	FailReason string   // set: the run ends before anything is checked out
	Notices    []string // lines for the log
	// GitAccess is how to sign in to the stack's repository; nil: nothing fits it.
	GitAccess *domain.GitAccess
	// Custom are the settings that somebody gave this run; nil: none.
	Custom *domain.RuntimeConfig
	Image  string // of the container; empty: the worker's own, or no container
}

// Variable is one variable of the run's environment.
type Variable struct {
	Name, Value string
	Secret      bool
	Literal     bool // nothing in the value refers to other variables
}

// assign gathers what a worker needs. It runs in the transaction of the lease,
// so that configuration and token belong to one moment.
func (s *Service) assign(ctx context.Context, tx Tx, stack domain.Stack, run domain.Run) (a *Assignment, err error) {
	a = &Assignment{Lease: Lease{Run: run.ID, Epoch: run.Epoch}, Run: run, Stack: stack, Hooks: stack.Hooks}
	a.FailReason = failReason(stack, run)
	if a.Token, err = s.tokens.RunToken(run); err != nil {
		return nil, fmt.Errorf("issue run token: %w", err)
	}
	if err := s.addConfig(ctx, tx, a); err != nil {
		return nil, err
	}
	if err := s.addInputs(ctx, tx, a); err != nil {
		return nil, err
	}
	if err := addGitAccess(ctx, tx, a); err != nil {
		return nil, err
	}
	settings, err := tx.RunSettings(ctx, run.ID)
	if err != nil {
		return nil, err
	}
	a.Env, a.Custom = append(override(a.Env, settings), s.environment(a)...), settings.Config
	return a, nil
}

// addConfig merges the attached contexts and the stack's own configuration:
// the stack wins over contexts, a lower priority number over a higher one.
func (s *Service) addConfig(ctx context.Context, tx Tx, a *Assignment) error {
	attachments, err := tx.AttachmentsOfStack(ctx, a.Stack.ID)
	if err != nil {
		return err
	}
	merged := map[string]domain.Config{}
	var order []string
	add := func(kind access.Kind, id string) error {
		elements, err := tx.Config(ctx, kind, id)
		for _, e := range elements {
			if _, ok := merged[e.ID]; !ok {
				order = append(order, e.ID)
			}
			merged[e.ID] = e
		}
		return err
	}
	for i := len(attachments) - 1; i >= 0; i-- { // weakest first, so that the strongest stays
		c, err := tx.Context(ctx, attachments[i].Context)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			continue // deleted just now, and its attachments with it
		}
		if err != nil {
			return err
		}
		if err := add(access.KindContext, string(c.ID)); err != nil {
			return err
		}
		a.Hooks = joinHooks(c.Hooks, a.Hooks)
	}
	if err := add(access.KindStack, string(a.Stack.ID)); err != nil {
		return err
	}
	for _, id := range order {
		e := merged[id]
		if _, staged, writes := domain.StageOf(e.ID); staged && writes && !a.mayWrite() && e.Type == domain.ConfigEnvironmentVariable {
			continue // it never leaves before it is needed
		}
		if e.Type == domain.ConfigFileMount {
			a.Files = append(a.Files, e)
			continue
		}
		a.Env = append(a.Env, Variable{Name: e.ID, Value: e.Value, Secret: e.WriteOnly})
	}
	return nil
}

// mayWrite reports whether the lease can come to a stage that changes
// something: a plan that is to be confirmed first cannot.
func (a *Assignment) mayWrite() bool {
	switch a.Run.Type {
	case domain.RunProposed:
		return false
	case domain.RunTracked:
		return a.Run.Autodeploy || a.Run.State == domain.RunPreparingApply
	default:
		return true
	}
}

// environment is what the control plane itself sets: the names that existing
// clients look for, and our own.
func (s *Service) environment(a *Assignment) []Variable {
	r, st := a.Run, a.Stack
	plain := [][2]string{
		{"SPACELIFT", "true"},
		{"SPACELIFT_STACK_ID", string(st.ID)},
		{"SPACELIFT_SPACE_ID", string(st.Space)},
		{"SPACELIFT_STACK_BRANCH", st.Branch},
		{"SPACELIFT_STACK_LABELS", strings.Join(st.Labels, ",")},
		{"SPACELIFT_REPOSITORY", st.Repository},
		{"SPACELIFT_PROJECT_ROOT", st.ProjectRoot},
		{"SPACELIFT_RUN_ID", string(r.ID)},
		{"SPACELIFT_RUN_TYPE", string(r.Type)},
		{"SPACELIFT_RUN_TRIGGER", r.TriggeredBy},
		{"SPACELIFT_COMMIT_BRANCH", r.Branch},
		{"AIRLOCK", "true"},
		{"AIRLOCK_API_ENDPOINT", s.config.BaseURL},
		{"AIRLOCK_STACK_ID", string(st.ID)},
		{"AIRLOCK_SPACE_ID", string(st.Space)},
		{"AIRLOCK_RUN_ID", string(r.ID)},
		{"AIRLOCK_RUN_ATTEMPT", strconv.Itoa(r.Epoch)},
	}
	if r.Request.Workspace != "" {
		plain = append(plain, [2]string{"SPACELIFT_LOCAL_PREVIEW", "true"})
	}
	out := make([]Variable, 0, len(plain)+2)
	for _, p := range plain {
		out = append(out, Variable{Name: p[0], Value: p[1]})
	}
	return append(out,
		Variable{Name: "SPACELIFT_API_TOKEN", Value: a.Token, Secret: true},
		Variable{Name: "AIRLOCK_API_TOKEN", Value: a.Token, Secret: true})
}

// failReason says why a run of this stack cannot be executed at all.
func failReason(s domain.Stack, r domain.Run) string {
	if s.Provider != domain.ProviderGit && s.Provider != domain.ProviderBuiltIn && r.Request.Workspace == "" {
		return fmt.Sprintf("source provider %s does not work yet: only raw git repositories (provider GIT) and built-in ones (SPACELIFT) can be checked out", s.Provider)
	}
	if s.Vendor.Tofu() == nil {
		return "the stack's vendor does not run yet: only OpenTofu and Terraform stacks do"
	}
	return ""
}

// addImage names the image of a worker's container: the stack's, else the one
// that the account has for the kind of pool. Other workers cannot have one.
func (a *Assignment) addImage(ctx context.Context, tx Tx, pool domain.WorkerPoolID, by asker) error {
	a.Image = a.Stack.RunnerImage
	switch {
	case !by.containers:
		if a.Image != "" {
			a.Notices = append(a.Notices, "The stack asks for the runner image "+a.Image+"; this worker runs no containers and uses its own tools.")
		}
		a.Image = ""
	case a.Image == "":
		settings, err := tx.AccountSettings(ctx)
		if err != nil {
			return err
		}
		a.Image = settings.PrivateRunnerImage
		if pool == domain.DefaultWorkerPool {
			a.Image = settings.PublicRunnerImage
		}
	}
	return nil
}

// joinHooks puts the hooks of a context around those of the stack.
func joinHooks(outer, inner domain.Hooks) domain.Hooks {
	join := func(a, b []string) []string { return append(append([]string(nil), a...), b...) }
	return domain.Hooks{
		BeforeInit: join(outer.BeforeInit, inner.BeforeInit), AfterInit: join(outer.AfterInit, inner.AfterInit),
		BeforePlan: join(outer.BeforePlan, inner.BeforePlan), AfterPlan: join(outer.AfterPlan, inner.AfterPlan),
		BeforeApply: join(outer.BeforeApply, inner.BeforeApply), AfterApply: join(outer.AfterApply, inner.AfterApply),
		BeforePerform: join(outer.BeforePerform, inner.BeforePerform), AfterPerform: join(outer.AfterPerform, inner.AfterPerform),
		BeforeDestroy: join(outer.BeforeDestroy, inner.BeforeDestroy), AfterDestroy: join(outer.AfterDestroy, inner.AfterDestroy),
		AfterRun: join(outer.AfterRun, inner.AfterRun),
	}
}
