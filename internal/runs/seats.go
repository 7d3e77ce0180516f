package runs

import (
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
	pools map[domain.WorkerPoolID]chan struct{}
}

// of returns the seats of a pool: to send is to sit down, to receive to leave.
func (s *seats) of(pool domain.WorkerPoolID) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pools == nil {
		s.pools = map[domain.WorkerPoolID]chan struct{}{}
	}
	if s.pools[pool] == nil {
		s.pools[pool] = make(chan struct{}, lookers)
	}
	return s.pools[pool]
}
