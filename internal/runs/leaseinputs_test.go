package runs_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// TestLeaseInputs: what is read for many runs at once is what is read for each.
func TestLeaseInputs(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.pooled(t)
		b.configured(t)
		b.waits(t, "a", "k", "x=>X")
		list := []domain.Run{b.trigger(t, "k"), b.trigger(t, "a"), b.trigger(t, "v")}
		b.Fill(t, func(ctx ctx, tx *store.Tx, p access.Permit) error {
			return tx.SetRunSettings(ctx, p.For(access.KindRun), list[1].ID, domain.RunSettings{Config: &domain.RuntimeConfig{}})
		})
		b.View(t, func(tx *store.Tx) error {
			ctx := t.Context()
			in, err := tx.LeaseInputs(ctx, list)
			if err != nil {
				return err
			}
			want := domain.LeaseInputs{
				Stacks: map[domain.StackID]domain.Stack{}, Attachments: map[domain.StackID][]domain.ContextAttachment{}, Contexts: map[domain.ContextID]domain.Context{},
				StackConfig: map[domain.StackID][]domain.Config{}, ContextConfig: map[domain.ContextID][]domain.Config{},
				Dependencies: map[domain.StackID][]domain.StackDependency{}, Settings: map[domain.RunID]domain.RunSettings{},
			}
			var errs [7]error
			for _, r := range list {
				want.Stacks[r.StackID], errs[0] = tx.Stack(ctx, r.StackID)
				want.Attachments[r.StackID], errs[1] = tx.AttachmentsOfStack(ctx, r.StackID)
				want.StackConfig[r.StackID], errs[2] = tx.Config(ctx, access.KindStack, string(r.StackID))
				want.Dependencies[r.StackID], errs[3] = tx.DependenciesOf(ctx, r.StackID)
				want.Settings[r.ID], errs[4] = tx.RunSettings(ctx, r.ID)
				for _, a := range want.Attachments[r.StackID] {
					want.Contexts[a.Context], errs[5] = tx.Context(ctx, a.Context)
					want.ContextConfig[a.Context], errs[6] = tx.Config(ctx, access.KindContext, string(a.Context))
				}
				if err := errors.Join(errs[:]...); err != nil {
					return err
				}
			}
			if len(want.Contexts) != 2 || len(want.Dependencies["a"]) != 1 || want.Settings[list[1].ID].Config == nil {
				t.Fatalf("there is too little to compare: %+v", want)
			}
			if diff := cmp.Diff(want, in); diff != "" {
				t.Errorf("each alone, and all at once:\n%s", diff)
			}
			return nil
		})
	})
}
