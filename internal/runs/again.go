package runs

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// CanRetry reports whether a run has ended in a way that may be retried.
func CanRetry(r domain.Run) bool { return slices.Contains(unsuccessful, r.State) }

var unsuccessful = []domain.RunState{domain.RunFailed, domain.RunStopped, domain.RunCanceled, domain.RunDiscarded}

// Retry starts a new run that does what an unsuccessful one should have done,
// on the same commit, or for drift detection on the one that was applied last. On
// a stack that holds roles it counts as starting a run
// (access model R6, security case 52).
func (s *Service) Retry(ctx context.Context, stackID domain.StackID, id domain.RunID) (run domain.Run, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		action, err := retryAction(ctx, tx, stackID)
		if err != nil {
			return err
		}
		stack, old, op, permit, err := s.permitRun(ctx, tx, "run.retry", action, stackID, id)
		if err != nil {
			return err
		}
		if !CanRetry(old) {
			return domain.Conflict("run %s is %s: only runs that ended without success can be retried", old.ID, old.State)
		}
		if old.Type == domain.RunDestroy {
			return domain.Conflict("run %s destroys its stack's resources: delete the stack with destroyResources again", old.ID)
		}
		if err := s.guardStart(ctx, tx, op, stack); err != nil {
			return err
		}
		if permit, err = s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()); err != nil { // security path E7
			return err
		}
		run = s.newRun(ctx, tx, stack, old.Type)
		run.Commit, run.Branch, run.Title, run.Metadata = old.Commit, old.Branch, old.Title, old.Metadata
		run.Request, run.Drift, run.ActedAs = old.Request, old.Drift, permit.ActedAs()
		run.Request.Retries, run.Request.Confirmed = old.ID, ""
		run.Priority = run.UsualPriority()
		if run.Drift {
			if err := renewDrift(ctx, tx, stack, &run); err != nil {
				return err
			}
		}
		settings, err := tx.RunSettings(ctx, old.ID)
		if err != nil {
			return err
		}
		if err := uploadIsKept(ctx, tx, old); err != nil {
			return err
		}
		return s.beginWith(ctx, tx, permit, &run, settings)
	})
	return run, err
}

// uploadIsKept refuses to retry a preview whose directory is gone.
func uploadIsKept(ctx context.Context, tx Tx, old domain.Run) error {
	if old.Request.Workspace == "" {
		return nil
	}
	_, err := tx.LockLocalWorkspace(ctx, old.Request.Workspace)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return domain.Conflict("the directory of run %s is no longer kept; upload it again", old.ID)
	}
	return err
}

// retryAction is what it takes to retry a run of a stack.
func retryAction(ctx context.Context, tx Tx, id domain.StackID) (func(domain.RunType) authz.Action, error) {
	holds, err := holdsRoles(ctx, tx, id)
	if holds {
		return always(authz.ActionRunTrigger), err
	}
	return byType(authz.ActionRunRetry, authz.ActionRunRetryBlocking), err
}

// MayRetry reports whether the caller could retry a run now.
func (s *Service) MayRetry(ctx context.Context, run domain.Run) (ok bool, err error) {
	if !CanRetry(run) {
		return false, nil
	}
	err = s.db.View(ctx, func(tx Tx) error {
		stack, err := tx.Stack(ctx, run.StackID)
		if err != nil {
			return err
		}
		action, err := retryAction(ctx, tx, run.StackID)
		if err != nil {
			return err
		}
		ok, err = s.gate.Holds(ctx, tx, action(run.Type), object(stack, run.ID))
		return err
	})
	return ok, err
}

// holdsRoles reports whether a stack acts by roles of its own, or by the
// administrative flag. One that does not exist holds none.
func holdsRoles(ctx context.Context, tx Tx, id domain.StackID) (bool, error) {
	stack, err := tx.Stack(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return false, nil
	}
	if err != nil || stack.Administrative {
		return stack.Administrative, err
	}
	list, err := tx.BindingsOf(ctx, authz.ActorRef{Kind: authz.ActorStack, ID: string(id)})
	return slices.ContainsFunc(list, func(b domain.Binding) bool { return !b.Expired(tx.Now()) }), err
}

// Promote starts a tracked run for the commit of a proposed one. The stack must
// allow it, and the commit be newer than what the stack runs (access model A67).
func (s *Service) Promote(ctx context.Context, stackID domain.StackID, id domain.RunID) (run domain.Run, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		stack, proposed, op, permit, err := s.permitRun(ctx, tx, "run.promote", always(authz.ActionRunPromote), stackID, id)
		if err != nil {
			return err
		}
		if err := promotable(ctx, tx, stack, proposed); err != nil {
			return err
		}
		if err := s.guardStart(ctx, tx, op, stack); err != nil {
			return err
		}
		if permit, err = s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()); err != nil { // security case 37
			return err
		}
		run = s.newRun(ctx, tx, stack, domain.RunTracked)
		run.Commit, run.Branch, run.Title = proposed.Commit, proposed.Branch, proposed.Title
		run.Request.Promotes, run.ActedAs = proposed.ID, permit.ActedAs()
		return s.begin(ctx, tx, permit, &run)
	})
	return run, err
}

func promotable(ctx context.Context, tx Tx, stack domain.Stack, proposed domain.Run) error {
	switch {
	case proposed.Type != domain.RunProposed:
		return domain.Conflict("run %s is a %s run: only proposed runs can be promoted", proposed.ID, proposed.Type)
	case !stack.PromotionEnabled:
		return domain.Conflict("stack %s does not allow that proposed runs are promoted", stack.ID)
	case proposed.Commit.Hash == "" || proposed.Commit.Timestamp.IsZero():
		return domain.Conflict("run %s has not checked out a commit that could be promoted", proposed.ID)
	}
	newest, err := tx.RunsOf(ctx, stack.ID, []domain.RunType{domain.RunTracked}, "", 1)
	if err != nil || len(newest) == 0 {
		return err
	}
	if current := newest[0].Commit; !current.Timestamp.Before(proposed.Commit.Timestamp) {
		return domain.Conflict("commit %.7s is not newer than %.7s, which stack %s runs", proposed.Commit.Hash, current.Hash, stack.ID)
	}
	return nil
}

// MaxTargets bounds how many resources a replan may name.
const MaxTargets = 100

// Replan plans an UNCONFIRMED run again, for some resources only, named by
// their addresses.
func (s *Service) Replan(ctx context.Context, stack domain.StackID, id domain.RunID, targets []string) (domain.Run, error) {
	return s.settle(ctx, step{
		event: "run.replan", action: always(authz.ActionRunTargetedReplan),
		from: []domain.RunState{domain.RunUnconfirmed}, to: domain.RunReplanRequested, starts: true,
		does: func(ctx context.Context, tx Tx, p access.Permit, run *domain.Run) error {
			if err := checkTargets(targets); err != nil {
				return err
			}
			run.Targets = targets
			return s.move(ctx, tx, p, run, domain.RunReplanRequested, access.Name(ctx), "")
		},
	}, stack, id, "")
}

func checkTargets(targets []string) error {
	if len(targets) == 0 {
		return domain.Invalid("targets", "must name at least one resource")
	}
	if len(targets) > MaxTargets {
		return domain.Invalid("targets", "must not have more than %d entries", MaxTargets)
	}
	for _, address := range targets {
		if err := domain.CheckName("targets", address); err != nil {
			return err
		}
	}
	return nil
}
