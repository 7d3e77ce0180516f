package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// times is how often a fault is caused: as often as the variable says, or a
// few times.
func times(t testing.TB, variable string, few int) int {
	t.Helper()
	given := os.Getenv(variable)
	if given == "" {
		return few
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 {
		t.Fatalf("%s is %q, not a number", variable, given)
	}
	return n
}

// freeAddress is one that nobody listens on.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// TestCase147 kills the server at random points while clients change things
// and workers execute runs: nothing that was acknowledged is lost, and each
// change has exactly one row in the audit trail; no row is without its body
// where bodies are in object storage. AIRLOCK_SERVER_KILLS says how often.
func TestCase147(t *testing.T) {
	bars := map[string]time.Duration{"sqlite": 3 * time.Second, "postgres": 5 * time.Second, "objects": 3 * time.Second}
	for name, url := range map[string]func(*testing.T) string{"sqlite": databases["sqlite"], "postgres": databases["postgres"], "objects": databases["sqlite"]} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := url(t)
			flags := []string{"--database", database, "--listen", freeAddress(t), "--workers", "0", "--lease", "5s", "--apply-lease", "5s"}
			if name == "objects" {
				flags = append(flags, "--objects", "file:"+t.TempDir())
			}
			s := start(t, database, flags[2:]...)
			l := newLedger(t, s)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var all sync.WaitGroup
			stubs := make([]*stub, 4)
			for i := range stubs {
				stubs[i] = newStub(t, s, fmt.Sprint("stub-", i))
				all.Go(func() { stubs[i].work(ctx) })
				all.Go(func() { l.mix(ctx, fmt.Sprint("client-", i)) })
			}
			var ready []time.Duration
			for range times(t, "AIRLOCK_SERVER_KILLS", 6) {
				time.Sleep(time.Duration(rand.IntN(600)) * time.Millisecond)
				_ = s.cmd.Process.Kill()
				_ = s.cmd.Wait() // it was killed
				s.log = &buffer{}
				began := time.Now()
				s.run(t, flags...)
				ready = append(ready, time.Since(began))
			}
			time.Sleep(300 * time.Millisecond) // what was cut off goes on
			stop()
			all.Wait()
			s.stop(t)
			at := s.databaseURL(database)
			l.check(t, s, at)
			ended := 0
			kept := logsOf(t, s, at)
			for _, w := range stubs {
				w.checkLogs(t, kept)
				ended += w.ended
			}
			if ended == 0 {
				t.Error("the workers did nothing")
			}
			slices.Sort(ready)
			t.Logf("%d kills, ready again after %s at the median, %s at most; %d leases came to their end", len(ready), ready[len(ready)/2], ready[len(ready)-1], ended)
			if worst := ready[len(ready)-1]; worst > bars[name] {
				t.Errorf("ready after %s, want %s", worst, bars[name])
			}
		})
	}
}

// checkLogs compares the kept logs with what was acknowledged: 0 lines lost,
// none twice.
func (s *stub) checkLogs(t testing.TB, kept map[string]string) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for run, want := range s.logged {
		for line := range strings.Lines(want) {
			if strings.Count(kept[string(run)], line) != 1 {
				t.Errorf("the line %q of run %s was acknowledged and is kept %d times", line, run, strings.Count(kept[string(run)], line))
			}
		}
	}
}
