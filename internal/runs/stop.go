package runs

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Stop asks the worker of a run to end it. The run is STOPPED when the worker
// has said so, or is lost; nothing can be stopped once it applies.
func (s *Service) Stop(ctx context.Context, stack domain.StackID, id domain.RunID, note string) (domain.Run, error) {
	return s.settle(ctx, step{
		event: "run.stop", action: byType(authz.ActionRunStop, authz.ActionRunStopBlocking), from: stoppable, to: domain.RunStopped,
		does: func(ctx context.Context, tx Tx, p access.Permit, run *domain.Run) error {
			if run.Stop == nil { // the first one to ask is the one who stopped it
				run.Stop = &domain.StopRequest{By: access.Name(ctx), Note: note}
			}
			return tx.RequestStop(ctx, p, *run)
		},
	}, stack, id, note)
}

// WakeStops tells the workers that wait for it that a run was asked to stop.
func (s *Service) WakeStops() { s.stops.send() }

// Heartbeat extends a lease, and then waits up to wait for the run to be asked
// to stop.
func (s *Service) Heartbeat(ctx context.Context, l Lease, wait time.Duration) (stop bool, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		run, permit, err := s.held(ctx, tx, l)
		if err != nil {
			return err
		}
		stop = run.Stop != nil
		run.LeaseUntil = tx.Now().Add(s.patience(run.State))
		return tx.SaveRun(ctx, permit, run)
	})
	if err != nil || stop || wait <= 0 {
		return stop, s.recorded(ctx, l, err)
	}
	return s.stopped(ctx, l, wait)
}
