package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// The repository that the overhead is measured with: no provider to install.
var smallRepository = map[string]string{"main.tf": `
resource "terraform_data" "a" { input = "hello" }
output "a" { value = terraform_data.a.output }
`}

// BenchmarkRunOverhead compares a run of Airlock (created to finished, with
// autodeploy) with the same bare commands (git clone, init, plan -out, show
// -json, apply, local state). The two alternate, so that a noisy machine hits
// both; the figures are medians. It says what each took for its steps, and how
// much time of processors: that tells more where others use the machine, too.
func BenchmarkRunOverhead(b *testing.B) {
	needTofu(b)
	url, _ := repository(b, smallRepository)
	s := start(b, "sqlite")
	c := signIn(b, s.Endpoint, s.ID, s.Secret)
	bare, airlock := &timeline{}, &timeline{}
	database := s.databaseURL("sqlite")
	airlockRun(b, c, database, newBenchStack(b, c, "warm up", url), &timeline{})
	for i := 0; b.Loop(); i++ {
		bareRun(b, url, bare)
		stack := newBenchStack(b, c, fmt.Sprintf("bench %d", i), url)
		server, used := processorTime(b, s.cmd.Process.Pid), processorTimeOfAll(b, s.cmd.Process.Pid)
		airlockRun(b, c, database, stack, airlock)
		airlock.add("cpu", processorTimeOfAll(b, s.cmd.Process.Pid)-used)
		airlock.add("cpu of the server", processorTime(b, s.cmd.Process.Pid)-server)
	}
	x, y := median(bare.steps["all"]), median(airlock.steps["all"])
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64((y-x).Microseconds())/1000, "overhead-ms")
	b.ReportMetric(float64(y)/float64(x), "ratio")
	b.Logf("bare, medians in ms:    %s", bare)
	b.Logf("Airlock, medians in ms: %s", airlock)
}

// BenchmarkRunsPerSecond compares how many of the same runs end in a second when
// four are executed at a time.
func BenchmarkRunsPerSecond(b *testing.B) {
	const workers, each = 4, 3
	needTofu(b)
	url, _ := repository(b, smallRepository)
	s := start(b, "sqlite", "--workers", strconv.Itoa(workers))
	c := signIn(b, s.Endpoint, s.ID, s.Secret)
	database := s.databaseURL("sqlite")
	airlockRun(b, c, database, newBenchStack(b, c, "warm up", url), &timeline{})
	var bare, airlock, ratio []float64
	for round := 0; b.Loop(); round++ {
		var stacks []string
		for i := range workers * each {
			stacks = append(stacks, newBenchStack(b, c, fmt.Sprintf("bench %d %d", round, i), url))
		}
		began := time.Now()
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for range each {
					bareRun(b, url, &timeline{})
				}
			})
		}
		all.Wait()
		bare = append(bare, workers*each/time.Since(began).Seconds())
		began = time.Now()
		var runs []string
		for _, stack := range stacks {
			runs = append(runs, c.id(b, runTrigger, vars{"stack": stack}))
		}
		var last time.Time
		for i, stack := range stacks {
			for runState(b, c, stack, runs[i]) != "FINISHED" {
				time.Sleep(100 * time.Millisecond) // asking costs, too
			}
			if at := (&timeline{}).history(b, database, runs[i]); at.After(last) {
				last = at
			}
		}
		airlock = append(airlock, workers*each/last.Sub(began).Seconds())
		ratio = append(ratio, airlock[round]/bare[round])
	}
	for name, values := range map[string][]float64{"bare/s": bare, "airlock/s": airlock, "ratio": ratio} {
		slices.Sort(values)
		b.ReportMetric(values[len(values)/2], name)
	}
	b.ReportMetric(0, "ns/op")
}

// timeline is how long the steps of runs took.
type timeline struct {
	names []string
	steps map[string][]time.Duration
}

func (t *timeline) add(name string, took time.Duration) {
	if t.steps == nil {
		t.steps = map[string][]time.Duration{}
	}
	if t.steps[name] == nil {
		t.names = append(t.names, name)
	}
	t.steps[name] = append(t.steps[name], took)
}

// String shows the medians, in milliseconds.
func (t *timeline) String() string {
	var out []string
	for _, name := range t.names {
		out = append(out, fmt.Sprintf("%s %.1f", name, float64(median(t.steps[name]).Microseconds())/1000))
	}
	return strings.Join(out, ", ")
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func bareRun(b *testing.B, url string, t *timeline) {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "work")
	env := append(os.Environ(), "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE="+os.DevNull)
	began, used := time.Now(), time.Duration(0)
	for _, line := range [][]string{
		{"git", "clone", "-q", url, dir},
		{"tofu", "init", "-input=false"},
		{"tofu", "plan", "-input=false", "-out=plan"},
		{"tofu", "show", "-json", "plan"},
		{"tofu", "apply", "-input=false", "plan"},
	} {
		cmd := exec.Command(line[0], line[1:]...)
		if cmd.Env = env; line[0] != "git" {
			cmd.Dir = dir
		}
		at := time.Now()
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %v\n%s", line, err, out)
		}
		t.add(line[1], time.Since(at))
		used += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	t.add("all", time.Since(began))
	t.add("cpu", used)
}

func newBenchStack(b *testing.B, c *client, name, url string) string {
	b.Helper()
	return c.id(b, stackCreate, vars{"manageState": true, "input": vars{
		"name": name, "space": "legacy", "provider": "GIT", "repository": name, "repositoryURL": url, "branch": "main",
		"administrative": false, "autodeploy": true, "vendorConfig": vars{"opentofu": vars{}},
	}})
}

func airlockRun(b *testing.B, c *client, database, stack string, t *timeline) {
	b.Helper()
	began := time.Now()
	run := c.id(b, runTrigger, vars{"stack": stack})
	t.add("trigger", time.Since(began))
	for state := ""; state != "FINISHED"; time.Sleep(50 * time.Millisecond) { // asking costs, too
		if state = runState(b, c, stack, run); state == "FAILED" || time.Since(began) > time.Minute {
			b.Fatalf("the run is %s", state)
		}
	}
	t.add("all", t.history(b, database, run).Sub(began))
}

// history adds how long a run was in each of its states, and returns when it
// came into the last one.
func (t *timeline) history(b *testing.B, database, run string) time.Time {
	b.Helper()
	states := pairs(b, database, `select cast(serial as text), state from run_transitions where run_id = '`+run+`'`)
	times := pairs(b, database, `select cast(serial as text), cast(at as text) from run_transitions where run_id = '`+run+`'`)
	at := func(n int) time.Time {
		us, err := strconv.ParseInt(times[strconv.Itoa(n)], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		return time.UnixMicro(us)
	}
	for n := 1; n < len(states); n++ {
		t.add(states[strconv.Itoa(n)], at(n+1).Sub(at(n)))
	}
	return at(len(states))
}

func runState(b *testing.B, c *client, stack, run string) string {
	b.Helper()
	var out struct {
		Stack struct{ Run struct{ State string } }
	}
	c.must(b, `query($run:ID!$stack:ID!){stack(id:$stack){run(id:$run){state}}}`, vars{"stack": stack, "run": run}, &out)
	return out.Stack.Run.State
}

// BenchmarkStart measures how long `airlock serve` takes from its start on an
// empty directory to its first answered request, and what it needs when idle.
func BenchmarkStart(b *testing.B) {
	info, err := os.Stat(binary(b))
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	rss := 0
	for b.Loop() {
		began := time.Now()
		s := start(b, "sqlite")
		took = append(took, time.Since(began))
		b.StopTimer()
		time.Sleep(3 * time.Second) // idle
		rss = max(rss, residentKB(b, s.cmd.Process.Pid))
		s.stop(b)
		b.StartTimer()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(median(took).Milliseconds()), "start-ms")
	b.ReportMetric(float64(rss)/1024, "idle-MB")
	b.ReportMetric(float64(info.Size())/(1<<20), "binary-MB")
}

// residentKB reads the resident memory of a process.
func residentKB(b *testing.B, pid int) (kb int) {
	b.Helper()
	body, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(body), "VmRSS:")
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		b.Fatal(err)
	}
	return kb
}
