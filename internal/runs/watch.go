package runs

import (
	"context"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// watch is where workers wait to hear that their runs shall stop. One look at
// the database serves them all.
type watch struct {
	mu      sync.Mutex
	waiting map[*watcher]struct{}
	looking bool
}

// watcher is one worker that waits.
type watcher struct {
	lease Lease
	told  chan news
}

type news struct {
	stop bool
	err  error
}

// add reports whether nobody looks yet.
func (w *watch) add(one *watcher) (first bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.waiting == nil {
		w.waiting = map[*watcher]struct{}{}
	}
	w.waiting[one] = struct{}{}
	first, w.looking = !w.looking, true
	return first
}

func (w *watch) remove(one *watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.waiting, one)
}

// all returns who waits. When that is nobody, nobody looks any more.
func (w *watch) all() (out []*watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for one := range w.waiting {
		out = append(out, one)
	}
	w.looking = len(out) > 0
	return out
}

// stopped waits for a run to be asked to stop, or for its lease to end.
func (s *Service) stopped(ctx context.Context, l Lease, wait time.Duration) (stop bool, err error) {
	one := &watcher{lease: l, told: make(chan news, 1)}
	if s.watch.add(one) {
		go s.lookForStops()
	} else {
		s.stops.send() // it may have been asked just now
	}
	defer s.watch.remove(one)
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	select {
	case n := <-one.told:
		return n.stop, n.err
	case <-deadline.C:
	case <-ctx.Done():
	}
	return false, nil
}

// lookForStops looks whenever somebody was asked to stop, and by itself every
// now and then: for what another server was told, and for leases that ended.
func (s *Service) lookForStops() {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		woken := s.stops.wait() // before the look, so that nothing is missed
		all := s.watch.all()
		if len(all) == 0 {
			return
		}
		s.tell(all)
		select {
		case <-woken:
		case <-tick.C:
		}
	}
}

// tell answers those of the waiting for whom there is news.
func (s *Service) tell(all []*watcher) {
	ids := make([]domain.RunID, len(all))
	for i, one := range all {
		ids[i] = one.lease.Run
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	var leases map[domain.RunID]domain.RunLease
	err := s.db.View(ctx, func(tx Tx) (err error) {
		leases, err = tx.RunLeases(ctx, ids)
		return err
	})
	for _, one := range all {
		now, found := leases[one.lease.Run]
		n := news{stop: now.Stop, err: err}
		switch {
		case err != nil:
		case !found:
			n.err = domain.NotFound("run")
		case now.Epoch != one.lease.Epoch || !now.Held:
			n.err = domain.Conflict("lease %d of run %s is over", one.lease.Epoch, one.lease.Run)
		}
		if n == (news{}) {
			continue
		}
		select {
		case one.told <- n:
		default: // it was told before
		}
	}
}

// lookTime bounds one look at the database.
const lookTime = 10 * time.Second
