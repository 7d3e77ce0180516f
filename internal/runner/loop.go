package runner

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/tofu"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// maxBackoff bounds the pause after a lease request that failed.
const maxBackoff = 15 * time.Second

// Loop asks for work and executes it until ctx ends. Then a plan is
// interrupted and its run fails with "worker shut down"; an apply may finish
// within ApplyGrace. Loop returns when every slot has come to rest. Its error
// says why the worker could not begin: no directory, or a token that was
// refused before it was ever accepted. Without OpenTofu it takes runs all the
// same, and they fail with that reason.
func Loop(ctx context.Context, api workerapi.API, cfg Config) error {
	cfg, err := cfg.withDefaults()
	if err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	dirs, err := openWorkDir(cfg.WorkDir, cfg.Logger)
	if err != nil {
		return fmt.Errorf("start worker: %w", err)
	}
	defer dirs.close()
	if version, err := toolVersion(ctx, cfg); err != nil {
		cfg.Logger.WarnContext(ctx, "worker ready, but every run will fail", "id", cfg.WorkerID, "slots", cfg.Slots, "error", err)
	} else {
		cfg.Logger.InfoContext(ctx, "worker ready", "id", cfg.WorkerID, "slots", cfg.Slots, "tofu", version)
	}

	w := &worker{api: api, cfg: cfg, dirs: dirs}
	ctx, cancel := context.WithCancelCause(ctx)
	var slots, recovery sync.WaitGroup
	recovery.Go(func() { w.recovery(ctx) })
	defer recovery.Wait()
	defer cancel(nil)
	for range cfg.Slots {
		slots.Go(func() {
			if err := w.slot(ctx); err != nil {
				cancel(err)
			}
		})
	}
	slots.Wait()
	return w.refused
}

// toolVersion returns the version of the OpenTofu that runs will use.
func toolVersion(ctx context.Context, cfg Config) (string, error) {
	binary, err := tofu.Find(cfg.Tofu)
	if err != nil {
		return "", err
	}
	return tofu.Version(ctx, binary)
}

// worker is what the slots share.
type worker struct {
	api  workerapi.API
	cfg  Config
	dirs *workDir

	mu       sync.Mutex
	accepted bool  // a lease request was answered
	refused  error // the token was refused before
}

// slot executes one run after the other. It returns an error when going on
// is pointless for all slots.
func (w *worker) slot(ctx context.Context) error {
	pause := time.Duration(0)
	for ctx.Err() == nil {
		job, err := w.api.Lease(ctx, workerapi.LeaseRequest{
			WorkerID: w.cfg.WorkerID, Metadata: w.cfg.Metadata, Wait: w.cfg.LeaseWait,
		})
		if ctx.Err() != nil && job == nil {
			return nil
		}
		if err != nil {
			if w.hopeless(err) {
				return err
			}
			pause = min(max(2*pause, 250*time.Millisecond), maxBackoff)
			w.cfg.Logger.WarnContext(ctx, "ask for work", "error", err, "again in", pause)
			sleep(ctx, pause)
			continue
		}
		pause = 0
		w.mu.Lock()
		w.accepted = true
		w.mu.Unlock()
		if job != nil {
			w.execute(ctx, job)
		}
	}
	return nil
}

// hopeless reports whether the control plane refuses a worker that it has
// never accepted: its token is wrong, and waiting does not mend that.
func (w *worker) hopeless(err error) bool {
	code := domain.ErrorCode(err)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.accepted || code != domain.CodeUnauthenticated && code != domain.CodeForbidden {
		return false
	}
	w.refused = fmt.Errorf("ask for work: %w", err)
	return true
}

// execute runs one job; a bug in it must not end the other slots.
func (w *worker) execute(ctx context.Context, job *workerapi.Job) {
	log := w.cfg.Logger.With("run", job.Ref.RunID, "epoch", job.Ref.Epoch)
	defer func() {
		if p := recover(); p != nil {
			log.ErrorContext(ctx, "run panicked", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	started := time.Now()
	state, err := w.run(ctx, job)
	if err != nil {
		log.WarnContext(ctx, "run ended", "phase", job.Phase, "state", state, "took", time.Since(started), "error", err)
		return
	}
	log.InfoContext(ctx, "run ended", "phase", job.Phase, "state", state, "took", time.Since(started))
}

func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
