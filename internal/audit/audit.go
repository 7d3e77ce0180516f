// Package audit holds the use cases of the audit trail. It only reads: rows
// are written by the store, in the transaction of what they record.
package audit

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is what this package uses of a transaction.
type Tx interface {
	access.Reader
	AuditEntries(ctx context.Context, before int64, limit int) ([]domain.AuditEntry, error)
}

// Service answers questions about the audit trail.
type Service struct {
	db   access.Transactor[Tx]
	gate *access.Gate
}

// New returns the use cases of the audit trail.
func New(db access.Transactor[Tx], gate *access.Gate) *Service {
	return &Service{db: db, gate: gate}
}

// MaxPage is the largest number of entries that one answer holds.
const MaxPage = 10000

// Entries returns up to limit entries, newest first, older than the sequence
// number before if that is not 0. Only admins of root may read them (access
// model A74, A266); a run's token never may (R25).
func (s *Service) Entries(ctx context.Context, before int64, limit int) (out []domain.AuditEntry, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.gate.AccountRead(ctx, tx, access.KindAudit); err != nil {
			return err
		}
		if limit < 1 || limit > MaxPage {
			return domain.Invalid("first", "must be between 1 and %d", MaxPage)
		}
		out, err = tx.AuditEntries(ctx, before, limit)
		return err
	})
	return out, err
}
