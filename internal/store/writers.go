package store

import (
	"context"
	"slices"
	"sync"

	"github.com/airlock-project/airlock/internal/access"
)

// writers lets transactions that change something begin in the order in which
// they were asked for, and only so many take place at a time: more of them side
// by side are each slower, and none is done earlier. Every second turn is one
// of those that are urgent, if any is.
type writers struct {
	mu     sync.Mutex
	free   int
	queues [2][]chan struct{} // usual ones, and urgent ones; closed when it is their turn
	last   int                // the queue that had the last turn
}

// enter waits for the turn of a transaction. Who got it must leave.
func (w *writers) enter(ctx context.Context) error {
	queue := 0
	if access.Urgent(ctx) {
		queue = 1
	}
	w.mu.Lock()
	if w.free > 0 { // nobody waits
		w.free--
		w.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	w.queues[queue] = append(w.queues[queue], turn)
	w.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		w.giveUp(queue, turn)
		return ctx.Err()
	}
}

func (w *writers) giveUp(queue int, turn chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if i := slices.Index(w.queues[queue], turn); i >= 0 {
		w.queues[queue] = slices.Delete(w.queues[queue], i, i+1)
		return
	}
	w.next() // it came at the same moment
}

func (w *writers) leave() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.next()
}

// next gives a turn that is over to whoever waits.
func (w *writers) next() {
	queue := 1 - w.last
	if len(w.queues[queue]) == 0 {
		queue = w.last
	}
	if len(w.queues[queue]) == 0 {
		w.free++
		return
	}
	close(w.queues[queue][0])
	w.queues[queue], w.last = w.queues[queue][1:], queue
}
