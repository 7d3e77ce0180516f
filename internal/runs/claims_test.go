package runs_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store"
)

// flood lets proposed runs of one stack wait for a worker.
func (b bench) flood(t *testing.T, stack domain.StackID, n int) {
	t.Helper()
	model := b.Run(t, stack, domain.RunQueued)
	err := b.Exec(t, `with recursive n(i) as (select 1 union all select i + 1 from n where i < $2)
		insert into runs (id, stack_id, type, state, serial, branch, commit_info, title, metadata, triggered_by, created_at, updated_at,
			delta, changes, note, autodeploy, blocking, epoch, worker, lease_until, log_bytes, acted_as, request, priority, drift, targets, stop)
		select 'flood-' || i, stack_id, 'PROPOSED', 'READY', 2, branch, commit_info, title, metadata, triggered_by, created_at, updated_at,
			delta, changes, note, autodeploy, $3, 0, '', 0, 0, acted_as, request, $4, drift, targets, stop from runs, n where id = $1`,
		string(model.ID), n, false, domain.RunPriorityProposed)
	if err != nil {
		t.Fatal(err)
	}
}

// TestCase157: thousands of runs of one space keep those of another one waiting
// for no longer than a worker needs to end what it has. What is counted are the
// runs that went before: how long they take is the machine's affair.
func TestCase157(t *testing.T) {
	const flood, others, workers, atMost = 5000, 20, 4, 100
	each(t, func(t *testing.T, b bench) {
		b.pooled(t)
		b.flood(t, "a", flood)
		ctx, stop := context.WithCancel(t.Context())
		given := make(chan domain.RunID)
		var all sync.WaitGroup
		for i := range workers {
			all.Go(func() {
				for ctx.Err() == nil {
					a, err := b.Lease(ctx, private, fmt.Sprint("w", i), 10*time.Second)
					if err != nil {
						t.Error(err)
						stop()
					}
					if a == nil {
						continue
					}
					select {
					case given <- a.Run.ID:
						b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning, domain.RunFinished)
					case <-ctx.Done():
					}
				}
			})
		}
		var before []int // how many runs went before each of the others
		for range others {
			began := time.Now()
			run, err := b.Trigger(b.As(t, "root-admin"), runs.TriggerInput{Stack: "v", Type: domain.RunProposed})
			if err != nil {
				t.Fatal(err)
			}
			for n := 0; ctx.Err() == nil; n++ {
				if id := <-given; id == run.ID || n > flood/2 {
					before = append(before, n)
					break
				}
			}
			if took := time.Since(began); took > 2*time.Second {
				t.Logf("one waited for %s", took)
			}
		}
		stop()
		all.Wait()
		slices.Sort(before)
		if len(before) < others || before[others*99/100] > atMost {
			t.Errorf("before the runs of the other space, others went: %v", before)
		}
	})
}

// TestSpacesInTurn: of runs that are as urgent as each other, each space gets
// as many workers as the others, whoever asked first.
func TestSpacesInTurn(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.pooled(t)
		b.flood(t, "a", 6)
		b.Clock.Advance(time.Second)
		for range 3 {
			b.proposed(t, "v")
			b.Clock.Advance(time.Second)
		}
		var shown []string
		list, err := b.Waiting(b.As(t, "root-admin"), "private")
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range list {
			shown = append(shown, string(w.StackID))
		}
		var got []string
		for i := range 9 {
			got = append(got, string(b.takes(t, fmt.Sprint("w", i))))
		}
		const want = "a v a v a v a a a"
		if strings.Join(got, " ") != want || strings.Join(shown, " ") != want {
			t.Errorf("given out: %v\nshown: %v\nwant: %s", got, shown, want)
		}
	})
}

// TestBrokenRunKeepsNobodyWaiting: a run that cannot be given out fails the
// worker that was to have it, once, and the runs behind it go on.
func TestBrokenRunKeepsNobodyWaiting(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.pooled(t)
		if _, err := stacks.New(store.Bind[stacks.Tx](b.Store), access.NewGate(), b.IDs, nil).AddConfig(b.As(t, "root-admin"), "a", variable("A", "b")); err != nil {
			t.Fatal(err)
		}
		if err := b.Exec(t, `update config set sealed = $1 where owner_id = 'a'`, []byte("rot")); err != nil {
			t.Fatal(err)
		}
		broken := b.trigger(t, "a")
		b.Clock.Advance(time.Second)
		b.trigger(t, "v")
		var mu sync.Mutex
		var failed int
		var got []domain.StackID
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() {
				a, err := b.Lease(t.Context(), private, fmt.Sprint("w", i), 100*time.Millisecond)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					failed++
				}
				if a != nil {
					got = append(got, a.Stack.ID)
				}
			})
		}
		all.Wait()
		if failed != 1 || len(got) != 1 || got[0] != "v" {
			t.Errorf("%d workers failed, given out: %v; want one, and v", failed, got)
		}
		b.wantState(t, broken.ID, domain.RunReady)
	})
}

// TestManyWorkersAtOnce: runs that become ready together go to as many workers,
// one each, and nobody leaves with a run that is given to another one.
func TestManyWorkersAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		const stacks, workers = 20, 50
		for i := range stacks {
			b.Stack(t, domain.StackID(fmt.Sprint("s", i)), "dev", nil)
		}
		var mu sync.Mutex
		given := map[domain.RunID]string{}
		var all sync.WaitGroup
		for i := range workers {
			all.Go(func() {
				for wait := time.Duration(i % 7); ; wait += 5 {
					a, err := b.Lease(t.Context(), builtIn, fmt.Sprint("w", i), wait*time.Millisecond)
					mu.Lock()
					if err != nil {
						t.Error(err)
					}
					if a != nil && given[a.Run.ID] != "" {
						t.Errorf("%s has run %s of %s, too", a.Run.Worker, a.Run.ID, given[a.Run.ID])
					}
					if a != nil {
						given[a.Run.ID] = a.Run.Worker
					}
					done := len(given) == stacks
					mu.Unlock()
					if done || err != nil || a != nil {
						return
					}
				}
			})
		}
		for i := range stacks {
			b.trigger(t, domain.StackID(fmt.Sprint("s", i)))
			b.Wake()
		}
		all.Wait()
		for id, worker := range given {
			if run := b.get(t, id); run.Worker != worker || run.Epoch != 1 {
				t.Errorf("run %s is %s's by lease %d, want %s's by the first", id, run.Worker, run.Epoch, worker)
			}
			if diff := cmp.Diff([]domain.RunState{domain.RunQueued, domain.RunReady, domain.RunPreparing}, b.states(t, id)); diff != "" {
				t.Errorf("history of run %s (-want +got):\n%s", id, diff)
			}
		}
		shown := b.Rows(t, `select run_state || ' ' || count(*) from stacks where id in (select stack_id from runs) group by run_state`)
		if got := fmt.Sprint(shown); got != fmt.Sprintf("[[PREPARING %d]]", stacks) {
			t.Errorf("the stacks show %v", shown)
		}
		b.Invariants(t, nil)
	})
}
