package runner

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
)

// TestPlanIsReadWhileItIsApplied: the control plane learns what the plan
// changes, once, and the outputs keep their descriptions.
func TestPlanIsReadWhileItIsApplied(t *testing.T) {
	for name, change := range map[string]func(b *bench){
		"applied":           func(*bench) {},
		"held":              func(b *bench) { b.api.hold = true },
		"confirmed to wait": func(b *bench) { b.api.noApply = true },
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
			if d := cmp.Diff(wantOuts, b.api.last().Outputs); name == "applied" && d != "" {
				t.Errorf("outputs: %s", d)
			}
		})
	}
}

// TestPlanThatCannotBeRead does not fail an apply that is under way, and fails a
// run that waits for a decision.
func TestPlanThatCannotBeRead(t *testing.T) {
	b := newBench(t)
	script := filepath.Join(t.TempDir(), "tofu")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n[ \"$1\" = show ] && exit 3\nexec "+b.cfg.Tofu+" \"$@\"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	b.cfg.Tofu = script
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
	job.Autodeploy = true
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunConfirmed, domain.RunApplying, domain.RunFinished))
	b.wantLog("What the plan changes cannot be shown: tofu show failed with exit code 3")
	job.Ref.Epoch, job.Autodeploy, job.ForceApply = 2, false, true
	if err := b.execute(t.Context(), job); err == nil {
		t.Error("a plan that cannot be read waits for a decision")
	}
	checkPath(t, b.api, then(planPath, domain.RunFailed))
}
