package runner

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/tofu"
)

// openTofu is the vendor OpenTofu.
type openTofu struct {
	run  *run
	tool choice
}

func newOpenTofu(r *run) vendor { return &openTofu{run: r} }

// terraform is the vendor Terraform: it understands the same commands.
type terraform struct{ openTofu }

func newTerraform(r *run) vendor { return &terraform{openTofu{run: r}} }

// planFile lies in the project root, where after_plan hooks can read it.
const planFile = "airlock.plan"

// Lay sends the state to the control plane, whatever backend the code names.
func (v *openTofu) Lay(project *os.Root) error {
	// The plan file is ours: a link of that name must not lead it elsewhere.
	if err := project.RemoveAll(planFile); err != nil {
		return fmt.Errorf("clear the project root: %w", err)
	}
	if v.run.job.State == nil {
		return nil
	}
	return tofu.WriteBackend(project)
}

func (v *openTofu) Find(ctx context.Context) (tool found, err error) {
	v.tool, err = v.run.chooseOpenTofu(ctx)
	return v.tool.found(), err
}

// Find falls back to OpenTofu where the worker has no Terraform that would do.
func (v *terraform) Find(ctx context.Context) (tool found, err error) {
	v.tool, err = v.run.chooseTerraform(ctx)
	return v.tool.found(), err
}

// command is the tool as it is now to be run.
func (v *openTofu) command() tofu.Tool {
	r := v.run
	wrap, start := startedIn(r.box)
	return tofu.Tool{
		Binary: v.tool.binary, Version: v.tool.version, Terraform: v.tool.terraform, Concise: r.job.Concise,
		Env: r.shell.env, Dir: r.shell.dir, Project: r.project, Log: r.log, Survivor: r.path(survivorFile), Wrap: wrap, Start: start,
	}
}

// Init brings back the same providers only where some were installed.
func (v *openTofu) Init(ctx context.Context, again bool) error {
	if err := v.command().Init(ctx, again); err != nil {
		return err
	}
	switch {
	case again:
		return nil
	case v.run.job.State != nil:
		return v.command().CheckBackend()
	case v.run.job.Workspace != "":
		return v.command().SelectWorkspace(ctx, v.run.job.Workspace)
	default:
		return nil
	}
}

func (v *openTofu) Plan(ctx context.Context, targets []string, told bool) (changes bool, err error) {
	events := ""
	if told {
		events = v.events("plan")
	}
	return v.command().Plan(ctx, planFile, events, targets)
}

// events is where a step's machine-readable events go.
func (v *openTofu) events(step string) string { return v.run.path(filepath.Join("out", step+".json")) }

func (v *openTofu) Told() (*planned, error) {
	return newPlanned(v.command().Told(planFile, v.events("plan")))
}

func (v *openTofu) Read(ctx context.Context) (*planned, error) {
	return newPlanned(v.command().Show(ctx, planFile))
}

func newPlanned(p *tofu.Plan, err error) (*planned, error) {
	if err != nil {
		return nil, err
	}
	return &planned{Delta: p.Delta, Resources: p.Changes, Descriptions: p.Descriptions}, nil
}

func (v *openTofu) Apply(ctx context.Context) ([]domain.Output, error) {
	return v.command().Apply(ctx, planFile, v.events("apply"))
}

func (v *openTofu) Destroy(ctx context.Context) error { return v.command().Destroy(ctx) }

func (v *openTofu) Entities(ctx context.Context) ([]domain.ManagedEntity, error) {
	return v.command().Entities(ctx)
}

func (v *openTofu) Outputs(ctx context.Context) ([]domain.Output, error) {
	return v.command().SensitiveOutputs(ctx)
}
