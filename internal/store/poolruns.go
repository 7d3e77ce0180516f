package store

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// WaitingRuns returns the runs of a pool that wait for a worker and whose
// stacks are in the scope, in the order in which they are given out.
func (tx *Tx) WaitingRuns(ctx context.Context, scope access.Scope, pool domain.WorkerPoolID) ([]domain.WaitingRun, error) {
	n, args := tx.stacksInScope(scope, pool)
	type place struct {
		id domain.RunID
		at int
	}
	places, err := many(ctx, tx, func(s scanner) (p place, err error) { return p, s.Scan(&p.id, &p.at) },
		`select id, place from (`+inTurn("")+`) queue where stack_id in (`+n+`) order by place`, args...)
	if err != nil || len(places) == 0 {
		return nil, err
	}
	ids, at := make([]domain.RunID, len(places)), make(map[domain.RunID]int, len(places))
	for i, p := range places {
		ids[i], at[p.id] = p.id, p.at
	}
	runs, err := many(ctx, tx, scanRun, selectRun+` where `+tx.store.dialect.in("id", 1)+` order by id`, toJSON(ids))
	out := make([]domain.WaitingRun, len(runs))
	for i, r := range runs {
		out[i] = domain.WaitingRun{Run: r, Position: at[r.ID]}
	}
	slices.SortFunc(out, func(a, b domain.WaitingRun) int { return a.Position - b.Position })
	return out, err
}

// HeldRuns returns the runs that workers of a pool execute now and whose stacks
// are in the scope, oldest first.
func (tx *Tx) HeldRuns(ctx context.Context, scope access.Scope, pool domain.WorkerPoolID) ([]domain.Run, error) {
	n, args := tx.stacksInScope(scope, pool)
	return many(ctx, tx, scanRun, selectRun+` where state in `+holding+` and lease_until > 0 and stack_id in (`+n+`) order by id`, args...)
}

// stacksInScope selects the ids of a pool's stacks as far as they are in the
// scope. $1 is the pool as stacks name it.
func (tx *Tx) stacksInScope(scope access.Scope, pool domain.WorkerPoolID) (string, []any) {
	of, args := `select id from stacks where worker_pool = $1`, []any{poolColumn(pool)}
	if scope.All() {
		return of, args
	}
	of, args = of+` and (`+tx.store.dialect.in("space_id", 2), append(args, toJSON(list(scope.Spaces())))
	if single := scope.Entities(authz.EntityStack); len(single) > 0 {
		of, args = of+` or `+tx.store.dialect.in("id", 3), append(args, toJSON(single))
	}
	return of + `)`, args
}

// PoolUsers counts the stacks of a scope that name a pool, the built-in one by
// naming none.
func (tx *Tx) PoolUsers(ctx context.Context, scope access.Scope, pool domain.WorkerPoolID) (int, error) {
	n, args := tx.stacksInScope(scope, pool)
	users, err := one(ctx, tx, "stacks", scanInt, `select count(*) from (`+n+`) users`, args...)
	return int(users), err
}
