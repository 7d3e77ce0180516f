package e2e

import (
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestCase131 rotates the key of a server that works, kills it while it wraps
// keys anew, and takes the old key away: nothing fails to be read, and a backup
// of before needs the archived key.
func TestCase131(t *testing.T) {
	for name, url := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			database := url(t)
			flags := []string{"--database", database, "--listen", freeAddress(t), "--workers", "0", "--lease", "5s", "--apply-lease", "5s"}
			s := start(t, database, flags[2:]...)
			l := newLedger(t, s)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var all sync.WaitGroup
			w := newStub(t, s, "stub")
			all.Go(func() { w.work(ctx) })
			all.Go(func() { l.mix(ctx, "client") })
			await(t, "some work to be done", time.Minute, func() bool { return len(pairs(t, s.databaseURL(database), "select id, '' from state_versions")) > 0 })
			s.keys(t, "rotate")
			await(t, "the server to use the new key", 30*time.Second, func() bool { return strings.Contains(s.log.String(), "under another key from now on") })
			_ = s.cmd.Process.Kill()
			_ = s.cmd.Wait() // it was killed
			s.log = &buffer{}
			s.run(t, flags...)
			await(t, "the keys to be wrapped anew", time.Minute, func() bool {
				return strings.Contains(s.log.String(), "wrapped the keys of records anew")
			})
			time.Sleep(300 * time.Millisecond) // what goes on meanwhile
			stop()
			all.Wait()
			if said := s.log.String(); strings.Contains(said, "is not loaded") {
				t.Errorf("something could not be read:\n%s", said)
			}
			s.stop(t)
			l.check(t, s, s.databaseURL(database))
			archive := filepath.Join(t.TempDir(), "archive.key")
			old := strings.Fields(s.keys(t, "list"))[2]
			s.keys(t, "remove", old, "--archive", archive)
			// No server has found yet that it is out of use.
			if said := s.refuses(t, "--database", database); !strings.Contains(said, "encrypted under key "+old+", which is not in") {
				t.Errorf("without the old key it says %q", said)
			}
			s.keys(t, "add", "--from", archive)
			s.run(t, flags...)
		})
	}
}

// keys runs `airlock keys` on the server's key file.
func (s *server) keys(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command(binary(t), append([]string{"keys"}, append(args, "--data", s.data)...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("keys %v: %v\n%s", args, err, out)
	}
	return string(out)
}
