package states_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/states"
	"github.com/airlock-project/airlock/internal/store"
)

// interrupted is a run of k that failed while it applied, and its attempt.
func (b bench) interrupted(t *testing.T) (domain.Run, states.Attempt) {
	t.Helper()
	run := b.Run(t, "k", domain.RunQueued)
	run.Epoch = 1
	b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		for _, to := range []domain.RunState{
			domain.RunReady, domain.RunPreparing, domain.RunInitializing, domain.RunPlanning, domain.RunConfirmed, domain.RunApplying, domain.RunFailed,
		} {
			from := run.State
			if err := run.Advance(to, tx.Now(), ""); err != nil {
				return err
			}
			run.Worker, run.LeaseUntil = "w", tx.Now()
			if to == domain.RunReady || to.Terminal() {
				run.Worker, run.LeaseUntil = "", time.Time{}
			}
			if err := tx.AdvanceRun(ctx, p.For(access.KindRun), run, from, ""); err != nil {
				return err
			}
		}
		return nil
	})
	return run, states.Attempt{Key: domain.PoolKey{Pool: domain.DefaultWorkerPool}, Run: run.ID, Epoch: 1}
}

// TestCase149Recover: a state that could not be stored during the apply is
// taken after its end, under the same attempt, once.
func TestCase149Recover(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		_, attempt := b.interrupted(t)
		for range 3 {
			if err := b.Recover(t.Context(), attempt, body(4, "l", `,"outputs":{"a":{"value":1}}`)); err != nil {
				t.Fatal(err)
			}
		}
		if v := b.current(t, "k"); v.Serial != 4 || v.RunID != attempt.Run {
			t.Errorf("the state is %+v", v)
		}
		trail := b.Audit(t)
		if last := trail[len(trail)-1]; last.Event != "state.recover" || last.ObjectID != "k" {
			t.Errorf("the audit trail ends with %+v", last)
		}
		b.Invariants(t, nil)
	})
}

// TestCase151Recover: what a stale attempt hands over is refused and changes
// nothing but that its stack is locked where the state is kept.
func TestCase151Recover(t *testing.T) {
	for name, c := range map[string]struct {
		code domain.Code
		body []byte
		set  func(t *testing.T, b bench, a *states.Attempt)
	}{
		"an older epoch": {domain.CodeConflict, body(9, "l", ""), func(_ *testing.T, _ bench, a *states.Attempt) { a.Epoch = 0 }},
		"a newer epoch":  {domain.CodeConflict, body(9, "l", ""), func(_ *testing.T, _ bench, a *states.Attempt) { a.Epoch = 2 }},
		"another pool": {domain.CodeNotFound, body(9, "l", ""), func(t *testing.T, b bench, a *states.Attempt) {
			a.Key = domain.PoolKey{Pool: b.Pool(t, "p", "apps").ID}
		}},
		"a pool of the past": {domain.CodeUnauthenticated, body(9, "l", ""), func(_ *testing.T, _ bench, a *states.Attempt) { a.Key.Generation = 7 }},
		"no such run":        {domain.CodeNotFound, body(9, "l", ""), func(_ *testing.T, _ bench, a *states.Attempt) { a.Run = "none" }},
		"no state":           {domain.CodeInvalid, []byte("{}"), nil},
		"bad outputs":        {domain.CodeInvalid, body(9, "l", `,"outputs":7`), nil},
		"a lower serial":     {domain.CodeConflict, body(2, "l", ""), nil},
		"another lineage":    {domain.CodeConflict, body(9, "m", ""), nil},
		"never applied":      {domain.CodeConflict, body(9, "l", ""), func(t *testing.T, b bench, a *states.Attempt) { a.Run, a.Epoch = b.Run(t, "k", domain.RunFailed).ID, 0 }},
		"a later writer": {domain.CodeConflict, body(9, "l", ""), func(t *testing.T, b bench, _ *states.Attempt) {
			later := b.AsStack(t, b.Run(t, "k", domain.RunApplying))
			if err := b.Lock(later, "k", "lock", `{}`); err != nil {
				t.Fatal(err)
			}
			if err := b.Write(later, "k", "lock", body(5, "l", "")); err != nil {
				t.Fatal(err)
			}
		}},
		"a writer now": {domain.CodeConflict, body(9, "l", ""), func(t *testing.T, b bench, _ *states.Attempt) { b.Run(t, "k", domain.RunApplying) }},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b bench) {
				_, attempt := b.interrupted(t)
				if err := b.Recover(t.Context(), attempt, body(3, "l", "")); err != nil {
					t.Fatal(err)
				}
				if c.set != nil {
					c.set(t, b, &attempt)
				}
				before := b.Digest(t)
				wantCode(t, b.Recover(t.Context(), attempt, c.body), c.code)
				b.lockBy(t, "k", "") // see TestUnstoredLocks
				if diff := cmp.Diff(but(before), but(b.Digest(t))); diff != "" {
					t.Errorf("a refusal changed something:\n%s", diff)
				}
			})
		})
	}
}
