package runs

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// FederationIssuer issues a token with which a run signs in elsewhere, and says
// until when it is good.
type FederationIssuer interface {
	FederationToken(ctx context.Context, run domain.Run, stack domain.Stack) (token string, until time.Time, err error)
}

// Federated reports whether runs are given tokens to sign in elsewhere.
func (s *Service) Federated() bool { return s.config.Federation != nil }

// Federate issues such a token to the holder of a lease, for the state that the
// run is in: one for reading until something is changed.
func (s *Service) Federate(ctx context.Context, l Lease) (token string, until time.Time, err error) {
	if !s.Federated() {
		return "", until, domain.Conflict("runs of this server do not sign in elsewhere")
	}
	run, stack, err := s.holds(ctx, l)
	if err != nil {
		return "", until, err
	}
	return s.config.Federation.FederationToken(ctx, run, stack)
}

// holds returns the run and the stack of a lease that is held. Nothing keeps it
// held afterwards.
func (s *Service) holds(ctx context.Context, l Lease) (run domain.Run, stack domain.Stack, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := alive(ctx, tx, l.Key); err != nil {
			return err
		}
		if run, err = tx.Run(ctx, l.Run); err != nil {
			return err
		}
		if stack, err = tx.Stack(ctx, run.StackID); err != nil {
			return err
		}
		return l.check(stack, run)
	})
	return run, stack, s.recorded(ctx, l, err)
}
