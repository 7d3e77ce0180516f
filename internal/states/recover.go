package states

import (
	"context"
	"errors"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Attempt names one lease of a run, and what the worker that had it has proved.
type Attempt struct {
	Key    domain.PoolKey
	Run    domain.RunID
	Epoch  int
	Secret string // of the lease
}

// Recover keeps a state that OpenTofu could not store while the attempt ran:
// what the attempt has made is in no other place. It takes it as long as
// nobody has written since, whether or not the run has ended; the checks of a
// write under the lock hold here, too.
func (s *Service) Recover(ctx context.Context, a Attempt, body []byte) error {
	f, flaw := domain.ReadState(body)
	err := s.store(ctx, func(tx Tx, ready *staged) error {
		stack, run, err := lastAttempt(ctx, tx, a, tx.LockStack)
		if err != nil {
			return err
		}
		if flaw != nil {
			return refused(stack.ID, a.Run, flaw)
		}
		if err := nobodyElse(ctx, tx, run); err != nil {
			return refused(stack.ID, a.Run, err)
		}
		v := domain.NewStateVersion(s.version(ready), stack.ID, f, tx.Now())
		v.RunID = a.Run
		current, err := tx.CurrentState(ctx, stack.ID)
		switch {
		case domain.ErrorCode(err) == domain.CodeNotFound:
		case err != nil:
			return err
		case current.RunID != a.Run && string(current.ID) > string(a.Run): // both are ULIDs
			return refused(stack.ID, a.Run, domain.Conflict("stale_attempt: the state of stack %s was written after run %s", stack.ID, a.Run))
		default:
			if same, err := current.CheckSuccessor(f.StateHead, v.Checksum); same || err != nil {
				return refused(stack.ID, a.Run, err)
			}
		}
		p, err := s.gate.SystemOp(ctx, tx, access.SystemStateStore, onState("state.recover", stack), "run "+string(a.Run)+" could not store it")
		if err != nil {
			return err
		}
		return s.keep(ctx, tx, p, v, f, ready)
	})
	var stranger *domain.StrangerError
	if errors.As(err, &stranger) {
		return s.recorded(ctx, a, err)
	}
	return s.quarantine(ctx, "worker-pool::"+string(a.Key.Pool), f, flaw == nil, err, s.lockUnstored)
}

// lockUnstored locks the stack of a run whose state was handed over and refused:
// nothing may change what the state does not know until somebody has looked. A
// lock that is there because of the run names the state from now on; whoever has
// locked the stack himself keeps his lock.
func (s *Service) lockUnstored(ctx context.Context, tx Tx, stack domain.Stack, r domain.RefusedState) error {
	lock := domain.ReconcileLock(s.ids.ULID(), string(access.SystemRunReaper), r.RunID, "could not store its state", tx.Now())
	if stack.Lock != nil {
		if !stack.Lock.Reconciles(r.RunID) {
			return nil
		}
		*lock = *stack.Lock
	}
	lock.Note += "; " + r.Where()
	op := access.Op{Event: "stack.lock", Object: access.Object{Kind: access.KindStack, ID: string(stack.ID), Noun: "stack", Space: stack.Space}}
	permit, err := s.gate.SystemOp(ctx, tx, access.SystemRunReaper, op, lock.Note)
	if err != nil {
		return err
	}
	stack.Lock = lock
	return tx.SetStackLife(ctx, permit, stack.ID, stack.StackLife)
}

// MayRecover refuses who could hand over nothing, whatever the state is, so that
// nothing is read of him. Recover decides anew.
func (s *Service) MayRecover(ctx context.Context, a Attempt) error {
	return s.recorded(ctx, a, s.db.View(ctx, func(tx Tx) error {
		_, _, err := lastAttempt(ctx, tx, a, tx.Stack)
		return err
	}))
}

// recorded puts into the audit trail that a worker named a lease which is not
// its own, and returns what it is told. Other errors, and none, pass.
func (s *Service) recorded(ctx context.Context, a Attempt, err error) error {
	var stranger *domain.StrangerError
	if !errors.As(err, &stranger) {
		return err
	}
	return s.db.Deny(ctx, access.StrangerAttempt(a.Key.Pool, stranger))
}

// onState is a change of a stack's state that the control plane makes itself.
func onState(event string, stack domain.Stack) access.Op {
	return access.Op{Event: event, Object: access.Object{Kind: access.KindState, ID: string(stack.ID), Noun: "state", Space: stack.Space}}
}

// lastAttempt returns the stack of an attempt as hold finds it, if the attempt is
// the last one of its run and could have written.
func lastAttempt(ctx context.Context, tx Tx, a Attempt, hold func(context.Context, domain.StackID) (domain.Stack, error)) (stack domain.Stack, run domain.Run, err error) {
	if lives, err := tx.PoolKeyLives(ctx, a.Key); err != nil || !lives {
		if err == nil {
			err = domain.Unauthenticated("unknown worker pool token")
		}
		return stack, run, err
	}
	if run, err = tx.Run(ctx, a.Run); err != nil {
		return stack, run, err
	}
	stack, err = hold(ctx, run.StackID)
	if err != nil {
		return stack, run, err
	}
	if run, err = tx.Run(ctx, a.Run); err != nil {
		return stack, run, err
	}
	pool := stack.WorkerPool
	if pool == "" {
		pool = domain.DefaultWorkerPool
	}
	if pool != a.Key.Pool {
		return stack, run, domain.NotFound("run")
	}
	if run.Epoch != a.Epoch || !stack.ManagesState {
		return stack, run, domain.Conflict("stale_attempt: lease %d of run %s is over", a.Epoch, a.Run)
	}
	if err := domain.CheckLease(run.ID, run.LeaseHash, a.Secret); err != nil {
		return stack, run, err
	}
	steps, err := tx.RunHistory(ctx, a.Run)
	if err != nil {
		return stack, run, err
	}
	for _, step := range steps {
		if step.State.Writes() {
			return stack, run, nil
		}
	}
	return stack, run, domain.Conflict("stale_attempt: run %s has never applied anything", a.Run)
}

// nobodyElse refuses while another run writes, or holds the lock of the state.
func nobodyElse(ctx context.Context, tx Tx, run domain.Run) error {
	blocker, err := tx.Blocker(ctx, run.StackID)
	if err == nil && blocker.ID != run.ID && blocker.State.Writes() {
		return domain.Conflict("stale_attempt: run %s writes the state now", blocker.ID)
	}
	if err != nil && domain.ErrorCode(err) != domain.CodeNotFound {
		return err
	}
	lock, err := tx.StateLock(ctx, run.StackID)
	if err == nil && lock != nil && lock.Run != run.ID {
		return &LockedError{Lock: *lock}
	}
	return err
}
