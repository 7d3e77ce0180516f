package store

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/internal/access"
)

// DropLogs forgets the logs of up to limit runs that ended before a time, and
// returns of how many.
func (tx *Tx) DropLogs(ctx context.Context, p access.Permit, before time.Time, limit int) (int, error) {
	if err := tx.use(p, access.KindAccount); err != nil {
		return 0, err
	}
	ids, err := many(ctx, tx, scanString, `select id from runs where state not in `+open+` and updated_at < $1
		and (exists (select 1 from run_log_parts where run_id = runs.id) or exists (select 1 from run_logs where run_id = runs.id))
		order by updated_at, id limit $2`, micros(before), limit)
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	in := tx.store.dialect.in("run_id", 1)
	gone, err := many(ctx, tx, scanString, `delete from run_log_parts where `+in+` returning object`, toJSON(ids))
	if err != nil {
		return 0, err
	}
	tx.forget(gone...)
	if err := tx.exec(ctx, `delete from run_logs where `+in, toJSON(ids)); err != nil {
		return 0, err
	}
	// By which the run tells that it had some.
	return len(ids), tx.exec(ctx, `update runs set log_bytes = -1 where `+tx.store.dialect.in("id", 1), toJSON(ids))
}

// DropPlans forgets the planned changes of up to limit runs that ended before a
// time, and returns of how many. What they came to in numbers stays.
func (tx *Tx) DropPlans(ctx context.Context, p access.Permit, before time.Time, limit int) (int, error) {
	if err := tx.use(p, access.KindAccount); err != nil {
		return 0, err
	}
	n, err := tx.execN(ctx, `update runs set changes = '' where id in (select id from runs where state not in `+open+` and updated_at < $1
		and changes not in ('', '[]', 'null') order by updated_at, id limit $2)`, micros(before), limit)
	return int(n), err
}

// DropStateVersions forgets up to limit state versions that were stored before
// a time, and returns how many. The newest ones of each stack stay, as many as
// newest says and the current one always; and so do all of a stack that has an
// open run or whose state is locked.
func (tx *Tx) DropStateVersions(ctx context.Context, p access.Permit, before time.Time, newest, limit int) (int, error) {
	if err := tx.use(p, access.KindAccount); err != nil {
		return 0, err
	}
	gone, err := many(ctx, tx, scanString, `delete from state_versions where id in (select v.id from state_versions v where v.created_at < $1
		and (select count(*) from state_versions n where n.stack_id = v.stack_id and n.serial > v.serial) >= $2
		and not exists (select 1 from runs r where r.stack_id = v.stack_id and r.state in `+open+`)
		and not exists (select 1 from state_locks l where l.stack_id = v.stack_id)
		order by v.created_at, v.id limit $3) returning object`, micros(before), max(newest, 1), limit)
	tx.forget(gone...)
	return len(gone), err
}
