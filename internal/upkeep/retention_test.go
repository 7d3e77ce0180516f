package upkeep_test

import (
	"context"
	"fmt"
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

// past is a run of some state with a log and a plan.
func past(t *testing.T, k *storetest.Kit, stack domain.StackID, state domain.RunState) domain.RunID {
	t.Helper()
	run := k.Run(t, stack, state)
	say(t, k, domain.LogChunk{RunID: run.ID, Epoch: 1, StateSerial: 1, State: domain.RunPlanning, Body: "x"})
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.SetRunChanges(ctx, p.For(access.KindRun), run.ID, []domain.ResourceChange{{Address: "a.b"}})
	})
	return run.ID
}

// keepStates stores versions of a stack's state.
func keepStates(t *testing.T, k *storetest.Kit, stack domain.StackID, n int) {
	t.Helper()
	for serial := range n {
		id := domain.StateVersionID(fmt.Sprint(stack, "-", serial))
		kept, err := k.Store.StageState(t.Context(), stack, id, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			v := domain.StateVersion{ID: id, StackID: stack, Serial: int64(serial), CreatedAt: tx.Now()}
			if kept.Object == "" {
				return tx.InsertState(ctx, p.For(access.KindState), v, []byte("{}"))
			}
			return tx.InsertStagedState(ctx, p.For(access.KindState), v, kept)
		})
	}
}

// left is what there is of logs, plans and states.
func left(t *testing.T, k *storetest.Kit) (out []string) {
	t.Helper()
	for _, query := range []string{
		`select distinct 'log of ' || stack_id || ' ' || r.state from runs r where exists (select 1 from run_logs where run_id = r.id) or exists (select 1 from run_log_parts where run_id = r.id) order by 1`,
		`select 'plan of ' || stack_id || ' ' || state from runs where changes not in ('', '[]', 'null') order by 1`,
		`select 'refused ' || stack_id from refused_states order by stack_id`,
		`select 'states of ' || stack_id || ': ' || min(serial) || '-' || max(serial) from state_versions group by stack_id order by stack_id`,
	} {
		for _, row := range k.Rows(t, query) {
			out = append(out, fmt.Sprint(row[0]))
		}
	}
	return out
}

// refuse keeps a refused state of a stack.
func refuse(t *testing.T, k *storetest.Kit, stack domain.StackID) {
	t.Helper()
	id := domain.RefusedStateID("refused-" + stack)
	kept, err := k.Store.StageRefusedState(t.Context(), id, []byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.InsertRefusedState(ctx, p.For(access.KindState), domain.RefusedState{ID: id, StackID: stack, CreatedAt: tx.Now()}, kept)
	})
}

const day = 24 * time.Hour

// TestRetention: what is too old goes, of runs that have ended and of states
// that are neither current nor among the newest; the trail says so once a step.
func TestRetention(t *testing.T) {
	storetest.EachPlace(t, func(t *testing.T, k *storetest.Kit) {
		for _, id := range []domain.StackID{"a", "busy", "locked", "one"} {
			k.Stack(t, id, "root", nil)
		}
		past(t, k, "a", domain.RunFinished)
		past(t, k, "busy", domain.RunUnconfirmed)
		refuse(t, k, "a")
		refuse(t, k, "busy")
		for stack, n := range map[domain.StackID]int{"a": 10, "busy": 5, "locked": 5, "one": 1} {
			keepStates(t, k, stack, n)
		}
		k.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.PutStateLock(ctx, p.For(access.KindState), "locked", domain.StateLock{ID: "l", At: tx.Now()})
		})
		k.Clock.Advance(10 * day)
		if _, err := service(k, "me").Pack(t.Context()); err != nil {
			t.Fatal(err)
		}
		past(t, k, "a", domain.RunFailed)
		s := service(k, "me")
		forget := func(r upkeep.Retention, n int, want ...string) {
			t.Helper()
			if got, err := s.Retain(t.Context(), r); err != nil || got != n {
				t.Errorf("%+v: forgot %d, want %d: %v", r, got, n, err)
			}
			if diff := cmp.Diff(want, left(t, k)); diff != "" {
				t.Errorf("%+v: %s", r, diff)
			}
		}
		logs := []string{"log of a FAILED", "log of a FINISHED", "log of busy UNCONFIRMED"}
		plans := []string{"plan of a FAILED", "plan of a FINISHED", "plan of busy UNCONFIRMED"}
		others := []string{"states of busy: 0-4", "states of locked: 0-4", "states of one: 0-0"}
		all := func(parts ...[]string) (out []string) {
			for _, p := range parts {
				out = append(out, p...)
			}
			return out
		}
		forget(upkeep.Retention{}, 0, all(logs, plans, []string{"refused a", "refused busy", "states of a: 0-9"}, others)...)
		forget(upkeep.Retention{Logs: 11 * day, Plans: 11 * day, States: 11 * day}, 0, all(logs, plans, []string{"refused a", "refused busy", "states of a: 0-9"}, others)...)
		forget(upkeep.Retention{Logs: 9 * day}, 1, all([]string{logs[0], logs[2]}, plans, []string{"refused a", "refused busy", "states of a: 0-9"}, others)...)
		forget(upkeep.Retention{Plans: 9 * day}, 1, all([]string{logs[0], logs[2]}, []string{plans[0], plans[2]}, []string{"refused a", "refused busy", "states of a: 0-9"}, others)...)
		forget(upkeep.Retention{States: 9 * day, NewestStates: 4}, 7, all([]string{logs[0], logs[2]}, []string{plans[0], plans[2]}, []string{"refused busy", "states of a: 6-9"}, others)...)
		forget(upkeep.Retention{States: time.Nanosecond, NewestStates: 0}, 3, all([]string{logs[0], logs[2]}, []string{plans[0], plans[2]}, []string{"refused busy", "states of a: 9-9"}, others)...)
		var events []string
		for _, e := range k.Audit(t) {
			if strings.HasPrefix(e.Event, "retention.") {
				events = append(events, e.Event)
			}
		}
		if diff := cmp.Diff([]string{"retention.logs", "retention.plans", "retention.refused_states", "retention.states", "retention.states"}, events); diff != "" {
			t.Error(diff)
		}
		// Whoever looks for a log learns that there was one.
		for _, row := range k.Rows(t, `select id, state from runs where stack_id = 'a'`) {
			var run domain.Run
			err := k.Store.View(t.Context(), func(tx *store.Tx) (err error) {
				run, err = tx.Run(t.Context(), domain.RunID(fmt.Sprint(row[0])))
				return err
			})
			if err != nil || run.LogsGone != (run.State == domain.RunFinished) {
				t.Errorf("%v: its logs are gone: %v, %v", row, run.LogsGone, err)
			}
		}
		if n, err := service(k, "another").Retain(t.Context(), upkeep.Retention{Logs: 1}); n != 0 || err != nil {
			t.Errorf("two servers at once: %d, %v", n, err)
		}
	})
}

// TestRetentionIsInSteps forgets more than one step does.
func TestRetentionIsInSteps(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		k.Stack(t, "a", "root", nil)
		keepStates(t, k, "a", 130)
		k.Clock.Advance(day)
		if n, err := service(k, "me").Retain(t.Context(), upkeep.Retention{States: time.Hour, NewestStates: 5}); err != nil || n != 125 {
			t.Errorf("forgot %d: %v", n, err)
		}
	})
}
