package runner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

var initPath = []domain.RunState{domain.RunReady, domain.RunPreparing, domain.RunInitializing}

// deployed applies one resource and returns the job that did.
func (b *bench) deployed(code string) *workerapi.Job {
	b.t.Helper()
	job := b.job(gitRepo(b.t, map[string]string{"main.tf": code}))
	job.Autodeploy = true
	b.must(job)
	return job
}

func TestTask(t *testing.T) {
	b := newBench(t)
	job := b.deployed(oneResource)
	job.Autodeploy, job.RunType, job.Command = false, domain.RunTask, "tofu state list; echo $TASK"
	job.Env = []workerapi.EnvVar{{Name: "TASK", Value: "of mine"}}
	job.Hooks = domain.Hooks{
		BeforeInit: []string{"echo hook-before-init"}, BeforePerform: []string{"echo hook-before"},
		AfterPerform: []string{"echo hook-after"}, AfterRun: []string{"echo hook-run $AIRLOCK_FINAL_RUN_STATE"},
	}
	t.Setenv("PATH", "/usr/local/bin:/usr/bin:/bin") // the worker finds no tofu there
	b.must(job)
	checkPath(t, b.api, then(initPath, domain.RunPerforming, domain.RunFinished))
	b.wantLog("hook-before-init", "terraform_data.net", "of mine", "hook-before\n", "hook-after\n", "hook-run FINISHED")

	job.SkipInit, job.Command = true, "ls -a; exit 3"
	if err := b.execute(t.Context(), job); err == nil {
		t.Error("a failed command did not fail the run")
	}
	checkPath(t, b.api, then(initPath, domain.RunPerforming, domain.RunFailed))
	if strings.Contains(b.api.text(), "hook-before-init") || !strings.Contains(b.api.last().Note, "the command") {
		t.Errorf("note %q\n%s", b.api.last().Note, b.api.text())
	}
}

func TestDestroy(t *testing.T) {
	b := newBench(t)
	job := b.deployed(oneResource)
	job.Autodeploy, job.RunType = false, domain.RunDestroy
	job.Hooks = domain.Hooks{BeforeDestroy: []string{"echo hook-before"}, AfterDestroy: []string{"echo hook-after"}}
	b.must(job)
	checkPath(t, b.api, then(initPath, domain.RunDestroying, domain.RunFinished))
	b.wantLog("hook-before\n", "Destroy complete! Resources: 1 destroyed", "hook-after\n")
	if strings.Contains(b.state.state(), "terraform_data") {
		t.Errorf("the state still has resources: %s", b.state.state())
	}
}

func TestReplanForTargets(t *testing.T) {
	b := newBench(t)
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource + `
resource "terraform_data" "other" {}
`}))
	b.must(job)
	if d := cmp.Diff(&domain.Delta{Added: 2, Resources: 2}, b.api.last().Delta); d != "" {
		t.Error(d)
	}
	again := b.job("")
	again.Ref.Epoch, again.Phase, again.Targets = 2, workerapi.PhaseReplan, []string{"terraform_data.other"}
	b.must(again)
	checkPath(t, b.api, []domain.RunState{domain.RunReplanRequested, domain.RunPreparingReplan, domain.RunPlanning, domain.RunUnconfirmed})
	b.wantLog("Planning only terraform_data.other", "Waiting for confirmation")
	if d := cmp.Diff(&domain.Delta{Added: 1, Resources: 1}, b.api.last().Delta); d != "" {
		t.Error(d)
	}
	apply := b.job("")
	apply.Ref.Epoch, apply.Phase = 3, workerapi.PhaseApply
	b.must(apply)
	if state := b.state.state(); !strings.Contains(state, `"other"`) || strings.Contains(state, `"net"`) {
		t.Errorf("applied something else than was planned: %s", state)
	}
}
