package runs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// discardBatch bounds how many runs are looked up at a time.
const discardBatch = 100

// DiscardWaiting discards the runs whose plan has waited for its confirmation for
// longer than the workspace that it was made in is kept, and returns how many;
// 0: they may wait for ever. Without that workspace nothing of them could be
// applied.
func (s *Service) DiscardWaiting(ctx context.Context, keep time.Duration) (n int, err error) {
	for some := discardBatch; keep > 0 && some == discardBatch && err == nil; {
		var old []domain.Run
		err = s.db.View(ctx, func(tx Tx) (err error) {
			old, err = tx.WaitingPlans(ctx, tx.Now().Add(-keep), discardBatch)
			return err
		})
		some = len(old)
		for _, run := range old {
			discarded, oneErr := s.discardWaiting(ctx, run.ID, keep)
			if discarded {
				n++
			}
			err = errors.Join(err, oneErr) // one run that cannot be discarded keeps no other
		}
	}
	return n, err
}

// discardWaiting discards one run, unless somebody has decided about it meanwhile.
func (s *Service) discardWaiting(ctx context.Context, id domain.RunID, keep time.Duration) (discarded bool, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		_, run, err := lockRun(ctx, tx, id)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return nil // deleted with its stack
		}
		waits := slices.Contains([]domain.RunState{domain.RunUnconfirmed, domain.RunPendingReview}, run.State)
		if err != nil || !waits || !run.UpdatedAt.Before(tx.Now().Add(-keep)) {
			return err
		}
		permit, err := s.gate.System(access.SystemRunReaper, access.KindRun, string(id))
		if err != nil {
			return err
		}
		discarded = true
		note := fmt.Sprintf("nobody has confirmed it within %d days, which is how long its workspace is kept (setting --keep-workspaces)", int(keep.Hours()/24))
		return s.move(ctx, tx, permit, &run, domain.RunDiscarded, "", note)
	})
	return discarded && err == nil, err
}
