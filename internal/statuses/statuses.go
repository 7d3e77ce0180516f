// Package statuses tells git hosts what runs say of their commits, and shows
// what became of it. What there is to tell stands in the database since the
// transition of the run; this package sends it, as often as it takes.
package statuses

import (
	"context"
	"slices"
	"sync"
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

const (
	batch = 50
	// claim is for how long no other server sends what one has begun to send. A
	// server that dies delays what it had by as much.
	claim = time.Minute
	// round is for how long one round begins to send; what it has not got to by
	// then is free again. With the time of a single call it stays below claim.
	round = 30 * time.Second
)

// letter is a status with where it goes.
type letter struct {
	domain.CommitStatus
	to, host, token string
	tried           bool
	sent            domain.Sent
}

// SendDue sends what is due, and returns how many the hosts have taken and how
// many will not be tried again. Several servers may do so at once. What a stack
// says arrives in the order in which it was said.
func (s *Service) SendDue(ctx context.Context) (taken int, given []domain.CommitStatus, err error) {
	for {
		letters, err := s.claim(ctx)
		if err != nil || len(letters) == 0 {
			return taken, given, err
		}
		s.deliver(ctx, letters)
		if err := s.settle(ctx, letters); err != nil {
			return taken, given, err
		}
		for _, l := range letters {
			switch {
			case l.tried && l.sent.Error == "":
				taken++
			case l.NextAt.IsZero():
				given = append(given, l.CommitStatus)
			}
		}
	}
}

// claim takes statuses that are due, and finds out where they go.
func (s *Service) claim(ctx context.Context) (out []*letter, err error) {
	due := false
	err = s.db.View(ctx, func(tx Tx) (err error) { // a look costs no write
		due, err = tx.AnyStatusDue(ctx)
		return err
	})
	if err != nil || !due {
		return nil, err
	}
	err = s.db.Change(ctx, func(tx Tx) error {
		out = nil
		permit, err := s.gate.System(access.SystemCommitStatus, access.KindRun, "")
		if err != nil {
			return err
		}
		list, err := tx.ClaimStatuses(ctx, permit, tx.Now().Add(claim), batch)
		if err != nil {
			return err
		}
		for _, status := range list {
			l := &letter{CommitStatus: status}
			if err := address(ctx, tx, l); err != nil {
				return err
			}
			out = append(out, l)
		}
		return nil
	})
	return out, err
}

// address finds the token for a status by what the stack may use now.
func address(ctx context.Context, tx Tx, l *letter) error {
	stack, err := tx.Stack(ctx, l.Stack)
	if err != nil {
		return err
	}
	path, err := tx.Path(ctx, stack.Space)
	if err != nil {
		return err
	}
	reach := path.Reach()
	list, err := tx.GitCredentialsIn(ctx, reach)
	if err != nil {
		return err
	}
	c, found := domain.BestStatusToken(list, stack.RepositoryURL, reach)
	if !found || stack.Provider != domain.ProviderGit {
		return nil
	}
	var ok bool
	if l.to, ok = c.StatusURL(stack.RepositoryURL, l.Commit); !ok {
		return nil
	}
	l.Credential, l.host = c.ID, c.Host()
	l.token, err = tx.GitSecret(ctx, c.ID)
	return err
}

// deliver sends letters: those of one host one after the other, those of several
// hosts side by side, so that none waits for another.
func (s *Service) deliver(ctx context.Context, letters []*letter) {
	late, cancel := context.WithTimeout(ctx, round)
	defer cancel()
	hosts := map[string][]*letter{}
	for _, l := range letters {
		if l.to == "" {
			l.tried, l.sent = true, domain.Sent{Error: "the stack has no token for statuses of its repository any more, or that is not OWNER/NAME", Final: true}
			continue
		}
		hosts[l.host] = append(hosts[l.host], l)
	}
	var all sync.WaitGroup
	for _, list := range hosts {
		all.Go(func() {
			for _, l := range list {
				if late.Err() != nil {
					return
				}
				l.sent = s.send(ctx, l.to, l.token, l.CommitStatus)
				if l.sent.Error != "" && ctx.Err() != nil {
					return // our own end has broken it off
				}
				l.tried = true
				if l.sent.Down {
					postpone(list, l)
					return
				}
			}
		})
	}
	all.Wait()
}

// postpone leaves the letters alone that were to follow one to a host that did
// not answer. It counts as no attempt.
func postpone(list []*letter, down *letter) {
	for _, l := range list {
		if !l.tried {
			l.sent.After = down.Backoff()
		}
	}
}

// settle writes down what became of the letters.
func (s *Service) settle(ctx context.Context, letters []*letter) error {
	ctx = context.WithoutCancel(ctx) // what was sent is written down even while the server ends
	return s.db.Change(ctx, func(tx Tx) error {
		permit, err := s.gate.System(access.SystemCommitStatus, access.KindRun, "")
		if err != nil {
			return err
		}
		for _, l := range letters {
			l.outcome(tx.Now())
			if err := tx.SaveStatus(ctx, permit, l.CommitStatus); err != nil {
				return err
			}
		}
		return nil
	})
}

func (l *letter) outcome(now time.Time) {
	if !l.tried {
		l.NextAt = now.Add(l.sent.After)
		return
	}
	l.Attempts++
	l.Error = l.sent.Error
	switch {
	case l.Error == "":
		l.SentAt, l.NextAt = now, time.Time{}
	case l.sent.Final || now.Sub(l.CreatedAt) >= domain.CommitStatusTime:
		l.NextAt = time.Time{}
	default:
		l.NextAt = now.Add(max(l.Backoff(), l.sent.After))
	}
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
