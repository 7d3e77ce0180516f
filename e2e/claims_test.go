package e2e

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/workerapi"
)

// claims is who was given which lease.
type claims struct {
	mu     sync.Mutex
	given  map[workerapi.LeaseRef]string
	double int
}

func (c *claims) note(worker string, job *workerapi.Job) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.given[job.Ref] != "" {
		c.double++
	}
	c.given[job.Ref] = worker
}

// TestCase153Case154 lets many workers of two servers over one database (of
// one, where the database is embedded) claim the same runs, and sends each of
// their messages three times, some too early and some too late: every run is
// given once for each of its phases, and comes to its end; nothing happens
// twice. AIRLOCK_CLAIMED_RUNS says how many runs there are.
func TestCase153Case154(t *testing.T) {
	for name, url := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := url(t)
			s := start(t, database, "--workers", "0")
			servers := []*server{s, s}
			if name != "sqlite" {
				servers[1] = s.beside(t, database)
			}
			l := newLedger(t, s)
			const stacks = 20
			runs := max(times(t, "AIRLOCK_CLAIMED_RUNS", 40)/stacks, 1)
			for i := range stacks {
				stack, err := l.do(t.Context(), stackCreate, vars{"manageState": true, "input": vars{
					"name": fmt.Sprint("s", i), "space": "legacy", "provider": "GIT", "repository": "s", "repositoryURL": "https://git.example.com/a.git",
					"branch": "main", "administrative": false, "autodeploy": true, "vendorConfig": vars{"opentofu": vars{}},
				}})
				l.keep("stacks", stack, err)
				for range runs {
					id, err := l.do(t.Context(), runTrigger, vars{"stack": stack})
					l.keep("runs", id, err)
				}
			}
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			given := claims{given: map[workerapi.LeaseRef]string{}}
			var all sync.WaitGroup
			stubs := make([]*stub, min(50, stacks*runs/2))
			for i := range stubs {
				on := *servers[i%2]
				on.data = s.data // where the pool's token is
				w := newStub(t, &on, fmt.Sprint("stub-", i))
				w.repeat, stubs[i] = 3, w
				w.claimed = func(job *workerapi.Job) { given.note(w.id, job) }
				all.Go(func() { w.work(ctx) })
			}
			at := s.databaseURL(database)
			await(t, "all runs to end", 10*time.Minute, func() bool {
				return len(pairs(t, at, "select id, '' from runs where state = 'FINISHED'")) == stacks*runs
			})
			stop()
			all.Wait()
			if given.double > 0 || len(given.given) != stacks*runs {
				t.Errorf("%d leases of %d runs, %d of them given twice", len(given.given), stacks*runs, given.double)
			}
			if n := len(pairs(t, at, "select id, '' from state_versions")); n != stacks*runs {
				t.Errorf("%d runs have written %d versions of their states", stacks*runs, n)
			}
			for _, other := range servers {
				other.stop(t)
			}
			kept := logsOf(t, s, at)
			for _, w := range stubs {
				w.checkLogs(t, kept)
			}
			l.check(t, s, at)
		})
	}
}
