package runs

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// LeaseTTL is how long a worker may be silent in a state that changes nothing,
// ApplyTTL in one that does.
func (s *Service) LeaseTTL() time.Duration { return s.config.LeaseTTL }

// ApplyTTL see LeaseTTL.
func (s *Service) ApplyTTL() time.Duration { return s.config.ApplyTTL }

// patience is how long the worker of a run in a state may be silent.
func (s *Service) patience(state domain.RunState) time.Duration {
	if state.Writes() {
		return s.config.ApplyTTL
	}
	return s.config.LeaseTTL
}

// lostNote says what the loss of its worker means for a run.
func (s *Service) lostNote(run domain.Run) string {
	switch run.State {
	case domain.RunApplying, domain.RunDestroying:
		return "apply_interrupted: the worker was lost while it applied the plan; what it had changed may not be in the state. " +
			"Nothing is retried by itself: compare the resources with the state before the next run"
	case domain.RunPerforming:
		return "task_interrupted: the worker was lost while it ran the command; how far it came is not known"
	default:
		return "worker_lost: the worker died, or was not heard of for " + s.config.LeaseTTL.String()
	}
}

// end ends a run at once: one that changes nothing as STOPPED, any other as
// FAILED, and that only if its worker is silent. A worker that answers is not
// cut off in the middle of an apply.
func (s *Service) end(ctx context.Context, tx Tx, p access.Permit, run *domain.Run, note string) error {
	by := access.Name(ctx)
	if !run.State.Writes() {
		return s.move(ctx, tx, p, run, domain.RunStopped, by, note)
	}
	heard := run.LeaseUntil.Add(-s.patience(run.State))
	if silent := tx.Now().Sub(heard); silent <= s.config.LeaseTTL {
		return domain.Conflict("run %s is %s and its worker was heard of %s ago: only where the worker is silent for more than %s can it be ended",
			run.ID, run.State, silent.Round(time.Second), s.config.LeaseTTL)
	}
	if note != "" {
		note = " (" + note + ")"
	}
	run.Epoch++ // the attempt is over for good: not even its state is taken any more
	return s.move(ctx, tx, p, run, domain.RunFailed, by, s.lostNote(*run)+note)
}
