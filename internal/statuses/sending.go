package statuses

import (
	"context"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

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

// address finds the token for a status by what the stack may use now, or could
// where it was, if it is gone.
func address(ctx context.Context, tx Tx, l *letter) error {
	stack, err := speaker(ctx, tx, l)
	var path domain.Path
	if err == nil {
		path, err = tx.Path(ctx, stack.Space)
	}
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return nil // deleted just now, or its space, too
	}
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

// speaker is the stack that says a letter, with the repository that it says it to.
func speaker(ctx context.Context, tx Tx, l *letter) (st domain.Stack, err error) {
	if l.Gone == nil {
		st, err = tx.Stack(ctx, l.Stack)
	} else {
		st.Space, st.Provider, st.RepositoryURL = l.Gone.Space, domain.ProviderGit, l.Gone.Repository
	}
	if l.Repository != "" {
		st.Provider, st.RepositoryURL = domain.ProviderGit, l.Repository
	}
	return st, err
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
