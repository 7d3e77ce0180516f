// Package statuses tells git hosts what runs say of their commits, and shows
// what became of it. What there is to tell stands in the database since the
// transition of the run; this package sends it, as often as it takes.
package statuses

import (
	"context"
	"slices"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.Reader
	Now() time.Time
	Run(ctx context.Context, id domain.RunID) (domain.Run, error)
	Stack(ctx context.Context, id domain.StackID) (domain.Stack, error)
	Path(ctx context.Context, id domain.SpaceID) (domain.Path, error)
	GitCredential(ctx context.Context, id domain.GitCredentialID) (domain.GitCredential, error)
	GitCredentialsIn(ctx context.Context, spaces []domain.SpaceID) ([]domain.GitCredential, error)
	GitSecret(ctx context.Context, id domain.GitCredentialID) (string, error)
	AnyStatusDue(ctx context.Context) (bool, error)
	ClaimStatuses(ctx context.Context, p access.Permit, until time.Time, limit int) ([]domain.CommitStatus, error)
	SaveStatus(ctx context.Context, p access.Permit, s domain.CommitStatus) error
	CommitStatuses(ctx context.Context, run domain.RunID) ([]domain.CommitStatus, error)
	FailedStatuses(ctx context.Context, id domain.GitCredentialID, limit int) ([]domain.CommitStatus, error)
	DropStatuses(ctx context.Context, p access.Permit, before time.Time) (int, error)
}

// Sender sends a status to the URL of its commit.
type Sender func(ctx context.Context, to, token string, s domain.CommitStatus) domain.Sent

// Service sends statuses and shows them.
type Service struct {
	db   access.Transactor[Tx]
	gate *access.Gate
	send Sender
}

// New returns the use cases of commit statuses.
func New(db access.Transactor[Tx], gate *access.Gate, send Sender) *Service {
	return &Service{db: db, gate: gate, send: send}
}

// OfRun returns what a run has said of its commit, and what became of it, in
// the order in which it was said. It takes to see the run.
func (s *Service) OfRun(ctx context.Context, id domain.RunID) (out []domain.CommitStatus, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		run, err := tx.Run(ctx, id)
		if err != nil {
			return err
		}
		if err := s.seeStack(ctx, tx, run.StackID, authz.ActionRunRead); err != nil {
			return err
		}
		out, err = tx.CommitStatuses(ctx, id)
		return err
	})
	return out, err
}

func (s *Service) seeStack(ctx context.Context, tx Tx, id domain.StackID, action authz.Action) error {
	stack, err := tx.Stack(ctx, id)
	if err != nil {
		return err
	}
	return s.gate.See(ctx, tx, action, access.Object{
		Kind: access.KindRun, Noun: "run", Space: stack.Space, Entity: authz.EntityRef{Kind: authz.EntityStack, ID: string(id)},
	})
}

// shown is how many statuses of a token are shown.
const shown = 50

// Failed returns what a token could not set lately, newest first, as far as the
// caller sees the runs.
func (s *Service) Failed(ctx context.Context, id domain.GitCredentialID) (out []domain.CommitStatus, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		c, err := tx.GitCredential(ctx, id)
		if err != nil {
			return err
		}
		o := access.Object{Kind: access.KindGitCredential, ID: string(c.ID), Noun: "git credential", Space: c.Space}
		if err := s.gate.See(ctx, tx, authz.ActionSpaceRead, o); err != nil {
			return err
		}
		all, err := tx.FailedStatuses(ctx, id, shown)
		if err != nil {
			return err
		}
		hidden := map[domain.StackID]error{}
		for _, status := range all {
			if _, known := hidden[status.Stack]; !known {
				hidden[status.Stack] = s.seeStack(ctx, tx, status.Stack, authz.ActionRunRead)
			}
			if err := hidden[status.Stack]; err != nil && domain.ErrorCode(err) != domain.CodeNotFound {
				return err
			}
		}
		out = slices.DeleteFunc(all, func(status domain.CommitStatus) bool { return hidden[status.Stack] != nil })
		return nil
	})
	return out, err
}

// Sweep forgets what became of statuses long ago, and returns how many.
func (s *Service) Sweep(ctx context.Context) (n int, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		permit, err := s.gate.System(access.SystemCommitStatus, access.KindRun, "")
		if err == nil {
			n, err = tx.DropStatuses(ctx, permit, tx.Now().Add(-domain.CommitStatusKept))
		}
		return err
	})
	return n, err
}
