package states

import (
	"context"
	"errors"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// refusedTx is what refused states need of a transaction.
type refusedTx interface {
	RefusedState(ctx context.Context, id domain.RefusedStateID) (domain.RefusedState, error)
	RefusedStates(ctx context.Context, id domain.StackID, limit int) ([]domain.RefusedState, error)
	RefusedStatesOfRun(ctx context.Context, id domain.RunID) ([]domain.RefusedState, error)
	RefusedStored(ctx context.Context, id domain.RefusedStateID) (domain.Stored, error)
	InsertRefusedState(ctx context.Context, p access.Permit, r domain.RefusedState, kept domain.Stored) error
	SetRefusedImported(ctx context.Context, p access.Permit, id domain.RefusedStateID, as domain.StateVersionID) error
	SetStackLife(ctx context.Context, p access.Permit, id domain.StackID, l domain.StackLife) error
	DropRefusedState(ctx context.Context, p access.Permit, id domain.RefusedStateID) error
}

// refusal is that of a state from a run that may store states of the stack.
type refusal struct {
	stack domain.StackID
	run   domain.RunID
	why   *domain.Error
}

func (r *refusal) Error() string { return r.why.Error() }
func (r *refusal) Unwrap() error { return r.why }

// refused makes the refusal of a state for what it is; other errors stay what
// they are: the state may be taken later.
func refused(stack domain.StackID, run domain.RunID, err error) error {
	var why *domain.Error
	if !errors.As(err, &why) || why.Code != domain.CodeConflict && why.Code != domain.CodeInvalid {
		return err
	}
	return &refusal{stack: stack, run: run, why: why}
}

// quarantine keeps a state that was refused, so that nobody loses what may be
// the only record of what an apply has made, and tells where it is. err is how
// storing it ended; any other end than a refusal is handed on. The same state
// of one run is kept once. What follows from it being kept is done with it; nil
// for nothing.
func (s *Service) quarantine(ctx context.Context, sentBy string, f domain.StateFile, readable bool, err error, follows follows) error {
	var no *refusal
	if !errors.As(err, &no) {
		return err
	}
	r := domain.RefusedState{
		ID: domain.RefusedStateID(s.ids.ULID()), StackID: no.stack, RunID: no.run, SentBy: sentBy,
		Reason: reason(no.why), Size: len(f.Body), Checksum: domain.Checksum(f.Body),
	}
	if readable {
		r.Head = &f.StateHead
	}
	known, err := s.knownRefused(ctx, r)
	if err != nil || known.ID != "" {
		return told(known, no.why, err)
	}
	kept, err := s.db.StageRefusedState(ctx, r.ID, f.Body)
	if err == nil {
		r, err = s.keepRefused(ctx, r, kept, follows)
	}
	return told(r, no.why, err)
}

// follows is what a refused state of a stack entails, in its transaction.
type follows func(ctx context.Context, tx Tx, stack domain.Stack, r domain.RefusedState) error

// told is a refusal with the place where the state is kept, or why it is not.
func told(r domain.RefusedState, why *domain.Error, err error) error {
	if err != nil {
		return err
	}
	return r.Kept(why)
}

func reason(why *domain.Error) string {
	if why.Field == "" {
		return why.Message
	}
	return "the " + why.Field + " " + why.Message
}

// knownRefused returns what is kept already of the same run and content.
func (s *Service) knownRefused(ctx context.Context, r domain.RefusedState) (known domain.RefusedState, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		list, err := tx.RefusedStatesOfRun(ctx, r.RunID)
		known, _ = alike(list, r)
		return err
	})
	return known, err
}

func alike(list []domain.RefusedState, r domain.RefusedState) (domain.RefusedState, bool) {
	for _, old := range list {
		if old.Checksum == r.Checksum {
			return old, true
		}
	}
	return domain.RefusedState{}, false
}

func (s *Service) keepRefused(ctx context.Context, r domain.RefusedState, kept domain.Stored, follows follows) (domain.RefusedState, error) {
	err := s.db.Change(ctx, func(tx Tx) error {
		stack, err := tx.LockStack(ctx, r.StackID)
		if err != nil {
			return err
		}
		list, err := tx.RefusedStatesOfRun(ctx, r.RunID)
		if err != nil {
			return err
		}
		if old, ok := alike(list, r); ok {
			r = old
			return nil
		}
		p, err := s.gate.SystemOp(ctx, tx, access.SystemStateStore, onState("state.quarantine", stack), "refused state "+string(r.ID)+" of run "+string(r.RunID)+": "+r.Reason)
		if err != nil {
			return err
		}
		for _, old := range list[min(len(list), domain.MaxRefusedStates-1):] {
			if err := tx.DropRefusedState(ctx, p, old.ID); err != nil {
				return err
			}
		}
		r.CreatedAt = tx.Now()
		if err := tx.InsertRefusedState(ctx, p, r, kept); err != nil || follows == nil {
			return err
		}
		return follows(ctx, tx, stack, r)
	})
	return r, err
}

// Refused returns the newest refused states of a stack. It says nothing of what
// is in them, and is for whoever sees the stack.
func (s *Service) Refused(ctx context.Context, id domain.StackID) (out []domain.RefusedState, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.see(ctx, tx, id); err != nil {
			return err
		}
		out, err = tx.RefusedStates(ctx, id, pageLength)
		return err
	})
	return out, err
}

// RefusedDownloadURL is DownloadURL for a refused state. It takes
// stack:managed-state-import and stack:state-download: what is wrong with it, and
// what is in it, is for who can put it right. Whether the stack allows its state
// to be read from outside does not matter.
func (s *Service) RefusedDownloadURL(ctx context.Context, id domain.StackID, state domain.RefusedStateID) (url string, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		_, permit, err := s.openRefused(ctx, tx, "state.download_url", id, state)
		if err != nil {
			return err
		}
		t := domain.Transfer{Kind: domain.RefusedStateDownload, StackID: id, Version: domain.StateVersionID(state), ExpiresAt: tx.Now().Add(domain.StateDownloadTime)}
		_, url, err = s.offer(ctx, tx, permit, t)
		return err
	})
	return url, err
}

// openRefused decides whether the caller may read a refused state.
func (s *Service) openRefused(ctx context.Context, tx Tx, event string, id domain.StackID, state domain.RefusedStateID) (domain.RefusedState, access.Permit, error) {
	var r domain.RefusedState
	stack, err := tx.Stack(ctx, id)
	op := operation(event, authz.ActionStackManagedStateImport, domain.Stack{ID: id, StackSettings: stack.StackSettings})
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return r, access.Permit{}, s.gate.Missing(ctx, tx, op)
	}
	if err != nil {
		return r, access.Permit{}, err
	}
	read := op
	read.Action = authz.ActionStackStateDownload
	reads, err := s.gate.Permit(ctx, tx, read)
	if err != nil {
		return r, access.Permit{}, err
	}
	permit, err := s.gate.Permit(ctx, tx, op)
	if err != nil {
		return r, access.Permit{}, err
	}
	tx.Also(reads)
	r, err = refusedOf(ctx, tx, id, state)
	return r, permit.Noting("refused state " + string(state)), err
}

// refusedOf returns a refused state of a stack.
func refusedOf(ctx context.Context, tx Tx, id domain.StackID, state domain.RefusedStateID) (domain.RefusedState, error) {
	r, err := tx.RefusedState(ctx, state)
	if err == nil && r.StackID != id {
		err = domain.NotFound("refused state")
	}
	return r, err
}

// pullRefused is pullVersion for a refused state.
func (s *Service) pullRefused(ctx context.Context, tx Tx, id domain.StackID, state domain.RefusedStateID) (p Pulled, err error) {
	r, permit, err := s.openRefused(ctx, tx, "state.download", id, state)
	if err != nil {
		return p, err
	}
	p.StateVersion = domain.StateVersion{ID: domain.StateVersionID(r.ID), StackID: id, Size: r.Size, Checksum: r.Checksum}
	if p.stored, err = tx.RefusedStored(ctx, r.ID); err != nil {
		return p, err
	}
	return p, tx.RecordRead(permit)
}
