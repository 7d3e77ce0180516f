package runner

import (
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// BenchmarkOverhead compares a run with the same commands by hand and local
// state; the bar is 150 ms at the median. The two alternate, so that a busy
// machine slows both.
func BenchmarkOverhead(b *testing.B) {
	worker := newBench(b)
	worker.cfg.Logger = slog.New(slog.DiscardHandler)
	repo := gitRepo(b, map[string]string{"main.tf": oneResource})
	job := worker.job(repo)
	job.Autodeploy = true
	var hand, ours []time.Duration
	for b.Loop() {
		began := time.Now()
		byHand(b, worker.cfg.Tofu, repo)
		hand = append(hand, time.Since(began))
		worker.state.body = nil
		began = time.Now()
		worker.must(job)
		ours = append(ours, time.Since(began))
	}
	slices.Sort(hand)
	slices.Sort(ours)
	report := func(d time.Duration, unit string) { b.ReportMetric(float64(d.Microseconds())/1000, unit) }
	report(hand[len(hand)/2], "ms-by-hand")
	report(ours[len(ours)/2], "ms-by-runner")
	report(ours[len(ours)/2]-hand[len(hand)/2], "ms-overhead")
}

func byHand(b *testing.B, tofu, repo string) {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "w")
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Dir(dir), "TF_CLI_CONFIG_FILE=" + os.DevNull, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1"}
	for i, args := range [][]string{
		{"git", "clone", "-q", repo, dir}, {tofu, "init"}, {tofu, "plan", "-out=p"}, {tofu, "show", "-json", "p"}, {tofu, "apply", "p"},
	} {
		cmd := exec.Command(args[0], args[1:]...)
		cmd.Env = env
		if i > 0 {
			cmd.Dir = dir
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %v\n%s", args, err, out)
		}
	}
}
