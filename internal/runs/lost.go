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
		return "task_interrupted: the worker was lost while it ran the command; how far it came is not known, and what it had changed may not " +
			"be in the state. Nothing is retried by itself: compare the resources with the state before the next run"
	default:
		return "worker_lost: the worker died, or was not heard of for " + s.config.LeaseTTL.String()
	}
}

// interrupted locks the stack of a run that did not come to the end of
// something that may change it, and be it a task: what is there and what the
// state says may differ, and somebody has to look before anything else may
// change it (security case 149). Whoever has locked the stack himself keeps his
// lock.
func (s *Service) interrupted(ctx context.Context, tx Tx, run domain.Run) error {
	if !run.State.Writes() {
		return nil
	}
	stack, err := tx.LockStack(ctx, run.StackID)
	if err != nil || stack.Lock != nil {
		return err
	}
	kept, err := refusedStates(ctx, tx, run.ID)
	if err != nil {
		return err
	}
	lock := domain.ReconcileLock(s.ids.ULID(), string(access.SystemRunReaper), run.ID, "was interrupted while it was "+string(run.State)+kept, tx.Now())
	op := access.Op{Event: "stack.lock", Object: access.Object{Kind: access.KindStack, ID: string(stack.ID), Noun: "stack", Space: stack.Space}}
	permit, err := s.gate.SystemOp(ctx, tx, access.SystemRunReaper, op, lock.Note)
	if err != nil {
		return err
	}
	stack.Lock = lock
	return tx.SetStackLife(ctx, permit, stack.ID, stack.StackLife)
}

// refusedStates says where the newest state is that a run could not store,
// and why; nothing where there is none.
func refusedStates(ctx context.Context, tx Tx, id domain.RunID) (string, error) {
	list, err := tx.RefusedStatesOfRun(ctx, id)
	if err != nil || len(list) == 0 {
		return "", err
	}
	return "; " + list[0].Where(), nil
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
	if err := s.interrupted(ctx, tx, *run); err != nil {
		return err
	}
	run.Epoch++ // the attempt is over for good: not even its state is taken any more
	return s.move(ctx, tx, p, run, domain.RunFailed, by, s.lostNote(*run)+note)
}
