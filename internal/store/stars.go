package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// SetStar keeps whether an actor has starred a stack.
func (tx *Tx) SetStar(ctx context.Context, p access.Permit, id domain.StackID, who authz.ActorRef, star bool) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	if !star {
		return tx.exec(ctx, `delete from stack_stars where stack_id = $1 and actor_kind = $2 and actor_id = $3`, id, who.Kind.String(), who.ID)
	}
	return tx.exec(ctx, `insert into stack_stars (stack_id, actor_kind, actor_id) values ($1, $2, $3) on conflict do nothing`,
		id, who.Kind.String(), who.ID)
}

// Starred returns which stacks of a list an actor has starred.
func (tx *Tx) Starred(ctx context.Context, who authz.ActorRef, ids []domain.StackID) ([]domain.StackID, error) {
	return many(ctx, tx, func(s scanner) (id domain.StackID, err error) { return id, s.Scan(&id) },
		`select stack_id from stack_stars where actor_kind = $2 and actor_id = $3 and `+tx.store.dialect.in("stack_id", 1),
		toJSON(list(ids)), who.Kind.String(), who.ID)
}

// HasStars reports whether an actor has starred any stack.
func (tx *Tx) HasStars(ctx context.Context, who authz.ActorRef) (bool, error) {
	n, err := one(ctx, tx, "star", scanInt, `select count(*) from (select 1 from stack_stars where actor_kind = $1 and actor_id = $2 limit 1) as any_star`, who.Kind.String(), who.ID)
	return n > 0, err
}

// LastApplies returns when an apply of each stack of a list last ended well.
// Stacks without one are left out.
func (tx *Tx) LastApplies(ctx context.Context, ids []domain.StackID) (map[domain.StackID]time.Time, error) {
	type applied struct {
		stack domain.StackID
		at    int64
	}
	rows, err := many(ctx, tx, func(s scanner) (a applied, err error) { return a, s.Scan(&a.stack, &a.at) },
		`select r.stack_id, max(t.at) from runs r join run_transitions t on t.run_id = r.id
			where r.type = 'TRACKED' and r.state = 'FINISHED' and t.state = 'FINISHED' and t.previous = 'APPLYING'
			and `+tx.store.dialect.in("r.stack_id", 1)+` group by r.stack_id`, toJSON(list(ids)))
	out := make(map[domain.StackID]time.Time, len(rows))
	for _, a := range rows {
		out[a.stack] = fromMicros(a.at)
	}
	return out, err
}

// starCondition is the condition that an actor has starred a stack.
func starCondition(w *where, who authz.ActorRef) string {
	return fmt.Sprintf("exists (select 1 from stack_stars x where x.stack_id = stacks.id and x.actor_kind = $%d and x.actor_id = $%d)",
		w.arg(who.Kind.String()), w.arg(who.ID))
}

// hasStar is the truth value that an actor has starred a stack.
func hasStar(who authz.ActorRef) func(dialect, *where, []string) string {
	return func(d dialect, w *where, values []string) string {
		if slices.Contains(values, "true") == slices.Contains(values, "false") {
			return isFlag("")(d, w, values) // of all stacks, or of none: no argument that is not used
		}
		return isFlag(starCondition(w, who))(d, w, values)
	}
}
