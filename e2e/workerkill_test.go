package e2e

import (
	"context"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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

// TestCase148Case149 kills the worker, the worker with all that it runs, or
// OpenTofu alone, at random points of a plan or an apply: the run ends once,
// with the right reason, and is never tried again by itself; what was stored
// stays, and what an apply had made before its worker was killed is stored.
// AIRLOCK_WORKER_KILLS says how often.
func TestCase148Case149(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database, "--workers", "0", "--lease", "3s", "--apply-lease", "20s"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		stack := s.deploying(t, "slow", slowCode)
		work := filepath.Join(s.dir, "work")
		ends := map[string]int{}
		for n := range times(t, "AIRLOCK_WORKER_KILLS", 4) {
			worker, _ := s.startWorker(t, work)
			id := s.admin.id(t, runTrigger, vars{"stack": stack})
			inApply := n%2 == 1
			from, text := "PLANNING", "tofu"
			if inApply {
				from, text = "APPLYING", "slow-began"
			}
			await(t, "the run to be "+from, time.Minute, func() bool {
				r := s.admin.run(t, stack, id)
				if r.Finished {
					t.Fatalf("the run is %s: %s\n%s", r.State, r.History[0].Note, s.admin.wholeLog(t, stack, id))
				}
				if !inApply {
					return r.State == from || r.State == "INITIALIZING"
				}
				log, _ := s.admin.log(t, stack, id, from)
				return r.State == from && strings.Contains(log, text)
			})
			time.Sleep(time.Duration(rand.IntN(600)) * time.Millisecond)
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
				worker, _ = s.startWorker(t, work)
			}
			killed := time.Now()
			var r run
			await(t, "the run to end", 45*time.Second, func() bool {
				r = s.admin.run(t, stack, id)
				return r.Finished
			})
			ends[how+" in "+from+": "+r.State]++
			note := r.History[0].Note
			reason := strings.Contains(note, "worker_lost") || strings.Contains(note, "apply_interrupted") || strings.Contains(note, "was ended: signal: killed") || strings.Contains(note, "exit code")
			if r.State != "FINISHED" && (r.State != "FAILED" || !reason) {
				t.Errorf("%s was killed, and the run is %s after %s: %s", how, r.State, time.Since(killed), note)
			}
			s.reconciled(t, stack, r, note)
			if how == "the worker" && inApply {
				if !strings.Contains(note, "apply_interrupted") {
					t.Errorf("the reason: %s", note)
				}
				s.stored(t, stack)
			}
			if leases := strings.Count(pairs(t, s.databaseURL(database), "select id, cast(epoch as text) from runs")[id], "1"); leases != 1 {
				t.Errorf("run %s was given %d times", id, leases)
			}
			_ = worker.Process.Signal(syscall.SIGTERM)
			_ = worker.Wait() // it ends as it should
		}
		s.stop(t)
		sound(t, s.server, s.databaseURL(database), nil)
		left, _ := filepath.Glob(filepath.Join(work, "worker-*"))
		rescued, _ := filepath.Glob(filepath.Join(work, "rescued", "*"))
		t.Logf("%v; left behind: %v %v", ends, left, rescued)
		if len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
	})
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
