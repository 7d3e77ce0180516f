package runner

import (
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/vcs"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// planAndMaybeApply is a plan lease: PREPARING to UNCONFIRMED, to FINISHED
// when there is nothing to apply, or through the apply.
func (r *run) planAndMaybeApply(ctx context.Context) error {
	if t := r.job.RunType; t != domain.RunTracked && t != domain.RunProposed {
		return fmt.Errorf("this worker cannot carry out runs of type %s", t)
	}
	if err := r.begin(ctx); err != nil {
		return err
	}
	if err := r.initialize(ctx); err != nil {
		return err
	}
	return r.plans(ctx)
}

// begin is what every lease without a kept workspace begins with.
func (r *run) begin(ctx context.Context) error {
	commit, err := r.checkOut(ctx)
	if err != nil {
		return err
	}
	return r.advance(workerapi.Advance{To: domain.RunInitializing, Commit: commit})
}

func (r *run) plans(ctx context.Context) error {
	if err := r.advance(workerapi.Advance{To: domain.RunPlanning}); err != nil {
		return err
	}
	if err := r.makePlan(ctx); err != nil {
		return err
	}
	return r.afterPlan(ctx)
}

// planAgain is a replan lease: the workspace of the plan is brought back, and
// planned once more for some resources only.
func (r *run) planAgain(ctx context.Context) error {
	if err := r.bringBack(ctx); err != nil {
		return err
	}
	r.log.say("Planning only " + strings.Join(r.job.Targets, ", "))
	return r.plans(ctx)
}

// checkOut puts the code and the mounted files into the workspace. The commit
// is nil for code that is in no repository.
func (r *run) checkOut(ctx context.Context) (*domain.Commit, error) {
	if err := r.prepare(); err != nil {
		return nil, err
	}
	commit, err := r.getSource(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.readRuntimeConfig(); err != nil {
		return nil, err
	}
	if err := mountFiles(r.ws, r.job.Files); err != nil {
		return nil, err
	}
	if n := len(r.job.Files); n > 0 {
		r.log.say(fmt.Sprintf("Mounted files: %d", n))
	}
	if err := r.openProject(r.job.ProjectRoot); err != nil {
		return nil, err
	}
	return commit, r.setUp(ctx)
}

func (r *run) getSource(ctx context.Context) (*domain.Commit, error) {
	s := r.job.Source
	if s.Upload != "" {
		return nil, r.getUpload()
	}
	if s.Provider != "" && s.Provider != "GIT" {
		return nil, fmt.Errorf("this worker cannot check out sources of %s", s.Provider)
	}
	source := vcs.Source{URL: s.URL, Branch: s.Branch, Commit: s.Commit, Schemes: s.Schemes, Sparse: s.Sparse, Access: s.Access}
	commit, err := vcs.Checkout(ctx, source, r.path(path.Join("workspace", sourceDir)), r.log)
	if err != nil {
		return nil, err
	}
	r.commit = commit.Hash
	r.log.say("Checked out " + describe(commit, s.Branch))
	if len(s.Sparse) > 0 {
		r.log.say("Only these folders: " + strings.Join(s.Sparse, ", "))
	}
	return &commit, nil
}

func (r *run) initialize(ctx context.Context) error {
	h := r.job.Hooks
	if err := r.shell.hooks(ctx, "before_init", h.BeforeInit); err != nil {
		return err
	}
	if err := r.vendor.Init(ctx, false); err != nil {
		return err
	}
	return r.shell.hooks(ctx, "after_init", h.AfterInit)
}

func (r *run) makePlan(ctx context.Context) (err error) {
	h := r.job.Hooks
	if err := r.shell.hooks(ctx, "before_plan", h.BeforePlan); err != nil {
		return err
	}
	unseen := r.appliesUnseen()
	if r.changes, err = r.vendor.Plan(ctx, r.job.Targets, unseen); err != nil {
		return err
	}
	if err := r.readPlan(ctx, unseen && (r.changes || r.job.ForceApply)); err != nil {
		return err
	}
	return r.shell.hooks(ctx, "after_plan", h.AfterPlan)
}

// afterPlan moves the run out of PLANNING.
func (r *run) afterPlan(ctx context.Context) error {
	switch {
	case !r.changes && !r.job.ForceApply || r.job.RunType == domain.RunProposed:
		if !r.changes {
			r.log.say("There is nothing to apply")
		}
		planned := r.plan.report()
		planned.To = domain.RunFinished
		if r.job.RunType == domain.RunTracked {
			planned.Entities = r.entities(ctx)
		}
		r.afterRun(domain.RunFinished)
		return r.advance(planned)
	case r.job.Autodeploy:
		planned := r.plan.report()
		planned.To = domain.RunConfirmed
		reply, err := r.advanceReply(planned)
		switch {
		case err != nil:
			return err
		case reply.Hold:
			return r.hold(ctx)
		case reply.Apply:
			return r.apply(ctx)
		default:
			return r.keepWorkspace()
		}
	default:
		return r.await()
	}
}

// await leaves a plan to somebody's decision.
func (r *run) await() error {
	planned := r.plan.report()
	if err := r.keepWorkspace(); err != nil {
		return err
	}
	r.log.say("Waiting for confirmation")
	planned.To = domain.RunUnconfirmed
	return r.advance(planned)
}

// keepWorkspace packs the workspace to a file first, so that it can be sent
// again when the connection breaks.
func (r *run) keepWorkspace() error {
	f, err := r.createTemp("workspace.tar.gz")
	if err != nil {
		return fmt.Errorf("keep the workspace: %w", err)
	}
	defer f.Close()
	m := manifest{ProjectRoot: r.job.ProjectRoot, Providers: hasProviders(r.project), Descriptions: r.plan.Descriptions, Masks: r.masker.Added(), Config: r.fileConfig}
	if err := pack(r.ws, m, f); err != nil {
		return err
	}
	return r.lease.try(func(ctx context.Context) error {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return domain.Invalid("", "read the packed workspace: %v", err)
		}
		return r.api.PutWorkspace(ctx, r.job.Ref, f)
	})
}

// applyKept is an apply lease: the workspace of the plan is brought back.
func (r *run) applyKept(ctx context.Context) error {
	if err := r.bringBack(ctx); err != nil {
		return err
	}
	return r.apply(ctx)
}

// bringBack restores a kept workspace and makes it ready to be used.
func (r *run) bringBack(ctx context.Context) error {
	if err := r.prepare(); err != nil {
		return err
	}
	m, err := r.fetchWorkspace()
	if err != nil {
		return err
	}
	for _, value := range m.Masks {
		r.masker.Add(value)
	}
	r.fileConfig = m.Config
	r.configure()
	if r.project, err = openProject(r.ws, m.ProjectRoot); err != nil {
		return err
	}
	r.commit = r.job.Source.Commit
	if err := r.setUp(ctx); err != nil {
		return err
	}
	r.plan = &planned{Descriptions: m.Descriptions}
	if m.Providers {
		return r.vendor.Init(ctx, true)
	}
	return nil
}

func (r *run) fetchWorkspace() (manifest, error) {
	var body io.ReadCloser
	err := r.lease.try(func(ctx context.Context) (err error) {
		body, err = r.api.GetWorkspace(ctx, r.job.Ref)
		return err
	})
	if err != nil {
		return manifest{}, err
	}
	defer body.Close()
	return restore(body, r.ws)
}

// apply carries out the plan file of the project root.
func (r *run) apply(ctx context.Context) error {
	r.applying.Store(true)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err := r.advance(workerapi.Advance{To: domain.RunApplying}); err != nil {
		return err
	}
	h := r.job.Hooks
	if err := r.shell.hooks(ctx, "before_apply", h.BeforeApply); err != nil {
		return err
	}
	outputs, err := r.vendor.Apply(ctx)
	if err != nil {
		return err
	}
	if err := r.shell.hooks(ctx, "after_apply", h.AfterApply); err != nil {
		return fmt.Errorf("the plan was applied, but %w", err)
	}
	if r.job.SensitiveOutputs && slices.ContainsFunc(outputs, func(o domain.Output) bool { return o.Sensitive }) {
		if outputs, err = r.vendor.Outputs(ctx); err != nil {
			return err
		}
	}
	for i := range outputs {
		outputs[i].Description = r.plan.Descriptions[outputs[i].Name]
	}
	end := workerapi.Advance{To: domain.RunFinished, Outputs: outputs, Entities: r.entities(ctx)}
	r.afterRun(domain.RunFinished)
	return r.advance(end)
}

// afterRun runs the after_run hooks before the run's last state. Their failure
// is shown and changes nothing.
func (r *run) afterRun(final domain.RunState) {
	if r.shell.dir == "" || len(r.job.Hooks.AfterRun) == 0 {
		return
	}
	s := r.shell
	s.env = append(s.env[:len(s.env):len(s.env)],
		"AIRLOCK_FINAL_RUN_STATE="+string(final), "TF_VAR_spacelift_final_run_state="+string(final))
	if err := s.hooks(r.work, "after_run", r.job.Hooks.AfterRun); err != nil {
		r.log.say("Ignored: " + err.Error())
	}
}
