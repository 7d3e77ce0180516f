package runner

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/sandbox"
	"github.com/airlock-project/airlock/internal/tofu"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// maxBackoff bounds the pause after a lease request that failed.
const maxBackoff = 15 * time.Second

// Loop asks for work and executes it until ctx ends, or until the control plane
// wants the worker to restart. Then it asks for no more. After a restart was
// asked for, runs are carried out to their end. After ctx has ended they may
// take DrainTimeout, or ApplyGrace for an apply; one that takes longer is
// interrupted and fails with "worker shut down". Loop returns when every slot
// has come to rest. Its error says why the worker could not begin: no directory,
// or a token that was refused before it was ever accepted. Without OpenTofu it
// takes runs all the same, and they fail with that reason.
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
	if cfg.Sandbox != nil && cfg.Sandbox.Mode() == sandbox.User {
		if err := dirs.letThrough(); err != nil {
			return fmt.Errorf("start worker: %w", err)
		}
	}
	if version, err := toolVersion(ctx, cfg); err != nil {
		cfg.Logger.WarnContext(ctx, "worker ready, but every run will fail", "id", cfg.WorkerID, "slots", cfg.Slots, "error", err)
	} else {
		cfg.Logger.InfoContext(ctx, "worker ready", "id", cfg.WorkerID, "slots", cfg.Slots, "tofu", version)
	}

	cfg.Metadata = withTools(ctx, cfg)
	w := &worker{api: api, cfg: cfg, dirs: dirs}
	w.clearContainers(ctx)
	asking, enough := context.WithCancel(context.WithoutCancel(ctx))
	defer enough()
	drained := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		defer close(drained)
		w.drain(asking)
		enough()
	})
	var slots sync.WaitGroup
	recovering, done := context.WithCancel(context.WithoutCancel(ctx))
	var recovery sync.WaitGroup
	recovery.Go(func() { w.recovery(recovering) })
	defer recovery.Wait()
	defer done()
	for range cfg.Slots {
		slots.Go(func() {
			w.slot(ctx, asking)
			enough() // one slot that ends is the end of all
		})
	}
	slots.Wait()
	if !unhook() {
		<-drained
	}
	w.leave(ctx, true)
	return w.refused
}

// lateAnswer is how long an answer with a run may be on its way after the
// control plane was told that this worker takes no more.
const lateAnswer = 200 * time.Millisecond

// drain says that the worker takes no more runs, and waits for what may have
// been given to it before that was heard.
func (w *worker) drain(asking context.Context) {
	if asking.Err() != nil {
		return
	}
	w.cfg.Logger.InfoContext(asking, "draining", "id", w.cfg.WorkerID)
	w.leave(asking, false)
	sleep(asking, lateAnswer)
}

// leave tells the control plane that the worker shuts down. Who does not hear
// it finds out by its silence.
func (w *worker) leave(ctx context.Context, gone bool) {
	w.mu.Lock()
	known := w.accepted
	w.mu.Unlock()
	if !known {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTime)
	defer cancel()
	if err := w.api.Leave(ctx, workerapi.LeaveRequest{WorkerID: w.cfg.WorkerID, Gone: gone}); err != nil {
		w.cfg.Logger.WarnContext(ctx, "could not tell the control plane that this worker leaves", "error", err)
	}
}

// leaveTime bounds how long a shutdown waits for the control plane.
const leaveTime = 2 * time.Second

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

// slot executes one run after the other until asking ends, the worker shall
// restart, or going on is pointless.
func (w *worker) slot(ctx, asking context.Context) {
	pause := time.Duration(0)
	for asking.Err() == nil {
		job, err := w.api.Lease(asking, workerapi.LeaseRequest{
			WorkerID: w.cfg.WorkerID, Metadata: w.cfg.Metadata, Slots: w.cfg.Slots, Wait: w.cfg.LeaseWait,
			Containers: w.cfg.Containers != nil,
		})
		if asking.Err() != nil && job == nil {
			return
		}
		if errors.Is(err, workerapi.ErrRestart) {
			w.cfg.Logger.InfoContext(ctx, "the worker pool was cycled: this worker ends when its runs have ended", "id", w.cfg.WorkerID)
			return
		}
		if err != nil {
			if w.hopeless(err) {
				return
			}
			pause = min(max(2*pause, 250*time.Millisecond), maxBackoff)
			w.cfg.Logger.WarnContext(ctx, "ask for work", "error", err, "again in", pause)
			sleep(asking, pause)
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
