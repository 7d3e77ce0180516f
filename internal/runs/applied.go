package runs

import (
	"context"
	"fmt"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// openDrift says which run of drift detection has not ended; empty: none.
func openDrift(ctx context.Context, tx Tx, id domain.StackID) (string, error) {
	open, err := tx.OpenRuns(ctx, id)
	for _, run := range open {
		if run.Drift {
			return fmt.Sprintf("run %s, which looks for drift or puts it right, has not ended", run.ID), err
		}
	}
	return "", err
}

// appliedLast returns the run whose code was applied last to a stack, or why a
// plan of it would show more than what has drifted. What has drifted may be put
// right (kind TRACKED) also after an attempt to do so that has failed.
func appliedLast(ctx context.Context, tx Tx, id domain.StackID, kind domain.RunType) (run domain.Run, none string, err error) {
	run, err = tx.LastApplied(ctx, id)
	switch {
	case domain.ErrorCode(err) == domain.CodeNotFound:
		return run, "no tracked run has finished yet: there is nothing that could have drifted", nil
	case err != nil:
	case run.Type == domain.RunDestroy:
		none = fmt.Sprintf("run %s has begun to destroy what the stack has made: what is missing has not drifted", run.ID)
	case len(run.Targets) > 0:
		none = fmt.Sprintf("run %s, the last one to apply anything, was limited to some resources: of the others it is not known what was applied", run.ID)
	case run.State == domain.RunFinished || kind == domain.RunTracked && run.Drift && run.State.Terminal():
	default:
		none = fmt.Sprintf("run %s has begun to apply and has not finished: what is missing of it has not drifted", run.ID)
	}
	return run, none, err
}

// overtaken says why a run of drift detection would deploy, or compare with,
// something else than what was applied last; empty: it would not.
func overtaken(ctx context.Context, tx Tx, run domain.Run) (string, error) {
	applied, none, err := appliedLast(ctx, tx, run.StackID, run.Type)
	if err != nil || none != "" {
		return none, err
	}
	if applied.Commit.Hash != run.Commit.Hash {
		return fmt.Sprintf("run %s has applied commit %.7s since: %.7s is not what was applied last", applied.ID, applied.Commit.Hash, run.Commit.Hash), nil
	}
	if run.Type != domain.RunTracked {
		return "", nil
	}
	stack, err := tx.Stack(ctx, run.StackID)
	return settled(stack), err
}

// settled says why there is nothing to put right; empty: there is.
func settled(stack domain.Stack) string {
	switch d := stack.Drift; {
	case d == nil:
		return "nobody has found drift"
	case !d.Found:
		return fmt.Sprintf("nothing has drifted any more, as run %s has shown", d.Run)
	default:
		return ""
	}
}

func looksForDrift(run domain.Run) bool { return run.Drift && run.Type == domain.RunProposed }

// voidDrift says why what a run has found says nothing of drift: something else
// was applied before it ended, or anything was changed while it looked.
func voidDrift(ctx context.Context, tx Tx, run domain.Run) (string, error) {
	why, err := overtaken(ctx, tx, run)
	if err != nil || why != "" {
		return "what was found does not count: " + why, err
	}
	history, err := tx.RunHistory(ctx, run.ID)
	if err != nil {
		return "", err
	}
	for _, step := range history {
		if step.State != domain.RunPreparing {
			continue
		}
		touched, err := tx.Touched(ctx, run.StackID, step.At)
		if touched {
			why = "what was found does not count: the state was changed while this run looked"
		}
		return why, err
	}
	return "", nil
}

// skipOvertaken ends a run of drift detection that nobody has begun, if it is too
// late for it. The caller promotes what may come next.
func (s *Service) skipOvertaken(ctx context.Context, tx Tx, run *domain.Run) (skipped bool, err error) {
	if !run.Drift {
		return false, nil
	}
	why, err := overtaken(ctx, tx, *run)
	if err != nil || why == "" {
		return false, err
	}
	permit, err := s.gate.System(access.SystemRunLease, access.KindRun, string(run.ID))
	if err != nil {
		return false, err
	}
	from := run.State
	if err := run.Advance(domain.RunSkipped, tx.Now(), why); err != nil {
		return false, err
	}
	return true, tx.AdvanceRun(ctx, permit, *run, from, "")
}

// renewDrift lets a run that does again what drift detection has started begin
// with what is applied by now.
func renewDrift(ctx context.Context, tx Tx, stack domain.Stack, run *domain.Run) error {
	open, err := openDrift(ctx, tx, stack.ID)
	if err != nil {
		return err
	}
	if open != "" {
		return domain.Conflict("%s", open)
	}
	applied, none, err := appliedLast(ctx, tx, stack.ID, run.Type)
	if err != nil {
		return err
	}
	if none == "" && run.Type == domain.RunTracked {
		none = settled(stack)
	}
	if none != "" {
		return domain.Conflict("run %s cannot be retried: %s", run.Request.Retries, none)
	}
	run.Commit, run.Branch = applied.Commit, applied.Branch
	return nil
}
