package runner

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

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
		if err := w.slot(ctx); err != nil {
			t.Error(err)
		}
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
