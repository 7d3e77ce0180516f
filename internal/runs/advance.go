package runs

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Progress is what a worker reports with a change of state.
type Progress struct {
	To      domain.RunState
	Note    string
	Commit  *domain.Commit
	Delta   *domain.Delta
	Changes []domain.ResourceChange
	Outputs []domain.Output
	// Entities are what a state holds that the control plane does not keep, without
	// values; nil: that is not known.
	Entities *[]domain.ManagedEntity
	// Log is what was not stored of the log before.
	Log []domain.LogChunk
	// Lost says that whoever held the lease died, and another process reports it.
	Lost bool
	// Interrupted says that an apply, or a command, ended so that its state may not
	// be stored.
	Interrupted bool
}

// Advance moves a leased run. A repeated report of the state that the run is
// in is accepted and changes nothing.
func (s *Service) Advance(ctx context.Context, l Lease, p Progress) error {
	var answer error // what the worker is told though its log was stored
	err := s.db.Change(ctx, func(tx Tx) error {
		run, permit, err := s.held(ctx, tx, l)
		if domain.ErrorCode(err) == domain.CodeConflict && run.Epoch == l.Epoch && run.State == p.To {
			return domain.CheckLease(run.ID, run.LeaseHash, l.Secret) // the report that ended the lease, once more
		}
		if err != nil {
			return err
		}
		if err := s.appendOf(ctx, tx, l, p.Log); err != nil {
			return err
		}
		answer = s.advance(ctx, tx, permit, run, p)
		if errors.Is(answer, ErrStop) || errors.Is(answer, ErrHold) {
			return nil
		}
		return answer
	})
	if err == nil {
		err = answer
	}
	return s.recorded(ctx, l, err)
}

// advance is Advance for a run that is held.
func (s *Service) advance(ctx context.Context, tx Tx, permit access.Permit, run domain.Run, p Progress) error {
	if run.State == p.To {
		return s.addDelta(ctx, tx, permit, run, p)
	}
	if err := guardProgress(run, p); err != nil {
		return err
	}
	if err := s.guardDeploy(ctx, tx, run, p); err != nil {
		return err
	}
	if run.Stop != nil && p.To == domain.RunStopped {
		return s.move(ctx, tx, permit, &run, p.To, run.Stop.By, run.Stop.Note)
	}
	run.LeaseUntil = tx.Now().Add(s.patience(p.To))
	if p.Commit != nil {
		if err := s.noteHead(ctx, tx, permit, run, *p.Commit); err != nil {
			return err
		}
		run.Commit = legibleCommit(*p.Commit)
		if run.Commit.Message != "" {
			run.Title = firstLine(run.Commit.Message)
		}
	}
	if p.Delta != nil {
		run.Delta = p.Delta
	}
	if p.Lost {
		p.Note = s.lostNote(run)
	}
	if p.Lost || p.Interrupted {
		if err := s.interrupted(ctx, tx, run); err != nil {
			return err
		}
	}
	return s.report(ctx, tx, permit, run, p)
}

// addDelta keeps what a plan changes that was read while it is applied, as workers
// that are older than this server do. Any other repeated report changes nothing.
func (s *Service) addDelta(ctx context.Context, tx Tx, permit access.Permit, run domain.Run, p Progress) error {
	if p.Delta == nil || run.Delta != nil || p.To != domain.RunConfirmed && p.To != domain.RunApplying {
		return nil
	}
	run.Delta = p.Delta
	if err := tx.SaveRun(ctx, permit, run); err != nil || p.Changes == nil {
		return err
	}
	return tx.SetRunChanges(ctx, permit, run.ID, p.Changes)
}

func (s *Service) report(ctx context.Context, tx Tx, permit access.Permit, run domain.Run, p Progress) error {
	if p.Changes != nil {
		if err := tx.SetRunChanges(ctx, permit, run.ID, p.Changes); err != nil {
			return err
		}
	}
	if p.Outputs != nil {
		if err := tx.SetOutputs(ctx, permit.For(access.KindState), run.StackID, p.Outputs); err != nil {
			return err
		}
	}
	if err := keepEntities(ctx, tx, permit, run, p); err != nil {
		return err
	}
	return s.move(ctx, tx, permit, &run, p.To, "", legible(p.Note))
}

// ErrStop answers the report of a run that was asked to stop: its worker has to
// end it and to report STOPPED.
var ErrStop = errors.New("the run was asked to stop")

// ErrHold answers the report of CONFIRMED on a stack that no longer deploys by
// itself: its worker has to keep the workspace and to report UNCONFIRMED.
var ErrHold = errors.New("the stack does not deploy by itself now")

// guardDeploy keeps a plan from being applied without a decision while the
// stack is locked (access model A63) or disabled.
func (s *Service) guardDeploy(ctx context.Context, tx Tx, run domain.Run, p Progress) error {
	if p.To != domain.RunConfirmed {
		return nil
	}
	stack, err := tx.Stack(ctx, run.StackID)
	if err == nil && (stack.Lock != nil || stack.Disabled) {
		return ErrHold
	}
	return err
}

var notByWorker = []domain.RunState{
	domain.RunQueued, domain.RunReady, domain.RunDiscarded, domain.RunCanceled, domain.RunSkipped, domain.RunReplanRequested,
}

// guardProgress refuses states that a worker does not decide.
func guardProgress(run domain.Run, p Progress) error {
	switch {
	case (p.Lost || p.Interrupted) && p.To != domain.RunFailed:
		return domain.Invalid("lost", "a run that was interrupted can only become FAILED")
	case run.Stop != nil && run.State.Stoppable() && p.To != domain.RunStopped && p.To != domain.RunFailed:
		return ErrStop
	case p.To == domain.RunConfirmed && !run.Autodeploy:
		return domain.Conflict("run %s is not deployed by itself", run.ID)
	case p.To == domain.RunStopped && run.Stop == nil:
		return domain.Conflict("nobody has asked run %s to stop", run.ID)
	case slices.Contains(notByWorker, p.To):
		return domain.Conflict("a worker cannot make a run %s", p.To)
	}
	return nil
}

// legible makes what came out of a repository or a tool fit to be stored: a
// commit by an old editor, or a tool that prints bytes, must not fail a run.
func legible(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}

func legibleCommit(c domain.Commit) domain.Commit {
	for _, s := range []*string{&c.Hash, &c.AuthorName, &c.AuthorLogin, &c.Message, &c.URL} {
		*s = legible(*s)
	}
	return c
}

func firstLine(s string) string {
	for i, r := range s {
		if r == '\n' || i > 200 {
			return s[:i]
		}
	}
	return s
}
