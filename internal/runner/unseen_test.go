package runner

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
)

// script puts a line of shell before the worker's OpenTofu.
func (b *bench) script(line string) {
	b.t.Helper()
	script := filepath.Join(b.t.TempDir(), "tofu")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"+line+"\nexec "+b.cfg.Tofu+" \"$@\"\n"), 0o700); err != nil {
		b.t.Fatal(err)
	}
	b.cfg.Tofu = script
}

// Lines for script: an OpenTofu that does not tell what it plans, and one that
// cannot show a plan.
const (
	speechless = `[ "$1" = version ] && exec echo '{"terraform_version":"1.11.0"}'`
	sightless  = `[ "$1" = show ] && exit 3`
)

// TestPlanAppliedUnseen: the control plane learns what the plan changes, once,
// and the outputs keep their descriptions. It takes no process of its own where
// OpenTofu tells while it plans.
func TestPlanAppliedUnseen(t *testing.T) {
	held := func(b *bench) { b.api.hold = true }
	waits := func(b *bench) { b.api.noApply = true }
	for name, change := range map[string]func(b *bench){
		"applied":           func(b *bench) { b.script(sightless) },
		"held":              held,
		"confirmed to wait": waits,
		"applied, silent":   func(b *bench) { b.script(speechless) },
		"held, silent":      func(b *bench) { b.script(speechless); held(b) },
		"to wait, silent":   func(b *bench) { b.script(speechless); waits(b) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			change(b)
			job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
			job.Autodeploy = true
			b.must(job)
			var told []domain.Delta
			for _, a := range b.api.advances {
				if a.Delta != nil {
					told = append(told, *a.Delta)
				}
			}
			if d := cmp.Diff([]domain.Delta{{Added: 1, Resources: 1}}, told); d != "" {
				t.Errorf("deltas (-want +got):\n%s", d)
			}
			if d := cmp.Diff(wantOuts, b.api.last().Outputs); b.api.last().To == domain.RunFinished && d != "" {
				t.Errorf("outputs: %s", d)
			}
		})
	}
}

// TestHeldPlanIsRead: what planning told is not enough for a decision, because
// whatever the plan executes can write there, too.
func TestHeldPlanIsRead(t *testing.T) {
	b := newBench(t)
	b.api.hold = true
	b.script(`[ "$1" = plan ] && { "` + b.cfg.Tofu + `" "$@"; r=$?; sed -i 's/\.net/.forged/' "$HOME/../out/plan.json"; exit $r; }`)
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
	job.Autodeploy = true
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunUnconfirmed))
	if d := cmp.Diff([]domain.ResourceChange{{Address: "terraform_data.net", Action: "create"}}, b.api.last().Changes); d != "" {
		t.Error(d)
	}
}

// TestPlanThatCannotBeRead is applied by nobody: not by a stack that deploys by
// itself, and not after a decision, because nobody could make one.
func TestPlanThatCannotBeRead(t *testing.T) {
	b := newBench(t)
	b.script(speechless + "\n" + sightless)
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
	job.Autodeploy = true
	if err := b.execute(t.Context(), job); err == nil {
		t.Error("a plan that cannot be read was applied")
	}
	checkPath(t, b.api, then(planPath, domain.RunFailed))
	b.wantLog("tofu show failed with exit code 3")
	if strings.Contains(b.state.state(), "terraform_data") {
		t.Error("something was applied")
	}
	job.Ref.Epoch, job.Autodeploy, job.ForceApply = 2, false, true
	if err := b.execute(t.Context(), job); err == nil {
		t.Error("a plan that cannot be read waits for a decision")
	}
	checkPath(t, b.api, then(planPath, domain.RunFailed))
}
