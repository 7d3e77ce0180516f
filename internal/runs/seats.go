package runs

import (
	"maps"
	"slices"
	"sync"

	"github.com/airlock-project/airlock/internal/domain"
)

// lookers is how many of a pool's waiting workers look for runs at the same
// time. The others wait for one of them to get a run: a thousand idle workers
// ask the database no more than these, and a run that becomes ready wakes no
// crowd of which all but one come too late.
const lookers = 4

// seats are where the workers of each pool wait for their turn to look, first
// come, first served.
type seats struct {
	mu    sync.Mutex
	pools map[domain.WorkerPoolID]*table
}

// table is where the workers of one pool sit.
type table struct {
	seats chan struct{} // to send is to sit down, to receive to leave

	mu       sync.Mutex
	claiming map[domain.RunID]bool // what somebody at the table is about to get
}

// of returns the table of a pool.
func (s *seats) of(pool domain.WorkerPoolID) *table {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pools == nil {
		s.pools = map[domain.WorkerPoolID]*table{}
	}
	if s.pools[pool] == nil {
		s.pools[pool] = &table{seats: make(chan struct{}, lookers), claiming: map[domain.RunID]bool{}}
	}
	return s.pools[pool]
}

// choose lets a worker look for a run that nobody else at the table is about to
// get, so that they do not all reach for the same one.
func (t *table) choose(look func(others []domain.RunID) (domain.Run, error)) (run domain.Run, done func(), err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if run, err = look(slices.Collect(maps.Keys(t.claiming))); err != nil {
		return run, nil, err
	}
	t.claiming[run.ID] = true
	return run, func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.claiming, run.ID)
	}, nil
}
