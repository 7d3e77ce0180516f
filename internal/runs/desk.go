package runs

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// desks are where the waiting workers of each pool are served.
type desks struct {
	mu    sync.Mutex
	pools map[domain.WorkerPoolID]*desk
}

// desk is where the workers of one pool wait, first come, first served. One
// look at the database serves them all: a thousand idle workers ask it no more
// than one does, and runs that become ready together are given out together.
type desk struct {
	pool domain.WorkerPoolID

	mu      sync.Mutex
	waiting []*seeker
	open    bool          // somebody serves them
	arrived chan struct{} // wakes whoever does

	// Only who serves looks at these.
	queue   queue
	failing map[domain.RunID]time.Time // runs that could not be given out, and since when
}

// queue is the beginning of a pool's queue. To find out whose turn it is takes
// as long as the queue is long, so a long one is used for a while.
type queue struct {
	runs []domain.RunID
	held map[domain.RunID]int // how often somebody else held the run
	ends time.Time            // it is to be read again then
}

const (
	queueLength = 256
	queueTimes  = 4 // so many times as long as reading it took
	queueMost   = 500 * time.Millisecond
	heldMost    = 3
)

// read fills the queue, unless a long one was read just now.
func (q *queue) read(look func() ([]domain.RunID, error)) (err error) {
	began := time.Now()
	if len(q.runs) > 0 && began.Before(q.ends) {
		return nil
	}
	q.runs, err = look()
	q.held, q.ends = map[domain.RunID]int{}, began
	if took := time.Since(began); len(q.runs) == queueLength {
		q.ends = began.Add(took + min(queueTimes*took, queueMost))
	}
	return err
}

// first are the first n runs or fewer.
func (q *queue) first(n int) []domain.RunID { return q.runs[:min(n, len(q.runs))] }

// given takes runs away. Those that they were preferred to keep their place, and
// nobody tries for ever.
func (q *queue) given(runs []domain.RunID) {
	last := 0
	for i, id := range q.runs {
		if slices.Contains(runs, id) {
			last = i
		}
	}
	for _, id := range q.first(last) {
		q.held[id]++
	}
	q.runs = slices.DeleteFunc(q.runs, func(id domain.RunID) bool { return slices.Contains(runs, id) || q.held[id] >= heldMost })
}

// seeker is one worker that waits.
type seeker struct {
	ctx    context.Context
	key    domain.PoolKey
	by     asker
	answer chan offer // room for one, and there is one at most

	served bool // it has its answer; only who serves looks at it
	// Of the desk's mutex:
	looked  bool // the database was asked for it once
	inHand  bool // it may be getting its answer at this moment
	leaving bool // it waits no longer than that
}

// offer is what a worker gets: a run, or what was wrong, or neither.
type offer struct {
	run *Assignment
	err error
}

// of returns the desk of a pool.
func (d *desks) of(pool domain.WorkerPoolID) *desk {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.pools == nil {
		d.pools = map[domain.WorkerPoolID]*desk{}
	}
	if d.pools[pool] == nil {
		d.pools[pool] = &desk{pool: pool, arrived: make(chan struct{}, 1), failing: map[domain.RunID]time.Time{}}
	}
	return d.pools[pool]
}

// add lets a worker wait. It reports whether nobody serves at this desk yet.
func (d *desk) add(one *seeker) (first bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waiting = append(d.waiting, one)
	if !d.open {
		d.open = true
		return true
	}
	select {
	case d.arrived <- struct{}{}:
	default: // whoever serves looks again anyway
	}
	return false
}

// leave ends a worker's wait and returns what it gets after all. It is looked
// for once even where there was no time to wait.
func (d *desk) leave(one *seeker) offer {
	d.mu.Lock()
	if !one.inHand && (one.looked || one.ctx.Err() != nil) {
		d.waiting = slices.DeleteFunc(d.waiting, func(other *seeker) bool { return other == one })
		d.mu.Unlock()
		select {
		case got := <-one.answer:
			return got
		default:
			return offer{}
		}
	}
	one.leaving = true
	d.mu.Unlock()
	return <-one.answer
}

// round takes everybody who waits in hand. When that is nobody, nobody serves
// any more.
func (d *desk) round() []*seeker {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range d.waiting {
		one.inHand = true
	}
	d.open = len(d.waiting) > 0
	return slices.Clone(d.waiting)
}

// finish ends a round: who was served goes, and so does who did not want to
// wait longer.
func (d *desk) finish(round []*seeker) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, one := range round {
		one.inHand, one.looked = false, true
		if one.leaving {
			one.tell(offer{})
		}
	}
	d.waiting = slices.DeleteFunc(d.waiting, func(one *seeker) bool { return one.served })
}

// tell answers a worker, unless it has its answer.
func (one *seeker) tell(o offer) {
	if !one.served {
		one.served = true
		one.answer <- o
	}
}

// aside are the runs that could not be given out a short while ago.
func (d *desk) aside(now time.Time) (out []domain.RunID) {
	for run, since := range d.failing {
		if now.Sub(since) > asideTime {
			delete(d.failing, run)
			continue
		}
		out = append(out, run)
	}
	return out
}
