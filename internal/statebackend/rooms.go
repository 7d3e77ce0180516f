package statebackend

import (
	"context"
	"sync"
)

// How many states are held in memory at the same time, each of which may be
// large.
const (
	// Together is how many uploads are received at once.
	Together = 4
	// StatesOfOne is how many states one run sends and gets at once, and how many
	// one caller uploads: OpenTofu does one after the other, and what else the code
	// of a run does has to wait for itself, and nobody else for it.
	StatesOfOne = 2
)

// rooms bound how many states each run, or each caller, sends and gets at the same
// time.
type rooms struct {
	mu sync.Mutex
	of map[string]*room
}

type room struct {
	places chan struct{}
	users  int // who are in it or wait for a place
}

// enter waits for a place, which leave gives back. It reports false when there was none
// before ctx ended.
func (r *rooms) enter(ctx context.Context, id string) (leave func(), ok bool) {
	r.mu.Lock()
	if r.of == nil {
		r.of = map[string]*room{}
	}
	one := r.of[id]
	if one == nil {
		one = &room{places: make(chan struct{}, StatesOfOne)}
		r.of[id] = one
	}
	one.users++
	r.mu.Unlock()
	select {
	case one.places <- struct{}{}:
		return func() {
			<-one.places
			r.out(id, one)
		}, true
	case <-ctx.Done():
		r.out(id, one)
		return nil, false
	}
}

// out forgets a room that nobody uses.
func (r *rooms) out(id string, one *room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if one.users--; one.users == 0 {
		delete(r.of, id)
	}
}
