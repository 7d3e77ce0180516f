package spaces

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// autoAttach works out what a change of the tree does to the contexts that
// attach themselves to stacks below a space: those that come within reach, and
// those that go out of it (access model A121). Stacks that act and that the
// caller may not act as are skipped where a context would come.
func (s *Service) autoAttach(ctx context.Context, tx Tx, op access.Op, p access.Permit, next domain.Space) (change domain.AutoChange, _ access.Permit, err error) {
	before, err := tx.Path(ctx, next.ID)
	if err != nil {
		return change, p, err
	}
	after := domain.Path{next}
	if next.Parent != "" {
		above, err := tx.Path(ctx, next.Parent)
		if err != nil {
			return change, p, err
		}
		after = append(after, above...)
	}
	contexts, err := tx.AutoContexts(ctx)
	contexts = slices.DeleteFunc(contexts, func(c domain.Context) bool { return before.Reaches(c.Space) == after.Reaches(c.Space) })
	if err != nil || len(contexts) == 0 {
		return change, p, err
	}
	stacks, err := tx.StacksReaching(ctx, next.ID)
	if err != nil {
		return change, p, err
	}
	var pairs []domain.AutoPair
	var current []domain.ContextAttachment
	for _, c := range contexts {
		for _, st := range stacks {
			if _, ok := domain.AutoAttaches(c.Labels, st.Labels); ok {
				pairs = append(pairs, domain.AutoPair{Context: c.ID, Stack: st, Was: before.Reaches(c.Space), Is: after.Reaches(c.Space)})
			}
		}
		attached, err := tx.AttachmentsOfContext(ctx, c.ID)
		if err != nil {
			return change, p, err
		}
		current = append(current, attached...)
	}
	change = domain.AutoDiff(pairs, current)
	change.Attach, p, err = s.gate.AutoAttach(ctx, tx, op, p, change.Attach)
	return change, p, err
}
