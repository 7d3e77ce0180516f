package workers

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// sightings is when workers asked this server for runs last. They are written
// down in bulk: a thousand idle workers must not cost a thousand commits.
type sightings struct {
	mu   sync.Mutex
	last map[worker]time.Time
	// fresh are those that were not written down yet.
	fresh map[worker]time.Time
}

type worker struct {
	pool domain.WorkerPoolID
	id   string
}

// note remembers that a worker asked, and reports whether it is known here.
func (s *sightings) note(w worker, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.last[w]; !ok {
		return false
	}
	s.last[w], s.fresh[w] = at, at
	return true
}

func (s *sightings) know(w worker, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last, s.fresh = map[worker]time.Time{}, map[worker]time.Time{}
	}
	s.last[w] = at
}

func (s *sightings) forget(w worker) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.last, w)
	delete(s.fresh, w)
}

// take returns what was not written down yet, and forgets whom nobody has heard
// of for long.
func (s *sightings) take(now time.Time) map[worker]time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.fresh
	s.fresh = map[worker]time.Time{}
	for w, at := range s.last {
		if at.Add(domain.WorkerSilence).Before(now) {
			delete(s.last, w)
		}
	}
	return out
}

// Seen notes that a worker of a pool asks for runs. end says that it shall
// restart instead, because its pool was cycled since it came. A worker whose
// token was reset is refused.
func (s *Service) Seen(ctx context.Context, key domain.PoolKey, w domain.Worker) (end bool, err error) {
	w.Pool = key.Pool
	if err := w.Check(); err != nil {
		return false, err
	}
	var now time.Time
	known := false
	err = s.db.View(ctx, func(tx Tx) (err error) {
		if err := alive(ctx, tx, key); err != nil {
			return err
		}
		now = tx.Now()
		end, err = tx.WorkerCycled(ctx, w.Pool, w.ID)
		known = err == nil
		if domain.ErrorCode(err) == domain.CodeNotFound {
			return nil
		}
		return err
	})
	if err != nil || end {
		return end, err
	}
	this := worker{w.Pool, w.ID}
	if s.seen.note(this, now) && known {
		return false, nil
	}
	err = s.db.Change(ctx, func(tx Tx) error {
		permit, err := s.gate.System(access.SystemWorkers, access.KindWorkerPool, string(w.Pool))
		if err != nil {
			return err
		}
		w.CreatedAt, w.AvailableAt, w.SeenAt = tx.Now(), tx.Now(), tx.Now()
		return tx.RegisterWorker(ctx, permit, w)
	})
	if err == nil {
		s.seen.know(this, now)
	}
	return false, err
}

// Leaves notes that a worker is shutting down: it is given no more runs. gone
// says that it has ended.
func (s *Service) Leaves(ctx context.Context, key domain.PoolKey, id string, gone bool) error {
	err := s.db.Change(ctx, func(tx Tx) error {
		if err := alive(ctx, tx, key); err != nil {
			return err
		}
		permit, err := s.gate.System(access.SystemWorkers, access.KindWorkerPool, string(key.Pool))
		if err != nil {
			return err
		}
		if gone {
			return tx.DropWorkers(ctx, permit, []domain.Worker{{Pool: key.Pool, ID: id}})
		}
		return tx.WorkerLeaves(ctx, permit, key.Pool, id)
	})
	if gone {
		s.seen.forget(worker{key.Pool, id})
	}
	return err
}

// alive refuses a worker whose token was reset since it signed in.
func alive(ctx context.Context, tx Tx, k domain.PoolKey) error {
	lives, err := tx.PoolKeyLives(ctx, k)
	if err == nil && !lives {
		return domain.Unauthenticated("unknown worker pool token")
	}
	return err
}

// Certificate returns the certificate of a pool in PEM form, for sealing its
// runs. The built-in pool and pools from before there were any have none.
func (s *Service) Certificate(ctx context.Context, id domain.WorkerPoolID) (out string, err error) {
	if id == domain.DefaultWorkerPool {
		return "", nil
	}
	err = s.db.View(ctx, func(tx Tx) error {
		w, err := tx.WorkerPool(ctx, id)
		out = w.Certificate
		return err
	})
	return out, err
}

// WriteDown keeps which workers were seen since it was called last, and forgets
// those that are gone. It returns how many those were.
func (s *Service) WriteDown(ctx context.Context) (lost int, err error) {
	var gone []domain.Worker
	var now time.Time
	err = s.db.View(ctx, func(tx Tx) (err error) {
		now = tx.Now()
		gone, err = tx.LostWorkers(ctx)
		return err
	})
	if err != nil {
		return 0, err
	}
	fresh := s.seen.take(now)
	if len(fresh) == 0 && len(gone) == 0 {
		return 0, nil
	}
	err = s.db.Change(ctx, func(tx Tx) error {
		permit, err := s.gate.System(access.SystemWorkers, access.KindWorkerPool, "")
		if err != nil {
			return err
		}
		for _, w := range inOrder(fresh) {
			if err := tx.SawWorker(ctx, permit, w.pool, w.id, fresh[w]); err != nil {
				return err
			}
		}
		if gone, err = tx.LostWorkers(ctx); err != nil { // some of them were among the fresh
			return err
		}
		return tx.DropWorkers(ctx, permit, gone)
	})
	return len(gone), err
}

// inOrder are the workers in the order in which whoever changes several of them
// goes, so that nobody waits in a circle.
func inOrder(fresh map[worker]time.Time) []worker {
	return slices.SortedFunc(maps.Keys(fresh), func(a, b worker) int {
		return cmp.Or(cmp.Compare(a.pool, b.pool), cmp.Compare(a.id, b.id))
	})
}

// SetDrained decides whether a worker is given runs. What it executes goes on.
func (s *Service) SetDrained(ctx context.Context, pool domain.WorkerPoolID, id string, drained bool) (w domain.Worker, err error) {
	err = s.db.Change(ctx, func(tx Tx) error {
		_, permit, err := s.find(ctx, tx, "worker.drain_set", authz.ActionWorkerDrainSet, pool)
		if err != nil {
			return err
		}
		if w, err = tx.Worker(ctx, pool, id); err != nil {
			return err
		}
		w.Drained = drained
		if err := tx.SetWorkerDrained(ctx, permit, w); err != nil {
			return err
		}
		loads, err := tx.PoolLoads(ctx)
		w.Busy = loads[pool].Holds(id)
		return err
	})
	return w, err
}

// Cycle lets every worker that a pool has now restart, each when it has
// finished what it executes.
func (s *Service) Cycle(ctx context.Context, id domain.WorkerPoolID) error {
	return s.db.Change(ctx, func(tx Tx) error {
		_, permit, err := s.find(ctx, tx, "worker_pool.cycle", authz.ActionWorkerPoolCycle, id)
		if err != nil {
			return err
		}
		return tx.CycleWorkerPool(ctx, permit, id)
	})
}
