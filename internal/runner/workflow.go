package runner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runtimeconfig"
	"github.com/airlock-project/airlock/internal/tofu"
)

// workflow is the vendor of stacks that say themselves how a program is called
// which is used as OpenTofu is. The program is the run's own: of its image, or
// what a hook has fetched.
type workflow struct {
	openTofu
	steps runtimeconfig.Workflow
	shown *planned // what the plan says that Plan has made
}

func newWorkflow(r *run) vendor { return &workflow{openTofu: openTofu{run: r}} }

// workflowFiles are where the commands stand; the first that is there counts.
// What is mounted beside the repository wins over what lies in it.
var workflowFiles = []string{
	".airlock/workflow.yml", ".spacelift/workflow.yml",
	path.Join(sourceDir, ".airlock/workflow.yml"), path.Join(sourceDir, ".spacelift/workflow.yml"),
}

// Find reads the commands.
func (v *workflow) Find(context.Context) (tool found, err error) {
	for _, name := range workflowFiles {
		text, err := v.run.readRegular(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			v.steps, err = runtimeconfig.ReadWorkflow(text)
		}
		if err != nil {
			return tool, fmt.Errorf("%s is wrong: %w", name, err)
		}
		tool.title = "the commands of " + name
		return tool, nil
	}
	return tool, errors.New("the stack's workflow tool is CUSTOM, which takes a file .airlock/workflow.yml or .spacelift/workflow.yml, mounted or in the repository")
}

func (v *workflow) commands() tofu.Commands {
	r := v.run
	wrap, start := startedIn(r.box)
	return tofu.Commands{Env: r.shell.env, Dir: r.shell.dir, Log: r.log, Survivor: r.path(survivorFile), Wrap: wrap, Start: start}
}

// command fills in and logs the command of a step.
func (v *workflow) command(step string, targets ...string) (string, error) {
	in := runtimeconfig.Inputs{WorkspaceName: v.run.job.Workspace, Refresh: true, PlanFileName: planFile, Targets: targets}
	command, err := v.steps.Command(step, in)
	if err == nil {
		v.run.log.say("$ " + strings.ReplaceAll(strings.TrimSpace(command), "\n", "\n> "))
	}
	return command, err
}

func (v *workflow) do(ctx context.Context, step string, targets ...string) error {
	command, err := v.command(step, targets...)
	if err != nil {
		return err
	}
	return v.commands().Run(ctx, step, command)
}

func (v *workflow) change(ctx context.Context, step string) error {
	command, err := v.command(step)
	if err != nil {
		return err
	}
	return v.commands().Change(ctx, step, command)
}

// Init must not choose other providers in a workspace that was kept; a program
// that does not know OpenTofu's variable for that has to see to it itself.
func (v *workflow) Init(ctx context.Context, again bool) error {
	command, err := v.command("init")
	if err != nil {
		return err
	}
	c := v.commands()
	if again {
		c.Env = withArgument(c.Env, "TF_CLI_ARGS_init", "-lockfile=readonly")
		return c.Run(ctx, "init", command)
	}
	if err := c.Run(ctx, "init", command); err != nil {
		return err
	}
	switch {
	case v.run.job.State != nil:
		return v.openTofu.command().CheckBackend()
	case v.run.job.Workspace != "":
		if err := v.do(ctx, "workspaceSelect"); err == nil || ctx.Err() != nil {
			return err
		}
		return v.do(ctx, "workspaceNew")
	default:
		return nil
	}
}

// withArgument adds a word to a variable of an environment.
func withArgument(env []string, name, word string) []string {
	out := make([]string, 0, len(env)+1)
	for _, e := range env {
		if old, ok := strings.CutPrefix(e, name+"="); ok {
			word = old + " " + word
			continue
		}
		out = append(out, e)
	}
	return append(out, name+"="+word)
}

// Plan finds out from the plan itself whether there is something to apply: what
// exit codes mean is the program's own affair.
func (v *workflow) Plan(ctx context.Context, targets []string, _ bool) (changes bool, err error) {
	if err := v.do(ctx, "plan", targets...); err != nil {
		return false, err
	}
	command, err := v.command("showPlan")
	if err != nil {
		return false, err
	}
	p, changes, err := v.commands().Plan(ctx, "showPlan", command)
	v.shown, err = newPlanned(p, err)
	return changes, err
}

// Told is what the plan itself says: Plan had to read it.
func (v *workflow) Told() (*planned, error) { return v.shown, nil }

// Read is asked after Plan alone.
func (v *workflow) Read(context.Context) (*planned, error) { return v.shown, nil }

func (v *workflow) Apply(ctx context.Context) ([]domain.Output, error) {
	if err := v.change(ctx, "apply"); err != nil {
		return nil, err
	}
	return v.outputs(ctx, false)
}

func (v *workflow) Destroy(ctx context.Context) error { return v.change(ctx, "destroy") }

func (v *workflow) Entities(ctx context.Context) ([]domain.ManagedEntity, error) {
	command, err := v.command("showState")
	if err != nil {
		return nil, err
	}
	return v.commands().Entities(ctx, "showState", command)
}

func (v *workflow) Outputs(ctx context.Context) ([]domain.Output, error) { return v.outputs(ctx, true) }

func (v *workflow) outputs(ctx context.Context, sensitive bool) ([]domain.Output, error) {
	command, err := v.command("getOutputs")
	if err != nil {
		return nil, err
	}
	return v.commands().Outputs(ctx, "getOutputs", command, sensitive)
}
