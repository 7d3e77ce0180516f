package domain

import (
	"errors"
	"time"
)

// RuntimeConfig are settings of runs that stand beside their code, or that
// somebody gives one run. It can say how code runs. It has no words for what a
// run may do: roles, spaces, deploying by itself, state and pools are the stack's.
type RuntimeConfig struct {
	Env         []EnvOverride `json:"env,omitempty"`
	Hooks       Hooks         `json:"hooks,omitzero"` // each phase that has commands replaces the stack's
	ProjectRoot *string       `json:"projectRoot,omitempty"`
	RunnerImage string        `json:"runnerImage,omitempty"`
	Version     string        `json:"version,omitempty"` // of OpenTofu or Terraform, a constraint
	Tool        string        `json:"tool,omitempty"`    // OPEN_TOFU, TERRAFORM_FOSS or CUSTOM
}

// MaxHookCommands bounds the commands of one phase.
const MaxHookCommands = 100

// Empty reports whether nothing is set.
func (c RuntimeConfig) Empty() bool {
	for _, p := range c.Hooks.Phases() {
		if len(*p.Commands) > 0 {
			return false
		}
	}
	return len(c.Env) == 0 && c.ProjectRoot == nil && c.RunnerImage == "" && c.Version == "" && c.Tool == ""
}

// HookPhase is one phase of hooks by the name that people write.
type HookPhase struct {
	Name     string
	Commands *[]string
}

// Phases returns all phases of h, to be read or set.
func (h *Hooks) Phases() []HookPhase {
	return []HookPhase{
		{"before_init", &h.BeforeInit}, {"after_init", &h.AfterInit}, {"before_plan", &h.BeforePlan}, {"after_plan", &h.AfterPlan},
		{"before_apply", &h.BeforeApply}, {"after_apply", &h.AfterApply}, {"before_perform", &h.BeforePerform}, {"after_perform", &h.AfterPerform},
		{"before_destroy", &h.BeforeDestroy}, {"after_destroy", &h.AfterDestroy}, {"after_run", &h.AfterRun},
	}
}

// Check refuses what no run could use. Errors name the setting as it is
// written in a file.
func (c RuntimeConfig) Check() error {
	if len(c.Env) > MaxList {
		return Invalid("environment", "must not have more than %d variables", MaxList)
	}
	for _, e := range c.Env {
		_, err := NewConfig(Config{ID: e.Name, Type: ConfigEnvironmentVariable, Value: e.Value}, time.Time{})
		if wrong := (*Error)(nil); errors.As(err, &wrong) {
			return Invalid("environment", "%s: %s", clip(e.Name), wrong.Message)
		}
	}
	for _, p := range c.Hooks.Phases() {
		if len(*p.Commands) > MaxHookCommands {
			return Invalid(p.Name, "must not have more than %d commands", MaxHookCommands)
		}
		for _, command := range *p.Commands {
			if err := CheckText(p.Name, command); err != nil {
				return err
			}
		}
	}
	if c.ProjectRoot != nil {
		if err := CheckLine("project_root", *c.ProjectRoot); err != nil {
			return err
		}
	}
	if err := CheckImage("runner_image", c.RunnerImage); err != nil {
		return err
	}
	if c.Tool != "" && c.Tool != "OPEN_TOFU" && c.Tool != WorkflowTerraform && c.Tool != WorkflowCustom {
		return Invalid("terraform_workflow_tool", "must be OPEN_TOFU, TERRAFORM_FOSS or CUSTOM")
	}
	return CheckLine("terraform_version", c.Version)
}

// Under returns c with what a stronger configuration sets in its place.
func (c RuntimeConfig) Under(stronger RuntimeConfig) RuntimeConfig {
	out := c
	out.Env = append(append([]EnvOverride(nil), c.Env...), stronger.Env...) // the last one wins
	mine, theirs := out.Hooks.Phases(), stronger.Hooks.Phases()
	for i := range mine {
		if len(*theirs[i].Commands) > 0 {
			*mine[i].Commands = *theirs[i].Commands
		}
	}
	if stronger.ProjectRoot != nil {
		out.ProjectRoot = stronger.ProjectRoot
	}
	for _, field := range []struct{ to, from *string }{
		{&out.RunnerImage, &stronger.RunnerImage}, {&out.Version, &stronger.Version}, {&out.Tool, &stronger.Tool},
	} {
		if *field.from != "" {
			*field.to = *field.from
		}
	}
	return out
}
