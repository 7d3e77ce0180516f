package states

import (
	"context"
	"fmt"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// changeTx is what a change of a state from outside runs needs beyond Tx.
type changeTx interface {
	access.ActAsReader
	OpenRuns(ctx context.Context, id domain.StackID) ([]domain.Run, error)
	Uploaded(ctx context.Context, id domain.TransferID) (domain.Transfer, []byte, error)
}

// ImportInput is a state that is to become the current one.
type ImportInput struct {
	Stack domain.StackID
	// State is the file, or the id of what the caller has uploaded.
	State string
	// Providers are addresses that the state may name though no version of the
	// stack's state has named them.
	Providers []string
	// Force accepts another lineage, or a serial that does not follow: the state
	// gets the next one.
	Force bool
}

// Import makes a state the current one of a stack that is locked and has no
// open runs (access model A66). It says what the stack's next run executes:
// providers that are new there must be named (security case 166), and on a
// stack that holds roles it takes those (security rule G2).
func (s *Service) Import(ctx context.Context, in ImportInput) (v domain.StateVersion, err error) {
	err = s.store(ctx, func(tx Tx, ready *staged) error {
		stack, op, permit, err := s.quiet(ctx, tx, "state.import", authz.ActionStackManagedStateImport, in.Stack)
		if err != nil {
			return err
		}
		if permit, err = s.gate.ActAs(ctx, tx, op, permit, stack.AsActor()); err != nil {
			return err
		}
		from, f, err := s.toImport(ctx, tx, permit, in, ready)
		if err != nil {
			return err
		}
		current, err := tx.CurrentState(ctx, in.Stack)
		first := domain.ErrorCode(err) == domain.CodeNotFound
		if err != nil && !first {
			return err
		}
		if !first {
			if f, err = follow(current, f, in.Force); err != nil {
				return err
			}
		}
		added, err := s.newProviders(ctx, tx, stack.ID, f, in.Providers, ready)
		if err != nil {
			return err
		}
		v = domain.NewStateVersion(s.version(ready), stack.ID, f, tx.Now())
		v.Origin, v.CreatedBy = domain.StateImported, access.Name(ctx)
		said := imported(v, current, added)
		if from != "" {
			said += ", from refused state " + string(from)
			if err := tx.SetRefusedImported(ctx, permit, from, v.ID); err != nil {
				return err
			}
		}
		return s.replace(ctx, tx, permit.Noting(said), v, f, ready)
	})
	return v, err
}

// replace is keep for a version that no run has written.
func (s *Service) replace(ctx context.Context, tx Tx, p access.Permit, v domain.StateVersion, f domain.StateFile, ready *staged) error {
	if err := s.keep(ctx, tx, p, v, f, ready); err != nil || s.Changed == nil {
		return err
	}
	return s.Changed(ctx, tx, v.StackID)
}

// toImport reads the state, which is given, was uploaded by the caller, or was
// refused when a run wanted to store it.
func (s *Service) toImport(ctx context.Context, tx Tx, p access.Permit, in ImportInput, ready *staged) (domain.RefusedStateID, domain.StateFile, error) {
	if strings.HasPrefix(strings.TrimSpace(in.State), "{") {
		f, err := domain.ReadState([]byte(in.State))
		return "", f, err
	}
	t, body, err := tx.Uploaded(ctx, domain.TransferID(in.State))
	if domain.ErrorCode(err) == domain.CodeNotFound || err == nil && t.By.Name != access.Name(ctx) {
		return s.refusedToImport(ctx, tx, in, ready)
	}
	if err != nil {
		return "", domain.StateFile{}, err
	}
	if err := tx.DropTransfer(ctx, p, t.ID); err != nil {
		return "", domain.StateFile{}, err
	}
	f, err := domain.ReadState(body)
	return "", f, err
}

func (s *Service) refusedToImport(ctx context.Context, tx Tx, in ImportInput, ready *staged) (domain.RefusedStateID, domain.StateFile, error) {
	r, err := refusedOf(ctx, tx, in.Stack, domain.RefusedStateID(in.State))
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return "", domain.StateFile{}, domain.Invalid("state", "is neither a state file, nor what you uploaded within the last hour, nor a refused state of the stack")
	}
	if err != nil {
		return "", domain.StateFile{}, err
	}
	kept, err := tx.RefusedStored(ctx, r.ID)
	if err != nil {
		return "", domain.StateFile{}, err
	}
	bodies, err := s.contents(ctx, ready, kept)
	if err != nil {
		return "", domain.StateFile{}, err
	}
	f, err := domain.ReadState(bodies[0])
	return r.ID, f, err
}

// follow checks that a state follows the current one, or makes it so.
func follow(current domain.StateVersion, f domain.StateFile, force bool) (domain.StateFile, error) {
	same, err := current.CheckSuccessor(f.StateHead, domain.Checksum(f.Body))
	switch {
	case same:
		return f, domain.Conflict("this is the current state already")
	case err == nil:
		return f, nil
	case force && f.Lineage == current.Lineage:
		return f.Following(current.Serial+1, current.Lineage)
	case force:
		return f.Following(max(f.Serial, current.Serial+1), f.Lineage)
	default:
		return f, err
	}
}

func imported(v, current domain.StateVersion, providers []string) string {
	said := fmt.Sprintf("version %s, serial %d, lineage %s, sha256 %s", v.ID, v.Serial, v.Lineage, v.Checksum)
	if current.ID != "" && current.Lineage != v.Lineage {
		said += ", instead of lineage " + current.Lineage
	}
	if providers != nil {
		said += ", with the new providers " + strings.Join(providers, ", ")
	}
	return said
}

// Rollback makes an earlier version of a stack's state current again, as a new
// version with the next serial and the current lineage. The stack must be
// locked and have no open runs (access model A66, security case 167).
func (s *Service) Rollback(ctx context.Context, id domain.StackID, to domain.StateVersionID) (v domain.StateVersion, err error) {
	err = s.store(ctx, func(tx Tx, ready *staged) error {
		_, _, permit, err := s.quiet(ctx, tx, "state.rollback", authz.ActionStackManagedStateRollback, id)
		if err != nil {
			return err
		}
		old, err := tx.StateVersion(ctx, to)
		if domain.ErrorCode(err) == domain.CodeNotFound || err == nil && old.StackID != id {
			return domain.NotFound("state version")
		}
		if err != nil {
			return err
		}
		current, err := tx.CurrentState(ctx, id)
		if err != nil {
			return err
		}
		if current.ID == old.ID {
			return domain.Conflict("version %s is current already", to)
		}
		f, err := s.back(ctx, tx, old, current, ready)
		if err != nil {
			return err
		}
		v = domain.NewStateVersion(s.version(ready), id, f, tx.Now())
		v.Origin, v.Restores, v.CreatedBy = domain.StateRolledBack, old.ID, access.Name(ctx)
		said := fmt.Sprintf("version %s, serial %d, with what version %s, serial %d, was", v.ID, v.Serial, old.ID, old.Serial)
		return s.replace(ctx, tx, permit.Noting(said), v, f, ready)
	})
	return v, err
}

// back is an old state as the successor of the current one.
func (s *Service) back(ctx context.Context, tx Tx, old, current domain.StateVersion, ready *staged) (domain.StateFile, error) {
	kept, err := tx.StateStored(ctx, old)
	if err != nil {
		return domain.StateFile{}, err
	}
	bodies, err := s.contents(ctx, ready, kept)
	if err != nil {
		return domain.StateFile{}, err
	}
	if err := checked(bodies[0], old); err != nil {
		return domain.StateFile{}, err
	}
	f, err := domain.ReadState(bodies[0])
	if err != nil {
		return f, err
	}
	return f.Following(current.Serial+1, current.Lineage)
}

// quiet permits a change of a stack's state from outside runs, while the stack
// is locked, by the caller himself, and nothing of it waits or runs.
func (s *Service) quiet(ctx context.Context, tx Tx, event string, action authz.Action, id domain.StackID) (
	stack domain.Stack, op access.Op, permit access.Permit, err error,
) {
	stack, err = tx.LockStack(ctx, id)
	op = operation(event, action, domain.Stack{ID: id, StackSettings: stack.StackSettings})
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return stack, op, permit, s.gate.Missing(ctx, tx, op)
	}
	if err != nil {
		return stack, op, permit, err
	}
	if permit, err = s.gate.Permit(ctx, tx, op); err != nil {
		return stack, op, permit, err
	}
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return stack, op, permit, err
	}
	open, err := tx.OpenRuns(ctx, id)
	if err != nil {
		return stack, op, permit, err
	}
	if busy := disturbed(stack, caller.Subject.Actor, open); busy != nil {
		return stack, op, permit, s.gate.Refuse(ctx, tx, op, busy)
	}
	return stack, op, permit, nil
}

// disturbed says what keeps a stack's state from being changed from outside.
func disturbed(stack domain.Stack, who authz.ActorRef, open []domain.Run) *domain.Error {
	switch {
	case !stack.ManagesState:
		return domain.Conflict("the state of stack %s is not kept here", stack.ID)
	case stack.Lock == nil:
		return domain.Conflict("stack %s is not locked; lock it first, so that nothing starts meanwhile", stack.ID)
	case len(open) > 0:
		return domain.Conflict("run %s of stack %s is %s; its state changes only when no run is open", open[0].ID, stack.ID, open[0].State)
	default:
		return stack.MayUse(who)
	}
}
