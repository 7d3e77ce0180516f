package runs_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

// planning triggers a run and takes it to PLANNING.
func (b bench) planning(t *testing.T, stack domain.StackID) runs.Lease {
	t.Helper()
	b.trigger(t, stack)
	l := b.lease(t).Lease
	b.advance(t, l, domain.RunInitializing, domain.RunPlanning)
	return l
}

// logOf returns the log of a run while it plans.
func (b bench) logOf(t *testing.T, id domain.RunID) (out string) {
	t.Helper()
	for token, more := "", true; more; {
		p, err := b.Logs(b.As(t, "root-admin"), id, domain.RunPlanning, -1, token)
		if err != nil {
			t.Fatal(err)
		}
		out, token, more = out+strings.Join(p.Lines, ""), p.Next, p.HasMore
	}
	return out
}

// TestLogPiecesTogether: pieces of many runs, written together, keep the order
// and the checks of each, whoever sends something wrong among them.
func TestLogPiecesTogether(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		const many, length = 12, 20
		var leases []runs.Lease
		for i := range many {
			id := domain.StackID(fmt.Sprint("chatty-", i))
			b.Stack(t, id, "dev", nil)
			leases = append(leases, b.planning(t, id))
		}
		b.planned(t, "k") // its lease is over
		var all sync.WaitGroup
		for _, l := range leases {
			all.Go(func() {
				for seq := range length {
					for _, n := range []int{seq, max(seq-1, 0), seq} {
						if err := b.AppendLog(t.Context(), l, n, domain.RunPlanning, fmt.Sprintf("%s %d\n", l.Run, n)); err != nil {
							t.Errorf("piece %d: %v", n, err)
						}
					}
					wantCode(t, b.AppendLog(t.Context(), l, seq+2, domain.RunPlanning, "too early\n"), domain.CodeConflict)
				}
			})
			all.Go(func() {
				for range length {
					stale, stranger, nobody, token := l, l, l, l
					stale.Epoch, stranger.Key.Pool, nobody.Run, token.Key.Generation = 0, "another", "01NOBODY", 7
					wantCode(t, b.AppendLog(t.Context(), stale, 0, domain.RunPlanning, "stale\n"), domain.CodeConflict)
					wantCode(t, b.AppendLog(t.Context(), nobody, 0, domain.RunPlanning, "nobody's\n"), domain.CodeNotFound)
					wantCode(t, b.AppendLog(t.Context(), stranger, 0, domain.RunPlanning, "a stranger's\n"), domain.CodeUnauthenticated)
					wantCode(t, b.AppendLog(t.Context(), token, 0, domain.RunPlanning, "an old token's\n"), domain.CodeUnauthenticated)
				}
			})
		}
		all.Wait()
		for _, l := range leases {
			want := ""
			for n := range length {
				want += fmt.Sprintf("%s %d\n", l.Run, n)
			}
			if diff := cmp.Diff(want, b.logOf(t, l.Run)); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		}
	})
}

// TestLogPieceOfHeldRun: whoever holds one run keeps the logs of no other one
// waiting.
func TestLogPieceOfHeldRun(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		if !b.Postgres() {
			t.Skip("SQLite has one writer")
		}
		held, free := b.planning(t, "k"), b.planning(t, "k2")
		var waiting sync.WaitGroup
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := b.Store.Change(ctx, func(tx *store.Tx) error {
			if _, err := tx.LockRun(ctx, held.Run); err != nil {
				return err
			}
			waiting.Go(func() {
				if err := b.AppendLog(ctx, held, 0, domain.RunPlanning, "late\n"); err != nil {
					t.Error(err)
				}
			})
			return b.AppendLog(ctx, free, 0, domain.RunPlanning, "now\n")
		})
		waiting.Wait()
		if err != nil {
			t.Error(err)
		}
		if got := b.logOf(t, held.Run) + b.logOf(t, free.Run); got != "late\nnow\n" {
			t.Errorf("the logs are %q", got)
		}
	})
}

// TestLogWithReport: a report brings the rest of the log along. It is stored
// once, also when the report is answered by an order to stop.
func TestLogWithReport(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		l := b.planning(t, "k")
		if err := b.AppendLog(t.Context(), l, 0, domain.RunPlanning, "first\n"); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Stop(b.As(t, "root-admin"), "k", l.Run, ""); err != nil {
			t.Fatal(err)
		}
		p := runs.Progress{To: domain.RunUnconfirmed, Log: []domain.LogChunk{
			{Seq: 0, State: domain.RunPlanning, Body: "first\n"}, {Seq: 1, State: domain.RunPlanning, Body: "second \xff\n"},
		}}
		for range 2 {
			if err := b.Advance(t.Context(), l, p); err != runs.ErrStop {
				t.Fatalf("%v, want an order to stop", err)
			}
		}
		p = runs.Progress{To: domain.RunStopped, Log: []domain.LogChunk{{Seq: 3, State: domain.RunPlanning, Body: "too early\n"}}}
		wantCode(t, b.Advance(t.Context(), l, p), domain.CodeConflict)
		b.wantState(t, l.Run, domain.RunPlanning)
		p.Log[0] = domain.LogChunk{Seq: 2, State: domain.RunPlanning, Body: "third\n"}
		for range 2 {
			if err := b.Advance(t.Context(), l, p); err != nil {
				t.Fatal(err)
			}
		}
		b.wantState(t, l.Run, domain.RunStopped)
		if got := b.logOf(t, l.Run); got != "first\nsecond \uFFFD\nthird\n" {
			t.Errorf("the log is %q", got)
		}
	})
}
