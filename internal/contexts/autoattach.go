package contexts

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// autoAttach works out to which stacks a context attaches itself and from
// which it goes by a change of its labels or its space (access model A121). What
// it cannot reach for want of rights is skipped and noted; it is taken off a
// stack that acts only by somebody who may act as it. Stacks that the same change
// names are left to it.
func (s *Service) autoAttach(ctx context.Context, tx Tx, p access.Permit, old, next domain.Context, named []StackAttachment) (change domain.AutoChange, _ access.Permit, err error) {
	if old.Space == next.Space && slices.Equal(old.Labels, next.Labels) {
		return change, p, nil
	}
	pairs, err := autoPairs(ctx, tx, old, next)
	if err != nil || len(pairs) == 0 {
		return change, p, err
	}
	pairs = slices.DeleteFunc(pairs, func(pair domain.AutoPair) bool {
		return slices.ContainsFunc(named, func(a StackAttachment) bool { return a.Stack == pair.Stack.ID })
	})
	current, err := tx.AttachmentsOfContext(ctx, next.ID)
	if err != nil {
		return change, p, err
	}
	change = domain.AutoDiff(pairs, current)
	op := operation("context.update", authz.ActionContextUpdate, object(next))
	if old.ID == "" {
		op = operation("context.create", authz.ActionContextCreate, object(next))
	}
	if p, err = s.gate.ActAs(ctx, tx, op, p, actingOf(pairs, change.Detach)...); err != nil {
		return change, p, err
	}
	change.Attach, p, err = s.gate.AutoAttach(ctx, tx, op, p, change.Attach)
	return change, p, err
}

// autoPairs pairs a context with all stacks that its labels tie it to, before
// a change or after it.
func autoPairs(ctx context.Context, tx Tx, old, next domain.Context) ([]domain.AutoPair, error) {
	found := map[domain.StackID]*domain.AutoPair{}
	var order []domain.StackID
	for i, c := range []domain.Context{old, next} {
		if !slices.ContainsFunc(c.Labels, domain.IsAutoAttach) {
			continue
		}
		stacks, err := tx.StacksReaching(ctx, c.Space)
		if err != nil {
			return nil, err
		}
		for _, st := range stacks {
			if _, ok := domain.AutoAttaches(c.Labels, st.Labels); !ok {
				continue
			}
			pair := found[st.ID]
			if pair == nil {
				pair = &domain.AutoPair{Context: next.ID, Stack: st}
				found[st.ID] = pair
				order = append(order, st.ID)
			}
			pair.Was, pair.Is = pair.Was || i == 0, i == 1
		}
	}
	out := make([]domain.AutoPair, len(order))
	for i, id := range order {
		out[i] = *found[id]
	}
	return out, nil
}

// actingOf returns those of the stacks of attachments that act.
func actingOf(pairs []domain.AutoPair, of []domain.ContextAttachment) (out []domain.StackActor) {
	for _, p := range pairs {
		on := func(a domain.ContextAttachment) bool { return a.Stack == p.Stack.ID }
		if p.Stack.Acts && slices.ContainsFunc(of, on) {
			out = append(out, p.Stack.StackActor)
		}
	}
	return out
}

// replaceAuto removes what a label attached where somebody now attaches it by
// hand.
func replaceAuto(ctx context.Context, tx Tx, p access.Permit, id domain.ContextID, stack domain.StackID) error {
	attached, err := tx.AttachmentsOfStack(ctx, stack)
	if err != nil {
		return err
	}
	for _, a := range attached {
		if a.Context == id && a.Auto {
			return tx.DeleteContextAttachment(ctx, p, a.ID)
		}
	}
	return nil
}

// Foretell returns the stacks, as far as the caller sees them, to which an
// entity of a space would attach itself by some labels.
func (s *Service) Foretell(ctx context.Context, space domain.SpaceID, labels []string) (out []domain.Stack, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.gate.See(ctx, tx, authz.ActionSpaceRead, access.Object{Noun: "space", Space: space}); err != nil {
			return err
		}
		scope, err := s.gate.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
		if err != nil {
			return err
		}
		stacks, err := tx.StacksReaching(ctx, space)
		for _, st := range stacks {
			_, ok := domain.AutoAttaches(labels, st.Labels)
			if !ok || !scope.Shows(st.Space, stackEntity(st.ID)) {
				continue
			}
			stack, err := tx.Stack(ctx, st.ID)
			if err != nil {
				return err
			}
			out = append(out, stack)
		}
		return err
	})
	return out, err
}
