package runner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// asBackend lets the fake answer over HTTP.
type asBackend struct{ *fakeAPI }

func (b asBackend) Lease(ctx context.Context, _ domain.PoolKey, r workerapi.LeaseRequest) (*workerapi.Job, error) {
	return b.fakeAPI.Lease(ctx, r)
}

func (b asBackend) Heartbeat(ctx context.Context, _ domain.PoolKey, r workerapi.HeartbeatRequest) (workerapi.HeartbeatReply, error) {
	return b.fakeAPI.Heartbeat(ctx, r)
}

func (b asBackend) Advance(ctx context.Context, _ domain.PoolKey, a workerapi.Advance) (workerapi.AdvanceReply, error) {
	return b.fakeAPI.Advance(ctx, a)
}

func (b asBackend) Leave(ctx context.Context, _ domain.PoolKey, req workerapi.LeaveRequest) error {
	return b.fakeAPI.Leave(ctx, req)
}

func (b asBackend) AppendLogs(ctx context.Context, _ domain.PoolKey, c workerapi.LogChunk) error {
	return b.fakeAPI.AppendLogs(ctx, c)
}

func (b asBackend) PutWorkspace(ctx context.Context, _ domain.PoolKey, r workerapi.LeaseRef, body io.Reader) error {
	return b.fakeAPI.PutWorkspace(ctx, r, body)
}

func (b asBackend) GetWorkspace(ctx context.Context, _ domain.PoolKey, r workerapi.LeaseRef) (io.ReadCloser, error) {
	return b.fakeAPI.GetWorkspace(ctx, r)
}

func (b asBackend) Federate(ctx context.Context, _ domain.PoolKey, q workerapi.FederateRequest) (workerapi.FederateReply, error) {
	return b.fakeAPI.Federate(ctx, q)
}

func (b asBackend) RecoverState(ctx context.Context, _ domain.PoolKey, r workerapi.LeaseRef, body io.Reader) error {
	return b.fakeAPI.RecoverState(ctx, r, body)
}

// TestHelperWorker is not a test: TestKilledWorker starts it as a process of
// its own, a worker over HTTP.
func TestHelperWorker(t *testing.T) {
	url := os.Getenv("HELPER_URL")
	if url == "" {
		t.Skip("only as a helper process")
	}
	api, err := workerapi.NewClient(url, "token", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = Loop(t.Context(), api, Config{WorkerID: "helper", WorkDir: os.Getenv("HELPER_DIR"), Tofu: os.Getenv("HELPER_TOFU")})
}

func TestKilledWorker(t *testing.T) {
	for name, inApply := range map[string]bool{"plan": false, "apply": true} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			job, pidFile := b.slowJob(inApply)
			b.api.give(job)
			auth := func(_ context.Context, token string) (domain.PoolKey, bool, error) {
				return domain.PoolKey{Pool: "pool"}, token == "token", nil
			}
			server := httptest.NewServer(workerapi.Handler(auth, asBackend{b.api}))
			defer server.Close()

			short, err := os.MkdirTemp("", "k")
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = os.RemoveAll(short) })
			cmd := exec.Command(os.Args[0], "-test.run=^TestHelperWorker$")
			cmd.Env = append(os.Environ(), "HELPER_URL="+server.URL, "HELPER_DIR="+b.cfg.WorkDir, "HELPER_TOFU="+b.cfg.Tofu, "TMPDIR="+short)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			b.api.until("the slow part begins", func() bool { return strings.Contains(b.api.text(), "slow-began\n") })
			sockets := func() []string {
				found, _ := filepath.Glob(filepath.Join(short, "al-*"))
				return found
			}
			if len(sockets()) != 1 {
				t.Errorf("directories for sockets: %v", sockets())
			}
			_ = cmd.Process.Kill()
			_ = cmd.Wait()

			// A worker that starts later clears away what is left, and says so.
			dirs, recovered := b.recover()
			b.api.until("the process is gone", func() bool { return gone(t, pidFile) })
			b.api.until("the run is reported", func() bool { return b.api.last().Lost })
			recovered()
			left, _ := filepath.Glob(filepath.Join(b.cfg.WorkDir, "worker-*"))
			if len(left) != 1 || left[0] != dirs.own {
				t.Errorf("left behind: %v", left)
			}
			if left := sockets(); left != nil {
				t.Errorf("left behind: %v", left)
			}
			// The apply was interrupted, and has stored what it had made.
			if state := b.state.state(); inApply != strings.Contains(state, "tainted") {
				t.Errorf("the state: %s", state)
			}
		})
	}
}

// recover is a worker that starts in the same directory, but takes no runs; the
// second result ends it.
func (b *bench) recover() (*workDir, func()) {
	b.t.Helper()
	dirs, err := openWorkDir(b.cfg.WorkDir, slog.New(slog.DiscardHandler))
	if err != nil {
		b.t.Fatal(err)
	}
	w := &worker{api: b.api, cfg: b.cfg, dirs: dirs}
	ctx, cancel := context.WithCancel(b.t.Context())
	done := make(chan struct{})
	go func() {
		w.recovery(ctx)
		close(done)
	}()
	b.t.Cleanup(dirs.close)
	return dirs, func() {
		cancel()
		<-done
	}
}

// TestStateIsHandedOver is the end of security case 149: what OpenTofu could
// not store reaches the control plane later, under the same attempt; what is
// refused for good is kept.
func TestStateIsHandedOver(t *testing.T) {
	for name, refusal := range map[string]error{"taken": nil, "refused": domain.Conflict("stale_attempt: another run has written")} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.state.refuse = true
			b.api.refuseState = errors.New("not now")
			job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
			job.Autodeploy, job.Ref.Epoch = true, 3
			if err := b.execute(t.Context(), job); err == nil {
				t.Error("no error")
			}
			b.api.refuseState = refusal
			_, recovered := b.recover()
			kept := func(pattern string) int {
				files, _ := filepath.Glob(filepath.Join(b.cfg.WorkDir, "rescued", pattern))
				return len(files)
			}
			b.api.until("the state is settled", func() bool { return kept("*.tfstate") == kept("*.refused.tfstate") })
			recovered()
			b.api.mu.Lock()
			defer b.api.mu.Unlock()
			if refusal != nil {
				if kept("01RUN-3-*.refused.tfstate") != 1 || b.api.recovered != nil {
					t.Errorf("handed over %v", b.api.recovered)
				}
				return
			}
			if len(b.api.recovered) != 1 || b.api.recovered[0].ref != job.Ref || !strings.Contains(b.api.recovered[0].body, "terraform_data") || kept("*") != 0 {
				t.Errorf("handed over %v", b.api.recovered)
			}
		})
	}
}

func TestSweepSparesTheLivingAndRescues(t *testing.T) {
	base := t.TempDir()
	log := slog.New(slog.DiscardHandler)
	alive, err := openWorkDir(base, log)
	if err != nil {
		t.Fatal(err)
	}
	defer alive.close()
	dead := filepath.Join(base, "worker-dead", "run-01RUN-3-x", "workspace", "source")
	if err := os.MkdirAll(dead, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dead, erroredState), []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}
	next, err := openWorkDir(base, log)
	if err != nil {
		t.Fatal(err)
	}
	defer next.close()
	if _, err := os.Stat(alive.own); err != nil {
		t.Error("a living worker's directory was removed")
	}
	if _, err := os.Stat(filepath.Join(base, "worker-dead")); err == nil {
		t.Error("a dead worker's directory was left")
	}
	kept, _ := filepath.Glob(filepath.Join(base, "rescued", "01RUN-3-x-*.tfstate"))
	if len(kept) != 1 {
		t.Errorf("kept: %v", kept)
	}
}

// TestRescueIsBounded: what lies about under the name of a state that could not
// be stored may be anything, because the code of the run can write it.
func TestRescueIsBounded(t *testing.T) {
	d, err := openWorkDir(t.TempDir(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	run, err := d.newRun("01RUN-1")
	if err != nil {
		t.Fatal(err)
	}
	state := func(folder string, size int64) {
		t.Helper()
		path := filepath.Join(run, folder, erroredState)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(path, max(size, 2)); err != nil { // it takes no room on the disk
			t.Fatal(err)
		}
	}
	state("a", domain.MaxRefusedState+1)
	state("b", 1<<40)
	state("c", 0)
	kept, err := d.rescue(run, "01RUN-1")
	if body, _ := os.ReadFile(kept); string(body) != "{}" || err == nil || !strings.Contains(err.Error(), "is larger than") {
		t.Errorf("kept %q in %s, error %v", body, kept, err)
	}
	if all := d.list(rescuedDir, "*.tfstate"); len(all) != 1 {
		t.Errorf("kept: %v", all)
	}
	for i := range 3 * mostRescued {
		state(fmt.Sprintf("d/%d", i), 0)
	}
	if _, err := d.rescue(run, "01RUN-1"); err == nil {
		t.Error("no word of those that are left out")
	}
	if all := d.list(rescuedDir, "*.tfstate"); len(all) > 1+mostRescued {
		t.Errorf("%d are kept", len(all))
	}
}

func TestResidueOfARunIsKilled(t *testing.T) {
	b := newBench(t)
	pidFile := filepath.Join(t.TempDir(), "pid")
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
	job.RunType = domain.RunProposed
	job.Env = []workerapi.EnvVar{{Name: "PIDFILE", Value: pidFile}}
	job.Hooks.AfterPlan = []string{`setsid sh -c 'echo $$ > $PIDFILE; exec sleep 60' & while ! test -s $PIDFILE; do sleep 0.01; done`}
	b.must(job)
	b.api.until("the daemon is gone", func() bool { return gone(t, pidFile) })
}
