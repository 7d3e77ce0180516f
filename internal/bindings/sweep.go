package bindings

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// sweepBatch is how much one sweep clears at most.
const sweepBatch = 100

// Sweep notes which requests have lapsed, and removes bindings that expired,
// requests that were closed and uses that were counted long ago. Nothing depends on when that happens.
// It returns how many bindings and requests it changed.
func (s *Service) Sweep(ctx context.Context) (n int, err error) {
	var expired []domain.Binding
	var lapsed []domain.AccessRequest
	err = s.db.View(ctx, func(tx Tx) error {
		if expired, err = tx.ExpiredBindings(ctx, tx.Now().Add(-domain.BindingKept), sweepBatch); err != nil {
			return err
		}
		lapsed, err = tx.LapsedAccessRequests(ctx, sweepBatch)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, b := range expired {
		if err := s.forget(ctx, b.ID); err != nil {
			return n, err
		}
		n++
	}
	for _, r := range lapsed {
		if err := s.lapse(ctx, r.ID); err != nil {
			return n, err
		}
		n++
	}
	return n, s.forgetOld(ctx)
}

// forgetOld removes requests that were closed long ago, and what is counted of
// long ago.
func (s *Service) forgetOld(ctx context.Context) error {
	requests, err := s.gate.System(access.SystemSweeper, access.KindAccessRequest, "")
	if err != nil {
		return err
	}
	uses, err := s.gate.System(access.SystemSweeper, access.KindRoleBinding, "")
	if err != nil {
		return err
	}
	return s.db.Change(ctx, func(tx Tx) error {
		if err := tx.ForgetAccessRequests(ctx, requests, tx.Now().Add(-domain.RequestKept)); err != nil {
			return err
		}
		return tx.ForgetBindingUses(ctx, uses, tx.Now().Add(-domain.UsesKept))
	})
}

// forget removes one binding, unless another server has.
func (s *Service) forget(ctx context.Context, id domain.BindingID) error {
	return s.db.ChangeAccess(ctx, func(tx Tx) error {
		b, err := tx.Binding(ctx, id)
		if domain.ErrorCode(err) == domain.CodeNotFound || err == nil && !b.Expired(tx.Now()) {
			return nil
		}
		if err != nil {
			return err
		}
		op := operation("role_binding.forget", b, domain.Entity{})
		permit, err := s.gate.SystemOp(ctx, tx, access.SystemSweeper, op, "expired at "+b.NotAfter.UTC().Format(time.RFC3339))
		if err != nil {
			return err
		}
		return tx.DeleteBinding(ctx, permit, id)
	})
}

// lapse notes that nobody decided one request in time.
func (s *Service) lapse(ctx context.Context, id domain.AccessRequestID) error {
	return s.db.Change(ctx, func(tx Tx) error {
		r, err := tx.AccessRequest(ctx, id)
		if err != nil || r.State != domain.RequestPending {
			return err
		}
		permit, err := s.gate.SystemOp(ctx, tx, access.SystemSweeper, requestOperation("access_request.lapse", r), "nobody decided in time")
		if err != nil {
			return err
		}
		if err := r.Close(domain.RequestExpired, tx.Now(), string(access.SystemSweeper), ""); err != nil {
			return err
		}
		return tx.CloseAccessRequest(ctx, permit, r)
	})
}
