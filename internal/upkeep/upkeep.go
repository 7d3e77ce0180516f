// Package upkeep is what the control plane does to its own records by itself:
// it packs the logs of runs that have ended and clears away what is kept for a
// time only. One server does each job at a time, in small steps; what one has
// left undone another one goes on with.
package upkeep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.Reader
	keysTx
	retentionTx
	Now() time.Time
	TakeTurn(ctx context.Context, p access.Permit, job, holder string, until time.Time) (bool, error)
	UnpackedRuns(ctx context.Context, before time.Time, but []domain.RunID, limit int) ([]domain.RunID, error)
	KeepPacked(ctx context.Context, p access.Permit, log domain.PackedLog) error
}

// ledger is the store with what it keeps outside of transactions.
type ledger interface {
	access.Transactor[Tx]
	StageLog(ctx context.Context, id domain.RunID) (domain.PackedLog, error)
	SweepObjects(ctx context.Context, grace time.Duration) (int, error)
}

// Service does the upkeep of one server.
type Service struct {
	db     ledger
	gate   *access.Gate
	holder string // this server
	aside  aside  // logs that cannot be packed
}

// New returns the upkeep. The holder tells this server from others.
func New(db ledger, gate *access.Gate, holder string) *Service {
	return &Service{db: db, gate: gate, holder: holder}
}

// turn lasts longer than any step, so that a job goes to another server only
// when its own is gone.
const turn = 10 * time.Minute

// mine reports whether the job is this server's for the next turn.
func (s *Service) mine(ctx context.Context, job string) (yes bool, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		p, err := s.gate.System(access.SystemUpkeep, access.KindAccount, "1")
		if err != nil {
			return err
		}
		yes, err = tx.TakeTurn(ctx, p, job, s.holder, tx.Now().Add(turn))
		return err
	})
	return yes && err == nil, err
}

const (
	packAfter = time.Minute // whoever watches a run reads the end of its log from the pieces
	packBatch = 20
)

// Pack packs the logs of runs that have ended, and puts them where bodies are
// kept. It returns how many. One that cannot be packed keeps no other: it is put
// aside and tried again ever later, and the error says so each time.
func (s *Service) Pack(ctx context.Context) (n int, err error) {
	var ids []domain.RunID
	var now time.Time
	err = s.db.View(ctx, func(tx Tx) error {
		now = tx.Now()
		ids, err = tx.UnpackedRuns(ctx, now.Add(-packAfter), s.aside.at(now), packBatch)
		return err
	})
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	if mine, err := s.mine(ctx, "pack"); err != nil || !mine {
		return 0, err
	}
	for _, id := range ids {
		oneErr := s.pack(ctx, id)
		code := domain.ErrorCode(oneErr)
		switch {
		case oneErr == nil:
			n++
		case ctx.Err() != nil, code == domain.CodeUnavailable:
			return n, errors.Join(err, oneErr)
		case code != domain.CodeConflict: // else somebody else was faster
			err = errors.Join(err, fmt.Errorf("%w; tried again in %v", oneErr, s.aside.put(id, now)))
			continue
		}
		s.aside.forget(id)
	}
	return n, err
}

func (s *Service) pack(ctx context.Context, id domain.RunID) error {
	log, err := s.db.StageLog(ctx, id)
	if err != nil {
		return fmt.Errorf("pack the log of run %s: %w", id, err)
	}
	return s.db.Change(ctx, func(tx Tx) error {
		p, err := s.gate.System(access.SystemUpkeep, access.KindRun, string(id))
		if err != nil {
			return err
		}
		return tx.KeepPacked(ctx, p, log)
	})
}

// objectGrace is longer than any body is on its way to its row.
const objectGrace = 24 * time.Hour

// SweepObjects clears away objects that nothing refers to, a day after they
// were written, and returns how many.
func (s *Service) SweepObjects(ctx context.Context) (int, error) {
	if mine, err := s.mine(ctx, "sweep-objects"); err != nil || !mine {
		return 0, err
	}
	return s.db.SweepObjects(ctx, objectGrace)
}
