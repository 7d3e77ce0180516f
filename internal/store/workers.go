package store

import (
	"context"
	"fmt"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// selectWorkerPool leaves out the built-in pool, which lives in no space.
const selectWorkerPool = `select id, space_id, name, description, labels, drift_run_limit, certificate, generation, created_at, updated_at
	from worker_pools where space_id is not null`

func scanWorkerPool(s scanner) (p domain.WorkerPool, err error) {
	var labels string
	var created, updated int64
	if err := s.Scan(&p.ID, &p.Space, &p.Name, &p.Description, &labels, &p.DriftRunLimit, &p.Certificate, &p.Generation, &created, &updated); err != nil {
		return p, err
	}
	p.CreatedAt, p.UpdatedAt = fromMicros(created), fromMicros(updated)
	return p, fromJSON(labels, &p.Labels)
}

func poolRef(id domain.WorkerPoolID) authz.EntityRef {
	return authz.EntityRef{Kind: authz.EntityWorkerPool, ID: string(id)}
}

// WorkerPool returns one worker pool.
func (tx *Tx) WorkerPool(ctx context.Context, id domain.WorkerPoolID) (domain.WorkerPool, error) {
	return one(ctx, tx, "worker pool", scanWorkerPool, selectWorkerPool+` and id = $1`, id)
}

// LockWorkerPool returns one worker pool and holds it until the commit.
func (tx *Tx) LockWorkerPool(ctx context.Context, id domain.WorkerPoolID) (domain.WorkerPool, error) {
	return one(ctx, tx, "worker pool", scanWorkerPool, selectWorkerPool+` and id = $1`+tx.store.dialect.forUpdate(), id)
}

// WorkerPools returns the worker pools of the scope, oldest first.
func (tx *Tx) WorkerPools(ctx context.Context, scope access.Scope) ([]domain.WorkerPool, error) {
	where, args := tx.inScope(scope, authz.EntityWorkerPool)
	if where == "" {
		where = ` where true`
	}
	return many(ctx, tx, scanWorkerPool, `select * from (`+selectWorkerPool+`) pools`+where+` order by created_at, id`, args...)
}

// InsertWorkerPool creates a worker pool with its token.
func (tx *Tx) InsertWorkerPool(ctx context.Context, p access.Permit, w domain.WorkerPool, token string, hash []byte) error {
	if err := tx.use(p, access.KindWorkerPool); err != nil {
		return err
	}
	sealed, err := tx.seal([]byte(token), "worker-pool", string(w.ID))
	if err != nil {
		return err
	}
	return tx.exec(ctx, `insert into worker_pools (id, space_id, name, description, labels, drift_run_limit, certificate, generation,
		token_hash, sealed_token, created_at, updated_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		w.ID, w.Space, w.Name, w.Description, toJSON(list(w.Labels)), w.DriftRunLimit, w.Certificate, w.Generation,
		hash, sealed, micros(w.CreatedAt), micros(w.UpdatedAt))
}

// InsertDefaultWorkerPool creates the built-in pool. Only its token's hash is
// kept.
func (tx *Tx) InsertDefaultWorkerPool(ctx context.Context, p access.Permit, hash []byte) error {
	if err := tx.use(p, access.KindWorkerPool); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into worker_pools (id, name, token_hash, created_at, updated_at) values ($1, $2, $3, $4, $4)`,
		domain.DefaultWorkerPool, "Default pool", hash, micros(tx.now))
}

// UpdateWorkerPool changes what a caller may set.
func (tx *Tx) UpdateWorkerPool(ctx context.Context, p access.Permit, w domain.WorkerPool) error {
	if err := tx.use(p, access.KindWorkerPool); err != nil {
		return err
	}
	if err := tx.touchIfMoved(ctx, poolRef(w.ID), w.Space); err != nil {
		return err
	}
	return tx.exec(ctx, `update worker_pools set space_id = $2, name = $3, description = $4, labels = $5, drift_run_limit = $6,
		updated_at = $7 where id = $1`,
		w.ID, w.Space, w.Name, w.Description, toJSON(list(w.Labels)), w.DriftRunLimit, micros(w.UpdatedAt))
}

// ResetWorkerPool gives a pool another token and certificate and its next
// generation; the old token is worth nothing from then on, and the workers that
// came with it are gone.
func (tx *Tx) ResetWorkerPool(ctx context.Context, p access.Permit, w domain.WorkerPool, token string, hash []byte) error {
	if err := tx.use(p, access.KindWorkerPool); err != nil {
		return err
	}
	sealed, err := tx.seal([]byte(token), "worker-pool", string(w.ID))
	if err != nil {
		return err
	}
	d := tx.store.dialect
	err = tx.exec(ctx, `delete from workers where pool_id = $1 and id in
		(select id from workers where pool_id = $1 order by `+d.bytes("id")+d.forUpdate()+`)`, w.ID) // in the order of OccupyWorkers
	if err != nil {
		return err
	}
	return tx.exec(ctx, `update worker_pools set token_hash = $2, sealed_token = $3, certificate = $4, generation = generation + 1, updated_at = $5 where id = $1`,
		w.ID, hash, sealed, w.Certificate, micros(tx.now))
}

// DeleteWorkerPool removes a worker pool and the bindings to it. No stack may
// use it any more.
func (tx *Tx) DeleteWorkerPool(ctx context.Context, p access.Permit, id domain.WorkerPoolID) error {
	if err := tx.use(p, access.KindWorkerPool); err != nil {
		return err
	}
	if err := tx.deleteBindingsOn(ctx, authz.EntityWorkerPool, string(id)); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from worker_pools where id = $1`, id)
}

// WorkerPoolToken returns the token of a pool.
func (tx *Tx) WorkerPoolToken(ctx context.Context, id domain.WorkerPoolID) (string, error) {
	sealed, err := one(ctx, tx, "worker pool", func(s scanner) (b []byte, err error) { return b, s.Scan(&b) },
		`select sealed_token from worker_pools where id = $1 and sealed_token is not null`, id)
	if err != nil {
		return "", err
	}
	token, err := tx.open(sealed, "worker-pool", string(id))
	if err != nil {
		return "", fmt.Errorf("open token of worker pool %s: %w", id, err)
	}
	return string(token), nil
}

// WorkerPoolByToken returns the pool whose token has this SHA-256, the built-in
// one included.
func (tx *Tx) WorkerPoolByToken(ctx context.Context, hash []byte) (domain.PoolKey, error) {
	return one(ctx, tx, "worker pool", func(s scanner) (k domain.PoolKey, err error) {
		return k, s.Scan(&k.Pool, &k.Generation)
	}, `select id, generation from worker_pools where token_hash = $1`, hash)
}

// PoolKeyLives reports whether a pool still has the token of this generation.
func (tx *Tx) PoolKeyLives(ctx context.Context, k domain.PoolKey) (bool, error) {
	n, err := one(ctx, tx, "worker pool", scanInt, `select count(*) from worker_pools where id = $1 and generation = $2`, k.Pool, k.Generation)
	return n > 0, err
}

// PoolLoads returns what each pool has to do now; one with nothing to do is
// left out.
func (tx *Tx) PoolLoads(ctx context.Context) (map[domain.WorkerPoolID]domain.PoolLoad, error) {
	type row struct {
		pool   domain.WorkerPoolID
		worker string
		leased bool
		runs   int
	}
	rows, err := many(ctx, tx, func(s scanner) (r row, err error) {
		return r, s.Scan(&r.pool, &r.worker, &r.leased, &r.runs)
	}, `select s.worker_pool, case when r.lease_until > 0 then r.worker else '' end as holder, r.lease_until > 0 as leased, count(*)
		from runs r join stacks s on s.id = r.stack_id
		where r.state in `+holding+` and (r.lease_until > 0 or r.state in `+awaiting+`)
		group by s.worker_pool, holder, leased order by s.worker_pool, holder`)
	out := map[domain.WorkerPoolID]domain.PoolLoad{}
	for _, r := range rows {
		if r.pool == "" {
			r.pool = domain.DefaultWorkerPool
		}
		load := out[r.pool]
		if r.leased {
			load.Busy = append(load.Busy, r.worker)
		} else {
			load.Pending += r.runs
		}
		out[r.pool] = load
	}
	return out, err
}
