package upkeep_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
	"github.com/airlock-project/airlock/internal/upkeep"
)

func service(k *storetest.Kit, holder string) *upkeep.Service {
	return upkeep.New(store.Bind[upkeep.Tx](k.Store), k.Gate, holder)
}

// say adds pieces to the log of a run, of some lease and step.
func say(t *testing.T, k *storetest.Kit, chunks ...domain.LogChunk) {
	t.Helper()
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.AppendLog(ctx, p.For(access.KindRun), chunks)
	})
}

// pages reads a log in pages of a length, as a client that follows it does.
func pages(t *testing.T, k *storetest.Kit, run domain.RunID, state domain.RunState, serial, length int, after domain.LogPosition) (out []domain.LogChunk) {
	t.Helper()
	for {
		var found domain.FoundLog
		k.View(t, func(tx *store.Tx) (err error) {
			found, err = tx.RunLog(t.Context(), run, state, serial, after, length)
			return err
		})
		page, err := k.Store.OpenLog(t.Context(), found)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, page...)
		if !found.More || len(page) == 0 {
			return out
		}
		last := page[len(page)-1]
		after = domain.LogPosition{Epoch: last.Epoch, Seq: last.Seq}
	}
}

// TestPack: a packed log reads as it did in pieces, from every position and in
// pages of every length; nothing of it is kept in the clear or twice.
func TestPack(t *testing.T) {
	storetest.EachPlace(t, func(t *testing.T, k *storetest.Kit) {
		k.Stack(t, "s", "root", nil)
		run := k.Run(t, "s", domain.RunFinished)
		const canary = "a-canary-in-a-log"
		var all []domain.LogChunk
		add := func(epoch, seq, serial int, state domain.RunState, body string) {
			all = append(all, domain.LogChunk{RunID: run.ID, Epoch: epoch, Seq: seq, StateSerial: serial, State: state, Body: body})
		}
		r := rand.New(rand.NewPCG(1, 2))
		for seq := range 40 {
			add(1, seq, 1+seq/15, []domain.RunState{domain.RunPreparing, domain.RunPlanning, domain.RunPlanning}[seq/15], fmt.Sprint("Ω <", seq, "> ", canary, "\n", r.Uint64()))
		}
		add(2, 0, 1, domain.RunApplying, strings.Repeat("x", 3<<20))
		add(2, 1, 1, domain.RunApplying, "")
		add(2, 2, 1, domain.RunApplying, strings.Repeat("y", 1<<20))
		say(t, k, all...)
		if err := k.Exec(t, `update run_logs set sealed = null, body = 'as before' where epoch = 1 and seq = 3`); err != nil {
			t.Fatal(err)
		}
		all[3].Body = "as before"
		read := func() (out [][]domain.LogChunk) {
			for _, state := range []domain.RunState{"", domain.RunPlanning, domain.RunApplying, domain.RunPreparing, domain.RunQueued} {
				for _, serial := range []int{-1, 1, 3} {
					out = append(out, pages(t, k, run.ID, state, serial, 7, domain.LogPosition{Seq: -1}), pages(t, k, run.ID, state, serial, 1, domain.LogPosition{Epoch: 1, Seq: 22}))
				}
			}
			return out
		}
		before := read()
		if diff := cmp.Diff(all, before[0]); diff != "" {
			t.Fatal(diff)
		}
		s := service(k, "me")
		if n, err := s.Pack(t.Context()); err != nil || n != 0 {
			t.Fatalf("packed %d of a run that has just ended: %v", n, err)
		}
		k.Clock.Advance(2 * time.Minute)
		if n, err := s.Pack(t.Context()); err != nil || n != 1 {
			t.Fatalf("packed %d: %v", n, err)
		}
		if diff := cmp.Diff(before, read()); diff != "" {
			t.Errorf("packed it is another log:\n%s", diff)
		}
		digest := k.Digest(t)
		if digest["run_logs"] != "" || strings.Contains(digest["run_log_parts"], canary) || len(digest["run_log_parts"]) > 200_000 {
			t.Errorf("%d bytes in pieces, %d in parts", len(digest["run_logs"]), len(digest["run_log_parts"]))
		}
		if n, err := s.Pack(t.Context()); err != nil || n != 0 {
			t.Errorf("packed %d once more: %v", n, err)
		}
	})
}

// TestOneLogKeepsNoOther: a log that cannot be read is left as it is, and those of
// later runs are packed.
func TestOneLogKeepsNoOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		k.Stack(t, "s", "root", nil)
		bad, good := k.Run(t, "s", domain.RunFinished), k.Run(t, "s", domain.RunFinished)
		for _, run := range []domain.Run{bad, good} {
			say(t, k, domain.LogChunk{RunID: run.ID, Epoch: 1, StateSerial: 1, State: domain.RunPlanning, Body: "x"})
		}
		if err := k.Exec(t, `update run_logs set sealed = $1 where run_id = $2`, []byte("broken"), string(bad.ID)); err != nil {
			t.Fatal(err)
		}
		k.Clock.Advance(time.Hour)
		if n, err := service(k, "me").Pack(t.Context()); err == nil || n != 1 {
			t.Errorf("packed %d: %v", n, err)
		}
		left, packed := k.Rows(t, `select run_id from run_logs`), k.Rows(t, `select run_id from run_log_parts`)
		if len(left) != 1 || len(packed) != 1 || left[0][0] != string(bad.ID) || packed[0][0] != string(good.ID) {
			t.Errorf("left %v, packed %v", left, packed)
		}
	})
}

// TestUnreadableLogsKeepNoOther: however many logs cannot be read, those of later
// runs are packed; and they are looked at again ever later, until they can be.
func TestUnreadableLogsKeepNoOther(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		k.Stack(t, "s", "root", nil)
		add := func() domain.RunID {
			run := k.Run(t, "s", domain.RunFinished)
			say(t, k, domain.LogChunk{RunID: run.ID, Epoch: 1, StateSerial: 1, State: domain.RunPlanning, Body: "x"})
			return run.ID
		}
		const bad = 50
		for range bad {
			add()
		}
		k.Clock.Advance(time.Hour)
		if err := k.Exec(t, `update run_logs set sealed = $1`, []byte("broken")); err != nil {
			t.Fatal(err)
		}
		good := add()
		k.Clock.Advance(2 * time.Minute)
		s, packed := service(k, "me"), 0
		round := func() (failed int) {
			n, err := s.Pack(t.Context())
			packed += n
			if err == nil {
				return 0
			}
			return strings.Count(err.Error(), "tried again in")
		}
		if failed := round() + round() + round(); failed != bad || packed != 1 {
			t.Errorf("%d logs could not be packed, %d were", failed, packed)
		}
		if rows := k.Rows(t, `select run_id from run_log_parts`); len(rows) != 1 || rows[0][0] != string(good) {
			t.Errorf("packed %v", rows)
		}
		if failed := round(); failed != 0 {
			t.Errorf("%d are tried at once", failed)
		}
		var pauses []time.Duration
		for pause, times := time.Duration(0), 0; times < 10; pause += time.Minute {
			if failed := round(); failed > 0 {
				if again := round() + round(); failed+again != bad {
					t.Errorf("after %v %d were tried", pause, failed+again)
				}
				pauses, pause, times = append(pauses, pause), 0, times+1
			}
			k.Clock.Advance(time.Minute)
		}
		if !slices.IsSorted(pauses) || pauses[0] != time.Minute || pauses[len(pauses)-1] != 6*time.Hour {
			t.Errorf("tried again after %v", pauses)
		}
		if err := k.Exec(t, `update run_logs set sealed = null, body = 'mended'`); err != nil {
			t.Fatal(err)
		}
		k.Clock.Advance(6 * time.Hour)
		if failed := round() + round() + round(); failed != 0 || packed != 1+bad {
			t.Errorf("%d could not be packed, %d were", failed, packed)
		}
	})
}

// TestPackLeavesActiveRuns: what is still written is left alone.
func TestPackLeavesActiveRuns(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		k.Stack(t, "s", "root", nil)
		run := k.Run(t, "s", domain.RunPlanning)
		say(t, k, domain.LogChunk{RunID: run.ID, Epoch: 1, StateSerial: 1, State: domain.RunPlanning, Body: "x"})
		k.Clock.Advance(time.Hour)
		if n, err := service(k, "me").Pack(t.Context()); err != nil || n != 0 {
			t.Errorf("packed %d: %v", n, err)
		}
	})
}

// TestOneServerPacks: the turn is one server's until it ends, and then anybody's.
func TestOneServerPacks(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		k.Stack(t, "s", "root", nil)
		one, two := service(k, "one"), service(k, "two")
		pack := func(s *upkeep.Service, want int) {
			t.Helper()
			run := k.Run(t, "s", domain.RunFinished)
			say(t, k, domain.LogChunk{RunID: run.ID, Epoch: 1, StateSerial: 1, State: domain.RunPlanning, Body: "x"})
			k.Clock.Advance(2 * time.Minute)
			if n, err := s.Pack(t.Context()); err != nil || n != want {
				t.Errorf("packed %d, want %d: %v", n, want, err)
			}
		}
		pack(one, 1)
		pack(two, 0)
		pack(one, 2)
		k.Clock.Advance(10 * time.Minute)
		pack(two, 1)
		pack(one, 0)
	})
}
