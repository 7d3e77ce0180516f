package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

func testOutbox(t *testing.T, k *Kit) {
	deliver := func(limit int, fail func(n int) error) (ids []string, err error) {
		_, err = k.Store.Deliver(t.Context(), domain.TopicAudit, limit, func(ctx context.Context, tx *store.Tx, row domain.OutboxRow) error {
			if e, err := tx.AuditEntry(ctx, domain.AuditID(row.ID)); err != nil || string(e.ID) != row.ID {
				return fmt.Errorf("no audit row for %s: %w", row.ID, err)
			}
			ids = append(ids, row.ID)
			return fail(len(ids))
		})
		return ids, err
	}
	always := func(int) error { return nil }
	for i := range 5 {
		k.AddKey(t, fmt.Sprint("key", i))
	}
	var want []string
	for _, e := range k.Audit(t) {
		want = append(want, string(e.ID))
	}
	first, err := deliver(100, func(n int) error {
		if n == 3 {
			return errors.New("the receiver is down")
		}
		return nil
	})
	if err == nil {
		t.Error("the receiver's error was lost")
	}
	same(t, want[:3], first)
	second, err := deliver(2, always)
	if err != nil {
		t.Fatal(err)
	}
	same(t, want[:2], second) // again, with the same ids, in order
	third, err := deliver(100, always)
	if err != nil {
		t.Fatal(err)
	}
	same(t, want[2:], third)
	none, err := deliver(100, always)
	if err != nil || len(none) != 0 {
		t.Errorf("delivered twice: %v, %v", none, err)
	}
	k.deliverTogether(t)
}

// deliverTogether has several servers deliver: nothing is lost, and nothing is
// sent twice while nothing fails.
func (k *Kit) deliverTogether(t *testing.T) {
	t.Helper()
	const rows = 20
	for i := range rows {
		k.AddKey(t, fmt.Sprint("more", i))
	}
	var mu sync.Mutex
	sent := map[string]int{}
	var all sync.WaitGroup
	for _, s := range []*store.Store{k.Store, k.Open(t), k.Open(t)} {
		all.Go(func() {
			for range rows {
				_, err := s.Deliver(t.Context(), domain.TopicAudit, 3, func(_ context.Context, _ *store.Tx, row domain.OutboxRow) error {
					mu.Lock()
					defer mu.Unlock()
					sent[row.ID]++
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if len(sent) != rows {
		t.Errorf("%d rows were delivered, want %d", len(sent), rows)
	}
	for id, n := range sent {
		if n != 1 {
			t.Errorf("%s was delivered %d times", id, n)
		}
	}
}

// change is one write and whether it is a change of the access world.
type change struct {
	name  string
	kind  access.Kind
	grows bool
	do    write
}

func testRevision(t *testing.T, k *Kit) {
	World(t, k)
	k.Context(t, "c", "dev")
	k.Pool(t, "w", "dev")
	stack := func(change func(*domain.Stack)) write {
		return func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			st, err := tx.Stack(ctx, "k2")
			if err != nil {
				return err
			}
			change(&st)
			return tx.UpdateStack(ctx, p, st)
		}
	}
	k.revisions(t, append(k.peopleChanges(), []change{
		{"space", access.KindSpace, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertSpace(ctx, p, domain.Space{ID: "new", Parent: "root", Name: "new"})
		}},
		{"space change", access.KindSpace, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.UpdateSpace(ctx, p, domain.Space{ID: "new", Parent: "apps", Name: "new", Inherit: true})
		}},
		{"space end", access.KindSpace, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteSpace(ctx, p, "new") }},
		{"role", access.KindRole, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertRole(ctx, p, domain.Role{ID: "r", Slug: "r", Name: "r", Actions: []authz.Action{authz.ActionSpaceRead}})
		}},
		{"role change", access.KindRole, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.UpdateRole(ctx, p, domain.Role{ID: "r", Name: "r", Actions: []authz.Action{authz.ActionSpaceAdmin}})
		}},
		{"binding", access.KindRoleBinding, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertBinding(ctx, p, domain.Binding{ID: "b", Actor: k.Actor("nobody"), Role: "r", Space: "dev"})
		}},
		{"binding end", access.KindRoleBinding, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteBinding(ctx, p, "b") }},
		{"role end", access.KindRole, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteRole(ctx, p, "r") }},
		{"key", access.KindAPIKey, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertAPIKey(ctx, p, domain.APIKey{ID: "x", Name: "x", Type: domain.APIKeySecret})
		}},
		{"unbound key end", access.KindAPIKey, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteAPIKey(ctx, p, "x") }},
		{"bound key end", access.KindAPIKey, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.DeleteAPIKey(ctx, p, k.KeyID("ops"))
		}},
		{"stack", access.KindStack, false, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertStack(ctx, p, domain.Stack{ID: "s", ULID: "s", StackSettings: Settings("s", "dev")})
		}},
		{"administrative stack", access.KindStack, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			st := domain.Stack{ID: "a", ULID: "a", StackSettings: Settings("a", "dev")}
			st.Administrative = true
			return tx.InsertStack(ctx, p, st)
		}},
		{"stack change", access.KindStack, false, stack(func(st *domain.Stack) { st.Branch = "other" })},
		{"stack move", access.KindStack, true, stack(func(st *domain.Stack) { st.Space = "prod" })},
		{"stack flag", access.KindStack, true, stack(func(st *domain.Stack) { st.Administrative = true })},
		{"stack end", access.KindStack, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteStack(ctx, p, "a") }},
		{"context", access.KindContext, false, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.UpdateContext(ctx, p, domain.Context{ID: "c", Name: "c", Space: "dev"})
		}},
		{"context move", access.KindContext, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.UpdateContext(ctx, p, domain.Context{ID: "c", Name: "c", Space: "prod"})
		}},
		{"context end", access.KindContext, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteContext(ctx, p, "c") }},
		{"worker pool", access.KindWorkerPool, false, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.UpdateWorkerPool(ctx, p, domain.WorkerPool{ID: "w", Name: "w", Space: "dev"})
		}},
		{"worker pool move", access.KindWorkerPool, true, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.UpdateWorkerPool(ctx, p, domain.WorkerPool{ID: "w", Name: "w", Space: "prod"})
		}},
		{"config", access.KindStack, false, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.PutConfig(ctx, p, access.KindStack, "k2", domain.Config{ID: "A"})
		}},
		{"run", access.KindRun, false, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.InsertRun(ctx, p, domain.Run{ID: "r", StackID: "k2", Type: domain.RunTracked, State: domain.RunQueued, StateSerial: 1})
		}},
	}...))
}

func (k *Kit) revisions(t *testing.T, changes []change) {
	t.Helper()
	for _, c := range changes {
		before, world := k.revision(t), k.world(t)
		k.must(t, c.kind, k.followed(t, c.do))
		k.follows(t, c.name, world, before)
		if grew := k.revision(t) - before; (grew == 1) != c.grows || grew > 1 {
			t.Errorf("%s: the revision grew by %d, want growth: %v", c.name, grew, c.grows)
		}
	}
}

// runStates are all states that a run or a stack can show.
var runStates = []domain.RunState{
	domain.RunNone, domain.RunQueued, domain.RunReady, domain.RunPreparing, domain.RunPreparingApply, domain.RunPreparingReplan,
	domain.RunInitializing, domain.RunPlanning, domain.RunUnconfirmed, domain.RunPendingReview, domain.RunConfirmed,
	domain.RunReplanRequested, domain.RunApplying, domain.RunPerforming, domain.RunDestroying, domain.RunFinished,
	domain.RunFailed, domain.RunStopped, domain.RunCanceled, domain.RunDiscarded, domain.RunSkipped,
}

// testRunEdges tries every pair of states against the constraint (security
// case 156).
func testRunEdges(t *testing.T, k *Kit) {
	k.Stack(t, "s", "legacy", nil)
	run := k.Run(t, "s", domain.RunQueued)
	undo := errors.New("undo")
	for _, from := range runStates {
		for _, to := range runStates {
			next := run
			next.State, next.StateSerial = to, 2
			err := k.try(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
				if err := tx.AdvanceRun(ctx, p, next, from, ""); err != nil {
					return err
				}
				return undo
			})
			if allowed := errors.Is(err, undo); allowed != from.CanBecome(to) {
				t.Errorf("%s -> %s: the database allows it: %v, the domain: %v (%v)", from, to, allowed, from.CanBecome(to), err)
			}
		}
	}
	edges := 0
	for _, from := range runStates {
		for _, to := range runStates {
			if from.CanBecome(to) {
				edges++
			}
			if from.Terminal() && from.CanBecome(to) {
				t.Errorf("%s is terminal and becomes %s", from, to)
			}
		}
	}
	if rows := k.Rows(t, "select * from run_edges"); len(rows) != edges {
		t.Errorf("the database has %d edges, the domain %d", len(rows), edges)
	}
}

// testOneWriter tries every state for a second run of a stack (I5).
func testOneWriter(t *testing.T, k *Kit) {
	k.Stack(t, "s", "legacy", nil)
	k.Run(t, "s", domain.RunReady)
	second := k.Run(t, "s", domain.RunQueued)
	for _, state := range runStates {
		if state != domain.RunNone && !domain.RunNone.CanBecome(state) && !reachable(state) {
			continue // no run is in it yet
		}
		next := second
		next.State = state
		undo := errors.New("undo")
		err := k.try(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			if err := tx.SaveRun(ctx, p, next); err != nil {
				return err
			}
			return undo
		})
		holds := !state.Terminal() && state != domain.RunNone && state != domain.RunQueued
		if refused := !errors.Is(err, undo); refused != holds {
			t.Errorf("a second run in %s: refused %v, want %v (%v)", state, refused, holds, err)
		}
	}
	proposed := domain.Run{ID: "p", StackID: "s", Type: domain.RunProposed, State: domain.RunReady, StateSerial: 1}
	k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		proposed.State = domain.RunQueued
		if err := tx.InsertRun(ctx, p, proposed); err != nil {
			return err
		}
		proposed.State = domain.RunPlanning
		return tx.SaveRun(ctx, p, proposed)
	})
}

func reachable(state domain.RunState) bool {
	for _, from := range runStates {
		if from.CanBecome(state) {
			return true
		}
	}
	return false
}

type noTokens struct{}

func (noTokens) RunToken(domain.Run) (string, error) { return "token", nil }

// testClaims has eight workers of two servers take fifty runs (security case
// 154).
func testClaims(t *testing.T, k *Kit) {
	const stacks, workers = 50, 8
	for i := range stacks {
		id := domain.StackID(fmt.Sprint("s", i))
		k.Stack(t, id, "legacy", nil)
		k.Run(t, id, domain.RunReady)
	}
	second := k.Open(t)
	var mu sync.Mutex
	taken := map[domain.RunID]int{}
	var all sync.WaitGroup
	for w := range workers {
		s := k.Store
		if w%2 == 1 {
			s = second
		}
		service := runs.New(store.Bind[runs.Tx](s), access.NewGate(), k.IDs, noTokens{}, runs.Config{})
		all.Go(func() {
			for {
				a, err := service.Lease(t.Context(), domain.PoolKey{Pool: domain.DefaultWorkerPool}, fmt.Sprint("w", w), time.Millisecond)
				if err != nil {
					t.Error(err)
					return
				}
				if a == nil {
					return
				}
				mu.Lock()
				taken[a.Run.ID]++
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(taken) != stacks {
		t.Errorf("%d runs were taken before the workers found none, want %d", len(taken), stacks)
	}
	for id, n := range taken {
		if n != 1 {
			t.Errorf("run %s was given to %d workers", id, n)
		}
	}
}

// testRevokeThenAsk takes a binding away through one server and asks another
// one at once (I6, security case 62).
func testRevokeThenAsk(t *testing.T, k *Kit) {
	World(t, k)
	other, gate := k.Open(t), access.NewGate()
	ctx := k.As(t, "nobody")
	allowed := func() bool {
		ok := false
		err := other.View(ctx, func(tx *store.Tx) (err error) {
			ok, err = gate.Holds(ctx, tx, authz.ActionStackDelete, access.Object{Space: "dev"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	for round := range 100 {
		id := k.Bind(t, "nobody", "space-admin", "dev")
		if !allowed() {
			t.Fatalf("round %d: a grant is not seen by the other server", round)
		}
		k.Unbind(t, id)
		if allowed() {
			t.Fatalf("round %d: a revoked role still counts at the other server", round)
		}
	}
}
