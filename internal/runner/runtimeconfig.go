package runner

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runtimeconfig"
	"github.com/airlock-project/airlock/internal/tofu"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// configFiles are where settings of runs stand in a repository; the first that
// is there counts.
var configFiles = []string{".airlock/config.yml", ".spacelift/config.yml"}

// readRuntimeConfig takes over the settings that stand in what was checked out,
// and over them those that were given to this run.
func (r *run) readRuntimeConfig() error {
	for _, name := range configFiles {
		text, err := r.readRegular(path.Join(sourceDir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			r.fileConfig, err = runtimeconfig.ReadFile(text, r.job.StackID)
		}
		if err != nil {
			return fmt.Errorf("%s is wrong: %w", name, err)
		}
		r.log.say("Using " + name + r.describeConfig(r.fileConfig))
		break
	}
	r.configure()
	return nil
}

// readRegular reads a file of the workspace; a link must not lead out of it.
func (r *run) readRegular(name string) ([]byte, error) {
	f, err := tofu.OpenRegular(r.ws, name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, runtimeconfig.MaxBytes+1))
}

// describeConfig names what is set, without any value of a variable.
func (r *run) describeConfig(c domain.RuntimeConfig) string {
	var parts []string
	var names []string
	for _, e := range c.Env {
		names = append(names, e.Name)
	}
	if names != nil {
		slices.Sort(names)
		parts = append(parts, "environment "+strings.Join(slices.Compact(names), " "))
	}
	for _, p := range c.Hooks.Phases() {
		if len(*p.Commands) > 0 {
			parts = append(parts, p.Name)
		}
	}
	if c.ProjectRoot != nil {
		parts = append(parts, "project_root "+*c.ProjectRoot)
	}
	for _, f := range [][2]string{{"terraform_version", c.Version}, {"terraform_workflow_tool", c.Tool}, {"runner_image", c.RunnerImage}} {
		if f[1] != "" {
			parts = append(parts, f[0]+" "+f[1])
		}
	}
	if parts == nil {
		return ": it sets nothing for this stack"
	}
	return ": " + strings.Join(parts, ", ")
}

// configure changes the job as its runtime configurations say. Nothing that the
// control plane alone decides can be said in one.
func (r *run) configure() {
	c := r.fileConfig
	if custom := r.job.Custom; custom != nil {
		r.log.say("Settings for this run only" + r.describeConfig(*custom))
		c = c.Under(*custom)
	}
	job := *r.job
	job.Env = configuredEnv(job.Env, c.Env)
	for _, e := range job.Env {
		if !slices.Contains(r.job.Env, e) {
			r.sayUnmasked(e)
		}
	}
	job.Hooks = joinedHooks(job, c)
	if c.ProjectRoot != nil {
		job.ProjectRoot = *c.ProjectRoot
	}
	if c.Version != "" {
		job.ToolVersion = c.Version
	}
	if c.Tool != "" {
		job.Tool = c.Tool
	}
	if c.RunnerImage != "" {
		job.Image = c.RunnerImage
	}
	r.job = &job
	r.chooseVendor()
}

// configuredEnv replaces variables, or adds them. What replaces a secret is one.
func configuredEnv(env []workerapi.EnvVar, set []domain.EnvOverride) []workerapi.EnvVar {
	env = slices.Clone(env)
	for _, e := range set {
		at := slices.IndexFunc(env, func(old workerapi.EnvVar) bool { return old.Name == e.Name })
		if at < 0 {
			env = append(env, workerapi.EnvVar{Name: e.Name, Value: e.Value})
			continue
		}
		env[at].Value, env[at].Literal = e.Value, false
	}
	return env
}

// joinedHooks puts the hooks of a configuration where those of the stack were,
// within those of its contexts.
func joinedHooks(job workerapi.Job, c domain.RuntimeConfig) domain.Hooks {
	out := job.Hooks
	all, own, set := out.Phases(), job.StackHooks.Phases(), c.Hooks.Phases()
	for i := range all {
		if len(*set[i].Commands) == 0 {
			continue
		}
		around := (*all[i].Commands)[:max(0, len(*all[i].Commands)-len(*own[i].Commands))]
		*all[i].Commands = slices.Concat(around, *set[i].Commands)
	}
	return out
}
