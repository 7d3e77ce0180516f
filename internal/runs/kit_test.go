package runs_test

import (
	"context"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/schedules"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

const base = "https://airlock.example.com"

// bench is the fixture with the use cases of runs, and a worker by hand.
type bench struct {
	*storetest.Kit
	*runs.Service
}

type ctx = context.Context

// builtIn is what a worker of the default pool has proved.
var builtIn = domain.PoolKey{Pool: domain.DefaultWorkerPool}

type tokens struct{}

func (tokens) RunToken(r domain.Run) (string, error) { return "token of " + string(r.ID), nil }

func service(s *store.Store, k *storetest.Kit) *runs.Service {
	return runs.New(store.Bind[runs.Tx](s), access.NewGate(), k.IDs, tokens{}, runs.Config{
		BaseURL: base, Uploads: runs.UploadTokens{New: k.IDs.ULID, Hash: func(token string) []byte { return []byte(token) }},
		Next: schedules.Next,
	})
}

// each runs a test on both databases with the access model's fixture.
func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		test(t, bench{k, service(k.Store, k)})
	})
}

func (b bench) trigger(t *testing.T, stack domain.StackID) domain.Run {
	t.Helper()
	run, err := b.Trigger(b.As(t, "root-admin"), runs.TriggerInput{Stack: stack})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// lease takes the next run of the default pool, as a worker does.
func (b bench) lease(t *testing.T) *runs.Assignment {
	t.Helper()
	a, err := b.Lease(t.Context(), builtIn, "worker-1", time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if a == nil {
		t.Fatal("no run waits for a worker")
	}
	return a
}

// beat renews a lease without waiting.
func (b bench) beat(t *testing.T, l runs.Lease) error {
	t.Helper()
	_, err := b.Heartbeat(t.Context(), l, 0)
	return err
}

func (b bench) noLease(t *testing.T) {
	t.Helper()
	a, err := b.Lease(t.Context(), builtIn, "worker-1", time.Millisecond)
	if err != nil || a != nil {
		t.Fatalf("leased %+v, error %v; want nothing", a, err)
	}
}

// advance reports states in turn.
func (b bench) advance(t *testing.T, l runs.Lease, states ...domain.RunState) {
	t.Helper()
	for _, s := range states {
		if err := b.Advance(t.Context(), l, runs.Progress{To: s}); err != nil {
			t.Fatalf("advance to %s: %v", s, err)
		}
	}
}

// planned triggers a run and plans it to UNCONFIRMED.
func (b bench) planned(t *testing.T, stack domain.StackID) domain.Run {
	t.Helper()
	b.trigger(t, stack)
	a := b.lease(t)
	b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning, domain.RunUnconfirmed)
	return b.get(t, a.Run.ID)
}

// applying goes on to APPLYING and returns the lease of the apply.
func (b bench) applying(t *testing.T, stack domain.StackID) runs.Lease {
	t.Helper()
	run := b.planned(t, stack)
	if _, err := b.Confirm(b.As(t, "root-admin"), stack, run.ID, ""); err != nil {
		t.Fatal(err)
	}
	a := b.lease(t)
	b.advance(t, a.Lease, domain.RunApplying)
	return a.Lease
}

func (b bench) get(t *testing.T, id domain.RunID) (r domain.Run) {
	t.Helper()
	b.View(t, func(tx *store.Tx) (err error) { r, err = tx.Run(t.Context(), id); return err })
	return r
}

func (b bench) wantState(t *testing.T, id domain.RunID, want domain.RunState) {
	t.Helper()
	if got := b.get(t, id).State; got != want {
		t.Errorf("run %s is %s, want %s", id, got, want)
	}
}

func wantCode(t *testing.T, err error, want domain.Code) {
	t.Helper()
	if domain.ErrorCode(err) != want || err == nil {
		t.Errorf("got %v, want %s", err, want)
	}
}

// states returns the states of a run in the order it had them.
func (b bench) states(t *testing.T, id domain.RunID) (out []domain.RunState) {
	t.Helper()
	history, err := b.History(b.As(t, "root-admin"), id)
	if err != nil {
		t.Fatal(err)
	}
	for i := len(history) - 1; i >= 0; i-- {
		out = append(out, history[i].State)
	}
	return out
}
