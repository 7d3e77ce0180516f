package access

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// KeepUses refuses op if it would cost stacks something that they use (access
// model A112-A116). The refusal names every loss whose stack and entity the
// caller may see and counts the rest; the audit trail names all. It returns
// nil for no loss.
func (g *Gate) KeepUses(ctx context.Context, tx Reader, op Op, lost []domain.Use) error {
	if len(lost) == 0 {
		return nil
	}
	scope, err := g.Scope(ctx, tx, authz.ActionSpaceRead)
	if err != nil {
		return err
	}
	var known []domain.Use
	for _, u := range lost {
		if scope.Contains(u.StackSpace) && scope.Contains(u.EntitySpace) {
			known = append(known, u)
		}
	}
	q, err := g.ask(ctx, tx)
	if err != nil {
		return err
	}
	record := q.record(op, tx.Now())
	record.Outcome, record.Reason = domain.AuditDenied, domain.Cut(lost, 0).Message
	return &Denial{err: domain.Cut(known, len(lost)-len(known)), record: record}
}
