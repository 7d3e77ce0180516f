package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/pgtest"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// processorTime is what a process has used so far.
func processorTime(b testing.TB, pid int) time.Duration { return processorTimes(b, pid, 2) }

// processorTimeOfAll is processorTime with what the processes that it has
// started, and that have ended, have used.
func processorTimeOfAll(b testing.TB, pid int) time.Duration { return processorTimes(b, pid, 4) }

func processorTimes(b testing.TB, pid, kinds int) time.Duration {
	b.Helper()
	body, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(body), ") ")
	ticks := 0
	// User and system time, then those of the children, in hundredths of a second.
	for _, f := range strings.Fields(rest)[11 : 11+kinds] {
		n, err := strconv.Atoi(f)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// BenchmarkIdleWorkers measures what a thousand workers cost that wait for
// runs: percent of one core.
func BenchmarkIdleWorkers(b *testing.B) {
	onEach(b, func(b *testing.B, database string) {
		s := start(b, database, "--workers", "0")
		ctx, stop := context.WithCancel(b.Context())
		var all sync.WaitGroup
		for i := range 1000 {
			w := newStub(b, s, fmt.Sprint("stub-", i))
			all.Go(func() { w.work(ctx) })
		}
		time.Sleep(25 * time.Second) // each has asked once, and asks again at another time
		began, used := time.Now(), processorTime(b, s.cmd.Process.Pid)
		time.Sleep(40 * time.Second)
		used = processorTime(b, s.cmd.Process.Pid) - used
		b.ReportMetric(100*float64(used)/float64(time.Since(began)), "core-%")
		b.ReportMetric(float64(residentKB(b, s.cmd.Process.Pid))/1024, "MB")
		b.ReportMetric(0, "ns/op")
		stop()
		all.Wait()
	})
}

// onEach runs a benchmark once on each database.
func onEach(b *testing.B, run func(b *testing.B, database string)) {
	b.Run("sqlite", func(b *testing.B) { run(b, "sqlite") })
	b.Run("postgres", func(b *testing.B) { run(b, pgtest.URL(b)) })
}

const (
	activeRuns = 200
	queuedRuns = 2000
)

// BenchmarkClaim keeps 200 runs active, each with 20 lines of log a second,
// and 2,000 in the queues of their stacks: how long is a run READY before a
// worker has it? Claimed is the time between the database's own records of
// both, delivered the one until the worker has read the answer.
func BenchmarkClaim(b *testing.B) {
	onEach(b, func(b *testing.B, database string) {
		s := start(b, database, "--workers", "0")
		l := newLedger(b, s)
		queue := sync.WaitGroup{}
		per := (queuedRuns + activeRuns) / activeRuns
		for part := range 4 {
			queue.Go(func() {
				for i := part; i < activeRuns; i += 4 {
					stack, err := l.do(b.Context(), stackCreate, vars{"manageState": true, "input": vars{
						"name": fmt.Sprint("s", i), "space": "legacy", "provider": "GIT", "repository": "s", "repositoryURL": "https://git.example.com/a.git",
						"branch": "main", "administrative": false, "autodeploy": true, "vendorConfig": vars{"opentofu": vars{}},
					}})
					for n := 0; err == nil && n < per; n++ {
						_, err = l.do(b.Context(), runTrigger, vars{"stack": stack})
					}
					if err != nil {
						b.Error(err)
					}
				}
			})
		}
		queue.Wait()
		ctx, stop := context.WithCancel(b.Context())
		stubs := make([]*stub, activeRuns+activeRuns/10)
		var all sync.WaitGroup
		var got sync.Map // when a worker had a run first
		for i := range stubs {
			w := newStub(b, s, fmt.Sprint("stub-", i))
			w.pieces, w.claimed = 0, func(job *workerapi.Job) { got.LoadOrStore(job.Ref.RunID, time.Now()) }
			stubs[i] = w
			all.Go(func() { w.chat(ctx) })
		}
		const long = 60 * time.Second
		used := processorTime(b, s.cmd.Process.Pid)
		time.Sleep(long)
		used = processorTime(b, s.cmd.Process.Pid) - used
		at := s.databaseURL(database)
		since := `r.state = 'READY' and r.at > (select min(at) from run_transitions where state = 'FINISHED')`
		var waited, had []time.Duration
		for _, v := range pairs(b, at, `select r.run_id, cast(p.at - r.at as text) from run_transitions r join run_transitions p
			on p.run_id = r.run_id and p.state = 'PREPARING' where `+since) {
			waited = append(waited, time.Duration(number(b, v))*time.Microsecond)
		}
		for run, v := range pairs(b, at, `select r.run_id, cast(r.at as text) from run_transitions r where `+since) {
			if then, ok := got.Load(domain.RunID(run)); ok {
				had = append(had, then.(time.Time).Sub(time.UnixMicro(number(b, v))))
			}
		}
		stop()
		all.Wait()
		s.stop(b)
		kept := logsOf(b, s, at)
		for _, w := range stubs {
			w.checkLogs(b, kept)
		}
		if len(waited) < 100 || len(had) < 100 {
			b.Fatalf("only %d runs were claimed, and %d had", len(waited), len(had))
		}
		b.ReportMetric(float64(len(waited)), "claims")
		b.ReportMetric(100*float64(used)/float64(long), "core-%")
		for name, of := range map[string][]time.Duration{"claimed": waited, "delivered": had} {
			slices.Sort(of)
			b.ReportMetric(float64(of[len(of)/2].Microseconds())/1000, name+"-p50-ms")
			b.ReportMetric(float64(of[len(of)*99/100].Microseconds())/1000, name+"-p99-ms")
		}
		b.ReportMetric(0, "ns/op")
	})
}

func number(b *testing.B, text string) int64 {
	b.Helper()
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// chat executes runs for ten seconds each, and prints 20 lines a second, four
// times a second.
func (s *stub) chat(ctx context.Context) {
	for ctx.Err() == nil {
		job, err := s.api.Lease(ctx, workerapi.LeaseRequest{WorkerID: s.id, Wait: 20 * time.Second})
		if err != nil || job == nil {
			continue
		}
		s.claimed(job)
		a := &attempt{stub: s, job: job}
		_ = a.to(ctx, domain.RunInitializing) // a lost lease shows in the count
		_ = a.to(ctx, domain.RunPlanning)
		for range 40 {
			wait(ctx, 250*time.Millisecond)
			text := ""
			for i := range 5 {
				text += fmt.Sprintf("%s line %d.%d\n", job.Ref.RunID, a.seq, i)
			}
			if ctx.Err() == nil && a.call(ctx, func(ctx context.Context) error {
				return a.api.AppendLogs(ctx, workerapi.LogChunk{Ref: job.Ref, Seq: a.seq, State: domain.RunPlanning, Text: text})
			}) == nil {
				a.seq++
				a.mu.Lock()
				a.logged[job.Ref.RunID] += text
				a.mu.Unlock()
			}
		}
		_ = a.to(ctx, domain.RunFinished)
	}
}

// BenchmarkLogVisible measures, with a real worker, how long it takes from a
// line's printing until a client that polls has it.
func BenchmarkLogVisible(b *testing.B) {
	needTofu(b)
	onEach(b, func(b *testing.B, database string) {
		s := start(b, database)
		c := signIn(b, s.Endpoint, s.ID, s.Secret)
		url, _ := repository(b, map[string]string{"main.tf": ""})
		stack := c.id(b, stackCreate, vars{"manageState": true, "input": vars{
			"name": "s", "space": "legacy", "provider": "GIT", "repository": "s", "repositoryURL": url, "branch": "main", "administrative": false,
			"autodeploy": true, "vendorConfig": vars{"opentofu": vars{}},
			"beforePlan": []string{"for i in $(seq 200); do date +at-%s%N; sleep 0.05; done"},
		}})
		run := c.id(b, runTrigger, vars{"stack": stack})
		var late []time.Duration
		var token *string
		for began := time.Now(); len(late) < 200 && time.Since(began) < time.Minute; time.Sleep(20 * time.Millisecond) {
			var out struct {
				Stack struct {
					Run struct {
						Logs *struct {
							NextToken string
							Messages  []struct{ Message string }
						}
					}
				}
			}
			c.must(b, logsQuery, vars{"stack": stack, "run": run, "state": "PLANNING", "token": token}, &out)
			now := time.Now()
			if out.Stack.Run.Logs == nil {
				continue
			}
			if next := out.Stack.Run.Logs.NextToken; next != "" {
				token = &next
			}
			for _, m := range out.Stack.Run.Logs.Messages {
				for line := range strings.Lines(m.Message) {
					if ns, err := strconv.ParseInt(strings.TrimSpace(strings.TrimPrefix(line, "at-")), 10, 64); err == nil {
						late = append(late, now.Sub(time.Unix(0, ns)))
					}
				}
			}
		}
		if len(late) != 200 {
			b.Fatalf("%d of 200 lines came", len(late))
		}
		slices.Sort(late)
		b.ReportMetric(float64(late[len(late)/2].Milliseconds()), "p50-ms")
		b.ReportMetric(float64(late[len(late)-1].Milliseconds()), "max-ms")
		b.ReportMetric(0, "ns/op")
	})
}
