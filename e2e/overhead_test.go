package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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
// both; the figures are medians.
func BenchmarkRunOverhead(b *testing.B) {
	needTofu(b)
	url, _ := repository(b, smallRepository)
	s := &story{server: start(b, "sqlite")}
	c := signIn(b, s.Endpoint, s.ID, s.Secret)
	var bare, airlock []time.Duration
	for b.Loop() {
		bare = append(bare, bareRun(b, url))
		airlock = append(airlock, airlockRun(b, c, fmt.Sprintf("bench %d", len(airlock)), url))
	}
	x, y := median(bare), median(airlock)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(x.Milliseconds()), "bare-ms")
	b.ReportMetric(float64(y.Milliseconds()), "airlock-ms")
	b.ReportMetric(float64((y-x).Microseconds())/1000, "overhead-ms")
	b.ReportMetric(float64(y)/float64(x), "ratio")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

func bareRun(b *testing.B, url string) time.Duration {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "work")
	env := append(os.Environ(), "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1", "TF_CLI_CONFIG_FILE="+os.DevNull)
	began := time.Now()
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
		if out, err := cmd.CombinedOutput(); err != nil {
			b.Fatalf("%v: %v\n%s", line, err, out)
		}
	}
	return time.Since(began)
}

func airlockRun(b *testing.B, c *client, name, url string) time.Duration {
	b.Helper()
	stack := c.id(b, stackCreate, vars{"manageState": true, "input": vars{
		"name": name, "space": "legacy", "provider": "GIT", "repository": name, "repositoryURL": url, "branch": "main",
		"administrative": false, "autodeploy": true, "vendorConfig": vars{"opentofu": vars{}},
	}})
	began := time.Now()
	run := c.id(b, runTrigger, vars{"stack": stack})
	var out struct {
		Stack struct{ Run struct{ State string } }
	}
	for out.Stack.Run.State != "FINISHED" {
		c.must(b, `query($run:ID!$stack:ID!){stack(id:$stack){run(id:$run){state}}}`, vars{"stack": stack, "run": run}, &out)
		if out.Stack.Run.State == "FAILED" || time.Since(began) > time.Minute {
			b.Fatalf("the run is %s", out.Stack.Run.State)
		}
		time.Sleep(5 * time.Millisecond)
	}
	return time.Since(began)
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
