package runner

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/tofu"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// slowApply is a project whose apply lasts until it is ended. Its shell says
// so in the log and writes its process id to the file in PIDFILE.
const slowApply = `
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "echo $$ > $PIDFILE; echo slow-began; exec sleep 60"
  }
}
`

// gone reports whether the process of a pid file has ended (or is a zombie
// that waits for this process's init).
func gone(t *testing.T, pidFile string) bool {
	t.Helper()
	body, err := os.ReadFile(pidFile)
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	return errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || err == nil && strings.Contains(string(stat), ") Z ")
}

// slowJob returns a job that hangs in its plan or in its apply.
func (b *bench) slowJob(inApply bool) (job *workerapi.Job, pidFile string) {
	pidFile = filepath.Join(b.t.TempDir(), "pid")
	files := map[string]string{"main.tf": oneResource}
	if inApply {
		files = map[string]string{"main.tf": slowApply}
	}
	job = b.job(gitRepo(b.t, files))
	job.LeaseTTL = 600 * time.Millisecond
	job.Autodeploy = true
	job.Env = []workerapi.EnvVar{{Name: "PIDFILE", Value: pidFile}}
	if !inApply {
		job.Hooks.BeforePlan = []string{"echo $$ > $PIDFILE; echo slow-began; exec sleep 60"}
	}
	return job, pidFile
}

// whenSlow calls f once the slow part has begun.
func (b *bench) whenSlow(f func()) {
	go func() {
		b.api.until("the slow part begins", func() bool { return strings.Contains(b.api.text(), "slow-began\n") })
		f()
	}()
}

func TestLeaseEnds(t *testing.T) {
	for name, end := range map[string]func(f *fakeAPI){
		"conflict": func(f *fakeAPI) { f.epoch++ },
	} {
		for _, inApply := range []bool{false, true} {
			t.Run(name+map[bool]string{false: " in plan", true: " in apply"}[inApply], func(t *testing.T) {
				b := newBench(t)
				job, pidFile := b.slowJob(inApply)
				var before int
				b.whenSlow(func() {
					b.api.mu.Lock()
					defer b.api.mu.Unlock()
					end(b.api)
					before = len(b.api.chunks) + len(b.api.advances)
				})
				started := time.Now()
				err := b.execute(t.Context(), job)
				if !silent(err) {
					t.Errorf("err = %v, want a silent end", err)
				}
				if time.Since(started) > 20*time.Second || !gone(t, pidFile) {
					t.Errorf("after %v the process is gone: %v", time.Since(started), gone(t, pidFile))
				}
				if after := len(b.api.chunks) + len(b.api.advances); after != before {
					t.Errorf("%d calls came after the end", after-before)
				}
			})
		}
	}
}

// TestStop: a run that somebody stops ends at once, and says that it was stopped.
func TestStop(t *testing.T) {
	b := newBench(t)
	job, pidFile := b.slowJob(false)
	b.whenSlow(func() {
		b.api.mu.Lock()
		defer b.api.mu.Unlock()
		b.api.stop = true
	})
	started := time.Now()
	if err := b.execute(t.Context(), job); err != nil {
		t.Error(err)
	}
	if took := time.Since(started); took > 20*time.Second || !gone(t, pidFile) {
		t.Errorf("after %v the process is gone: %v", took, gone(t, pidFile))
	}
	if last := b.api.last().To; last != domain.RunStopped {
		t.Errorf("the run is %s", last)
	}
}

// TestStopTooLate: an apply goes on.
func TestStopTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := &heartbeats{beat: func(n int) (workerapi.HeartbeatReply, error) {
			if n == 3 {
				return workerapi.HeartbeatReply{}, domain.Conflict("over")
			}
			return workerapi.HeartbeatReply{Stop: true}, nil
		}}
		l := newLease(t.Context(), api, workerapi.LeaseRef{}, 0, func() bool { return true })
		l.keep()
		if errors.Is(context.Cause(l.work), errStopped) || api.n != 3 {
			t.Errorf("after %d answers the work ended: %v", api.n, context.Cause(l.work))
		}
	})
}

func TestLeaseThatCannotBeRenewed(t *testing.T) {
	b := newBench(t)
	job, pidFile := b.slowJob(false)
	var broken atomic.Bool
	b.api.onHeartbeat = func() error {
		if broken.Load() {
			return errors.New("connection refused")
		}
		return nil
	}
	b.whenSlow(func() { broken.Store(true) })
	if err := b.execute(t.Context(), job); !silent(err) || !strings.Contains(err.Error(), "could not be renewed") {
		t.Errorf("err = %v", err)
	}
	if !gone(t, pidFile) {
		t.Error("the process lives")
	}
}

func TestTransientErrorsAreRetried(t *testing.T) {
	b := newBench(t)
	flaky := func(calls *atomic.Int32) error {
		if calls.Add(1)%2 == 1 {
			return domain.Unavailable("the control plane", errors.New("reset"))
		}
		return nil
	}
	var advances, pieces atomic.Int32
	b.api.onAdvance = func(workerapi.Advance) error { return flaky(&advances) }
	b.api.onLog = func(workerapi.LogChunk) error { return flaky(&pieces) }
	b.must(b.job(gitRepo(t, map[string]string{"main.tf": oneResource})))
	checkPath(t, b.api, then(planPath, domain.RunUnconfirmed))
	b.wantLog("Plan:", "Waiting for confirmation")
}

func TestRefusedLogEndsLease(t *testing.T) {
	b := newBench(t)
	b.api.onLog = func(workerapi.LogChunk) error { return domain.Conflict("stale") }
	if err := b.execute(t.Context(), b.job("/none")); !silent(err) {
		t.Errorf("err = %v", err)
	}
}

func TestInvalidAdvanceFailsRun(t *testing.T) {
	b := newBench(t)
	b.api.onAdvance = func(a workerapi.Advance) error {
		if a.To == domain.RunPlanning {
			return domain.Invalid("to", "a policy refused this plan")
		}
		return nil
	}
	if err := b.execute(t.Context(), b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))); err == nil {
		t.Error("no error")
	}
	checkPath(t, b.api, []domain.RunState{domain.RunReady, domain.RunPreparing, domain.RunInitializing, domain.RunFailed})
}

// heartbeats is an API of which only Heartbeat is called.
type heartbeats struct {
	workerapi.API
	beat func(n int) (workerapi.HeartbeatReply, error)
	n    int
}

func (h *heartbeats) Heartbeat(ctx context.Context, _ workerapi.HeartbeatRequest) (workerapi.HeartbeatReply, error) {
	h.n++
	return h.beat(h.n)
}

func TestKeepTiming(t *testing.T) {
	failing := errors.New("no route")
	for name, c := range map[string]struct {
		beat  func(n int) (workerapi.HeartbeatReply, error)
		apply bool
		after time.Duration
		grace time.Duration
	}{
		"refused": {beat: func(n int) (workerapi.HeartbeatReply, error) {
			return workerapi.HeartbeatReply{}, domain.Conflict("over")
		}, after: time.Second},
		"never answered": {beat: func(n int) (workerapi.HeartbeatReply, error) {
			return workerapi.HeartbeatReply{}, failing
		}, apply: true, after: 10 * time.Minute, grace: silentGrace},
		"refused in an apply": {beat: func(n int) (workerapi.HeartbeatReply, error) {
			return workerapi.HeartbeatReply{}, domain.Conflict("over")
		}, apply: true, after: time.Second, grace: lostApplyGrace},
		"one answer, then none": {beat: func(n int) (workerapi.HeartbeatReply, error) {
			if n == 1 {
				return workerapi.HeartbeatReply{}, nil
			}
			return workerapi.HeartbeatReply{}, failing
		}, after: 31 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLease(t.Context(), &heartbeats{beat: c.beat}, workerapi.LeaseRef{}, 0, func() bool { return c.apply })
				l.long = 10 * time.Minute
				began := time.Now()
				l.keep()
				if took := time.Since(began); took != c.after {
					t.Errorf("the lease ended after %v, want %v", took, c.after)
				}
				var stop *tofu.Stop
				if !errors.As(context.Cause(l.ctx), &stop) || stop.Grace != c.grace {
					t.Errorf("cause = %#v, want grace %v", context.Cause(l.ctx), c.grace)
				}
			})
		})
	}
}
