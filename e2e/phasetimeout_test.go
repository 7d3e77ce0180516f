package e2e

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestPhaseTimeout lets an apply take longer than its worker allows, by a worker
// of its own and by the server's: it fails and says why, what it has made by then
// is in the state, and the stack goes on.
func TestPhaseTimeout(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		limit := []string{"--phase-timeout", "8s"}
		flags, remote := limit, false
		if database != "sqlite" {
			flags, remote = []string{"--workers", "0"}, true
		}
		s := &story{top: t, server: start(t, database, flags...), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		if remote {
			s.startWorker(t, filepath.Join(s.dir, "work"), limit...)
		}
		stack := s.deploying(t, "slow", strings.ReplaceAll(slowCode, "sleep 0.2", "sleep 600"))
		run := s.admin.id(t, runTrigger, vars{"stack": stack})
		s.applying(t, stack, run)
		r := s.admin.reaches(t, stack, run, "FAILED")
		const note = "APPLYING took longer than 8s, which is what this worker allows (setting --phase-timeout)"
		if r.History[0].Note != note || !strings.Contains(s.admin.wholeLog(t, stack, run), "Failed: "+note) {
			t.Errorf("the run failed with %q", r.History[0].Note)
		}
		s.reconciled(t, stack, r, r.History[0].Note)
		s.stored(t, stack)
		s.stop(t)
		sound(t, s.server, s.databaseURL(database), nil)
	})
}
