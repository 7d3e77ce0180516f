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
	q, err := g.ask(ctx, tx)
	if err != nil {
		return err
	}
	lists := func(space domain.SpaceID, kind authz.EntityKind, id string) bool {
		t := authz.Target{Space: string(space), Entity: authz.EntityRef{Kind: kind, ID: id}}
		return q.snapshot.Decide(q.caller.Subject, authz.ActionSpaceRead, t, tx.Now()).Allowed()
	}
	var known []domain.Use
	for _, u := range lost {
		kind, _ := domain.ParseEntityKind(u.EntityKind)
		if lists(u.StackSpace, authz.EntityStack, string(u.Stack)) && lists(u.EntitySpace, kind, u.Entity) {
			known = append(known, u)
		}
	}
	record := q.record(op, tx.Now())
	record.Outcome, record.Reason = domain.AuditDenied, domain.Cut(lost, 0).Message
	return &Denial{err: domain.Cut(known, len(lost)-len(known)), record: record}
}
