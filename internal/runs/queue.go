package runs

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// newRun is a run of a stack that has not been asked for anything special.
func (s *Service) newRun(ctx context.Context, tx Tx, stack domain.Stack, t domain.RunType) domain.Run {
	r := domain.Run{
		ID: domain.RunID(s.ids.ULID()), StackID: stack.ID, Type: t, State: domain.RunQueued, StateSerial: 1,
		Branch: stack.Branch, Title: "Manual trigger", TriggeredBy: access.Name(ctx), CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
	}
	r.Priority = r.UsualPriority()
	r.Autodeploy = t == domain.RunTracked && stack.Deploys()
	if stack.Tracked != nil {
		r.Commit = stack.Tracked.Commit
	}
	return r
}

// begin stores a new run. It is READY at once if nothing is in its way: only
// runs that may change the state wait for each other. The caller holds the
// stack. On one that starts nothing for this caller it is a conflict; what
// the control plane itself starts waits for a lock.
func (s *Service) begin(ctx context.Context, tx Tx, permit access.Permit, run *domain.Run) error {
	return s.enter(ctx, tx, permit, run, true)
}

// enter is begin for a run that does what its commit says, or something else,
// too: that says nothing of the commit.
func (s *Service) enter(ctx context.Context, tx Tx, permit access.Permit, run *domain.Run, plain bool) error {
	stack, err := tx.Stack(ctx, run.StackID)
	if err != nil {
		return err
	}
	if reason := stack.MayStart(actor(ctx)); reason != nil && stack.Destroyer != run.ID {
		return reason
	}
	run.Request.Reports = false // a retry has the request of another run
	if plain {
		if run.Request.Reports, err = reports(ctx, tx, stack, *run); err != nil {
			return err
		}
	}
	if err := tx.InsertRun(ctx, permit.For(access.KindRun).About(string(run.ID)), *run); err != nil {
		return err
	}
	if !run.Type.Blocking() {
		return s.step(ctx, tx, run, domain.RunReady)
	}
	if run.Type == domain.RunTracked {
		if err := s.chain(ctx, tx, *run); err != nil {
			return err
		}
	}
	next, err := s.promote(ctx, tx, run.StackID)
	if err == nil && next != nil && next.ID == run.ID {
		*run = *next
	}
	return err
}

// promote makes the first queued run of a stack that may begin READY if nothing
// holds the stack. The caller holds the stack.
func (s *Service) promote(ctx context.Context, tx Tx, id domain.StackID) (*domain.Run, error) {
	stack, err := tx.Stack(ctx, id)
	if err != nil || stack.Disabled {
		return nil, err
	}
	_, err = tx.Blocker(ctx, id)
	if domain.ErrorCode(err) != domain.CodeNotFound {
		return nil, err // held, or a failed look-up
	}
	owner := "" // of a lock: only his runs begin
	if stack.Lock != nil {
		owner = stack.Lock.By
	}
	for {
		run, err := tx.NextQueued(ctx, id, owner)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if skipped, err := s.skipOvertaken(ctx, tx, &run); err != nil {
			return nil, err
		} else if !skipped {
			return &run, s.step(ctx, tx, &run, domain.RunReady)
		}
	}
}

// Prioritize lets a waiting run go before all others of its pool, or takes
// that back.
func (s *Service) Prioritize(ctx context.Context, stack domain.StackID, id domain.RunID, first bool) (domain.Run, error) {
	preset := PriorityNormal
	if first {
		preset = PriorityHigh
	}
	return s.SetPriority(ctx, stack, id, preset)
}

// PriorityPreset is how urgent somebody says that a run is.
type PriorityPreset string

// The presets of the contract. PriorityNormal is what the kind of the run says.
const (
	PriorityHigh   PriorityPreset = "HIGH"
	PriorityNormal PriorityPreset = "NORMAL"
	PriorityLow    PriorityPreset = "LOW"
)

// SetPriority changes when a run that waits gets its turn: in its stack's queue
// and among the runs of its worker pool.
func (s *Service) SetPriority(ctx context.Context, stack domain.StackID, id domain.RunID, preset PriorityPreset) (domain.Run, error) {
	return s.settle(ctx, step{
		event: "run.prioritize", action: always(authz.ActionRunPrioritizeSet),
		from: waiting, cannot: "does not wait for its turn",
		does: func(ctx context.Context, tx Tx, p access.Permit, run *domain.Run) error {
			switch preset {
			case PriorityHigh:
				run.Priority = domain.RunRaised
			case PriorityLow:
				run.Priority = domain.RunLowered
			case PriorityNormal:
				run.Priority = run.UsualPriority()
			default:
				return domain.Invalid("preset", "unknown priority %q", preset)
			}
			return tx.SaveRun(ctx, p, *run)
		},
	}, stack, id, "")
}
