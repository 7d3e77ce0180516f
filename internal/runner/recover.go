package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/tofu"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// How often a worker looks whether what a dead one left has ended, and tries
// again to hand over what the control plane could not be asked about.
const (
	survivorPoll = 100 * time.Millisecond
	handOverWait = 5 * time.Second
)

// survivorFile holds the process id of an apply, which outlives its worker for
// as long as it needs to store its state.
const survivorFile = "apply.pid"

// recovery hands over what is left of earlier leases until ctx ends: states
// that OpenTofu could not store, and which runs were lost with their worker. It
// also removes states that were refused long ago.
func (w *worker) recovery(ctx context.Context) {
	for _, dead := range w.dirs.dead {
		w.dirs.endSurvivors(ctx, dead.dir)
		if ctx.Err() != nil {
			_ = dead.lock.Close() // the next worker finds it again
			continue
		}
		w.dirs.clear(dead)
		w.clearContainers(ctx)
	}
	sweep := time.NewTicker(refusedSweep)
	defer sweep.Stop()
	w.dirs.forgetRefused(time.Now(), w.cfg.KeepRefused)
	for ctx.Err() == nil {
		left := w.handOver(ctx)
		var again <-chan time.Time
		if left {
			timer := time.NewTimer(handOverWait)
			defer timer.Stop()
			again = timer.C
		}
		select {
		case <-ctx.Done():
		case <-w.dirs.rescued:
		case now := <-sweep.C:
			w.dirs.forgetRefused(now, w.cfg.KeepRefused)
		case <-again:
		}
	}
}

// handOver tries each thing once, states first, so that a run that is shown as
// failed has its state. It reports whether something is left.
func (w *worker) handOver(ctx context.Context) (left bool) {
	for _, path := range w.dirs.list(rescuedDir, "*.tfstate") {
		left = w.handOverState(ctx, path) || left
	}
	for _, path := range w.dirs.list(lostDir, "*") {
		ref, ok := refOf(filepath.Base(path))
		if !ok {
			continue
		}
		ref.Secret = proof(path)
		_, err := w.api.Advance(ctx, workerapi.Advance{Ref: ref, To: domain.RunFailed, Lost: true})
		if err != nil && !final(err) {
			left = true
			continue
		}
		w.cfg.Logger.WarnContext(ctx, "told the control plane that a worker died", "run", ref.RunID, "epoch", ref.Epoch, "answer", err)
		_ = os.Remove(path) // told twice is no harm
	}
	return left
}

// handOverRescued hands over what the run could not store before its end is
// reported, so that the run can say what became of it. What cannot be handed over
// now is handed over later.
func (r *run) handOverRescued() {
	ctx, cancel := context.WithTimeout(r.lease.ctx, handOverWait)
	defer cancel()
	for _, path := range r.dirs.list(rescuedDir, dirName(r.job.Ref)+"-*.tfstate") {
		r.handOverState(ctx, path)
	}
}

// handOverState tries it once. It reports whether the state is left.
func (w *worker) handOverState(ctx context.Context, path string) (left bool) {
	ref, ok := refOf(filepath.Base(path))
	if !ok || strings.HasSuffix(path, refusedState) {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false // another worker of this directory was faster
	}
	ref.Secret = proof(path + proofSuffix)
	err = w.api.RecoverState(ctx, ref, f)
	_ = f.Close() // it was only read
	return w.settled(ctx, path, ref, err)
}

// settled puts a state away that was taken or refused for good.
func (w *worker) settled(ctx context.Context, path string, ref workerapi.LeaseRef, err error) (left bool) {
	switch {
	case err == nil:
		w.cfg.Logger.WarnContext(ctx, "handed over a state that OpenTofu could not store", "run", ref.RunID, "epoch", ref.Epoch)
		_ = os.Remove(path) // handed over twice is no harm
		_ = os.Remove(path + proofSuffix)
	case final(err):
		w.cfg.Logger.ErrorContext(ctx, "a state is kept: the control plane refuses it", "run", ref.RunID, "kept", path, "error", err)
		w.dirs.setRefused(path, time.Now())
	default:
		return true
	}
	return false
}

// final reports whether another try would be answered alike.
func final(err error) bool { return refusal(err) || domain.ErrorCode(err) == domain.CodeInvalid }

// refOf reads the lease out of a name that begins with dirName's.
func refOf(name string) (workerapi.LeaseRef, bool) {
	id, rest, _ := strings.Cut(name, "-")
	number, _, _ := strings.Cut(rest, "-")
	number, _, _ = strings.Cut(number, ".")
	epoch, err := strconv.Atoi(number)
	return workerapi.LeaseRef{RunID: domain.RunID(id), Epoch: epoch}, err == nil && id != ""
}

// endSurvivors interrupts the applies of a dead worker, and waits for them to
// store what they have made.
func (d *workDir) endSurvivors(ctx context.Context, dir string) {
	ctx, cancel := context.WithTimeout(ctx, tofu.StateRetry+time.Minute)
	defer cancel()
	for _, pid := range survivors(dir) {
		d.log.WarnContext(ctx, "an apply goes on whose worker died; it is interrupted", "process", pid)
		_ = syscall.Kill(pid, syscall.SIGINT) // once: a second one would make it end at once
	}
	for ctx.Err() == nil && len(survivors(dir)) > 0 {
		sleep(ctx, survivorPoll)
	}
}

// survivors returns the applies of a dead worker that are still alive.
func survivors(dir string) (pids []int) {
	files, _ := filepath.Glob(filepath.Join(dir, "run-*", survivorFile)) // the pattern is right
	for _, f := range files {
		body, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		if pid, err := strconv.Atoi(string(body)); err == nil && carries(pid, mark(dir)) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// list returns files of a folder beside the workers' own.
func (d *workDir) list(folder, pattern string) []string {
	files, _ := filepath.Glob(filepath.Join(d.base, folder, pattern)) // the pattern is right
	return files
}

// noteLost remembers, across restarts, that a run lost its worker, and what
// proves that its lease was ours.
func (d *workDir) noteLost(name, secret string) error {
	ref, ok := refOf(name)
	if !ok {
		return nil
	}
	dir := filepath.Join(d.base, lostDir)
	return errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, dirName(ref)), []byte(secret), 0o600))
}
