package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// slowPlan keeps OpenTofu busy for some seconds whenever it plans.
const slowPlan = `
output "slow" { value = length(flatten([for i in range(1000) : [for j in range(1000) : sha512("${i}/${j}")]])) }
`

// TestOpenTofuKilled kills OpenTofu alone, in a plan and in an apply, while its
// worker lives: the run fails and says why, its stack is to be looked at where
// something may have been changed, no lock of the state and no process is left,
// and nothing is tried again by itself.
func TestOpenTofuKilled(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database, "--workers", "0"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		at := s.databaseURL(database)
		for _, sandbox := range []string{"auto", "none"} {
			work := filepath.Join(s.dir, sandbox)
			worker, _ := s.startWorker(t, work, "--sandbox", sandbox)
			plans, applies := s.deploying(t, sandbox+"-plans", slowPlan), s.deploying(t, sandbox+"-applies", slowCode)
			s.killOpenTofu(t, worker.Process.Pid, plans, "plan", at)
			s.killOpenTofu(t, worker.Process.Pid, applies, "apply", at)
			// The worker goes on, and so does the stack.
			s.admin.reaches(t, applies, s.admin.id(t, runTrigger, vars{"stack": applies}), "FINISHED")
			endWorker(worker)
			if left, _ := filepath.Glob(filepath.Join(work, "*", "*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		}
		s.stop(t)
		sound(t, s.server, at, nil)
	})
}

// killOpenTofu starts a run, kills its `tofu plan` or `tofu apply`, and looks at
// what becomes of it.
func (s *story) killOpenTofu(t *testing.T, worker int, stack, command, database string) {
	t.Helper()
	id := s.admin.id(t, runTrigger, vars{"stack": stack})
	if command == "apply" {
		s.applying(t, stack, id)
	}
	await(t, "tofu "+command, time.Minute, func() bool {
		for _, pid := range descendants(t, worker) {
			exe, _ := os.Readlink("/proc/" + itoa(pid) + "/exe")
			line, _ := os.ReadFile("/proc/" + itoa(pid) + "/cmdline")
			if args := strings.Split(string(line), "\x00"); filepath.Base(exe) == "tofu" && len(args) > 1 && args[1] == command {
				return syscall.Kill(pid, syscall.SIGKILL) == nil
			}
		}
		return false
	})
	r := s.admin.reaches(t, stack, id, "FAILED")
	if note := r.History[0].Note; !strings.Contains(note, "tofu "+command+" was ended: signal: killed") {
		t.Errorf("tofu %s was killed, and the run says: %s", command, note)
	}
	if log := s.admin.wholeLog(t, stack, id); !strings.Contains(log, "Failed: tofu "+command+" was ended: signal: killed") {
		t.Errorf("the log does not say why it ends:\n%s", log)
	}
	s.reconciled(t, stack, r, r.History[0].Note)
	await(t, "the processes of the run to end", 20*time.Second, func() bool { return len(descendants(t, worker)) == 0 })
	if lock, held := pairs(t, database, "select stack_id, lock_id from state_locks")[stack]; held {
		t.Errorf("the state is still locked: %s", lock)
	}
	if times := pairs(t, database, "select id, cast(epoch as text) from runs")[id]; times != "1" {
		t.Errorf("the run was given out %s times", times)
	}
	if runs := pairs(t, database, "select id, stack_id from runs where state not in ('FINISHED', 'FAILED')"); len(runs) > 0 {
		t.Errorf("something goes on: %v", runs)
	}
}
