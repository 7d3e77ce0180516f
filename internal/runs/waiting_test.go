package runs_test

import (
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// TestDiscardWaiting: a plan that waits for longer than its workspace is kept goes
// with it, and lets the next run of its stack begin; nothing else does.
func TestDiscardWaiting(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		const keep = 48 * time.Hour
		discard := func(want int) {
			t.Helper()
			if n, err := b.DiscardWaiting(t.Context(), keep); n != want || err != nil {
				t.Errorf("discarded %d, %v; want %d", n, err, want)
			}
		}
		b.trigger(t, "k")
		old := b.lease(t).Lease
		b.advance(t, old, domain.RunInitializing, domain.RunPlanning)
		if err := b.PutWorkspace(t.Context(), old, []byte("w")); err != nil {
			t.Fatal(err)
		}
		b.advance(t, old, domain.RunUnconfirmed)
		next := b.trigger(t, "k")
		b.Clock.Advance(keep)
		young := b.Run(t, "k2", domain.RunUnconfirmed)
		discard(0)
		b.Clock.Advance(time.Second)
		if n, err := b.DiscardWaiting(t.Context(), 0); n != 0 || err != nil {
			t.Errorf("without a limit: %d, %v", n, err)
		}
		discard(1)
		discard(0)
		if run := b.get(t, old.Run); run.State != domain.RunDiscarded || !strings.Contains(run.Note, "within 2 days") {
			t.Errorf("the old run is %s (%s)", run.State, run.Note)
		}
		b.wantState(t, young.ID, domain.RunUnconfirmed)
		b.wantState(t, next.ID, domain.RunReady)
	})
}
