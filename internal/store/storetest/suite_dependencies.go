package storetest

import (
	"context"
	"testing"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

func testDependencies(t *testing.T, k *Kit) {
	for _, id := range []domain.StackID{"a", "b", "c"} {
		k.Stack(t, id, "legacy", nil)
	}
	full := filled[domain.StackDependency](k)
	full.Stack, full.DependsOn, full.References = "b", "a", nil
	next := domain.StackDependency{ID: "next", Stack: "c", DependsOn: "b"}
	insert := func(d domain.StackDependency) error {
		return k.try(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertDependency(ctx, p, d) })
	}
	for _, d := range []domain.StackDependency{full, next} {
		if err := insert(d); err != nil {
			t.Fatal(err)
		}
	}
	again := full
	again.ID = "again"
	wantCode(t, insert(again), domain.CodeConflict)
	if insert(domain.StackDependency{ID: "x", Stack: "b", DependsOn: "nope"}) == nil {
		t.Error("a dependency on no stack was kept")
	}
	ref := domain.OutputReference{ID: "r", Dependency: full.ID, Output: "o", Input: "I", TriggerAlways: true}
	reference := func(r domain.OutputReference) error {
		return k.try(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.InsertReference(ctx, p, r) })
	}
	if err := reference(ref); err != nil {
		t.Fatal(err)
	}
	wantCode(t, reference(domain.OutputReference{ID: "s", Dependency: full.ID, Output: "p", Input: "I"}), domain.CodeConflict)
	full.References = []domain.OutputReference{ref}
	lists := func(stack domain.StackID, list func(*store.Tx, context.Context, domain.StackID) ([]domain.StackDependency, error)) []domain.StackDependency {
		return read(t, k, func(ctx context.Context, tx *store.Tx) ([]domain.StackDependency, error) { return list(tx, ctx, stack) })
	}
	bare := full
	bare.References = nil
	same(t, []domain.StackDependency{full}, lists("b", (*store.Tx).DependenciesOf))
	same(t, []domain.StackDependency{next}, lists("b", (*store.Tx).DependentsOf))
	same(t, []domain.StackDependency{next, bare}, lists("c", (*store.Tx).DependenciesAbove))
	same(t, []domain.StackDependency{next, bare}, lists("a", (*store.Tx).DependenciesBelow))
	same(t, []domain.StackDependency{}, lists("a", (*store.Tx).DependenciesAbove))
	testTaken(t, k, ref)

	full.TriggerAlways = !full.TriggerAlways
	k.must(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.UpdateDependency(ctx, p, full)
	})
	same(t, full, read(t, k, func(ctx context.Context, tx *store.Tx) (domain.StackDependency, error) {
		return tx.Dependency(ctx, full.ID)
	}))
	if k.try(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteStack(ctx, p, "a") }) == nil {
		t.Error("a stack that another one waits for was deleted")
	}
	k.must(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.DeleteDependency(ctx, p, next.ID)
	})
	k.must(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.DeleteStack(ctx, p, "b") })
	_, err := tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.StackDependency, error) {
		return tx.Dependency(ctx, full.ID)
	})
	gone(t, err)
	_, err = tryRead(t, k, func(ctx context.Context, tx *store.Tx) (domain.StackDependency, error) {
		return tx.DependencyOfReference(ctx, "r")
	})
	gone(t, err)
}

// testTaken: what a stack has got counts until the reference says something else.
func testTaken(t *testing.T, k *Kit, ref domain.OutputReference) {
	t.Helper()
	taken := func() (out [2]any) {
		k.View(t, func(tx *store.Tx) error {
			value, ok, err := tx.Taken(t.Context(), ref.ID)
			out = [2]any{value, ok}
			return err
		})
		return out
	}
	update := func(r domain.OutputReference) {
		k.must(t, access.KindStack, func(ctx context.Context, tx *store.Tx, p access.Permit) error { return tx.UpdateReference(ctx, p, r) })
	}
	same(t, [2]any{"", false}, taken())
	k.must(t, access.KindRun, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.SetTaken(ctx, p, ref.ID, `"v"`)
	})
	same(t, [2]any{`"v"`, true}, taken())
	quiet := ref
	quiet.TriggerAlways = false
	update(quiet)
	if got := taken(); got[1] != true {
		t.Errorf("the value is forgotten although it is handed on as before: %v", got)
	}
	other := ref
	other.Output = "other"
	update(other)
	if got := taken(); got[1] != false {
		t.Errorf("the value of another output counts: %v", got)
	}
	update(ref)
}
