package e2e

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// pool is a worker pool, with what its workers need.
type pool struct {
	ID    string
	flags []string
}

const (
	namedPoolCreate = `mutation($name:String!$csr:String!){workerPoolCreate(name:$name,space:"root",certificateSigningRequest:$csr){id,config}}`
	drainSet        = `mutation($pool:ID!$id:ID!$drain:Boolean!){workerDrainSet(workerPool:$pool,id:$id,drain:$drain){id,drained}}`
	poolQuery       = `query($id:ID!){workerPool(id:$id){busyWorkers pendingRuns workersCount workers{id busy drained status slots metadata runs{stackId run{id}}}
		searchSchedulableRuns(input:{first:10}){edges{node{position stackId run{id,state}}}}}}`
)

func (s *story) pool(t *testing.T, name string) pool {
	t.Helper()
	var made struct {
		WorkerPoolCreate struct{ ID, Config string }
	}
	request, private := poolRequest(t)
	s.admin.must(t, namedPoolCreate, vars{"name": name, "csr": request}, &made)
	dir := t.TempDir()
	write(t, filepath.Join(dir, "pool.config"), made.WorkerPoolCreate.Config+"\n")
	write(t, filepath.Join(dir, "pool.key"), private)
	return pool{made.WorkerPoolCreate.ID, []string{"--token-file", dir + "/pool.config", "--private-key-file", dir + "/pool.key"}}
}

// worker starts a worker of a pool with a name by which it is found again.
func (p pool) worker(t *testing.T, s *story, name string, flags ...string) (*exec.Cmd, *buffer) {
	t.Helper()
	cmd, log := s.startWorker(t, filepath.Join(s.dir, name), append(append(p.flags, "--metadata", "name="+name), flags...)...)
	await(t, "worker "+name, 30*time.Second, func() bool { return p.seen(t, s).worker(name) != nil })
	return cmd, log
}

// poolView is what the API shows of a pool.
type poolView struct {
	BusyWorkers, PendingRuns, WorkersCount int
	Workers                                []poolWorkerView
	SearchSchedulableRuns                  struct {
		Edges []struct {
			Node struct {
				Position int
				StackID  string
				Run      struct{ ID, State string }
			}
		}
	}
}

type poolWorkerView struct {
	ID, Status, Metadata string
	Busy, Drained        bool
	Slots                int
	Runs                 []struct {
		StackID string
		Run     struct{ ID string }
	}
}

func (p pool) seen(t *testing.T, s *story) poolView {
	t.Helper()
	var out struct{ WorkerPool poolView }
	s.admin.must(t, poolQuery, vars{"id": p.ID}, &out)
	return out.WorkerPool
}

// worker finds one by its name; nil: there is none.
func (v poolView) worker(name string) *poolWorkerView {
	for i := range v.Workers {
		var told map[string]string
		if json.Unmarshal([]byte(v.Workers[i].Metadata), &told) == nil && told["name"] == name && told["opentofu"] != "" && told["host"] != "" {
			return &v.Workers[i]
		}
	}
	return nil
}

// queue lists the runs that wait, in their order.
func (v poolView) queue() string {
	var ids []string
	for i, e := range v.SearchSchedulableRuns.Edges {
		if e.Node.Position != i+1 {
			ids = append(ids, "misplaced")
		}
		ids = append(ids, e.Node.Run.ID)
	}
	return strings.Join(ids, " ")
}

// pooled is a stack of a pool that deploys by itself.
func (s *story) pooled(t *testing.T, name string, p pool, code string) string {
	t.Helper()
	url, _ := repository(t, map[string]string{"infra/main.tf": code})
	return s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
		"name": name, "space": "legacy", "provider": "GIT", "repository": name, "repositoryURL": url, "branch": "main",
		"projectRoot": "infra", "administrative": false, "autodeploy": true, "workerPool": p.ID, "vendorConfig": vars{"opentofu": vars{}},
	}})
}

// applying waits until a run of slow code is in the middle of its apply.
func (s *story) applying(t *testing.T, stack, run string) {
	t.Helper()
	await(t, "the apply to begin", time.Minute, func() bool {
		text, _ := s.admin.log(t, stack, run, "APPLYING")
		return strings.Contains(text, "slow-began")
	})
}

// TestDrain ends a worker by SIGTERM in the middle of an apply, and drains others
// through the API: each finishes what it has begun and takes nothing new.
func TestDrain(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database, "--workers", "0"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		p := s.pool(t, "build")
		slow, again, quick := s.pooled(t, "slow", p, slowCode), s.pooled(t, "again", p, slowCode), s.pooled(t, "quick", p, `output "o" { value = 1 }`)
		state := func(stack, run string) string { return s.admin.run(t, stack, run).State }

		first, _ := p.worker(t, s, "first", "--slots", "2")
		run := s.admin.id(t, runTrigger, vars{"stack": slow})
		s.applying(t, slow, run)
		if err := first.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		await(t, "the worker to drain", 10*time.Second, func() bool {
			w := p.seen(t, s).worker("first")
			return w == nil || w.Status == "DRAINING"
		})
		waiting := s.admin.id(t, runTrigger, vars{"stack": quick})
		if err := first.Wait(); err != nil {
			t.Errorf("the worker ended with %v", err)
		}
		if r := s.admin.run(t, slow, run); r.State != "FINISHED" || !strings.Contains(s.admin.wholeLog(t, slow, run), "tick-10") {
			t.Errorf("the run of a worker that was told to end is %s: %s", r.State, r.History[0].Note)
		}
		if v := p.seen(t, s); state(quick, waiting) != "READY" || v.queue() != waiting || v.WorkersCount != 0 {
			t.Errorf("a worker that was told to end took run %s: %+v", waiting, v)
		}

		second, _ := p.worker(t, s, "second")
		s.admin.reaches(t, quick, waiting, "FINISHED")
		run = s.admin.id(t, runTrigger, vars{"stack": again})
		s.applying(t, again, run)
		drain := func(name string, drain bool) {
			t.Helper()
			s.admin.must(t, drainSet, vars{"pool": p.ID, "id": p.seen(t, s).worker(name).ID, "drain": drain}, nil)
		}
		drain("second", true)
		if w := p.seen(t, s).worker("second"); !w.Drained || w.Status != "DRAINING" || len(w.Runs) != 1 || w.Runs[0].Run.ID != run || w.Runs[0].StackID != again {
			t.Errorf("a worker that is drained shows as %+v", w)
		}
		waiting = s.admin.id(t, runTrigger, vars{"stack": quick})
		s.admin.reaches(t, again, run, "FINISHED")
		await(t, "the worker to be drained", 10*time.Second, func() bool { return p.seen(t, s).worker("second").Status == "DRAINED" })
		third, _ := p.worker(t, s, "third")
		s.admin.reaches(t, quick, waiting, "FINISHED")
		drain("third", true)
		waiting = s.admin.id(t, runTrigger, vars{"stack": quick})
		if v := p.seen(t, s); v.BusyWorkers != 0 || v.PendingRuns != 1 || v.queue() != waiting {
			t.Errorf("two drained workers: %+v", v)
		}
		drain("second", false)
		s.admin.reaches(t, quick, waiting, "FINISHED")
		for _, cmd := range []*exec.Cmd{second, third} {
			_ = cmd.Process.Signal(syscall.SIGTERM) // Wait says how it ends
			if err := cmd.Wait(); err != nil {
				t.Errorf("a worker ended with %v", err)
			}
		}
		s.stop(t)
		sound(t, s.server, s.databaseURL(database), nil)
	})
}

// TestTwoPools has runs of three pools wait, and workers of two of them: each
// run goes to a worker of its stack's pool, in order, and who executes and who
// waits is seen.
func TestTwoPools(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database, "--workers", "0"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		const who = `output "o" { value = 1 }`
		east, west := s.pool(t, "east"), s.pool(t, "west")
		runs := map[string][]string{} // by stack
		for name, p := range map[string]pool{"east": east, "west": west} {
			s.pooled(t, name+"-slow", p, slowCode)
			s.pooled(t, name+"-a", p, who)
			s.pooled(t, name+"-b", p, who)
		}
		other := s.deploying(t, "other", who) // of the built-in pool, which has no worker
		trigger := func(stack string) string {
			id := s.admin.id(t, runTrigger, vars{"stack": stack})
			runs[stack] = append(runs[stack], id)
			return id
		}
		lost := trigger(other)
		for _, side := range []string{"east", "west"} {
			for _, kind := range []string{"-slow", "-a", "-b"} {
				trigger(side + kind)
			}
		}
		for side, p := range map[string]pool{"east": east, "west": west} {
			want := strings.Join([]string{runs[side+"-slow"][0], runs[side+"-a"][0], runs[side+"-b"][0]}, " ")
			if v := p.seen(t, s); v.queue() != want || v.PendingRuns != 3 || v.BusyWorkers != 0 || len(v.Workers) != 0 {
				t.Errorf("%s: %+v", side, v)
			}
		}

		one, e := east.worker(t, s, "e")
		s.applying(t, "east-slow", runs["east-slow"][0])
		v := east.seen(t, s)
		if w := v.worker("e"); w == nil || !w.Busy || w.Status != "BUSY" || w.Slots != 1 || len(w.Runs) != 1 || w.Runs[0].Run.ID != runs["east-slow"][0] {
			t.Errorf("the worker shows as %+v", w)
		}
		if v.queue() != runs["east-a"][0]+" "+runs["east-b"][0] || v.BusyWorkers != 1 || v.PendingRuns != 2 {
			t.Errorf("one executes and two wait: %+v", v)
		}
		two, w := west.worker(t, s, "w", "--slots", "2")
		for _, side := range []string{"east", "west"} {
			for _, kind := range []string{"-slow", "-a", "-b"} {
				s.admin.reaches(t, side+kind, runs[side+kind][0], "FINISHED")
			}
		}
		if r := s.admin.run(t, other, lost); r.State != "READY" {
			t.Errorf("a run of the built-in pool is %s", r.State)
		}
		endWorker(one)
		endWorker(two)
		for _, id := range []string{lost, runs["west-a"][0], runs["west-b"][0], runs["west-slow"][0]} {
			if strings.Contains(e.String(), id) {
				t.Errorf("the worker of the one pool had run %s of another:\n%s", id, e.String())
			}
		}
		for _, id := range []string{lost, runs["east-a"][0], runs["east-b"][0], runs["east-slow"][0]} {
			if strings.Contains(w.String(), id) {
				t.Errorf("the worker of the other pool had run %s of another:\n%s", id, w.String())
			}
		}
		if !strings.Contains(e.String(), runs["east-b"][0]) || !strings.Contains(w.String(), runs["west-b"][0]) {
			t.Error("workers do not say what they execute")
		}
		s.stop(t)
		sound(t, s.server, s.databaseURL(database), nil)
	})
}
