package runs

import (
	"context"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// SetCurrentCommit chooses the commit that runs of a stack use from now on,
// instead of the head of its branch. Whoever chooses the code of a stack acts
// with its roles (security path E7). It starts nothing and does not contact the
// repository: that there is no such commit shows on the first run.
func (s *Service) SetCurrentCommit(ctx context.Context, id domain.StackID, hash string) (domain.Stack, error) {
	return s.track(ctx, "stack.set_current_commit", authz.ActionStackSetCurrentCommit, id, func(tx Tx, stack *domain.Stack) error {
		if !commitName.MatchString(hash) {
			return domain.Invalid("sha", "must be a commit hash of 7 to 64 hexadecimal digits")
		}
		hash = strings.ToLower(hash)
		commit, err := tx.KnownCommit(ctx, id, hash)
		if domain.ErrorCode(err) == domain.CodeNotFound {
			commit, err = domain.Commit{Hash: hash}, nil
		}
		stack.Tracked = &domain.TrackedCommit{Commit: commit, By: access.Name(ctx)}
		return err
	})
}

// SyncCommit lets runs of a stack use the head of its branch again.
func (s *Service) SyncCommit(ctx context.Context, id domain.StackID) (domain.Stack, error) {
	return s.track(ctx, "stack.sync_commit", authz.ActionStackSyncCommit, id, func(_ Tx, stack *domain.Stack) error {
		stack.Tracked = nil
		return nil
	})
}

func (s *Service) track(ctx context.Context, event string, action authz.Action, id domain.StackID, do func(tx Tx, stack *domain.Stack) error) (stack domain.Stack, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		var op access.Op
		var permit access.Permit
		if stack, op, permit, err = s.permitStack(ctx, tx, event, action, id); err != nil {
			return err
		}
		if err := do(tx, &stack); err != nil {
			return err
		}
		if permit, err = s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()); err != nil {
			return err
		}
		return tx.SetStackLife(ctx, permit, id, stack.StackLife)
	})
	return stack, err
}

// noteHead keeps the commit that a run has found at the head of its stack's
// branch.
func (s *Service) noteHead(ctx context.Context, tx Tx, p access.Permit, run domain.Run, found domain.Commit) error {
	if run.Commit.Hash != "" {
		return nil // it was told which commit to use
	}
	stack, err := tx.Stack(ctx, run.StackID)
	if err != nil || run.Branch != stack.Branch || stack.Head != nil && stack.Head.Hash == found.Hash {
		return err
	}
	head := legibleCommit(found)
	stack.Head = &head
	return tx.SetStackLife(ctx, p.For(access.KindStack), stack.ID, stack.StackLife) // what a run has seen of its stack
}
