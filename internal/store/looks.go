package store

import (
	"context"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// Bounds of one look at the database that several requests share.
const (
	lookTime = 10 * time.Second
	lookIDs  = 10_000
)

// looks lets requests that arrive while the database is being asked share the
// next question. None is ever answered by one that was sent before it came.
type looks struct {
	mu      sync.Mutex
	asking  bool
	waiting []*look
}

// look is one question to the database and, once done is closed, its answer.
type look struct {
	what sought
	ids  int
	done chan struct{}
	found
	err error
}

// share asks for something together with whoever else is waiting. The answer
// is shared, too, and must not be changed.
func (l *looks) share(ctx context.Context, what sought, ask func(context.Context, sought) (found, error)) (found, error) {
	l.mu.Lock()
	mine := l.join(what)
	if !l.asking {
		l.asking = true
		l.mu.Unlock()
		l.next(ask)
	} else {
		l.mu.Unlock()
	}
	select {
	case <-mine.done:
		return mine.found, mine.err
	case <-ctx.Done():
		return found{}, domain.Unavailable("the database", ctx.Err())
	}
}

// join adds to the last question that waits, or to a new one. l.mu is held.
func (l *looks) join(what sought) *look {
	ids := 0
	for _, list := range what {
		ids += len(list)
	}
	if n := len(l.waiting); n > 0 && l.waiting[n-1].ids+ids <= lookIDs {
		last := l.waiting[n-1]
		last.add(what, ids)
		return last
	}
	fresh := &look{done: make(chan struct{})}
	fresh.add(what, ids)
	l.waiting = append(l.waiting, fresh)
	return fresh
}

func (q *look) add(what sought, ids int) {
	q.ids += ids
	if q.what == nil {
		q.what = what
		return
	}
	for i := range what {
		q.what[i] = append(q.what[i], what[i]...)
	}
}

// next asks the first question that waits and leaves the rest to a goroutine
// of their own, so that nobody waits for what he did not ask.
func (l *looks) next(ask func(context.Context, sought) (found, error)) {
	l.mu.Lock()
	first := l.waiting[0]
	l.waiting = l.waiting[1:]
	l.mu.Unlock()
	// Whoever asks for others must not hang up on them.
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	first.found, first.err = ask(ctx, first.what)
	cancel()
	close(first.done)
	l.mu.Lock()
	l.asking = len(l.waiting) > 0
	more := l.asking
	l.mu.Unlock()
	if more {
		go l.next(ask)
	}
}
