package e2e

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// slowCode makes things one after the other, each of which takes a while and
// says so; the last line comes from its end.
const slowCode = `
resource "terraform_data" "first" {
  input = "kept"
  provisioner "local-exec" { command = "echo first-made" }
}
resource "terraform_data" "slow" {
  depends_on = [terraform_data.first]
  provisioner "local-exec" { command = "echo slow-began; for i in 1 2 3 4 5 6 7 8 9 10; do echo tick-$i; sleep 0.2; done; echo slow-ended" }
}
`

// startWorker starts `airlock worker` in a directory.
func (s *story) startWorker(t *testing.T, work string, flags ...string) (*exec.Cmd, *buffer) {
	t.Helper()
	return s.startWorkerIn(t, nil, work, flags...)
}

// startWorkerIn starts it in an environment; nil: the test's.
func (s *story) startWorkerIn(t *testing.T, env []string, work string, flags ...string) (*exec.Cmd, *buffer) {
	t.Helper()
	log := &buffer{}
	cmd := exec.Command(binary(t), append([]string{"worker", "--token-file", filepath.Join(s.data, "worker-pool.json"), "--work", work}, flags...)...)
	cmd.Stderr, cmd.Env = log, env
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if cmd.ProcessState == nil {
			_ = cmd.Process.Signal(syscall.SIGTERM) // it may be gone
			_ = cmd.Wait()                          // it may have been killed
		}
		if t.Failed() {
			t.Logf("log of the worker:\n%s", log.String())
		}
	})
	return cmd, log
}

// killTree kills processes and all that they have started.
func killTree(t *testing.T, pid int) {
	t.Helper()
	for _, p := range append(descendants(t, pid), pid) {
		_ = syscall.Kill(p, syscall.SIGKILL) // it may have ended with its parent
	}
}

// killTofu kills the OpenTofu below a process, and reports whether there was one.
func killTofu(t *testing.T, pid int) bool {
	t.Helper()
	for _, p := range descendants(t, pid) {
		exe, err := os.Readlink("/proc/" + itoa(p) + "/exe")
		if err == nil && strings.HasPrefix(filepath.Base(exe), "tofu") {
			return syscall.Kill(p, syscall.SIGKILL) == nil
		}
	}
	return false
}

// deploying is a stack that deploys by itself.
func (s *story) deploying(t *testing.T, name, code string) string {
	t.Helper()
	url, _ := repository(t, map[string]string{"infra/main.tf": code})
	return s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
		"name": name, "space": "legacy", "provider": "GIT", "repository": name, "repositoryURL": url, "branch": "main",
		"projectRoot": "infra", "administrative": false, "autodeploy": true, "vendorConfig": vars{"opentofu": vars{}},
	}})
}

// How many workers are killed side by side at most, and how often each at least.
const (
	maxLanes  = 4
	laneKills = 4
)

// TestCase148Case149 kills the worker, the worker with all that it runs, or
// OpenTofu alone, at random points of a plan or an apply: the run ends once,
// with the right reason, and is never tried again by itself; what was stored
// stays, and what an apply had made before its worker was killed is stored.
// AIRLOCK_WORKER_KILLS says how often; many are done side by side, each in a pool
// of its own.
func TestCase148Case149(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		kills := times(t, "AIRLOCK_WORKER_KILLS", laneKills)
		lanes := min(maxLanes, (kills+laneKills-1)/laneKills)
		lease := "3s"
		if lanes > 1 {
			lease = "15s" // so many runs at once make a worker seem lost before it is killed
		}
		s := &story{top: t, server: start(t, database, "--workers", "0", "--lease", lease, "--apply-lease", "20s"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		began, ends := time.Now(), &tally{of: map[string]int{}}
		t.Run("kills", func(t *testing.T) { // it ends with the last lane
			for n := range lanes {
				t.Run("lane-"+itoa(n), func(t *testing.T) {
					t.Parallel()
					l := s.killLane(t, "lane-"+itoa(n), database, ends)
					for k := n; k < kills; k += lanes {
						l.kill(t, k/lanes+n) // lanes begin with different ways
					}
					l.cleared(t)
				})
			}
		})
		s.stop(t)
		sound(t, s.server, s.databaseURL(database), nil)
		rescued, _ := filepath.Glob(filepath.Join(s.dir, "*", "rescued", "*"))
		t.Logf("%d kills in %s, %d side by side: %v; rescued: %v", kills, time.Since(began).Round(time.Second), lanes, ends.of, rescued)
		if ends.sum() != kills && !t.Failed() {
			t.Errorf("%d kills were to be looked at, %d were", kills, ends.sum())
		}
	})
}

// tally counts how runs have ended.
type tally struct {
	mu sync.Mutex
	of map[string]int
}

func (c *tally) add(what string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of[what]++
}

func (c *tally) sum() (n int) {
	for _, k := range c.of {
		n += k
	}
	return n
}

// killLane is a pool, its stack and its work directory, in which one worker after
// the other is killed.
type killLane struct {
	*story
	pool        pool
	stack, work string
	database    string
	ends        *tally
}

func (s *story) killLane(t *testing.T, name, database string, ends *tally) *killLane {
	t.Helper()
	l := &killLane{story: s, pool: s.pool(t, name), work: filepath.Join(s.dir, name), database: s.databaseURL(database), ends: ends}
	// Each run has something to apply, however far the one before has got.
	l.stack = s.pooled(t, name, l.pool, strings.Replace(slowCode, "depends_on", "triggers_replace = plantimestamp()\n  depends_on", 1))
	return l
}

// worker starts one of the lane.
func (l *killLane) worker(t *testing.T) *exec.Cmd {
	t.Helper()
	cmd, _ := l.startWorker(t, l.work, l.pool.flags...)
	return cmd
}

// cleared starts a last worker, which puts away what the one before it had no
// time for, and looks that nothing is left.
func (l *killLane) cleared(t *testing.T) {
	t.Helper()
	left := func() []string {
		dirs, _ := filepath.Glob(filepath.Join(l.work, "worker-*")) // the pattern is right
		return dirs
	}
	worker := l.worker(t)
	await(t, "the last worker to put things away", time.Minute, func() bool {
		return l.pool.seen(t, l.story).WorkersCount > 0 && len(left()) == 1
	})
	endWorker(worker)
	if dirs := left(); len(dirs) > 0 {
		t.Errorf("left behind: %v", dirs)
	}
}

// begin starts a run and waits for a random point of its plan or its apply.
func (l *killLane) begin(t *testing.T, inApply bool) (id string) {
	t.Helper()
	id = l.admin.id(t, runTrigger, vars{"stack": l.stack})
	await(t, "the run to get so far", 2*time.Minute, func() bool {
		r := l.admin.run(t, l.stack, id)
		if r.Finished {
			t.Fatalf("the run is %s: %s\n%s", r.State, r.History[0].Note, l.admin.wholeLog(t, l.stack, id))
		}
		if !inApply {
			return r.State == "PLANNING" || r.State == "INITIALIZING"
		}
		log, _ := l.admin.log(t, l.stack, id, "APPLYING")
		return r.State == "APPLYING" && strings.Contains(log, "slow-began")
	})
	time.Sleep(time.Duration(rand.IntN(600)) * time.Millisecond)
	return id
}

// kill does it once, in the way that n says, and looks at what becomes of it.
func (l *killLane) kill(t *testing.T, n int) {
	t.Helper()
	worker := l.worker(t)
	inApply := n%2 == 1
	from := "PLANNING"
	if inApply {
		from = "APPLYING"
	}
	id := l.begin(t, inApply)
	how := []string{"the worker", "all", "OpenTofu"}[(n/2)%3]
	switch how {
	case "the worker":
		_ = worker.Process.Kill()
	case "all":
		killTree(t, worker.Process.Pid)
	case "OpenTofu":
		if !killTofu(t, worker.Process.Pid) {
			_ = worker.Process.Kill()
		}
	}
	if how != "OpenTofu" {
		_ = worker.Wait() // it was killed
		worker = l.worker(t)
	}
	killed := time.Now()
	var r run
	await(t, "the run to end", 45*time.Second, func() bool {
		r = l.admin.run(t, l.stack, id)
		return r.Finished
	})
	l.ends.add(how + " in " + from + ": " + r.State)
	note := r.History[0].Note
	reason := strings.Contains(note, "worker_lost") || strings.Contains(note, "apply_interrupted") || strings.Contains(note, "was ended: signal: killed") || strings.Contains(note, "exit code")
	if r.State != "FINISHED" && (r.State != "FAILED" || !reason) {
		t.Errorf("%s was killed, and the run is %s after %s: %s", how, r.State, time.Since(killed), note)
	}
	l.reconciled(t, l.stack, r, note)
	if how == "the worker" && inApply {
		if !strings.Contains(note, "apply_interrupted") {
			t.Errorf("the reason: %s", note)
		}
		l.stored(t, l.stack)
	}
	if leases := pairs(t, l.database, "select id, cast(epoch as text) from runs")[id]; leases != "1" {
		t.Errorf("run %s was given %s times", id, leases)
	}
	_ = worker.Process.Signal(syscall.SIGTERM) // it may be gone
	_ = worker.Wait()                          // it ends as it should
}

// reconciled unlocks a stack that an interrupted apply has locked.
func (s *story) reconciled(t *testing.T, stack string, r run, note string) {
	t.Helper()
	var out struct {
		Stack struct{ LockedBy, LockNote *string }
	}
	s.admin.must(t, `query($stack:ID!){stack(id:$stack){lockedBy lockNote}}`, vars{"stack": stack}, &out)
	locked := out.Stack.LockNote != nil && strings.HasPrefix(*out.Stack.LockNote, "needs_reconcile")
	interrupted := strings.Contains(note, "apply_interrupted") || r.State == "FAILED" && strings.Contains(note, "tofu apply was ended")
	if locked != interrupted {
		t.Errorf("%s: the stack is locked: %v", note, locked)
	}
	if locked {
		s.admin.must(t, stackUnlock, vars{"stack": stack}, nil)
	}
}

const stackUnlock = `mutation($stack:ID!){stackUnlock(id:$stack){id}}`

// stored waits until the state of a stack has what the slow code makes first.
func (s *story) stored(t *testing.T, stack string) {
	t.Helper()
	plan := s.admin.id(t, `mutation($stack:ID!){runTrigger(stack:$stack,runType:PROPOSED){id}}`, vars{"stack": stack})
	r := s.admin.reaches(t, stack, plan, "FINISHED")
	if log := s.admin.wholeLog(t, stack, plan); r.Delta == nil || strings.Contains(log, "terraform_data.first will be created") {
		t.Errorf("what the apply had made is not in the state:\n%s", log)
	}
}

// TestCase151 stops a worker in the middle of an apply until its lease is over
// and somebody has ended the run, and lets it go on then: nothing that it says
// is taken, and its state is kept for an import.
func TestCase151(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database, "--workers", "0", "--lease", "1s", "--apply-lease", "10m"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		stack := s.deploying(t, "slow", slowCode)
		work := filepath.Join(s.dir, "work")
		worker, log := s.startWorker(t, work)
		id := s.admin.id(t, runTrigger, vars{"stack": stack})
		await(t, "the apply to begin", time.Minute, func() bool {
			text, _ := s.admin.log(t, stack, id, "APPLYING")
			return strings.Contains(text, "slow-began")
		})
		for _, pid := range append(descendants(t, worker.Process.Pid), worker.Process.Pid) {
			_ = syscall.Kill(pid, syscall.SIGSTOP)
		}
		kill := `mutation($stack:ID!$run:ID!){runKill(stack:$stack,run:$run,note:"it hangs"){id}}`
		await(t, "the worker to be silent", 20*time.Second, func() bool {
			return s.admin.try(kill, vars{"stack": stack, "run": id}, nil) == nil
		})
		r := s.admin.run(t, stack, id)
		if r.State != "FAILED" || !strings.Contains(r.History[0].Note, "apply_interrupted") || !strings.Contains(r.History[0].Note, "it hangs") {
			t.Errorf("the run is %s: %s", r.State, r.History[0].Note)
		}
		at := s.databaseURL(database)
		before := pairs(t, at, "select id, log_bytes from runs")[id]
		states := len(pairs(t, at, "select id, '' from state_versions"))
		for _, pid := range append(descendants(t, worker.Process.Pid), worker.Process.Pid) {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
		await(t, "the worker to keep the state", time.Minute, func() bool {
			kept, _ := filepath.Glob(filepath.Join(work, "rescued", id+"-*.refused.tfstate"))
			return len(kept) == 1 && strings.Contains(log.String(), "a state is kept")
		})
		if after := pairs(t, at, "select id, log_bytes from runs")[id]; after != before {
			t.Errorf("the log grew from %s to %s bytes", before, after)
		}
		if n := len(pairs(t, at, "select id, '' from state_versions")); n != states {
			t.Errorf("there were %d versions of the state, there are %d", states, n)
		}
		if after := s.admin.run(t, stack, id); after.State != "FAILED" || len(after.History) != len(r.History) {
			t.Errorf("the run is %s after %d steps", after.State, len(after.History))
		}
		_ = worker.Process.Signal(syscall.SIGTERM)
		_ = worker.Wait() // it ends as it should
		s.stop(t)
		sound(t, s.server, at, nil)
	})
}

// TestCase151Writes sends a thousand writes of a stale attempt.
func TestCase151Writes(t *testing.T) {
	for name, url := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := url(t)
			s := start(t, database, "--workers", "0", "--lease", "1s", "--apply-lease", "10m")
			l := newLedger(t, s)
			stack, err := l.do(t.Context(), stackCreate, vars{"manageState": true, "input": vars{
				"name": "s", "space": "legacy", "provider": "GIT", "repository": "s", "repositoryURL": "https://git.example.com/a.git",
				"branch": "main", "administrative": false, "autodeploy": true, "vendorConfig": vars{"opentofu": vars{}},
			}})
			if err != nil {
				t.Fatal(err)
			}
			id := l.id(t, runTrigger, vars{"stack": stack})
			z := newZombie(t, s, id)
			await(t, "the worker to be silent", 20*time.Second, func() bool {
				return l.try(`mutation($stack:ID!$run:ID!){runKill(stack:$stack,run:$run){id}}`, vars{"stack": stack, "run": id}, nil) == nil
			})
			l.must(t, stackUnlock, vars{"stack": stack}, nil) // it was locked as one to look at
			l.id(t, runTrigger, vars{"stack": stack})
			at := s.databaseURL(database)
			before := z.seen(t, at)
			accepted := 0
			for range 1000 {
				if z.write(context.WithoutCancel(t.Context())) == nil {
					accepted++
				}
			}
			if after := z.seen(t, at); accepted > 0 || after != before {
				t.Errorf("%d of 1000 stale writes were accepted:\n%s\n%s", accepted, before, after)
			}
			s.stop(t)
			sound(t, s, at, nil)
		})
	}
}
