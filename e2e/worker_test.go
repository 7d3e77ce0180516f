package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestRemoteWorker executes runs by `airlock worker` over HTTP, then kills it
// in the middle of a plan.
func TestRemoteWorker(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database, "--workers", "0"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		url, _ := repository(t, map[string]string{"infra/main.tf": webCode})
		web := s.stack(t, "web", "legacy", url)
		s.admin.must(t, stackConfigAdd, vars{"stack": web, "config": vars{
			"id": "TF_VAR_password", "type": "ENVIRONMENT_VARIABLE", "value": canary, "writeOnly": true,
		}}, nil)
		worker := s.worker(t)
		id := s.admin.id(t, runTrigger, vars{"stack": web})
		s.admin.reaches(t, web, id, "UNCONFIRMED")
		s.admin.must(t, runConfirm, vars{"stack": web, "run": id}, nil)
		s.admin.reaches(t, web, id, "FINISHED")
		if all := s.admin.wholeLog(t, web, id); strings.Contains(all, canary) || !strings.Contains(all, "Apply complete!") {
			t.Errorf("the log:\n%s", all)
		}

		url, commit := repository(t, map[string]string{"infra/main.tf": ""})
		slow := s.stack(t, "slow", "legacy", url)
		s.admin.must(t, `mutation($id:ID!$input:StackInput!){stackUpdate(id:$id,input:$input){id}}`, vars{"id": slow, "input": vars{
			"name": "slow", "provider": "GIT", "repository": "slow", "repositoryURL": url, "branch": "main", "projectRoot": "infra",
			"administrative": false, "beforePlan": []string{"echo at $SPACELIFT_COMMIT_SHA begun; sleep 600"},
		}}, nil)
		id = s.admin.id(t, runTrigger, vars{"stack": slow})
		await(t, "the plan to begin", time.Minute, func() bool {
			text, _ := s.admin.log(t, slow, id, "PLANNING")
			return strings.Contains(text, "at "+commit+" begun")
		})
		for _, pid := range append([]int{worker.Process.Pid}, descendants(t, worker.Process.Pid)...) {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended with its parent
		}
		killed := time.Now()
		r := s.admin.reaches(t, slow, id, "FAILED")
		if took := time.Since(killed); took > 45*time.Second || !strings.Contains(r.History[0].Note, "worker_lost") {
			t.Errorf("noticed after %s: %s", took, r.History[0].Note)
		}
	})
}

// worker starts `airlock worker` with the pool file that the server wrote.
func (s *story) worker(t *testing.T) *exec.Cmd {
	t.Helper()
	log := &buffer{}
	cmd := exec.Command(binary(t), "worker", "--token-file", filepath.Join(s.data, "worker-pool.json"), "--work", filepath.Join(s.dir, "work"))
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may be gone
		_ = cmd.Wait()                          // it may have been killed
		if t.Failed() {
			t.Logf("log of the worker:\n%s", log.String())
		}
	})
	return cmd
}
