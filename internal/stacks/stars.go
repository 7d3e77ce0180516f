package stacks

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// SetStar stars a stack for the caller, or takes that back. Nobody else sees it.
func (s *Service) SetStar(ctx context.Context, id domain.StackID, star bool) (stack domain.Stack, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		var permit access.Permit
		if stack, permit, err = s.find(ctx, tx, "star.set", authz.ActionStackSetStar, id); err != nil {
			return err
		}
		caller, err := access.CallerFrom(ctx)
		if err != nil {
			return err
		}
		return tx.SetStar(ctx, permit, id, caller.Subject.Actor, star)
	})
	return stack, err
}

// StarredOf says which stacks of a list the caller has starred. It is for
// stacks that the caller has been shown.
func (s *Service) StarredOf(ctx context.Context, list []domain.Stack) (map[domain.StackID]bool, error) {
	out := map[domain.StackID]bool{}
	err := s.db.View(ctx, func(tx Tx) error {
		caller, err := access.CallerFrom(ctx)
		if err != nil {
			return err
		}
		starred, err := tx.Starred(ctx, caller.Subject.Actor, idsOf(list))
		for _, id := range starred {
			out[id] = true
		}
		return err
	})
	return out, err
}

// LastApplies says when an apply of each stack of a list last ended well. It is
// for stacks that the caller has been shown.
func (s *Service) LastApplies(ctx context.Context, list []domain.Stack) (out map[domain.StackID]time.Time, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		out, err = tx.LastApplies(ctx, idsOf(list))
		return err
	})
	return out, err
}

func idsOf(list []domain.Stack) []domain.StackID {
	ids := make([]domain.StackID, len(list))
	for i, st := range list {
		ids[i] = st.ID
	}
	return ids
}

// starrer is the caller if he has starred anything.
func starrer(ctx context.Context, tx Tx) (authz.ActorRef, error) {
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return authz.ActorRef{}, err
	}
	has, err := tx.HasStars(ctx, caller.Subject.Actor)
	if err != nil || !has {
		return authz.ActorRef{}, err
	}
	return caller.Subject.Actor, nil
}
