package runs

import (
	"cmp"
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Confirm lets the plan of an UNCONFIRMED run be applied. An empty id means
// the run that holds the stack.
func (s *Service) Confirm(ctx context.Context, stack domain.StackID, id domain.RunID, note string) (domain.Run, error) {
	return s.ConfirmWith(ctx, stack, id, note, "")
}

// ConfirmWith is Confirm that keeps a text of the user's client, as it came.
func (s *Service) ConfirmWith(ctx context.Context, stack domain.StackID, id domain.RunID, note, metadata string) (domain.Run, error) {
	return s.settle(ctx, step{
		event: "run.confirm", action: always(authz.ActionRunConfirm), from: []domain.RunState{domain.RunUnconfirmed}, to: domain.RunConfirmed,
		influences: true, starts: true,
		does: func(ctx context.Context, tx Tx, p access.Permit, run *domain.Run) error {
			if err := domain.CheckText("metadata", metadata); err != nil {
				return err
			}
			run.Request.Confirmed = metadata
			return s.move(ctx, tx, p, run, domain.RunConfirmed, access.Name(ctx), note)
		},
	}, stack, id, note)
}

// Discard throws a plan, or a run that has not begun, away.
func (s *Service) Discard(ctx context.Context, stack domain.StackID, id domain.RunID, note string) (domain.Run, error) {
	return s.settle(ctx, discard, stack, id, note)
}

// Cancel ends a run that no worker has taken yet.
func (s *Service) Cancel(ctx context.Context, stack domain.StackID, id domain.RunID, note string) (domain.Run, error) {
	return s.settle(ctx, step{
		event: "run.cancel", action: byType(authz.ActionRunCancel, authz.ActionRunCancelBlocking),
		from: []domain.RunState{domain.RunQueued, domain.RunReady}, to: domain.RunCanceled,
	}, stack, id, note)
}

// Kill ends a run at once, without waiting for its worker, which learns it when
// it next reports. What the worker still does cannot reach the state. An apply
// can be ended so only when its worker has been silent for a lease.
func (s *Service) Kill(ctx context.Context, stack domain.StackID, id domain.RunID, note string) (domain.Run, error) {
	return s.settle(ctx, step{
		event: "run.kill", action: byType(authz.ActionRunStop, authz.ActionRunStopBlocking), from: killable, to: domain.RunStopped,
		does: func(ctx context.Context, tx Tx, p access.Permit, run *domain.Run) error {
			return s.end(ctx, tx, p, run, note)
		},
	}, stack, id, note)
}

// step is a change of state that a caller may ask for.
type step struct {
	event  string
	action func(domain.RunType) authz.Action
	from   []domain.RunState // PLANNING becomes CONFIRMED too, but only by autodeploy
	to     domain.RunState
	cannot string // what is said of a run in another state; empty: that it cannot become to
	// influences says that the step decides what the stack does with the roles
	// that it holds (security rule G2).
	influences bool
	// starts says that the step lets the run go on: not where the stack is
	// disabled or somebody else's.
	starts bool
	// does is what happens instead of the change of state; nil for the change.
	does func(ctx context.Context, tx Tx, p access.Permit, run *domain.Run) error
}

var discard = step{
	event: "run.discard", action: always(authz.ActionRunDiscard),
	from: []domain.RunState{domain.RunQueued, domain.RunReady, domain.RunUnconfirmed, domain.RunPendingReview, domain.RunReplanRequested},
	to:   domain.RunDiscarded,
}

// waiting is where a run can be until a worker has it.
var waiting = []domain.RunState{
	domain.RunQueued, domain.RunReady, domain.RunPendingReview, domain.RunUnconfirmed, domain.RunReplanRequested, domain.RunConfirmed,
}

var stoppable = []domain.RunState{domain.RunPreparing, domain.RunInitializing, domain.RunPlanning, domain.RunPreparingReplan}

var killable = append(slices.Clone(stoppable), domain.RunApplying, domain.RunPerforming, domain.RunDestroying)

func always(a authz.Action) func(domain.RunType) authz.Action {
	return func(domain.RunType) authz.Action { return a }
}

// byType asks for another action where the run blocks its stack (access model
// A64). A run that does not exist takes the lesser one.
func byType(plain, blocking authz.Action) func(domain.RunType) authz.Action {
	return func(t domain.RunType) authz.Action {
		if t.Blocking() {
			return blocking
		}
		return plain
	}
}

func (s *Service) settle(ctx context.Context, st step, stackID domain.StackID, id domain.RunID, note string) (run domain.Run, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		run, err = s.settleIn(ctx, tx, st, stackID, id, note)
		return err
	})
	return run, err
}

func (s *Service) settleIn(ctx context.Context, tx Tx, st step, stackID domain.StackID, id domain.RunID, note string) (domain.Run, error) {
	stack, run, op, permit, err := s.permitRun(ctx, tx, st.event, st.action, stackID, id)
	if err != nil {
		return run, err
	}
	if err := domain.CheckText("note", note); err != nil {
		return run, err
	}
	if !slices.Contains(st.from, run.State) {
		return run, domain.Conflict("run %s is %s and %s", run.ID, run.State, cmp.Or(st.cannot, "cannot become "+string(st.to)))
	}
	if st.starts {
		if err := s.guardStart(ctx, tx, op, stack); err != nil {
			return run, err
		}
	}
	if st.influences {
		if permit, err = s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()); err != nil {
			return run, err
		}
		run.ActedAs = permit.ActedAs()
	}
	if st.does != nil {
		err = st.does(ctx, tx, permit, &run)
	} else {
		err = s.move(ctx, tx, permit, &run, st.to, access.Name(ctx), note)
	}
	return run, err // as the change left it
}

// permitRun permits an operation on one run, which it locks after its stack.
func (s *Service) permitRun(ctx context.Context, tx Tx, event string, action func(domain.RunType) authz.Action, stackID domain.StackID, id domain.RunID) (
	stack domain.Stack, run domain.Run, op access.Op, permit access.Permit, err error,
) {
	stack, err = tx.LockStack(ctx, stackID)
	if err == nil {
		run, err = s.pick(ctx, tx, stackID, id)
	}
	op = access.Op{Event: event, Action: action(run.Type), See: authz.ActionRunRead, Object: object(stack, run.ID)}
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return stack, run, op, permit, s.missing(ctx, tx, op, stack, id)
	}
	if err != nil {
		return stack, run, op, permit, err
	}
	permit, err = s.gate.Permit(ctx, tx, op)
	return stack, run, op, permit, err
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
	if to == domain.RunFailed && from.Writes() {
		kept, err := refusedStates(ctx, tx, run.ID)
		if err != nil {
			return err
		}
		note += kept
	}
	if to == domain.RunFinished && looksForDrift(*run) {
		void, err := voidDrift(ctx, tx, *run)
		if err != nil {
			return err
		}
		note = cmp.Or(void, note)
	}
	if err := run.Advance(to, tx.Now(), note); err != nil {
		return err
	}
	if to.Terminal() || to.Waits() {
		run.Worker, run.LeaseUntil = "", noLease
	}
	if err := tx.AdvanceRun(ctx, p, *run, from, by); err != nil {
		return err
	}
	if !to.Terminal() {
		return nil
	}
	if err := s.ended(ctx, tx, p, *run); err != nil {
		return err
	}
	if !from.Writes() || run.Type == domain.RunDestroy {
		return nil
	}
	return s.retryOutdated(ctx, tx, run.StackID)
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
	if err := s.keepUndestroyed(ctx, tx, p, run); err != nil {
		return err
	}
	if err := s.noteDrift(ctx, tx, p, run); err != nil {
		return err
	}
	_, err = s.promote(ctx, tx, run.StackID)
	return err
}
