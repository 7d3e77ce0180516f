package runner

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// loop runs Loop in the background and returns how to end it and its error.
func (b *bench) loop() (stop func(), wait func() error) {
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan error, 1)
	go func() { done <- Loop(ctx, b.api, b.cfg) }()
	return cancel, func() error {
		select {
		case err := <-done:
			return err
		case <-time.After(30 * time.Second):
			return errors.New("the loop did not end")
		}
	}
}

func (b *bench) ended() bool { return b.api.last().To.Terminal() }

func TestLoopExecutesAndShutsDown(t *testing.T) {
	b := newBench(t)
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
	job.RunType = domain.RunProposed
	b.api.give(job)
	stop, wait := b.loop()
	b.api.until("the run ends", b.ended)
	stop()
	if err := wait(); err != nil {
		t.Error(err)
	}
	checkPath(t, b.api, then(planPath, domain.RunFinished))
}

func TestShutdownInPlan(t *testing.T) {
	b := newBench(t)
	job, pidFile := b.slowJob(false)
	b.api.give(job)
	stop, wait := b.loop()
	b.whenSlow(stop)
	if err := wait(); err != nil {
		t.Error(err)
	}
	checkPath(t, b.api, then(planPath, domain.RunFailed))
	if note := b.api.last().Note; note != "worker shut down" {
		t.Errorf("note = %q", note)
	}
	if !gone(t, pidFile) {
		t.Error("the process lives")
	}
}

func TestShutdownLetsApplyFinish(t *testing.T) {
	b := newBench(t)
	job := b.job(gitRepo(t, map[string]string{"main.tf": strings.ReplaceAll(slowApply, "exec sleep 60", "sleep 0.5; echo slow-ended")}))
	job.Autodeploy = true
	job.Env = []workerapi.EnvVar{{Name: "PIDFILE", Value: "/dev/null"}}
	b.api.give(job)
	stop, wait := b.loop()
	b.whenSlow(stop)
	if err := wait(); err != nil {
		t.Error(err)
	}
	checkPath(t, b.api, then(planPath, domain.RunConfirmed, domain.RunApplying, domain.RunFinished))
	b.wantLog("slow-ended")
}

func TestShutdownGraceOfApplyEnds(t *testing.T) {
	b := newBench(t)
	b.cfg.ApplyGrace = 50 * time.Millisecond
	job, pidFile := b.slowJob(true)
	b.api.give(job)
	stop, wait := b.loop()
	b.whenSlow(stop)
	if err := wait(); err != nil {
		t.Error(err)
	}
	checkPath(t, b.api, then(planPath, domain.RunConfirmed, domain.RunApplying, domain.RunFailed))
	if note := b.api.last().Note; note != "worker shut down" {
		t.Errorf("note = %q", note)
	}
	b.wantLog("Interrupt received")
	if !gone(t, pidFile) {
		t.Error("the process lives")
	}
}

// leases is an API of which only Lease is called.
type leases struct {
	workerapi.API
	answer func(n int) (*workerapi.Job, error)

	mu sync.Mutex
	at []time.Time
}

func (l *leases) Lease(context.Context, workerapi.LeaseRequest) (*workerapi.Job, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = append(l.at, time.Now())
	return l.answer(len(l.at))
}

func TestSlotBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg, err := Config{WorkDir: "w", WorkerID: "x"}.withDefaults()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		api := &leases{}
		api.answer = func(n int) (*workerapi.Job, error) {
			switch {
			case n == 1:
				return nil, nil
			case n < 10:
				return nil, domain.Unauthenticated("rotated")
			}
			cancel()
			return nil, ctx.Err()
		}
		w := &worker{api: api, cfg: cfg}
		w.slot(ctx, ctx)
		if gap := api.at[9].Sub(api.at[8]); gap != maxBackoff {
			t.Errorf("the last pause was %v, want %v", gap, maxBackoff)
		}
	})
}

func TestLoopCannotBegin(t *testing.T) {
	b := newBench(t)
	b.api = nil
	refusing := &leases{answer: func(int) (*workerapi.Job, error) { return nil, domain.Unauthenticated("unknown token") }}
	for name, c := range map[string]struct {
		set  func(c *Config)
		want string
	}{
		"no directory": {func(c *Config) { c.WorkDir = "" }, "work directory"},
		"no id":        {func(c *Config) { c.WorkerID = "" }, "worker id"},
		"bad dir":      {func(c *Config) { c.WorkDir = "/dev/null/x" }, "work directory"},
		"refused":      {func(c *Config) { c.Slots = 3 }, "unknown token"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := b.cfg
			c.set(&cfg)
			err := Loop(t.Context(), refusing, cfg)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("err = %v, want %q", err, c.want)
			}
		})
	}
}

func TestPanicEndsOnlyTheRun(t *testing.T) {
	b := newBench(t)
	b.api.onAdvance = func(workerapi.Advance) error { panic("bug") }
	b.api.give(b.job("/none"))
	stop, wait := b.loop()
	b.api.until("the next lease is asked for", func() bool { b.api.mu.Lock(); defer b.api.mu.Unlock(); return len(b.api.jobs) == 0 })
	stop()
	if err := wait(); err != nil {
		t.Error(err)
	}
}

// TestDrain: a worker that is asked to end finishes its run, tells the control
// plane so, and takes no other.
func TestDrain(t *testing.T) {
	b := newBench(t)
	b.cfg.DrainTimeout = time.Minute
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
	job.Hooks.BeforePlan = []string{"sleep 0.5; echo hook-ended"}
	job.RunType = domain.RunProposed
	b.api.give(job)
	stop, wait := b.loop()
	b.api.until("the run plans", func() bool { return b.api.last().To == domain.RunPlanning })
	b.api.give(b.job("/never"))
	stop()
	if err := wait(); err != nil {
		t.Error(err)
	}
	checkPath(t, b.api, then(planPath, domain.RunFinished))
	b.wantLog("hook-ended")
	b.api.mu.Lock()
	defer b.api.mu.Unlock()
	if len(b.api.jobs) != 1 || !cmp.Equal(b.api.left, []bool{false, true}) {
		t.Errorf("%d runs are left, and it said %v", len(b.api.jobs), b.api.left)
	}
}

// TestDrainAborted: a second signal ends the runs at once, and they are still
// reported.
func TestDrainAborted(t *testing.T) {
	for name, apply := range map[string]bool{"plan": false, "apply": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			abort, hurry := context.WithCancel(t.Context())
			b.cfg.DrainTimeout, b.cfg.Abort = time.Hour, abort
			job, pidFile := b.slowJob(apply)
			b.api.give(job)
			stop, wait := b.loop()
			b.whenSlow(func() { stop(); hurry() })
			if err := wait(); err != nil {
				t.Error(err)
			}
			if last := b.api.last(); last.To != domain.RunFailed || last.Note != "worker shut down" {
				t.Errorf("the run ended as %s: %s", last.To, last.Note)
			}
			if !gone(t, pidFile) {
				t.Error("the process lives")
			}
		})
	}
}

// TestDrainTimeout: what takes longer is interrupted.
func TestDrainTimeout(t *testing.T) {
	b := newBench(t)
	b.cfg.DrainTimeout = 50 * time.Millisecond
	job, _ := b.slowJob(false)
	b.api.give(job)
	stop, wait := b.loop()
	b.whenSlow(stop)
	if err := wait(); err != nil {
		t.Error(err)
	}
	checkPath(t, b.api, then(planPath, domain.RunFailed))
}

// TestCycled: a worker of a cycled pool finishes what it executes and ends.
func TestCycled(t *testing.T) {
	b := newBench(t)
	b.cfg.Slots = 2
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
	job.RunType = domain.RunProposed
	job.Hooks.BeforeInit = []string{"sleep 0.3"}
	b.api.give(job)
	b.api.restart = true
	_, wait := b.loop()
	if err := wait(); err != nil {
		t.Error(err)
	}
	checkPath(t, b.api, then(planPath, domain.RunFinished))
	if !cmp.Equal(b.api.left, []bool{true}) {
		t.Errorf("it said %v", b.api.left)
	}
}
