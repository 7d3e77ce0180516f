package runner

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/sandbox"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// commandsOf is a workflow that calls a program as OpenTofu is called.
func commandsOf(program string) string {
	return strings.ReplaceAll(`init: iac init -input=false
workspaceSelect: iac workspace select "{{ .WorkspaceName }}"
workspaceNew: iac workspace new "{{ .WorkspaceName }}"
plan: iac plan -input=false -lock={{ .Lock }} {{ if not .Refresh }}-refresh=false {{ end }}-out={{ .PlanFileName }} {{ range .Targets }}-target='{{ . }}' {{ end }}
showState: iac show -json
showPlan: iac show -json "{{ .PlanFileName }}"
getOutputs: iac output -json
apply: echo "my own apply"; iac apply -auto-approve -input=false "{{ .PlanFileName }}"
destroy: iac destroy -auto-approve -input=false
`, "iac ", program+" ")
}

// withWorkflow is a job of a stack that brings its commands, in its repository.
func (b *bench) withWorkflow(code, commands string) *workerapi.Job {
	b.t.Helper()
	job := b.job(gitRepo(b.t, map[string]string{"live/main.tf": code, ".spacelift/workflow.yml": commands}))
	job.Tool, job.ProjectRoot = toolCustom, "live"
	return job
}

// TestOwnWorkflow takes a stack with commands of its own through plan, replan,
// apply, a plan without changes, and destruction.
func TestOwnWorkflow(t *testing.T) {
	b := newBench(t)
	// A hook brings the program, which is no part of the repository.
	code := strings.ReplaceAll(oneResource, `"not-for-anyone"`, `"not-for-anyone, ${terraform_data.net.output}"`) // a target has it along
	job := b.withWorkflow(code+"resource \"terraform_data\" \"other\" { for_each = { a = 1 } }\n", commandsOf("../../iac"))
	job.Hooks.BeforeInit = []string{fmt.Sprintf("printf '#!/bin/sh\nexec %s \"$@\"\n' > ../../iac; chmod +x ../../iac", b.cfg.Tofu)}
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunUnconfirmed))
	b.wantLog("Using the commands of source/.spacelift/workflow.yml", "$ ../../iac init -input=false", "-lock=false -out=airlock.plan", "to add", "Waiting for confirmation")
	if d := cmp.Diff(&domain.Delta{Added: 2, Resources: 2}, b.api.last().Delta); d != "" {
		t.Errorf("delta: %s", d)
	}

	again := b.job("")
	again.Tool, again.ProjectRoot, again.Ref.Epoch, again.Phase = toolCustom, "live", 2, workerapi.PhaseReplan
	again.Targets = []string{`terraform_data.other["a"]`, "terraform_data.net"}
	b.must(again)
	b.wantLog(`-target='terraform_data.other["a"]' -target='terraform_data.net'`)

	apply := b.job("")
	apply.Tool, apply.Ref.Epoch, apply.Phase = toolCustom, 3, workerapi.PhaseApply
	b.must(apply)
	checkPath(t, b.api, []domain.RunState{domain.RunConfirmed, domain.RunPreparingApply, domain.RunApplying, domain.RunFinished})
	b.wantLog("my own apply", "Apply complete!")
	if d := cmp.Diff(wantOuts, b.api.last().Outputs); d != "" {
		t.Errorf("outputs: %s", d)
	}
	if strings.Contains(b.api.text(), "not-for-anyone") || !strings.Contains(b.state.state(), "terraform_data") {
		t.Errorf("log and state:\n%s\n%s", b.api.text(), b.state.state())
	}

	job.Ref.Epoch, job.Autodeploy = 4, true
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunFinished))

	job.Ref.Epoch, job.RunType = 5, domain.RunDestroy
	b.must(job)
	if strings.Contains(b.state.state(), "terraform_data") {
		t.Errorf("the state still has resources: %s", b.state.state())
	}
}

// TestOwnWorkflowElsewhere: a workspace of the code's own backend is made, only
// an output changes, and what the state holds is told.
func TestOwnWorkflowElsewhere(t *testing.T) {
	b := newBench(t)
	backend := fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\n", filepath.Join(t.TempDir(), "own.tfstate"))
	code := "module \"m\" { source = \"./m\" }\noutput \"k\" {\n  value = \"canary\"\n  sensitive = true\n}\n"
	job := b.job(gitRepo(t, map[string]string{"main.tf": backend + code, "m/main.tf": `resource "terraform_data" "net" { count = 1 }`}))
	job.Tool, job.Workspace, job.State, job.Autodeploy, job.SensitiveOutputs = toolCustom, "blue", nil, true, true
	// What is mounted beside the repository wins, and the file of one's own name.
	job.Files = []workerapi.File{
		{Path: ".airlock/workflow.yml", Content: []byte(commandsOf(b.cfg.Tofu))},
		{Path: ".spacelift/workflow.yml", Content: []byte("init: false\n")},
	}
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunConfirmed, domain.RunApplying, domain.RunFinished))
	b.wantLog("Using the commands of .airlock/workflow.yml", `workspace new "blue"`)
	b.wantTold("module.m.terraform_data.net[0]", "output.k")
	if _, text := b.told(); strings.Contains(text, "canary") || !strings.Contains(text, `"module":"module.m","type":"terraform_data","name":"net","provider":"terraform.io/builtin/terraform"`) {
		t.Errorf("told %s", text)
	}
	if d := cmp.Diff([]domain.Output{{Name: "k", Sensitive: true, Value: `"canary"`}}, b.api.last().Outputs); d != "" {
		t.Errorf("outputs: %s", d)
	}
	if strings.Contains(b.api.text(), "canary") {
		t.Error(b.api.text())
	}
}

// TestOutputsAreChanges: by the plan itself.
func TestOutputsAreChanges(t *testing.T) {
	b := newBench(t)
	job := b.withWorkflow("output \"o\" { value = 1 }\n", commandsOf(b.cfg.Tofu))
	job.Autodeploy = true
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunConfirmed, domain.RunApplying, domain.RunFinished))
}

// TestOwnWorkflowFails says what is wrong with the commands, or that they did
// not work.
func TestOwnWorkflowFails(t *testing.T) {
	for name, c := range map[string]struct {
		commands, target string
		path             []domain.RunState
		want             string
	}{
		"no file":   {"", "", planPath[:2], "the stack's workflow tool is CUSTOM, which takes a file .airlock/workflow.yml or .spacelift/workflow.yml"},
		"a part":    {"init: true\n", "", planPath[:2], "source/.spacelift/workflow.yml is wrong: it lacks these commands, or they are empty: workspaceSelect,"},
		"no tool":   {commandsOf("no-such-program"), "", planPath[:3], "the workflow's init failed with exit code 127"},
		"no state":  {strings.ReplaceAll(commandsOf("TOFU"), "init: TOFU", "init: true"), "", planPath[:3], "state backend was not configured"},
		"no plan":   {strings.ReplaceAll(commandsOf("TOFU"), "plan: TOFU", "plan: true"), "", planPath, "the workflow's showPlan failed with exit code 1"},
		"no answer": {strings.ReplaceAll(commandsOf("TOFU"), "showPlan: TOFU", "showPlan: true"), "", planPath, "read the plan: "},
		"a command": {commandsOf("TOFU"), "a.b['; id; ']", planPath, "cannot be handed to a command: it has the character"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			job := b.withWorkflow(oneResource, strings.ReplaceAll(c.commands, "TOFU", b.cfg.Tofu))
			if c.commands == "" {
				job = b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
				job.Tool = toolCustom
			}
			if c.target != "" {
				job.Targets = []string{c.target}
			}
			if err := b.execute(t.Context(), job); err == nil || !strings.Contains(b.api.last().Note, c.want) {
				t.Errorf("%v: note %q, want %q\n%s", err, b.api.last().Note, c.want, b.api.text())
			}
			checkPath(t, b.api, then(c.path, domain.RunFailed))
		})
	}
}

// TestOwnWorkflowInSandbox: the worker lends no tool to the run.
func TestOwnWorkflowInSandbox(t *testing.T) {
	b := newBench(t)
	tool, err := filepath.EvalSymlinks(b.cfg.Tofu)
	if err != nil {
		t.Fatal(err)
	}
	b.boxed(sandbox.Options{Read: []string{tool}})
	job := b.withWorkflow(oneResource, commandsOf(tool))
	job.Autodeploy = true
	b.api.give(job)
	stop, wait := b.loop()
	b.api.until("the run ends", b.ended)
	stop()
	if err := wait(); err != nil {
		t.Error(err)
	}
	checkPath(t, b.api, then(planPath, domain.RunConfirmed, domain.RunApplying, domain.RunFinished))
}

// TestToolOfTheConfiguration: the repository's settings choose the tool, too.
func TestToolOfTheConfiguration(t *testing.T) {
	b := newBench(t)
	job := b.job(gitRepo(t, map[string]string{
		"main.tf": oneResource, ".airlock/config.yml": "stack_defaults:\n  terraform_workflow_tool: CUSTOM\n",
		".airlock/workflow.yml": commandsOf(b.cfg.Tofu),
	}))
	job.Tool = toolOpenTofu
	b.must(job)
	b.wantLog("terraform_workflow_tool CUSTOM", "Using the commands of source/.airlock/workflow.yml")
}
