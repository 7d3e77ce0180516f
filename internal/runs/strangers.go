package runs

import (
	"context"
	"errors"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// recorded puts into the audit trail that a worker named a lease which is not
// its own, and returns what it is told. Other errors, and none, pass.
func (s *Service) recorded(ctx context.Context, l Lease, err error) error {
	var stranger *domain.StrangerError
	if !errors.As(err, &stranger) {
		return err
	}
	return s.db.Deny(ctx, access.StrangerAttempt(l.Key.Pool, stranger))
}
