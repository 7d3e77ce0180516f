package runs

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// actor is who asks; the zero one is the control plane itself.
func actor(ctx context.Context) authz.ActorRef {
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return authz.ActorRef{}
	}
	return caller.Subject.Actor
}

// guardStart refuses to start anything on a stack that is disabled, being
// deleted, or somebody else's (access model A63).
func (s *Service) guardStart(ctx context.Context, tx Tx, op access.Op, stack domain.Stack) error {
	if reason := stack.MayStart(actor(ctx)); reason != nil {
		return s.gate.Refuse(ctx, tx, op, reason)
	}
	return nil
}

// Lock gives a stack to the caller for his own use, until it is unlocked. The
// owner may lock it again to change the note. What others have in the queue
// waits; what a worker has goes on, up to the next decision.
func (s *Service) Lock(ctx context.Context, id domain.StackID, note string) (domain.Stack, error) {
	return s.change(ctx, "stack.lock", lesser(authz.ActionStackLock), id, func(tx Tx, op access.Op, stack *domain.Stack) error {
		if err := domain.CheckText("note", note); err != nil {
			return err
		}
		if reason := stack.MayUse(actor(ctx)); reason != nil {
			return s.gate.Refuse(ctx, tx, op, reason)
		}
		if stack.Lock == nil {
			stack.Lock = &domain.StackLock{ID: s.ids.ULID(), Owner: actor(ctx), By: access.Name(ctx), At: tx.Now()}
		}
		stack.Lock.Note = note
		return nil
	})
}

// Unlock releases a lock: the caller's own, or with stack:unlock-force
// anybody's (access model A61, A62). A lock id that is set must still be that
// of the lock (security case 168).
func (s *Service) Unlock(ctx context.Context, id domain.StackID, lock string) (domain.Stack, error) {
	action := func(stack domain.Stack) (string, authz.Action) {
		if stack.MayUse(actor(ctx)) != nil {
			return "stack.unlock_force", authz.ActionStackUnlockForce
		}
		return "stack.unlock", authz.ActionStackUnlock
	}
	return s.change(ctx, "", action, id, func(tx Tx, op access.Op, stack *domain.Stack) error {
		if lock != "" && (stack.Lock == nil || stack.Lock.ID != lock) {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict("stack %s is not locked by lock %s any more", id, lock))
		}
		stack.Lock = nil
		return nil
	})
}

// Disable keeps a stack from starting anything. What has been confirmed, and
// what a worker has, goes on up to the next decision.
func (s *Service) Disable(ctx context.Context, id domain.StackID) (domain.Stack, error) {
	return s.change(ctx, "stack.disable", lesser(authz.ActionStackDisable), id, func(_ Tx, _ access.Op, stack *domain.Stack) error {
		stack.Disabled = true
		return nil
	})
}

// Enable lets a stack start runs again; what waited in its queue goes on.
func (s *Service) Enable(ctx context.Context, id domain.StackID) (domain.Stack, error) {
	return s.change(ctx, "stack.enable", lesser(authz.ActionStackEnable), id, func(_ Tx, _ access.Op, stack *domain.Stack) error {
		stack.Disabled = false
		return nil
	})
}

// ruling says what a change of a stack is called, and what it takes; no name
// leaves it to the caller.
type ruling func(stack domain.Stack) (event string, action authz.Action)

func lesser(a authz.Action) ruling {
	return func(domain.Stack) (string, authz.Action) { return "", a }
}

// change permits and makes a change of what a stack is beside its settings,
// and moves its queue to where it then belongs.
func (s *Service) change(ctx context.Context, event string, rule ruling, id domain.StackID, do func(tx Tx, op access.Op, stack *domain.Stack) error) (stack domain.Stack, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		known, err := tx.LockStack(ctx, id)
		if err != nil && domain.ErrorCode(err) != domain.CodeNotFound {
			return err
		}
		named, action := rule(known)
		if event == "" {
			event = named
		}
		var op access.Op
		var permit access.Permit
		if stack, op, permit, err = s.permitStack(ctx, tx, event, action, id); err != nil {
			return err
		}
		if err := do(tx, op, &stack); err != nil {
			return err
		}
		if err := tx.SetStackLife(ctx, permit, id, stack.StackLife); err != nil {
			return err
		}
		return s.rearrange(ctx, tx, stack)
	})
	return stack, err
}

// rearrange moves the runs of a stack that no worker has yet to where they
// belong after the stack's lock or switch has changed: back into the queue what
// may not begin, to the workers what may.
func (s *Service) rearrange(ctx context.Context, tx Tx, stack domain.Stack) error {
	open, err := tx.OpenRuns(ctx, stack.ID)
	if err != nil {
		return err
	}
	for i := len(open) - 1; i >= 0; i-- { // oldest first
		run, err := tx.LockRun(ctx, open[i].ID)
		if err != nil {
			return err
		}
		switch begins := stack.Begins(run); {
		case run.State == domain.RunReady && run.LeaseUntil.IsZero() && !begins:
			err = s.step(ctx, tx, &run, domain.RunQueued)
		case run.State == domain.RunQueued && !run.Type.Blocking() && begins:
			err = s.step(ctx, tx, &run, domain.RunReady)
		}
		if err != nil {
			return err
		}
	}
	_, err = s.promote(ctx, tx, stack.ID)
	return err
}

// step moves a run in the queue.
func (s *Service) step(ctx context.Context, tx Tx, run *domain.Run, to domain.RunState) error {
	permit, err := s.gate.System(access.SystemRunLease, access.KindRun, string(run.ID))
	if err != nil {
		return err
	}
	from := run.State
	if err := run.Advance(to, tx.Now(), ""); err != nil {
		return err
	}
	return tx.AdvanceRun(ctx, permit, *run, from, "")
}
