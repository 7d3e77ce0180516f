package runs

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// putOff keeps a push that could not be followed for later, or gives it up, and
// says in failed which of both and why.
func (s *Service) putOff(ctx context.Context, push domain.Push, cause error) (failed, err error) {
	push.Tries++
	failed = fmt.Errorf("follow push %s, try %d: %w", push.ID, push.Tries, cause)
	if push.Tries >= domain.MaxPushTries {
		failed = fmt.Errorf("it is given up: %w", failed)
	}
	err = s.pushFailed(ctx, push, cause)
	if err != nil && push.Hook != "" {
		push.Hook = "" // what is kept of its message may be what cannot be read
		err = s.pushFailed(ctx, push, cause)
	}
	if err != nil {
		err = fmt.Errorf("put off push %s: %w", push.ID, err)
	}
	return failed, err
}

func (s *Service) pushFailed(ctx context.Context, push domain.Push, cause error) error {
	return s.db.Change(ctx, func(tx Tx) error {
		same, err := tx.LockPush(ctx, push.ID, push.Tries-1)
		if err != nil || !same {
			return err // another server has tried meanwhile, too
		}
		if push.Tries >= domain.MaxPushTries {
			return s.giveUpPush(ctx, tx, push, "it could not be followed and is not tried any more: "+shown(push, cause))
		}
		permit, err := s.gate.System(access.SystemPush, access.KindRun, push.ID)
		if err != nil {
			return err
		}
		return tx.PutOffPush(ctx, permit, push, "it could not be followed yet, and is tried again: "+shown(push, cause))
	})
}

// giveUpPush ends a push of which nothing follows, and records that.
func (s *Service) giveUpPush(ctx context.Context, tx Tx, push domain.Push, reason string) error {
	denial := access.Attempt(cmp.Or(legible(push.By), "push::"+push.ID), "push.follow", push.ID, reason, domain.Conflict("%s", reason))
	permit, err := s.gate.SystemRefused(access.SystemPush, access.KindRun, push.ID, denial)
	if err != nil {
		return err
	}
	return tx.EndPush(ctx, permit, push, domain.PushOutcome{Ignored: reason})
}

// shown is what may be told of an error to whoever has the push hook.
func shown(push domain.Push, cause error) string {
	var known *domain.Error
	if errors.As(cause, &known) {
		return known.Error()
	}
	return "internal error, of which the server's log says more under push " + push.ID
}
