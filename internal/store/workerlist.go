package store

import (
	"context"
	"errors"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectWorker = `select w.pool_id, w.id, w.metadata, w.slots, w.drained, w.leaving, w.created_at, w.available_at, w.seen_at from workers w`

func scanWorker(s scanner) (w domain.Worker, err error) {
	var metadata string
	var created, available, seen int64
	err = s.Scan(&w.Pool, &w.ID, &metadata, &w.Slots, &w.Drained, &w.Leaving, &created, &available, &seen)
	if err != nil {
		return w, err
	}
	w.CreatedAt, w.AvailableAt, w.SeenAt = fromMicros(created), fromMicros(available), fromMicros(seen)
	return w, fromJSON(metadata, &w.Metadata)
}

// Worker returns one worker of a pool. Whether it is busy is not told.
func (tx *Tx) Worker(ctx context.Context, pool domain.WorkerPoolID, id string) (domain.Worker, error) {
	return one(ctx, tx, "worker", scanWorker, selectWorker+` where w.pool_id = $1 and w.id = $2`, pool, id)
}

// Workers returns the workers of some pools that have been heard of lately or
// execute runs, oldest first.
func (tx *Tx) Workers(ctx context.Context, pools []domain.WorkerPoolID) ([]domain.Worker, error) {
	all, err := many(ctx, tx, scanWorker, selectWorker+` where `+tx.store.dialect.in("w.pool_id", 1)+` order by w.created_at, w.id`, toJSON(list(pools)))
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return tx.markBusy(ctx, all, func(w domain.Worker) bool { return w.Busy || !tx.silent(w) })
}

// markBusy notes which workers hold runs, and keeps some of them.
func (tx *Tx) markBusy(ctx context.Context, all []domain.Worker, keep func(domain.Worker) bool) ([]domain.Worker, error) {
	loads, err := tx.PoolLoads(ctx)
	if err != nil {
		return nil, err
	}
	var out []domain.Worker
	for _, w := range all {
		if w.Busy = loads[w.Pool].Holds(w.ID); keep(w) {
			out = append(out, w)
		}
	}
	return out, nil
}

func (tx *Tx) silent(w domain.Worker) bool { return w.SeenAt.Add(domain.WorkerSilence).Before(tx.now) }

// LostWorkers returns the workers that are gone without having said so.
func (tx *Tx) LostWorkers(ctx context.Context) ([]domain.Worker, error) {
	quiet, err := many(ctx, tx, scanWorker, selectWorker+` where w.seen_at < $1`, micros(tx.now.Add(-domain.WorkerSilence)))
	if err != nil || len(quiet) == 0 {
		return nil, err
	}
	return tx.markBusy(ctx, quiet, func(w domain.Worker) bool { return !w.Busy })
}

// BarredWorkers returns the workers of a pool that are to be given no runs:
// somebody has drained them, they are shutting down, or the pool was cycled
// since they came. One that is not known is none of them.
func (tx *Tx) BarredWorkers(ctx context.Context, pool domain.WorkerPoolID) (map[string]bool, error) {
	ids, err := many(ctx, tx, scanString, `select w.id from workers w join worker_pools p on p.id = w.pool_id
		where w.pool_id = $1 and (w.drained or w.leaving or p.cycled_at >= w.created_at)`, pool)
	out := make(map[string]bool, len(ids))
	for _, id := range ids {
		out[id] = true
	}
	return out, err
}

// WorkerCycled reports whether a known worker shall restart because its pool
// was cycled since it came.
func (tx *Tx) WorkerCycled(ctx context.Context, pool domain.WorkerPoolID, id string) (bool, error) {
	return one(ctx, tx, "worker", func(s scanner) (cycled bool, err error) { return cycled, s.Scan(&cycled) },
		`select p.cycled_at >= w.created_at from workers w join worker_pools p on p.id = w.pool_id where w.pool_id = $1 and w.id = $2`, pool, id)
}

// RegisterWorker notes a worker that asks for runs. One that is known keeps
// what was decided about it.
func (tx *Tx) RegisterWorker(ctx context.Context, p access.Permit, w domain.Worker) error {
	if err := tx.use(p, access.KindWorkerPool); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into workers (pool_id, id, metadata, slots, drained, leaving, created_at, available_at, seen_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (pool_id, id) do update
		set metadata = excluded.metadata, slots = excluded.slots, leaving = excluded.leaving, seen_at = excluded.seen_at`,
		w.Pool, w.ID, toJSON(w.Metadata), w.Slots, w.Drained, w.Leaving, micros(w.CreatedAt), micros(w.AvailableAt), micros(w.SeenAt))
}

// SawWorker notes when a worker last asked for runs; it has been available
// since then at the latest.
func (tx *Tx) SawWorker(ctx context.Context, p access.Permit, pool domain.WorkerPoolID, id string, at time.Time) error {
	if err := tx.use(p, access.KindWorkerPool); err != nil {
		return err
	}
	return tx.exec(ctx, `update workers set seen_at = $3, available_at = case when available_at = 0 then $3 else available_at end
		where pool_id = $1 and id = $2 and seen_at < $3`, pool, id, micros(at))
}

// OccupyWorkers notes that workers were given runs. Whoever changes several
// workers does so in the order of their ids, so that nobody waits in a circle.
func (tx *Tx) OccupyWorkers(ctx context.Context, p access.Permit, pool domain.WorkerPoolID, ids []string) error {
	if err := tx.use(p, access.KindRun); err != nil || len(ids) == 0 {
		return err
	}
	d := tx.store.dialect
	return tx.exec(ctx, `update workers set available_at = 0 where pool_id = $1 and id in
		(select id from workers where pool_id = $1 and `+d.in("id", 2)+` order by `+d.bytes("id")+d.forUpdate()+`)`, pool, toJSON(ids))
}

// SetWorkerDrained decides whether a worker is given runs.
func (tx *Tx) SetWorkerDrained(ctx context.Context, p access.Permit, w domain.Worker) error {
	if err := tx.use(p, access.KindWorkerPool); err != nil {
		return err
	}
	if !w.Drained {
		tx.topics = append(tx.topics, domain.TopicReady) // it looks again
	}
	return tx.exec(ctx, `update workers set drained = $3 where pool_id = $1 and id = $2`, w.Pool, w.ID, w.Drained)
}

// WorkerLeaves notes that a worker is shutting down.
func (tx *Tx) WorkerLeaves(ctx context.Context, p access.Permit, pool domain.WorkerPoolID, id string) error {
	if err := tx.use(p, access.KindWorkerPool); err != nil {
		return err
	}
	return tx.exec(ctx, `update workers set leaving = $3, seen_at = $4 where pool_id = $1 and id = $2`, pool, id, true, micros(tx.now))
}

// DropWorkers forgets workers that are gone.
func (tx *Tx) DropWorkers(ctx context.Context, p access.Permit, gone []domain.Worker) error {
	if err := tx.use(p, access.KindWorkerPool); err != nil {
		return err
	}
	var errs []error
	for _, w := range gone {
		errs = append(errs, tx.exec(ctx, `delete from workers where pool_id = $1 and id = $2`, w.Pool, w.ID))
	}
	return errors.Join(errs...)
}

// CycleWorkerPool lets every worker that a pool has now restart.
func (tx *Tx) CycleWorkerPool(ctx context.Context, p access.Permit, id domain.WorkerPoolID) error {
	if err := tx.use(p, access.KindWorkerPool); err != nil {
		return err
	}
	return tx.exec(ctx, `update worker_pools set cycled_at = $2 where id = $1`, id, micros(tx.now))
}

// WorkerAuthority returns what signs the certificates of pools: its own
// certificate in PEM form and its private key in PKCS #8.
func (tx *Tx) WorkerAuthority(ctx context.Context) (certificate string, key []byte, err error) {
	type row struct {
		certificate string
		sealed      []byte
	}
	r, err := one(ctx, tx, "worker authority", func(s scanner) (r row, err error) { return r, s.Scan(&r.certificate, &r.sealed) },
		`select certificate, sealed_key from worker_authority where id = 1`)
	if err != nil {
		return "", nil, err
	}
	key, err = tx.open(r.sealed, "worker-authority", "1")
	return r.certificate, key, err
}

// InsertWorkerAuthority keeps what signs the certificates of pools. Where two
// transactions make one at the same time, the first one's stays.
func (tx *Tx) InsertWorkerAuthority(ctx context.Context, p access.Permit, certificate string, key []byte) error {
	if err := tx.use(p, access.KindWorkerPool); err != nil {
		return err
	}
	sealed, err := tx.seal(key, "worker-authority", "1")
	if err != nil {
		return err
	}
	return tx.exec(ctx, `insert into worker_authority (id, certificate, sealed_key) values (1, $1, $2) on conflict (id) do nothing`, certificate, sealed)
}
