package spaces

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// permitShape decides a change of the tree's shape that touches some spaces:
// admins of root may make it; with the tree delegated, also whoever administers
// all of them (access model A102, A103, A105). A stack's run needs to be an
// admin of root either way (R25).
func (s *Service) permitShape(ctx context.Context, tx Tx, op access.Op, at ...domain.SpaceID) (access.Permit, error) {
	permit, refusal := s.gate.Account(ctx, tx, op)
	if domain.ErrorCode(refusal) != domain.CodeForbidden {
		return permit, refusal
	}
	settings, err := tx.AccountSettings(ctx)
	if err != nil {
		return permit, err
	}
	if !settings.DelegateSpaceManagement {
		return permit, refusal
	}
	for _, space := range at {
		there := op
		there.Object.Space = space
		if permit, err = s.gate.Permit(ctx, tx, there); err != nil {
			return permit, err
		}
	}
	return permit, nil
}

// permitInherit lets only admins of root decide that a space does not inherit,
// or does again (access model A106, A107).
func (s *Service) permitInherit(ctx context.Context, tx Tx, op access.Op) error {
	_, err := s.gate.Account(ctx, tx, op)
	if domain.ErrorCode(err) != domain.CodeForbidden {
		return err
	}
	refusal := access.Forbidden(access.Name(ctx), op.Action, domain.RootSpace)
	refusal.Message += ": only admins of root decide that a space does not inherit, or does again"
	return s.gate.Refuse(ctx, tx, op, refusal)
}
