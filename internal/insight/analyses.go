package insight

import (
	"context"
	"sync/atomic"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// analyses keeps the newest analysis of escalation paths, and no other: it can
// be large.
type analyses struct {
	newest atomic.Pointer[analyzed]
	turn   chan struct{} // held by the one who makes one
}

// analyzed is an analysis of one revision, with the estate that it is of.
type analyzed struct {
	revision int64
	estate   authz.Estate
	*authz.Analysis
}

func newAnalyses() *analyses { return &analyses{turn: make(chan struct{}, 1)} }

// at returns the analysis of a moment, if it is there.
func (a *analyses) at(m access.Moment) (*analyzed, bool) {
	x := a.newest.Load()
	if x == nil || x.revision != m.Revision {
		return nil, false
	}
	until := x.Until()
	return x, until.IsZero() || !m.Time.After(until)
}

// wait waits for the turn to make an analysis: one at a time takes what memory
// and time it takes.
func (a *analyses) wait(ctx context.Context) (done func(), err error) {
	select {
	case a.turn <- struct{}{}:
		return func() { <-a.turn }, nil
	case <-ctx.Done():
		return nil, domain.Unavailable("the analysis of escalation paths", ctx.Err())
	}
}

// of returns the analysis of what a transaction sees that has changed nothing.
func (a *analyses) of(ctx context.Context, tx Tx, m access.Moment) (*analyzed, error) {
	if x, ok := a.at(m); ok {
		return x, nil
	}
	done, err := a.wait(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	if x, ok := a.at(m); ok { // of somebody else, meanwhile
		return x, nil
	}
	estate, err := tx.Estate(ctx)
	if err != nil {
		return nil, err
	}
	return a.make(m, estate)
}

// make makes an analysis and keeps it if it is the newest. The turn is the
// caller's.
func (a *analyses) make(m access.Moment, estate authz.Estate) (*analyzed, error) {
	made, err := m.Snapshot.Analysis(estate, m.Time)
	if err != nil {
		return nil, err
	}
	x := &analyzed{m.Revision, estate, made}
	if old := a.newest.Load(); old == nil || old.revision <= m.Revision {
		a.newest.Store(x)
	}
	return x, nil
}

// warm makes the present analysis before somebody needs it in a hurry.
func (s *Service) warm(ctx context.Context) error {
	return s.db.View(ctx, func(tx Tx) error {
		m, err := s.gate.Moment(ctx, tx)
		if err != nil {
			return err
		}
		_, err = s.analyses.of(ctx, tx, m)
		return err
	})
}

func actAsMode(m domain.ActAsMode) authz.ActAsMode {
	switch m {
	case domain.ActAsEnforce:
		return authz.ActAsEnforce
	case domain.ActAsOff:
		return authz.ActAsOff
	default:
		return authz.ActAsWarn
	}
}
