package access

import (
	"context"
	"slices"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// ActAsReader is what the act-as rule reads beyond the gate.
type ActAsReader interface {
	Reader
	AccountSettings(ctx context.Context) (domain.AccountSettings, error)
	BindingsOf(ctx context.Context, actor authz.ActorRef) ([]domain.Binding, error)
	Role(ctx context.Context, id domain.RoleID) (domain.Role, error)
	Entity(ctx context.Context, ref authz.EntityRef) (domain.Entity, error)
}

// ActAs applies security rule G2 to a permitted op that changes what the runs
// of stacks do: for every live binding of each stack, the caller must hold the
// bound role where it is bound, or stack:act-as there. What he lacks is
// refused in mode ENFORCE; else the permit that comes back records it.
func (g *Gate) ActAs(ctx context.Context, tx ActAsReader, op Op, p Permit, stacks ...domain.StackActor) (Permit, error) {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return Permit{}, err
	}
	used := &domain.ActedAs{}
	for _, stack := range stacks {
		lent, held, err := q.lent(ctx, tx, stack)
		if err != nil {
			return Permit{}, err
		}
		used.Lent = append(used.Lent, lent...)
		p = p.holding(held)
	}
	if len(used.Lent) == 0 {
		return p, nil
	}
	settings, err := tx.AccountSettings(ctx)
	if err != nil {
		return Permit{}, err
	}
	used.Mode = settings.StackActAs
	if used.Mode != domain.ActAsEnforce {
		p.record.ActedAs = used
		return p, nil
	}
	record := q.record(op, tx.Now())
	for _, l := range used.Lent {
		if !slices.Contains(record.Spaces, l.Space) {
			record.Spaces = append(record.Spaces, l.Space)
		}
	}
	shown := used.Refusal(q.caller.Name)
	record.Outcome, record.Reason, record.ActedAs = domain.AuditDenied, "ACT_AS_REQUIRED: "+shown.Message, used
	return Permit{}, &Denial{err: shown, record: record}
}

// lent lists the roles of a stack that the caller does not hold, and by which
// bindings he holds the others.
func (q question) lent(ctx context.Context, tx ActAsReader, stack domain.StackActor) (lent []domain.LentRole, by []domain.AuditUse, err error) {
	if stack.Administrative { // then its bindings do not count (A143)
		role := domain.LentRole{Stack: stack.ID, Role: authz.RoleSpaceAdmin, Space: stack.Space}
		if by, held := q.covers(adminActions(), authz.Target{Space: string(stack.Space)}, tx.Now()); held {
			return nil, by, nil
		}
		return []domain.LentRole{role}, nil, nil
	}
	bindings, err := tx.BindingsOf(ctx, authz.ActorRef{Kind: authz.ActorStack, ID: string(stack.ID)})
	if err != nil {
		return nil, nil, err
	}
	for _, b := range bindings {
		if b.Expired(tx.Now()) {
			continue
		}
		role, uses, held, err := q.holds(ctx, tx, &b)
		if err != nil {
			return nil, nil, err
		}
		by = append(by, uses...)
		if !held {
			l := domain.LentRole{Stack: stack.ID, Role: role, Space: b.Space, Binding: b.ID}
			if b.Entity.Kind != authz.EntityNone {
				l.Entity = b.Entity.Kind.String() + "/" + b.Entity.ID
			}
			lent = append(lent, l)
		}
	}
	return lent, by, nil
}

// holds reports whether the caller holds the role of a binding where it is
// bound. A binding to an entity gets the space that the entity lives in.
func (q question) holds(ctx context.Context, tx ActAsReader, b *domain.Binding) (slug string, by []domain.AuditUse, held bool, err error) {
	role, err := tx.Role(ctx, b.Role)
	if err != nil {
		return "", nil, false, err
	}
	if b.Entity.Kind != authz.EntityNone {
		e, err := tx.Entity(ctx, b.Entity)
		if err != nil {
			return "", nil, false, err
		}
		b.Space = e.Space
	}
	by, held = q.covers(role.Actions, authz.Target{Space: string(b.Space), Entity: b.Entity}, tx.Now())
	return role.Slug, by, held, nil
}

// covers reports whether the caller may do all the actions on a target
// himself, or may act there through stacks, and by which bindings.
func (q question) covers(actions []authz.Action, t authz.Target, now time.Time) (by []domain.AuditUse, held bool) {
	for _, a := range actions {
		d := q.snapshot.Decide(q.caller.Subject, a, t, now)
		if !d.Allowed() {
			through := q.snapshot.Decide(q.caller.Subject, authz.ActionStackActAs, t, now)
			return heldBy(nil, authz.ActionStackActAs, through), through.Allowed()
		}
		by = heldBy(by, a, d)
	}
	return by, true
}

func adminActions() []authz.Action {
	return []authz.Action{authz.ActionSpaceRead, authz.ActionSpaceWrite, authz.ActionSpaceAdmin}
}
