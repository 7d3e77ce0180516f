package runs

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// retryWithin is how many of the newest proposed runs of a stack are looked at
// when its state has changed.
const retryWithin = 50

// retryOutdated plans again what a run that may have changed the state has made
// outdated, on a stack that asks for that: of each branch but the tracked one,
// the newest proposed run, if it planned changes or is at it.
//
// A plan without changes is not made again, so that a branch that was merged is
// planned once more and then never again; and neither is one that failed, or
// what somebody uploaded from his own directory.
func (s *Service) retryOutdated(ctx context.Context, tx Tx, changed domain.StackID) error {
	stack, err := tx.Stack(ctx, changed)
	if err != nil || !stack.Autoretry || stack.MayStart(actor(ctx)) != nil {
		return err
	}
	list, err := tx.RunsOf(ctx, stack.ID, []domain.RunType{domain.RunProposed}, "", retryWithin)
	if err != nil {
		return err
	}
	seen := map[string]bool{stack.Branch: true}
	for _, old := range list {
		if old.Request.Workspace != "" || old.Drift || seen[old.Branch] {
			continue
		}
		seen[old.Branch] = true
		if !outdated(old) {
			continue
		}
		if err := s.planOutdated(ctx, tx, stack, old); err != nil {
			return err
		}
	}
	return nil
}

// StateChanged plans again what an import or a rollback has made outdated, as
// an apply does. tx is that of the change.
func (s *Service) StateChanged(ctx context.Context, tx Tx, id domain.StackID) error {
	return s.retryOutdated(ctx, tx, id)
}

// outdated reports whether the plan of a proposed run was made, or is being
// made, of a state that is no longer the newest.
func outdated(r domain.Run) bool {
	if r.State == domain.RunFinished {
		return r.Delta != nil && (r.Delta.Added > 0 || r.Delta.Changed > 0 || r.Delta.Deleted > 0)
	}
	return r.State.Active() && r.Stop == nil
}

func (s *Service) planOutdated(ctx context.Context, tx Tx, stack domain.Stack, old domain.Run) error {
	run := s.newRun(ctx, tx, stack, domain.RunProposed)
	run.Commit, run.Branch, run.Title, run.Metadata, run.ActedAs = old.Commit, old.Branch, old.Title, old.Metadata, old.ActedAs
	run.TriggeredBy = string(access.SystemAutoretry)
	run.Request = domain.RunRequest{Retries: old.ID, Pushed: old.Request.Pushed}
	permit, err := s.gate.System(access.SystemAutoretry, access.KindRun, string(run.ID))
	if err != nil {
		return err
	}
	settings, err := tx.RunSettings(ctx, old.ID)
	if err != nil {
		return err
	}
	return s.beginWith(ctx, tx, permit, &run, settings)
}
