package store

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// day is the unit in which uses are counted.
const day = 24 * time.Hour

// days returns the day of a time, counted from 1970.
func days(t time.Time) int64 { return micros(t) / day.Microseconds() }

// countUses counts the uses of an audit row by binding, action and day. The
// order of the rows is the same in every transaction, so that none waits for
// another one in a circle.
func (tx *Tx) countUses(ctx context.Context, id domain.AuditID, uses []domain.AuditUse) error {
	uses = slices.SortedFunc(slices.Values(uses), func(a, b domain.AuditUse) int {
		return cmp.Or(cmp.Compare(a.Binding, b.Binding), cmp.Compare(a.Action, b.Action))
	})
	shard := int64(id[len(id)-1]) % tx.store.dialect.shards()
	for _, u := range uses {
		done, held := 1, 0
		if u.Held {
			done, held = 0, 1
		}
		err := tx.exec(ctx, `insert into binding_uses (binding_id, day, action, shard, done, held, last_at)
			select id, $2, $3, $4, $5, $6, $7 from role_bindings where id = $1
			on conflict (binding_id, day, action, shard) do update set done = binding_uses.done + excluded.done,
			held = binding_uses.held + excluded.held, last_at = excluded.last_at`,
			u.Binding, days(tx.now), u.Action, shard, done, held, micros(tx.now))
		if err != nil {
			return err
		}
	}
	return nil
}

// BindingUses returns what bindings were used for since the day of a time, by
// binding and action.
func (tx *Tx) BindingUses(ctx context.Context, ids []domain.BindingID, since time.Time) ([]domain.BindingUse, error) {
	// What is as old as the binding was done by the one that it replaced.
	return many(ctx, tx, scanBindingUse, `select u.binding_id, u.action, cast(sum(u.done) as bigint), cast(sum(u.held) as bigint), max(u.last_at)
		from role_bindings b join binding_uses u on u.binding_id = b.id
		where `+tx.store.dialect.in("b.id", 1)+` and u.day >= $2 and u.last_at > b.created_at
		group by u.binding_id, u.action order by u.binding_id, u.action`, toJSON(list(ids)), days(since))
}

func scanBindingUse(s scanner) (u domain.BindingUse, err error) {
	var last int64
	err = s.Scan(&u.Binding, &u.Action, &u.Done, &u.Held, &last)
	u.Last = fromMicros(last)
	return u, err
}

// oldestRow is the time of the oldest row of the audit trail.
const oldestRow = `coalesce((select at from audit_log order by position limit 1), 0)`

// UsesSince returns from when on the audit trail tells what bindings were used
// for.
func (tx *Tx) UsesSince(ctx context.Context) (time.Time, error) {
	us, err := one(ctx, tx, "account", scanInt, `select case when uses_since > oldest then uses_since else oldest end from (
		select uses_since, `+oldestRow+` as oldest from account where id = 1) as known`)
	return fromMicros(us), err
}

// ForgetBindingUses removes the counts of days before a time, and of those that
// the audit trail has forgotten.
func (tx *Tx) ForgetBindingUses(ctx context.Context, p access.Permit, before time.Time) error {
	if err := tx.use(p, access.KindRoleBinding); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from binding_uses where day < (select case when oldest > $1 then oldest else $1 end from (select `+oldestRow+` / $2 as oldest) as trail)`,
		days(before), day.Microseconds())
}
