package runs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

var private = domain.PoolKey{Pool: "private"}

// pooled makes the pool private of root, with stacks a of apps and v of vault.
func (b bench) pooled(t *testing.T) {
	t.Helper()
	b.Pool(t, "private", "root")
	for stack, space := range map[domain.StackID]domain.SpaceID{"a": "apps", "v": "vault"} {
		b.Stack(t, stack, space, func(s *domain.Stack) { s.WorkerPool = "private" })
	}
}

// takes leases a run of the pool private for a worker, and returns its stack.
func (b bench) takes(t *testing.T, worker string) domain.StackID {
	t.Helper()
	a, err := b.Lease(t.Context(), private, worker, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if a == nil {
		return ""
	}
	return a.Stack.ID
}

// TestDrainedWorker: a worker that is drained, leaves, or belongs to what was
// cycled gets no run; others do.
func TestDrainedWorker(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.pooled(t)
		b.trigger(t, "a")
		write := func(fn func(ctx ctx, tx *store.Tx, p access.Permit) error) {
			b.Fill(t, func(ctx ctx, tx *store.Tx, p access.Permit) error { return fn(ctx, tx, p.For(access.KindWorkerPool)) })
		}
		w := domain.Worker{Pool: "private", ID: "w", CreatedAt: b.Clock.Now(), AvailableAt: b.Clock.Now(), SeenAt: b.Clock.Now()}
		write(func(ctx ctx, tx *store.Tx, p access.Permit) error { return tx.RegisterWorker(ctx, p, w) })
		for name, stop := range map[string]func(ctx ctx, tx *store.Tx, p access.Permit) error{
			"drained": func(ctx ctx, tx *store.Tx, p access.Permit) error {
				return tx.SetWorkerDrained(ctx, p, domain.Worker{Pool: "private", ID: "w", Drained: true})
			},
			"leaving": func(ctx ctx, tx *store.Tx, p access.Permit) error { return tx.WorkerLeaves(ctx, p, "private", "w") },
			"cycled":  func(ctx ctx, tx *store.Tx, p access.Permit) error { return tx.CycleWorkerPool(ctx, p, "private") },
		} {
			write(stop)
			if got := b.takes(t, "w"); got != "" {
				t.Errorf("%s: it got a run of %s", name, got)
			}
			b.Clock.Advance(time.Second)
			again := w
			again.CreatedAt = b.Clock.Now()
			write(func(ctx ctx, tx *store.Tx, p access.Permit) error {
				if err := tx.DropWorkers(ctx, p, []domain.Worker{w}); err != nil {
					return err
				}
				return tx.RegisterWorker(ctx, p, again)
			})
		}
		if got := b.takes(t, "w"); got != "a" {
			t.Errorf("in the end it got %q", got)
		}
		b.View(t, func(tx *store.Tx) error {
			now, err := tx.Worker(t.Context(), "private", "w")
			if !now.AvailableAt.IsZero() {
				t.Errorf("with a run it is available since %v", now.AvailableAt)
			}
			return err
		})
	})
}

// TestDriftRunLimit: a pool's workers execute as many runs of drift detection
// as it may; other runs go on.
func TestDriftRunLimit(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.pooled(t)
		limit := func(n *int) {
			b.Fill(t, func(ctx ctx, tx *store.Tx, p access.Permit) error {
				w, err := tx.WorkerPool(ctx, "private")
				w.DriftRunLimit = n
				if err != nil {
					return err
				}
				return tx.UpdateWorkerPool(ctx, p.For(access.KindWorkerPool), w)
			})
		}
		drift := func(stack domain.StackID) {
			b.Stack(t, stack, "apps", func(s *domain.Stack) { s.WorkerPool = "private" })
			b.in(t, stack, domain.RunTracked, domain.RunFinished)
			run := b.Run(t, stack, domain.RunQueued)
			if err := b.Exec(t, `update runs set state = 'READY', commit_info = '{}', type = 'PROPOSED', blocking = $1, drift = $2, priority = 0 where id = $3`, false, true, string(run.ID)); err != nil {
				t.Fatal(err)
			}
		}
		for i := range 4 {
			drift(domain.StackID(fmt.Sprintf("drift-%d", i)))
		}
		zero, one, none := 0, 1, -1
		limit(&zero)
		if got := b.takes(t, "w"); got != "" {
			t.Errorf("with 0 allowed it got %s", got)
		}
		limit(&one)
		if got := b.takes(t, "w"); got != "drift-0" {
			t.Errorf("the first is %q", got)
		}
		if got := b.takes(t, "w"); got != "" {
			t.Errorf("the second is %q", got)
		}
		b.trigger(t, "a")
		if got := b.takes(t, "w"); got != "a" {
			t.Errorf("another run: %q", got)
		}
		limit(&none)
		if got := b.takes(t, "w"); got != "drift-1" {
			t.Errorf("without a limit: %q", got)
		}
		limit(nil)
		if got := b.takes(t, "w"); got != "drift-2" {
			t.Errorf("without any limit: %q", got)
		}
	})
}

// TestWaiting: who waits for a pool is shown as far as the caller lists stacks,
// each at its true place.
func TestWaiting(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.pooled(t)
		for _, stack := range []domain.StackID{"v", "a", "k"} {
			b.trigger(t, stack)
			b.Clock.Advance(time.Second)
		}
		waiting := func(who string, pool domain.WorkerPoolID) string {
			list, err := b.Waiting(b.As(t, who), pool)
			if err != nil {
				return string(domain.ErrorCode(err))
			}
			var out []string
			for _, w := range list {
				out = append(out, fmt.Sprintf("%d %s", w.Position, w.StackID))
			}
			return strings.Join(out, ", ")
		}
		for who, want := range map[string]string{
			"root-admin": "1 v, 2 a", "ann": "2 a", "rita": "", "nobody": "",
		} {
			if got := waiting(who, "private"); got != want {
				t.Errorf("%s sees %q, want %q", who, got, want)
			}
		}
		if got := waiting("root-admin", domain.DefaultWorkerPool); got != "1 k" {
			t.Errorf("the built-in pool: %q", got)
		}
		b.takes(t, "w")
		for who, want := range map[string]int{"root-admin": 1, "ann": 0} {
			if held, err := b.Held(b.As(t, who), "private"); err != nil || len(held) != want {
				t.Errorf("%s sees %d held runs, %v; want %d", who, len(held), err, want)
			}
		}
	})
}
