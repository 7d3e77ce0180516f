package e2e

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// patientCode takes longer than a lease, to plan and to apply.
const patientCode = `
resource "terraform_data" "first" {
  input = "kept"
  provisioner "local-exec" { command = "echo apply-began; sleep 4" }
}
`

func (s *story) patient(t *testing.T, name string) string {
	t.Helper()
	url, _ := repository(t, map[string]string{"main.tf": patientCode})
	return s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
		"name": name, "space": "legacy", "provider": "GIT", "repository": name, "repositoryURL": url, "branch": "main", "administrative": false,
		"autodeploy": true, "vendorConfig": vars{"opentofu": vars{}}, "beforePlan": []string{"echo plan-began; sleep 4"},
	}})
}

// says waits until the log of a run has a text.
func (s *story) says(t *testing.T, stack, run, state, text string) {
	t.Helper()
	await(t, "the run to say "+text, time.Minute, func() bool {
		if r := s.admin.run(t, stack, run); r.Finished {
			t.Fatalf("the run is %s: %s\n%s", r.State, r.History[0].Note, s.admin.wholeLog(t, stack, run))
		}
		log, _ := s.admin.log(t, stack, run, state)
		return strings.Contains(log, text)
	})
}

// TestCase159Processes really sets the clocks of processes: one server is ten
// minutes ahead, the other is right, workers of both are ten minutes behind, and
// later the first is set back by an hour and more. What counts is the clock of
// the database.
func TestCase159Processes(t *testing.T) {
	t.Parallel()
	needTofu(t)
	database := databases["postgres"](t)
	leases := []string{"--lease", "3s", "--apply-lease", "10s"}
	s := &story{top: t, server: start(t, database, append(leases, "--workers", "0")...), dir: t.TempDir()}
	ahead := skew(t, s.cmd.Process.Pid)
	ahead.set(t, 10*time.Minute)
	right := s.beside(t, database, leases...)
	s.tokens(t, right)
	s.ordered(t, right)
	for i, at := range []*server{s.server, right} {
		worker, _ := s.startWorker(t, filepath.Join(s.dir, fmt.Sprint("work", i)), "--server", at.Endpoint)
		skew(t, worker.Process.Pid).set(t, -10*time.Minute)
	}
	s.due(t)
	var runs [2]string
	stacks := [2]string{s.patient(t, "one"), s.patient(t, "two")}
	for i, stack := range stacks {
		runs[i] = s.admin.id(t, runTrigger, vars{"stack": stack})
	}
	for i, stack := range stacks {
		s.says(t, stack, runs[i], "APPLYING", "apply-began")
	}
	ahead.set(t, -time.Hour)
	for i, stack := range stacks {
		s.admin.at(right).reaches(t, stack, runs[i], "FINISHED")
		s.stored(t, stack)
	}
	s.tokens(t, right)
	s.ordered(t, right)
	s.rightly(t)
	s.stop(t)
	right.stop(t)
	sound(t, s.server, database, nil)
}

// tokens signs in at each server and uses the token at both.
func (s *story) tokens(t *testing.T, right *server) {
	t.Helper()
	for _, at := range []*server{s.server, right} {
		c := signIn(t, at.Endpoint, s.ID, s.Secret)
		for _, there := range []*server{s.server, right} {
			c.at(there).must(t, `{spaces{id}}`, nil, nil)
		}
		s.admin = c.at(s.server)
	}
}

// ordered makes runs at both servers in turn: they stand in the order in which
// they came.
func (s *story) ordered(t *testing.T, right *server) {
	t.Helper()
	stack := s.deploying(t, fmt.Sprint("ordered", time.Now().UnixNano()), "")
	var want, got []string
	for i := range 6 {
		c := s.admin.at([]*server{s.server, right}[i%2])
		want = append(want, c.id(t, `mutation($stack:ID!){runTrigger(stack:$stack,runType:PROPOSED){id}}`, vars{"stack": stack}))
	}
	var out struct {
		Stack struct{ ProposedRuns []struct{ ID string } }
	}
	s.admin.must(t, `query($id:ID!){stack(id:$id){proposedRuns{id}}}`, vars{"id": stack}, &out)
	for _, r := range out.Stack.ProposedRuns {
		got = append(got, r.ID)
	}
	slices.Reverse(got)
	if !slices.Equal(got, want) {
		t.Errorf("the runs %v stand in the order %v", want, got)
	}
}

// due lets a task come due by the true time.
func (s *story) due(t *testing.T) {
	t.Helper()
	stack := s.deploying(t, "timed", "")
	at := time.Now().Add(3 * time.Second).Truncate(time.Second)
	s.admin.must(t, taskSchedule, vars{"stack": stack, "input": vars{"command": "echo it is time", "timestampSchedule": at.Unix(), "cronSchedule": nil}}, nil)
	var out struct {
		Stack struct {
			Tasks []struct{ ID string }
		}
	}
	await(t, "the task to be started", 20*time.Second, func() bool {
		s.admin.must(t, `query($id:ID!){stack(id:$id){tasks{id}}}`, vars{"id": stack}, &out)
		return len(out.Stack.Tasks) > 0
	})
	if early := time.Until(at); early > 0 {
		t.Errorf("the task was started %s early", early)
	}
	s.admin.reaches(t, stack, out.Stack.Tasks[0].ID, "FINISHED")
}

// rightly looks at the times in the audit trail, which is in order.
func (s *story) rightly(t *testing.T) {
	t.Helper()
	trail := s.trail(t)
	last := 0
	for _, e := range trail {
		if e.CreatedAt < last-10 { // what took longer may stand behind what began later
			t.Errorf("%s is of %d, after %d", e.Action, e.CreatedAt, last)
		}
		last = max(last, e.CreatedAt)
	}
	now := int(time.Now().Unix())
	if len(trail) < 20 || trail[0].CreatedAt < now-300 || last > now+1 {
		t.Errorf("%d entries of %d to %d, and it is %d", len(trail), trail[0].CreatedAt, last, now)
	}
}

// TestCase159EmbeddedClock sets the only clock that there is: back by an hour
// during an apply, which goes on and stores its state, and ten minutes ahead
// during the next run, whose worker is not taken for lost.
func TestCase159EmbeddedClock(t *testing.T) {
	t.Parallel()
	needTofu(t)
	s := &story{top: t, server: start(t, "sqlite", "--lease", "3s", "--apply-lease", "10s", "--workers", "0"), dir: t.TempDir()}
	s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
	clock := skew(t, s.cmd.Process.Pid)
	worker, _ := s.startWorker(t, filepath.Join(s.dir, "work"))
	stack := s.patient(t, "patient")
	first := s.admin.id(t, runTrigger, vars{"stack": stack})
	s.says(t, stack, first, "APPLYING", "apply-began")
	clock.set(t, -time.Hour)
	if err := s.admin.try(`{spaces{id}}`, nil, nil); !unauthenticated(err) {
		t.Errorf("with a token of a later time: %v", err)
	}
	s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
	s.admin.reaches(t, stack, first, "FINISHED")
	s.stored(t, stack)

	second := s.admin.id(t, runTrigger, vars{"stack": stack})
	s.says(t, stack, second, "PLANNING", "plan-began")
	clock.set(t, 10*time.Minute)
	s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
	if s.admin.reaches(t, stack, second, "FINISHED"); s.newestRun(t, stack) != second {
		t.Error("the newest run is the one before")
	}
	third := s.admin.id(t, runTrigger, vars{"stack": stack})
	s.says(t, stack, third, "PLANNING", "plan-began")
	killTree(t, worker.Process.Pid)
	if r := s.admin.reaches(t, stack, third, "FAILED"); !strings.Contains(r.History[0].Note, "worker_lost") {
		t.Errorf("the run of a worker that was killed: %s", r.History[0].Note)
	}
}

func unauthenticated(err error) bool {
	var e *apiError
	return errors.As(err, &e) && e.Extensions.Code == "UNAUTHENTICATED"
}
