package runs_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// issuer says what it was asked to sign.
type issuer struct{}

func (issuer) FederationToken(_ context.Context, r domain.Run, s domain.Stack) (string, time.Time, error) {
	return fmt.Sprintf("%s of %s in %s", r.ID, s.ID, r.State), time.Time{}, nil
}

// TestFederateNeedsTheLease: a token is for the run, and the state, of a lease
// that is held by a worker of its pool (security case 87).
func TestFederateNeedsTheLease(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		b := bench{k, runs.New(store.Bind[runs.Tx](k.Store), access.NewGate(), k.IDs, tokens{}, runs.Config{BaseURL: base, Federation: issuer{}})}
		b.trigger(t, "k")
		plan := b.lease(t).Lease
		get := func(l runs.Lease, state domain.RunState) {
			t.Helper()
			got, _, err := b.Federate(t.Context(), l)
			if want := fmt.Sprintf("%s of k in %s", l.Run, state); err != nil || got != want {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
		}
		refuse := func(why string, l runs.Lease, code domain.Code) {
			t.Helper()
			if got, _, err := b.Federate(t.Context(), l); domain.ErrorCode(err) != code || got != "" {
				t.Errorf("%s: %q, %v; want %s", why, got, err, code)
			}
		}
		get(plan, domain.RunPreparing)
		b.advance(t, plan, domain.RunInitializing, domain.RunPlanning)
		get(plan, domain.RunPlanning)
		for _, epoch := range []int{0, 2, -1} {
			refuse("another attempt", runs.Lease{Key: plan.Key, Run: plan.Run, Epoch: epoch}, domain.CodeConflict)
		}
		b.Pool(t, "other", "apps")
		refuse("another pool", runs.Lease{Key: domain.PoolKey{Pool: "other"}, Run: plan.Run, Epoch: plan.Epoch}, domain.CodeNotFound)
		refuse("a pool token that was reset", runs.Lease{Key: domain.PoolKey{Pool: "other", Generation: 7}, Run: plan.Run, Epoch: plan.Epoch}, domain.CodeUnauthenticated)
		refuse("no such run", runs.Lease{Key: plan.Key, Run: "none", Epoch: plan.Epoch}, domain.CodeNotFound)
		b.advance(t, plan, domain.RunUnconfirmed)
		refuse("after the plan", plan, domain.CodeConflict)
		if _, err := b.Confirm(b.As(t, "root-admin"), "k", plan.Run, ""); err != nil {
			t.Fatal(err)
		}
		apply := b.lease(t).Lease
		refuse("the plan's lease during the apply", plan, domain.CodeConflict)
		get(apply, domain.RunPreparingApply)
		b.advance(t, apply, domain.RunApplying)
		get(apply, domain.RunApplying)
		b.advance(t, apply, domain.RunFinished)
		refuse("after the end", apply, domain.CodeConflict)
	})
}
