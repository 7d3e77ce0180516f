package stacks

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// autoAttach works out which contexts attach themselves to a stack and which
// go by a change of its labels or its space (access model A121). They decide
// what the stack's runs do: of one that acts, only who may act as it may change
// that (security rule G2).
func (s *Service) autoAttach(ctx context.Context, tx Tx, op access.Op, p access.Permit, old, next domain.Stack) (change domain.AutoChange, _ access.Permit, err error) {
	if old.Space == next.Space && slices.Equal(old.Labels, next.Labels) {
		return change, p, nil
	}
	contexts, err := tx.AutoContexts(ctx)
	if err != nil || len(contexts) == 0 {
		return change, p, err
	}
	was, err := autoTies(ctx, tx, contexts, old)
	if err != nil {
		return change, p, err
	}
	is, err := autoTies(ctx, tx, contexts, next)
	if err != nil {
		return change, p, err
	}
	pairs := make([]domain.AutoPair, len(contexts))
	for i, c := range contexts {
		pairs[i] = domain.AutoPair{Context: c.ID, Stack: domain.LabelledStack{StackActor: next.AsActor()}, Was: was[i], Is: is[i]}
	}
	current, err := tx.AttachmentsOfStack(ctx, next.ID)
	if err != nil {
		return change, p, err
	}
	change = domain.AutoDiff(pairs, current)
	if old.ID != "" && !change.Empty() {
		p, err = s.gate.ActAs(ctx, tx, op, p, old.AsActor())
	}
	return change, p, err
}

// autoTies tells which of some contexts attach themselves to a stack.
func autoTies(ctx context.Context, tx Tx, contexts []domain.Context, stack domain.Stack) ([]bool, error) {
	out := make([]bool, len(contexts))
	if stack.ID == "" {
		return out, nil
	}
	path, err := tx.Path(ctx, stack.Space)
	for i, c := range contexts {
		_, ok := domain.AutoAttaches(c.Labels, stack.Labels)
		out[i] = ok && path.Reaches(c.Space)
	}
	return out, err
}

// autoAttachNew attaches to a new stack what its labels ask for. Who makes a
// stack need not manage it: what a context attaches itself to is for those who
// manage the context.
func (s *Service) autoAttachNew(ctx context.Context, tx Tx, p access.Permit, stack domain.Stack) error {
	change, p, err := s.autoAttach(ctx, tx, operation("stack.create", authz.ActionStackCreate, Object(stack)), p, domain.Stack{}, stack)
	if err != nil {
		return err
	}
	return tx.ChangeAutoAttachments(ctx, p, change, s.ids)
}
