package pushhooks

import (
	"context"
	"fmt"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Expected returns what a message to a hook must prove, the secrets that work
// now. It asks nobody's rights: it is for the door that messages come in by,
// and tells nothing to anybody else.
func (s *Service) Expected(ctx context.Context, id domain.PushHookID) (kind domain.PushHookKind, live []string, now time.Time, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		now = tx.Now()
		h, err := tx.PushHook(ctx, id)
		if err != nil {
			return err
		}
		secrets, err := tx.PushHookSecrets(ctx, id)
		kind, live = h.Kind, h.Live(secrets, now)
		return err
	})
	return kind, live, now, err
}

// ErrTooMany refuses a message of a hook that brings too many.
var ErrTooMany = domain.Conflict("too many messages; send it again in a minute")

// Accept takes a message that was found to be signed. The key is the same for
// every copy of a message: nothing follows from the second (F10).
func (s *Service) Accept(ctx context.Context, id domain.PushHookID, key string, said domain.Announced) (d domain.PushDelivery, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		h, err := tx.LockPushHook(ctx, id)
		if err != nil {
			return err
		}
		d = domain.PushDelivery{Hook: id, Key: key, At: tx.Now(), Event: said.Event, Branch: said.Branch, Commit: said.Commit, Ignored: said.Ignored}
		twice, err := tx.PushDelivered(ctx, id, key)
		if err != nil || twice {
			d.Ignored = "it came before"
			return err
		}
		lately, err := tx.PushesSince(ctx, id, tx.Now().Add(-time.Minute))
		if err != nil {
			return err
		}
		if lately >= domain.MaxPushesAMinute {
			return ErrTooMany
		}
		permit, err := s.gate.System(access.SystemPushHook, access.KindPushHook, string(id))
		if err != nil {
			return err
		}
		return s.take(ctx, tx, permit, h, &d, said)
	})
	return d, err
}

func (s *Service) take(ctx context.Context, tx Tx, permit access.Permit, h domain.PushHook, d *domain.PushDelivery, said domain.Announced) error {
	known := domain.SourceKeys(said.URLs)
	keys := h.MaySpeakOf(known)
	if len(known) > 0 {
		d.Repository = known[0]
	}
	if d.Ignored == "" && len(keys) == 0 {
		d.Ignored = "the hook may not speak of this repository"
	}
	if err := tx.InsertPushDelivery(ctx, permit, *d); err != nil || d.Ignored != "" {
		return err
	}
	push := said.Push(h, keys)
	push.ID, push.At, push.Hook, push.Key = s.ids.ULID(), tx.Now(), d.Hook, d.Key
	return tx.InsertPush(ctx, permit.For(access.KindRepo), push) // to the repository, as a commit to a built-in one is
}

// Refuse records a message that proves nothing, or came to no hook, and returns
// what to answer: in all cases the same. Also counts those that came since the
// last one that was recorded.
func (s *Service) Refuse(ctx context.Context, id domain.PushHookID, reason string, also int) error {
	if domain.CheckName("id", string(id)) != nil || len(id) > 64 {
		id = "invalid" // nothing that a stranger made up goes into the trail
	}
	if also > 0 {
		reason = fmt.Sprintf("%s; %d more were refused before", reason, also)
	}
	shown := domain.Unauthenticated("there is no such push hook, or the message is not signed as it must be")
	return s.db.Deny(ctx, access.Attempt("push-hook::"+string(id), "pushHook.deliver", string(id), reason, shown))
}

// Sweep forgets deliveries of long ago and returns how many.
func (s *Service) Sweep(ctx context.Context) (n int, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		permit, err := s.gate.System(access.SystemSweeper, access.KindPushHook, "")
		if err == nil {
			n, err = tx.DropPushDeliveries(ctx, permit, tx.Now().Add(-domain.PushDeliveryTime))
		}
		return err
	})
	return n, err
}
