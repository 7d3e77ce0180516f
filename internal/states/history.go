package states

import (
	"context"
	"math"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// pageLength is how many versions one page of a history holds.
const pageLength = 50

// History returns a page of the versions of a stack's state, newest first,
// older than before if that is set. It says nothing of what is in them, and is
// for whoever sees the stack.
func (s *Service) History(ctx context.Context, id domain.StackID, before domain.StateVersionID) (out []domain.StateVersion, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.see(ctx, tx, id); err != nil {
			return err
		}
		below := int64(math.MaxInt64)
		if before != "" {
			v, err := tx.StateVersion(ctx, before)
			if domain.ErrorCode(err) == domain.CodeNotFound || err == nil && v.StackID != id {
				return domain.Invalid("before", "is not a version of this stack's state")
			}
			if err != nil {
				return err
			}
			below = v.Serial
		}
		out, err = tx.StateVersions(ctx, id, below, pageLength)
		return err
	})
	return out, err
}

// IsRollback reports whether the current state is one that was brought back.
func (s *Service) IsRollback(ctx context.Context, id domain.StackID) (yes bool, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.see(ctx, tx, id); err != nil {
			return err
		}
		v, err := tx.CurrentState(ctx, id)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return nil
		}
		yes = v.Origin == domain.StateRolledBack
		return err
	})
	return yes, err
}

// see checks that the caller sees a stack. To whom it is shown bare, for its
// runs, is told what he lacks; for everybody else it does not exist.
func (s *Service) see(ctx context.Context, tx Tx, id domain.StackID) error {
	stack, err := tx.Stack(ctx, id)
	if err != nil {
		return err
	}
	o := operation("", authz.ActionStackRead, stack).Object
	err = s.gate.See(ctx, tx, authz.ActionStackRead, o)
	if domain.ErrorCode(err) == domain.CodeNotFound && s.gate.See(ctx, tx, authz.ActionRunRead, o) == nil {
		return access.Forbidden(access.Name(ctx), authz.ActionSpaceRead, stack.Space)
	}
	return err
}
