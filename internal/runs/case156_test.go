package runs_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
)

var everyState = []domain.RunState{
	domain.RunQueued, domain.RunReady, domain.RunPreparing, domain.RunInitializing, domain.RunPlanning, domain.RunUnconfirmed,
	domain.RunPendingReview, domain.RunConfirmed, domain.RunReplanRequested, domain.RunPreparingReplan, domain.RunPreparingApply,
	domain.RunApplying, domain.RunPerforming, domain.RunDestroying,
	domain.RunFinished, domain.RunFailed, domain.RunStopped, domain.RunCanceled, domain.RunDiscarded, domain.RunSkipped,
}

// TestCase156OnlyEdges sends every event to a run in every state: whatever is
// answered, the run has taken an edge of the table or none, and one that has
// ended stays as it ended.
func TestCase156OnlyEdges(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		run := b.trigger(t, "k")
		held := runs.Lease{Key: builtIn, Run: run.ID, Epoch: 1}
		events := map[string]func() error{
			"confirm": func() error { _, err := b.Confirm(admin, "k", run.ID, ""); return err },
			"discard": func() error { _, err := b.Discard(admin, "k", run.ID, ""); return err },
			"cancel":  func() error { _, err := b.Cancel(admin, "k", run.ID, ""); return err },
			"stop":    func() error { _, err := b.Stop(admin, "k", run.ID, ""); return err },
			"kill":    func() error { _, err := b.Kill(admin, "k", run.ID, ""); return err },
			"replan":  func() error { _, err := b.Replan(admin, "k", run.ID, []string{"a.b"}); return err },
			"reap":    func() error { _, err := b.Reap(t.Context()); return err },
			"lost": func() error {
				return b.Advance(t.Context(), held, runs.Progress{To: domain.RunFailed, Lost: true})
			},
		}
		for _, to := range append([]domain.RunState{domain.RunNone, "INVENTED"}, everyState...) {
			events["advance to "+string(to)] = func() error { return b.Advance(t.Context(), held, runs.Progress{To: to}) }
		}
		taken := 0
		for _, from := range everyState {
			for name, event := range events {
				lease := int64(0)
				if from.Active() {
					lease = b.Clock.Now().Add(time.Minute).UnixMicro()
				}
				if err := b.Exec(t, `update runs set state = $1, epoch = 1, lease_until = $2, stop = '', autodeploy = true where id = $3`,
					string(from), lease, string(run.ID)); err != nil {
					t.Fatal(err)
				}
				before := b.get(t, run.ID)
				err := event()
				after := b.get(t, run.ID)
				switch moved := after.State != from || after.StateSerial != before.StateSerial; {
				case moved && !from.CanBecome(after.State):
					t.Errorf("%s in %s led to %s", name, from, after.State)
				case moved && (from.Terminal() || after.StateSerial != before.StateSerial+1):
					t.Errorf("%s in %s led to %s by %d steps", name, from, after.State, after.StateSerial-before.StateSerial)
				case moved && err != nil:
					t.Errorf("%s in %s led to %s, and was answered %v", name, from, after.State, err)
				case moved:
					taken++
				}
			}
		}
		if taken < 40 {
			t.Errorf("only %d events moved the run: the test does not reach the table", taken)
		}
	})
}

// TestCase156DatabaseKnowsTheEdges is the second net: the database itself takes
// no step that is not an edge.
func TestCase156DatabaseKnowsTheEdges(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		run, serial := b.trigger(t, "k"), 1000
		for _, from := range append([]domain.RunState{domain.RunNone}, everyState...) {
			for _, to := range append([]domain.RunState{domain.RunNone, "INVENTED"}, everyState...) {
				serial++
				err := b.Exec(t, `insert into run_transitions (run_id, serial, previous, state, at, username, note) values ($1, $2, $3, $4, 0, '', '')`,
					string(run.ID), serial, string(from), string(to))
				if got := fmt.Sprint(err == nil); got != fmt.Sprint(from.CanBecome(to)) {
					t.Errorf("%s to %s: %v", from, to, err)
				}
			}
		}
	})
}
