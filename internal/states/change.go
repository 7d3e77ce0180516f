package states

import (
	"context"
	"fmt"
	"slices"
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
		f, err := s.toImport(ctx, tx, permit, in)
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
		added, err := newProviders(ctx, tx, stack.ID, f, in.Providers)
		if err != nil {
			return err
		}
		v = domain.NewStateVersion(s.version(ready), stack.ID, f, tx.Now())
		v.Origin, v.CreatedBy = domain.StateImported, access.Name(ctx)
		return keep(ctx, tx, permit.Noting(imported(v, current, added)), v, f, ready)
	})
	return v, err
}

// toImport reads the state, which is given or was uploaded by the caller.
func (s *Service) toImport(ctx context.Context, tx Tx, p access.Permit, in ImportInput) (domain.StateFile, error) {
	body := []byte(in.State)
	if !strings.HasPrefix(strings.TrimSpace(in.State), "{") {
		t, uploaded, err := tx.Uploaded(ctx, domain.TransferID(in.State))
		if domain.ErrorCode(err) == domain.CodeNotFound || err == nil && t.By.Name != access.Name(ctx) {
			return domain.StateFile{}, domain.Invalid("state", "is neither a state file nor what you uploaded within the last hour")
		}
		if err != nil {
			return domain.StateFile{}, err
		}
		if err := tx.DropTransfer(ctx, p, t.ID); err != nil {
			return domain.StateFile{}, err
		}
		body = uploaded
	}
	return domain.ReadState(body)
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

// knownProviders bounds how many earlier versions are read for the providers
// that they name.
const knownProviders = 5

// newProviders returns the providers that a state names and the stack's newest
// versions do not. Those of the two public registries' own makers are known to
// everybody; the others must be among the confirmed ones.
func newProviders(ctx context.Context, tx Tx, id domain.StackID, f domain.StateFile, confirmed []string) (added []string, err error) {
	known := map[string]bool{}
	versions, err := tx.StateVersions(ctx, id, 1<<62, knownProviders)
	if err != nil {
		return nil, err
	}
	for _, v := range versions {
		body, err := tx.StateBody(ctx, v)
		if err != nil {
			return nil, err
		}
		old, err := domain.ReadState(body)
		if err != nil {
			continue // it was kept when less was asked of a state
		}
		for _, p := range old.Providers {
			known[p] = true
		}
	}
	var missing []string
	for _, p := range f.Providers {
		if known[p] {
			continue
		}
		added = append(added, p)
		if !wellKnown(p) && !slices.Contains(confirmed, p) {
			missing = append(missing, p)
		}
	}
	if missing != nil {
		return nil, domain.Invalid("providers", "the state names providers that this stack has not used, and the next run would execute them: %s; name them here if that is what you want",
			strings.Join(missing, ", "))
	}
	return added, nil
}

func wellKnown(address string) bool {
	for _, p := range []string{"registry.opentofu.org/hashicorp/", "registry.opentofu.org/opentofu/", "registry.terraform.io/hashicorp/", "terraform.io/builtin/"} {
		if strings.HasPrefix(address, p) {
			return true
		}
	}
	return false
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
		f, err := back(ctx, tx, old, current)
		if err != nil {
			return err
		}
		v = domain.NewStateVersion(s.version(ready), id, f, tx.Now())
		v.Origin, v.Restores, v.CreatedBy = domain.StateRolledBack, old.ID, access.Name(ctx)
		said := fmt.Sprintf("version %s, serial %d, with what version %s, serial %d, was", v.ID, v.Serial, old.ID, old.Serial)
		return keep(ctx, tx, permit.Noting(said), v, f, ready)
	})
	return v, err
}

// back is an old state as the successor of the current one.
func back(ctx context.Context, tx Tx, old, current domain.StateVersion) (domain.StateFile, error) {
	body, err := tx.StateBody(ctx, old)
	if err != nil {
		return domain.StateFile{}, err
	}
	f, err := domain.ReadState(body)
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
