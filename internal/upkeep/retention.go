package upkeep

import (
	"context"
	"errors"
	"time"

	"github.com/airlock-project/airlock/internal/access"
)

// retentionTx is what retention uses of a transaction.
type retentionTx interface {
	DropLogs(ctx context.Context, p access.Permit, before time.Time, limit int) (int, error)
	DropPlans(ctx context.Context, p access.Permit, before time.Time, limit int) (int, error)
	DropRefusedStates(ctx context.Context, p access.Permit, before time.Time, limit int) (int, error)
	DropStateVersions(ctx context.Context, p access.Permit, before time.Time, newest, limit int) (int, error)
}

// Retention says how long what is kept of the past is kept. Zero means for ever.
type Retention struct {
	Logs, Plans, States time.Duration
	// NewestStates is how many versions of each state stay, however old; the
	// current one stays in any case.
	NewestStates int
}

// retentionBatch bounds one transaction.
const retentionBatch = 100

// Retain forgets what is older than it is to be kept, in small transactions,
// and returns how much that was. Nothing of a run that has not ended is touched.
// Each step leaves a row in the audit trail.
func (s *Service) Retain(ctx context.Context, r Retention) (n int, err error) {
	if r.Logs == 0 && r.Plans == 0 && r.States == 0 {
		return 0, nil
	}
	if mine, err := s.mine(ctx, "retention"); err != nil || !mine {
		return 0, err
	}
	for _, job := range []struct {
		event, what string
		keep        time.Duration
		drop        func(tx Tx, p access.Permit, before time.Time) (int, error)
	}{
		{"retention.logs", "logs", r.Logs, func(tx Tx, p access.Permit, before time.Time) (int, error) {
			return tx.DropLogs(ctx, p, before, retentionBatch)
		}},
		{"retention.plans", "plans", r.Plans, func(tx Tx, p access.Permit, before time.Time) (int, error) {
			return tx.DropPlans(ctx, p, before, retentionBatch)
		}},
		{"retention.refused_states", "refused states", r.States, func(tx Tx, p access.Permit, before time.Time) (int, error) {
			return tx.DropRefusedStates(ctx, p, before, retentionBatch)
		}},
		{"retention.states", "state versions", r.States, func(tx Tx, p access.Permit, before time.Time) (int, error) {
			return tx.DropStateVersions(ctx, p, before, r.NewestStates, retentionBatch)
		}},
	} {
		for some := retentionBatch; job.keep > 0 && some == retentionBatch; n += some {
			if some, err = s.retain(ctx, job.event, job.what, job.keep, job.drop); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// errNothing takes back a step that found nothing, with its row in the trail.
var errNothing = errors.New("there is nothing to forget")

func (s *Service) retain(ctx context.Context, event, what string, keep time.Duration, drop func(tx Tx, p access.Permit, before time.Time) (int, error)) (n int, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		before := tx.Now().Add(-keep)
		p, err := s.recorded(ctx, tx, event, what+" from before "+before.Format(time.RFC3339))
		if err != nil {
			return err
		}
		if n, err = drop(tx, p, before); err == nil && n == 0 {
			err = errNothing
		}
		return err
	})
	if errors.Is(err, errNothing) {
		err = nil
	}
	return n, err
}
