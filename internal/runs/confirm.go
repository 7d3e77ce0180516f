package runs

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Confirm lets the plan of an UNCONFIRMED run be applied. An empty id means
// the run that holds the stack.
func (s *Service) Confirm(ctx context.Context, stack domain.StackID, id domain.RunID, note string) (domain.Run, error) {
	return s.settle(ctx, step{"run.confirm", authz.ActionRunConfirm, domain.RunConfirmed, unconfirmed, true}, stack, id, note)
}

// Discard throws a plan, or a run that has not begun, away.
func (s *Service) Discard(ctx context.Context, stack domain.StackID, id domain.RunID, note string) (domain.Run, error) {
	return s.settle(ctx, step{"run.discard", authz.ActionRunDiscard, domain.RunDiscarded, waiting, false}, stack, id, note)
}

// step is a change of state that a caller may ask for.
type step struct {
	event  string
	action authz.Action
	to     domain.RunState
	from   []domain.RunState // PLANNING becomes CONFIRMED too, but only by autodeploy
	// influences says that the step decides what the stack does with the roles
	// that it holds (security rule G2).
	influences bool
}

var (
	unconfirmed = []domain.RunState{domain.RunUnconfirmed}
	waiting     = []domain.RunState{domain.RunQueued, domain.RunReady, domain.RunUnconfirmed}
)

func (s *Service) settle(ctx context.Context, st step, stackID domain.StackID, id domain.RunID, note string) (run domain.Run, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		stack, err := tx.LockStack(ctx, stackID)
		if err == nil {
			run, err = s.pick(ctx, tx, stackID, id)
		}
		op := access.Op{Event: st.event, Action: st.action, See: authz.ActionRunRead, Object: object(stack, run.ID)}
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return s.missing(ctx, tx, op, stack, id)
		}
		if err != nil {
			return err
		}
		permit, err := s.gate.Permit(ctx, tx, op)
		if err != nil {
			return err
		}
		if err := domain.CheckText("note", note); err != nil {
			return err
		}
		if !slices.Contains(st.from, run.State) {
			return domain.Conflict("run %s is %s and cannot become %s", run.ID, run.State, st.to)
		}
		if st.influences {
			if permit, err = s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()); err != nil {
				return err
			}
			run.ActedAs = permit.ActedAs()
		}
		return s.move(ctx, tx, permit, &run, st.to, access.Name(ctx), note)
	})
	return run, err
}

// pick locks the run that is meant.
func (s *Service) pick(ctx context.Context, tx Tx, stack domain.StackID, id domain.RunID) (domain.Run, error) {
	if id == "" {
		run, err := tx.Blocker(ctx, stack)
		if err != nil {
			return run, err
		}
		id = run.ID
	}
	run, err := tx.LockRun(ctx, id)
	if err == nil && run.StackID != stack {
		return domain.Run{}, domain.NotFound("run")
	}
	return run, err
}

// missing answers for a run that does not exist: whoever may not act on the
// stack learns no more than for a run that does.
func (s *Service) missing(ctx context.Context, tx Tx, op access.Op, stack domain.Stack, id domain.RunID) error {
	op.Object.ID = string(id)
	if stack.ID == "" {
		return s.gate.Missing(ctx, tx, op)
	}
	if _, err := s.gate.Permit(ctx, tx, op); err != nil {
		return err
	}
	return s.gate.Missing(ctx, tx, op)
}

// move takes a locked run along one edge and does what that state entails.
func (s *Service) move(ctx context.Context, tx Tx, p access.Permit, run *domain.Run, to domain.RunState, by, note string) error {
	from := run.State
	if err := run.Advance(to, tx.Now(), note); err != nil {
		return err
	}
	if to.Terminal() || to == domain.RunUnconfirmed {
		run.Worker, run.LeaseUntil = "", noLease
	}
	if err := tx.AdvanceRun(ctx, p, *run, from, by); err != nil {
		return err
	}
	if !to.Terminal() {
		return nil
	}
	return s.ended(ctx, tx, p, *run)
}

// ended clears up behind a run: its workspace, a state lock it still holds,
// and the place that it took in its stack's queue.
func (s *Service) ended(ctx context.Context, tx Tx, p access.Permit, run domain.Run) error {
	if err := tx.DropWorkspace(ctx, p, run.ID); err != nil {
		return err
	}
	lock, err := tx.StateLock(ctx, run.StackID)
	if err != nil {
		return err
	}
	if lock != nil && lock.Run == run.ID {
		if err := tx.DropStateLock(ctx, p.For(access.KindState), run.StackID); err != nil {
			return err
		}
	}
	_, err = s.promote(ctx, tx, run.StackID)
	return err
}
