package view

import "github.com/airlock-project/airlock/internal/domain"

// RuntimeConfig are settings of runs that are not those of their stack.
type RuntimeConfig struct {
	domain.Hooks
	Environment                                []*EnvVar
	ProjectRoot, RunnerImage, TerraformVersion string
	TerraformWorkflowTool                      *string
}

// EnvVar is a variable of the environment.
type EnvVar struct{ Key, Value string }

// NewRuntimeConfig shows settings; nil for none.
func NewRuntimeConfig(c *domain.RuntimeConfig) *RuntimeConfig {
	if c == nil {
		return nil
	}
	out := &RuntimeConfig{
		Hooks: c.Hooks, Environment: make([]*EnvVar, len(c.Env)), RunnerImage: c.RunnerImage, TerraformVersion: c.Version,
		TerraformWorkflowTool: Optional(c.Tool),
	}
	for i, e := range c.Env {
		out.Environment[i] = &EnvVar{Key: e.Name, Value: e.Value}
	}
	for _, p := range out.Phases() {
		*p.Commands = append([]string{}, *p.Commands...) // never null
	}
	if c.ProjectRoot != nil {
		out.ProjectRoot = *c.ProjectRoot
	}
	return out
}
