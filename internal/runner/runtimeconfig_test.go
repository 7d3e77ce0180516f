package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

const runtimeFile = `
stack_defaults:
  environment: {GREETING: from the file, CUSTOM: from the file, KEY: replaced-secret}
  before_plan: ['echo "plan $GREETING $CUSTOM $STACK $KEY"']
  before_apply: ['echo "apply $GREETING $CUSTOM"']
  project_root: app
`

// TestRuntimeConfig: a file over the stack, what is given to the run over the
// file, contexts' hooks around both, and the same again when the plan is applied
// from a kept workspace, whatever became of the file.
func TestRuntimeConfig(t *testing.T) {
	b := newBench(t)
	job := b.job(gitRepo(t, map[string]string{"app/main.tf": oneResource, ".airlock/config.yml": runtimeFile, ".spacelift/config.yml": "not: read"}))
	settle := func(job *workerapi.Job) {
		job.Env = []workerapi.EnvVar{{Name: "GREETING", Value: "of the stack"}, {Name: "STACK", Value: "stays"}, {Name: "KEY", Value: "first-secret", Secret: true}}
		job.StackHooks = domain.Hooks{BeforePlan: []string{"echo not this"}, AfterPlan: []string{"rm -r ../.airlock; echo stack after"}}
		job.Hooks = domain.Hooks{BeforePlan: []string{"echo context before", "echo not this"}, AfterPlan: job.StackHooks.AfterPlan}
		job.Custom = &domain.RuntimeConfig{Env: []domain.EnvOverride{{Name: "CUSTOM", Value: "of the run"}}}
	}
	settle(job)
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunUnconfirmed))
	b.wantLog("Using .airlock/config.yml: environment CUSTOM GREETING KEY, before_plan, before_apply, project_root app", "Settings for this run only: environment CUSTOM",
		"context before", "\nplan from the file of the run stays", "stack after")
	if text := b.api.text(); strings.Contains(text, "\nnot this") || strings.Contains(text, "first-secret") {
		t.Errorf("the log shows what it should not:\n%s", text)
	}
	apply := b.job("")
	settle(apply)
	apply.Ref.Epoch, apply.Phase = 2, workerapi.PhaseApply
	b.must(apply)
	b.wantLog("\napply from the file of the run", "Apply complete!")
}

func TestRuntimeConfigOfTheOtherName(t *testing.T) {
	b := newBench(t)
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource, ".spacelift/config.yml": "stacks: {web: {before_init: [echo hello from it]}, x: {}}"}))
	job.StackID, job.RunType = "web", domain.RunProposed
	b.must(job)
	b.wantLog("Using .spacelift/config.yml: before_init", "\nhello from it")
}

func TestWrongRuntimeConfigFailsTheRun(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "config.yml")
	if err := os.WriteFile(secret, []byte("hunter2: x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		text, want string
	}{
		"protected": {"version: 2\nstack_defaults:\n  autodeploy: true\n", ".airlock/config.yml is wrong: line 3: autodeploy cannot be set by a runtime configuration"},
		"root":      {"stack_defaults: {project_root: none}\n", `the project root "none" is not a directory of the repository`},
		"away":      {"stack_defaults: {project_root: ../../home}\n", "is not a directory of the repository"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			err := b.execute(t.Context(), b.job(gitRepo(t, map[string]string{"main.tf": oneResource, ".airlock/config.yml": c.text})))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(b.api.last().Note, c.want) {
				t.Errorf("error %v, note %q, want %q", err, b.api.last().Note, c.want)
			}
		})
	}
	t.Run("a link out of the workspace", func(t *testing.T) {
		b := newBench(t)
		repo := gitRepo(t, map[string]string{"main.tf": oneResource})
		if err := os.Symlink(filepath.Dir(secret), filepath.Join(repo, ".airlock")); err != nil {
			t.Fatal(err)
		}
		runGit(t, repo, "add", "-A")
		runGit(t, repo, "commit", "-q", "-m", "link")
		err := b.execute(t.Context(), b.job(repo))
		if err == nil || !strings.Contains(err.Error(), ".airlock/config.yml is wrong") || strings.Contains(b.api.text(), "hunter2") {
			t.Errorf("error %v\n%s", err, b.api.text())
		}
	})
}

func TestConfiguredEnv(t *testing.T) {
	env := []workerapi.EnvVar{{Name: "A", Value: "1", Secret: true, Literal: true}}
	got := configuredEnv(env, []domain.EnvOverride{{Name: "A", Value: "2"}, {Name: "B", Value: "3"}, {Name: "B", Value: "4"}})
	if d := cmp.Diff([]workerapi.EnvVar{{Name: "A", Value: "2", Secret: true}, {Name: "B", Value: "4"}}, got); d != "" || env[0].Value != "1" {
		t.Error(d, env)
	}
}

// TestCase41ConfigOfTheBranch: what a branch says about itself counts in its
// proposed runs, which only read, and not in tracked runs of another commit.
func TestCase41ConfigOfTheBranch(t *testing.T) {
	repo := gitRepo(t, map[string]string{"main.tf": oneResource})
	runGit(t, repo, "checkout", "-q", "-b", "side")
	if err := os.Mkdir(filepath.Join(repo, ".airlock"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(repo, ".airlock/config.yml"), []byte("stack_defaults: {before_init: [echo from the side]}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	runGit(t, repo, "add", "-A")
	runGit(t, repo, "commit", "-q", "-m", "side")
	for kind, branch := range map[domain.RunType]string{domain.RunTracked: "main", domain.RunProposed: "side"} {
		b := newBench(t)
		job := b.job(repo)
		job.RunType, job.Source.Branch = kind, branch
		b.must(job)
		if got, want := strings.Contains(b.api.text(), "\nfrom the side"), kind == domain.RunProposed; got != want {
			t.Errorf("%s run: %v\n%s", kind, got, b.api.text())
		}
	}
}
