// Package states keeps the state of stacks: versions, the lock, and the
// outputs that come with a version. A run reaches the state of its own stack;
// everybody else reads it where the stack allows that and his roles do.
package states

import (
	"context"
	"errors"
	"fmt"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	changeTx
	refusedTx
	Also(p access.Permit)
	Stack(ctx context.Context, id domain.StackID) (domain.Stack, error)
	LockStack(ctx context.Context, id domain.StackID) (domain.Stack, error)
	Run(ctx context.Context, id domain.RunID) (domain.Run, error)
	RunHistory(ctx context.Context, id domain.RunID) ([]domain.RunTransition, error)
	Blocker(ctx context.Context, id domain.StackID) (domain.Run, error)
	PoolKeyLives(ctx context.Context, k domain.PoolKey) (bool, error)
	CurrentState(ctx context.Context, id domain.StackID) (domain.StateVersion, error)
	StateVersion(ctx context.Context, id domain.StateVersionID) (domain.StateVersion, error)
	StateVersions(ctx context.Context, id domain.StackID, below int64, limit int) ([]domain.StateVersion, error)
	RecordRead(p access.Permit) error
	StateStored(ctx context.Context, v domain.StateVersion) (domain.Stored, error)
	InsertState(ctx context.Context, p access.Permit, v domain.StateVersion, body []byte) error
	InsertStagedState(ctx context.Context, p access.Permit, v domain.StateVersion, kept domain.Stored) error
	StateLock(ctx context.Context, id domain.StackID) (*domain.StateLock, error)
	PutStateLock(ctx context.Context, p access.Permit, id domain.StackID, l domain.StateLock) error
	DropStateLock(ctx context.Context, p access.Permit, id domain.StackID) error
	SetManagedEntities(ctx context.Context, p access.Permit, id domain.StackID, by domain.RunID, now []domain.ManagedEntity) error
	SetOutputs(ctx context.Context, p access.Permit, id domain.StackID, outputs []domain.Output) error

	InsertTransfer(ctx context.Context, p access.Permit, t domain.Transfer) error
	Transfer(ctx context.Context, kind domain.TransferKind, hash []byte) (domain.Transfer, error)
	LockTransfer(ctx context.Context, kind domain.TransferKind, hash []byte) (domain.Transfer, error)
	FillTransfer(ctx context.Context, p access.Permit, t domain.Transfer, body []byte) error
	CountTransfers(ctx context.Context, name string, kind domain.TransferKind) (int, error)
	DropTransfer(ctx context.Context, p access.Permit, id domain.TransferID) error
	DropEndedTransfers(ctx context.Context, p access.Permit) (int64, error)
}

// Service keeps state.
type Service struct {
	db   ledger
	gate *access.Gate
	ids  domain.IDSource

	// Transfers are set before the first use of URLs.
	Transfers Transfers

	// Changed is told of each import and rollback, in its transaction; nil for
	// nobody.
	Changed func(ctx context.Context, tx Tx, id domain.StackID) error
}

// New returns the use cases of state.
func New(db ledger, gate *access.Gate, ids domain.IDSource) *Service {
	return &Service{db: db, gate: gate, ids: ids}
}

// LockedError says who holds the lock of a state.
type LockedError struct{ Lock domain.StateLock }

// Error implements error.
func (e *LockedError) Error() string { return "the state is locked by run " + string(e.Lock.Run) }

// Read returns the current state, nil before the first.
func (s *Service) Read(ctx context.Context, id domain.StackID) (body []byte, err error) {
	if err := own(ctx, id); err != nil {
		var denial *access.Denial
		if errors.As(err, &denial) {
			return nil, s.db.Deny(ctx, denial)
		}
		return nil, err
	}
	var v domain.StateVersion
	var kept domain.Stored
	err = s.db.View(ctx, func(tx Tx) error {
		if v, err = tx.CurrentState(ctx, id); err != nil {
			return err
		}
		kept, err = tx.StateStored(ctx, v)
		return err
	})
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return s.body(ctx, kept, v)
}

// own lets a run reach the state of its own stack and nothing else (access
// model A131). That the run is active, and which lease is the current one, was
// decided when its token was accepted.
func own(ctx context.Context, id domain.StackID) error {
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return err
	}
	if caller.Stack == "" || caller.Stack != id {
		shown := &domain.Error{Code: domain.CodeForbidden, Message: fmt.Sprintf("forbidden: %s may not reach the state of this stack", caller.Name)}
		return access.Attempt(caller.Name, "state.access", string(id), "not the stack's own run", shown)
	}
	return nil
}

// permit is own for a change; the stack stays locked until the commit.
func (s *Service) permit(ctx context.Context, tx Tx, id domain.StackID) (access.Caller, access.Permit, error) {
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return caller, access.Permit{}, err
	}
	if err := own(ctx, id); err != nil {
		return caller, access.Permit{}, err
	}
	if _, err := tx.LockStack(ctx, id); err != nil {
		return caller, access.Permit{}, err
	}
	run, err := tx.Run(ctx, caller.Run)
	if err != nil {
		return caller, access.Permit{}, err
	}
	if !run.State.Active() || run.Epoch != caller.Epoch {
		return caller, access.Permit{}, domain.Conflict("stale_attempt: run %s no longer holds this stack", run.ID)
	}
	p, err := s.gate.System(access.SystemStateStore, access.KindState, string(id))
	return caller, p, err
}

// Write stores a new version under the lock with the given id. Serial and
// lineage must follow the current version; the same state again is accepted
// and changes nothing. What is refused for what it is, is kept (quarantine).
func (s *Service) Write(ctx context.Context, id domain.StackID, lockID string, body []byte) error {
	f, flaw := domain.ReadState(body)
	return s.write(ctx, id, lockID, f, flaw)
}

// Flawed is Write for what was damaged on its way: it is refused for that flaw.
func (s *Service) Flawed(ctx context.Context, id domain.StackID, lockID string, body []byte, flaw error) error {
	return s.write(ctx, id, lockID, domain.StateFile{Body: body}, flaw)
}

func (s *Service) write(ctx context.Context, id domain.StackID, lockID string, f domain.StateFile, flaw error) error {
	err := s.store(ctx, func(tx Tx, ready *staged) error {
		caller, p, err := s.mayWrite(ctx, tx, id, lockID)
		if err != nil {
			return err
		}
		if flaw != nil {
			return refused(id, caller.Run, flaw)
		}
		v := domain.NewStateVersion(s.version(ready), id, f, tx.Now())
		v.RunID = caller.Run
		current, err := tx.CurrentState(ctx, id)
		if err == nil {
			if same, err := current.CheckSuccessor(f.StateHead, v.Checksum); same || err != nil {
				return refused(id, caller.Run, err)
			}
		} else if domain.ErrorCode(err) != domain.CodeNotFound {
			return err
		}
		return s.keep(ctx, tx, p, v, f, ready)
	})
	return s.quarantine(ctx, access.Name(ctx), f, flaw == nil, err, nil)
}

// mayWrite is permit for a new version: it takes the lock.
func (s *Service) mayWrite(ctx context.Context, tx Tx, id domain.StackID, lockID string) (access.Caller, access.Permit, error) {
	caller, p, err := s.permit(ctx, tx, id)
	switch {
	case err != nil:
		return caller, p, err
	case caller.Subject.ReadOnly:
		return caller, p, &domain.Error{Code: domain.CodeForbidden, Message: "forbidden: a plan may not write the state"}
	default:
		return caller, p, holdsLock(ctx, tx, id, caller.Run, lockID, &domain.Error{
			Code: domain.CodeForbidden, Message: "forbidden: the state is written only under its lock",
		})
	}
}

// holdsLock returns unlocked where nobody holds the lock, and a *LockedError
// where somebody else does.
func holdsLock(ctx context.Context, tx Tx, id domain.StackID, run domain.RunID, lockID string, unlocked error) error {
	lock, err := tx.StateLock(ctx, id)
	switch {
	case err != nil:
		return err
	case lock == nil:
		return unlocked
	case lock.Run != run || lock.ID != lockID:
		return &LockedError{Lock: *lock}
	}
	return nil
}

// Lock takes the lock of a state for the calling run. A lock that is held is a
// *LockedError with its holder. A run that only reads is told that it has the
// lock, and keeps nobody out: what it reads does not change under it, and its
// code may be that of anybody who can push a branch.
func (s *Service) Lock(ctx context.Context, id domain.StackID, lockID, info string) error {
	return s.db.Change(ctx, func(tx Tx) error {
		caller, p, err := s.permit(ctx, tx, id)
		if err != nil {
			return err
		}
		held, err := tx.StateLock(ctx, id)
		if err != nil {
			return err
		}
		if held != nil {
			if held.Run == caller.Run && held.ID == lockID {
				return nil
			}
			return &LockedError{Lock: *held}
		}
		if caller.Subject.ReadOnly {
			return nil
		}
		return tx.PutStateLock(ctx, p, id, domain.StateLock{ID: lockID, Info: info, Run: caller.Run, At: tx.Now()})
	})
}

// Unlock releases a lock that the calling run holds. It may be asked twice: an
// answer that was lost must not fail an apply.
func (s *Service) Unlock(ctx context.Context, id domain.StackID, lockID string) error {
	return s.db.Change(ctx, func(tx Tx) error {
		caller, p, err := s.permit(ctx, tx, id)
		if err != nil || caller.Subject.ReadOnly {
			return err
		}
		if err := holdsLock(ctx, tx, id, caller.Run, lockID, nil); err != nil {
			return err
		}
		return tx.DropStateLock(ctx, p, id)
	})
}
