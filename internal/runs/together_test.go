package runs_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store"
)

// together is one of several servers that everybody uses at once.
type together struct {
	bench
	server   *runs.Service
	stacks   *stacks.Service
	contexts *contexts.Service
	admin    ctx
}

const (
	mixedStacks = 3
	mixedTime   = 1500 * time.Millisecond
)

// TestTogether lets everything happen at once on few stacks, through two
// servers: nobody may wait in a circle, and I4 and I5 hold afterwards.
func TestTogether(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for i := range mixedStacks {
			b.Stack(t, mixed(i), "dev", nil)
		}
		b.Context(t, "c", "apps")
		end, stop := context.WithTimeout(t.Context(), mixedTime)
		defer stop()
		var all sync.WaitGroup
		for n, s := range []*store.Store{b.Store, b.Open(t)} {
			gate := access.NewGate()
			w := together{
				bench: b, server: service(s, b.Kit), admin: b.As(t, "root-admin"),
				stacks:   stacks.New(store.Bind[stacks.Tx](s), gate, b.IDs, func(string, string) error { return nil }),
				contexts: contexts.New(store.Bind[contexts.Tx](s), gate, b.IDs),
			}
			for i := range 5 {
				all.Go(func() { w.mix(t, end, rand.New(rand.NewPCG(uint64(n), uint64(i)))) })
			}
		}
		all.Wait()
		b.Invariants(t, nil)
		ended := b.Rows(t, "select count(*) from runs where state in ('FINISHED', 'FAILED', 'DISCARDED')")
		t.Logf("%v runs ended", ended[0][0])
	})
}

func mixed(i int) domain.StackID { return domain.StackID(fmt.Sprint("mixed-", i)) }

// mix does random things until the end.
func (w together) mix(t *testing.T, end ctx, r *rand.Rand) {
	for end.Err() == nil {
		id := mixed(r.IntN(mixedStacks))
		var err error
		switch r.IntN(20) {
		default:
			_, err = w.server.Trigger(w.admin, runs.TriggerInput{Stack: id})
		case 5, 6, 7:
			_, err = w.server.Confirm(w.admin, id, "", "")
		case 8:
			_, err = w.server.Discard(w.admin, id, "", "")
		case 9:
			w.Clock.Advance(time.Second)
			_, err = w.server.Reap(w.admin)
		case 10:
			if _, err = w.stacks.Delete(w.admin, id); err == nil {
				_, err = w.stacks.Create(w.admin, stacks.CreateInput{StackSettings: settings(id), Slug: string(id)})
			}
		case 11:
			_, err = w.contexts.Attach(w.admin, "c", contexts.StackAttachment{Stack: id})
		case 12:
			_, err = w.stacks.AddConfig(w.admin, id, variable("A", "b"))
		case 13, 14, 15, 16, 17, 18, 19:
			err = w.work(r)
		}
		if code := domain.ErrorCode(err); err != nil && (code == "" || code == domain.CodeUnavailable || strings.Contains(err.Error(), "collided")) {
			t.Errorf("%v (%T)", err, err)
			return
		}
	}
}

func settings(id domain.StackID) domain.StackSettings {
	return domain.StackSettings{Name: string(id), Space: "dev", Branch: "main", Repository: "r", Provider: domain.ProviderGit, RepositoryURL: "https://x/y"}
}

// work takes one run as a worker does, and sometimes drops it on the way.
func (w together) work(r *rand.Rand) error {
	a, err := w.server.Lease(w.admin, builtIn, "w", time.Millisecond)
	if err != nil || a == nil {
		return err
	}
	path := []domain.RunState{domain.RunInitializing, domain.RunPlanning, domain.RunUnconfirmed}
	if a.Run.State == domain.RunPreparingApply {
		path = []domain.RunState{domain.RunApplying, domain.RunFinished}
	}
	for i, to := range path {
		if r.IntN(10) == 0 {
			return nil // lost
		}
		if err := w.server.AppendLog(w.admin, a.Lease, i, a.Run.State, "line\n"); err != nil {
			return err
		}
		if _, err := w.server.Heartbeat(w.admin, a.Lease, 0); err != nil {
			return err
		}
		if err := w.server.Advance(w.admin, a.Lease, runs.Progress{To: to, Outputs: []domain.Output{{Name: "o"}}}); err != nil {
			return err
		}
	}
	return nil
}
