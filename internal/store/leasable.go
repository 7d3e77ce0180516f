package store

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/internal/domain"
)

// inTurn gives each run that waits for a pool, of those for which and holds, its
// place among them. What is more urgent comes first. Where runs are as urgent as
// each other, each space gets as many workers as the others: a run comes behind
// as many turns as its space has runs before it, and with workers of the pool
// already. The older run comes first then.
func inTurn(and string) string {
	return `select id, stack_id, row_number() over (order by priority desc, turn, updated_at, id) as place from (
		select r.id, r.stack_id, r.priority, r.updated_at,
			row_number() over (partition by s.space_id, r.priority order by r.updated_at, r.id) + coalesce(busy.runs, 0) as turn
		from runs r join stacks s on s.id = r.stack_id left join (
			select bs.space_id, count(*) as runs from runs b join stacks bs on bs.id = b.stack_id
			where b.lease_until > 0 and b.state in ` + holding + ` and bs.worker_pool = $1 group by bs.space_id
		) busy on busy.space_id = s.space_id
		where r.state in ` + awaiting + ` and r.lease_until = 0 and s.worker_pool = $1` + and + `) waiting`
}

// Leasable returns up to limit runs of a pool that wait for a worker, in their
// turn, but for those in but. They are not held: whoever leases one locks it and
// looks again.
func (tx *Tx) Leasable(ctx context.Context, pool domain.WorkerPoolID, but []domain.RunID, limit int) ([]domain.RunID, error) {
	return many(ctx, tx, func(s scanner) (id domain.RunID, err error) { return id, s.Scan(&id) },
		`select id from (`+inTurn(withinDriftLimit+` and not `+tx.store.dialect.in("r.id", 3))+`) queue order by place limit $4`,
		poolColumn(pool), pool, toJSON(list(but)), limit)
}

// LockLeasable returns up to limit of some runs, those that wait for a worker of
// a pool, in the order of their ids in the list, and holds them and their stacks
// until the commit. Those that somebody else holds are left out: whoever holds many runs
// must not wait for one of them, and several servers give out runs side by side.
func (tx *Tx) LockLeasable(ctx context.Context, pool domain.WorkerPoolID, ids []domain.RunID, limit int) ([]domain.Run, error) {
	d := tx.store.dialect
	held, err := many(ctx, tx, func(s scanner) (id domain.RunID, err error) { return id, s.Scan(&id) },
		`select r.id from runs r join stacks s on s.id = r.stack_id where r.state in `+awaiting+` and r.lease_until = 0 and s.worker_pool = $1`+
			withinDriftLimit+` and `+d.in("r.id", 3)+` order by `+d.position("r.id", 3)+` limit $4`+d.skipLocked("s, r"), poolColumn(pool), pool, toJSON(list(ids)), limit)
	if err != nil || len(held) == 0 {
		return nil, err
	}
	out, err := many(ctx, tx, scanRun, selectRun+` where `+d.in("id", 1), toJSON(held))
	slices.SortFunc(out, func(a, b domain.Run) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return out, err
}

// withinDriftLimit leaves runs r of drift detection out while the pool with the
// id $2 executes as many as it may.
const withinDriftLimit = ` and not (r.drift and not r.blocking and exists (` + driftFull + ` and p.id = $2))`

// driftFull finds pools p whose workers execute as many runs of drift detection
// as they may.
const driftFull = `select 1 from worker_pools p where p.drift_run_limit >= 0 and p.drift_run_limit <= (
	select count(*) from runs d join stacks ds on ds.id = d.stack_id
	where d.drift and not d.blocking and d.lease_until > 0 and d.state in ` + holding + ` and ds.worker_pool = p.id)`

// DriftFull reports whether a pool executes as many runs of drift detection as
// it may. The pool is held until the commit, so that two workers do not share
// the last place.
func (tx *Tx) DriftFull(ctx context.Context, pool domain.WorkerPoolID) (bool, error) {
	if _, err := tx.LockWorkerPool(ctx, pool); err != nil {
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return false, nil // the built-in one has no limit
		}
		return false, err
	}
	n, err := one(ctx, tx, "worker pool", scanInt, `select count(*) from worker_pools where id = $1 and exists (`+driftFull+` and p.id = $1)`, pool)
	return n > 0, err
}

// poolColumn is how a stack names its pool: not at all for the default one.
func poolColumn(id domain.WorkerPoolID) string {
	if id == domain.DefaultWorkerPool {
		return ""
	}
	return string(id)
}
