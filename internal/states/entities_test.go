package states_test

import (
	"testing"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// TestEntitiesOfAWrite keeps what a state holds with it, and a state whose
// resources are not understood all the same.
func TestEntitiesOfAWrite(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		run := b.Run(t, "k", domain.RunApplying)
		ctx := b.AsStack(t, run)
		if err := b.Lock(ctx, "k", "lock", "{}"); err != nil {
			t.Fatal(err)
		}
		entities := func() (out []domain.ManagedEntity) {
			b.View(t, func(tx *store.Tx) (err error) { out, err = tx.ManagedEntities(t.Context(), "k"); return err })
			return out
		}
		const one = `,"resources":[{"mode":"managed","type":"t","name":"a","instances":[{"attributes":{"id":"1"}}]}]`
		if err := b.Write(ctx, "k", "lock", body(1, "l", one)); err != nil {
			t.Fatal(err)
		}
		if got := entities(); len(got) != 1 || got[0].Address != "t.a" || got[0].CreatedBy != run.ID || !got[0].UpdatedAt.Equal(b.Clock.Now()) {
			t.Errorf("kept %+v", got)
		}
		if err := b.Write(ctx, "k", "lock", body(2, "l", `,"resources":[{"mode":"managed","type":"t","name":"a","instances":[{"attributes":"from the future"}]}]`)); err != nil {
			t.Errorf("a state that is in no other place was refused: %v", err)
		}
		if got := entities(); len(got) != 1 || b.current(t, "k").Serial != 2 {
			t.Errorf("kept %+v", got)
		}
		if err := b.Write(ctx, "k", "lock", body(3, "l", "")); err != nil || len(entities()) != 0 {
			t.Errorf("an empty state, %v: kept %+v", err, entities())
		}
	})
}
