package store

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Clock is the time that servers of one database agree on, without asking it:
// what PostgreSQL's clock showed last, and the running time since. It follows no
// clock of this machine there, and is off by no more than that answer took. On
// SQLite it is this machine's.
func (s *Store) Clock() time.Time {
	switch {
	case s.Now != nil:
		return s.Now()
	case s.dialect.postgres():
		return s.theirs.now()
	}
	return time.Now()
}

// theirs is the database's clock as it is known here. It is told of by whoever
// reads it.
type theirs struct {
	mu   sync.Mutex
	told time.Time
	at   time.Time // when that was, with the process's running time
}

func (c *theirs) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.told.Add(time.Since(c.at))
}

// hear takes what the database's clock showed some time after it was asked. What
// is known already stays when it can be true: so the slowest answers do no harm.
func (c *theirs) hear(asked, told time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := time.Now()
	latest := told.Add(at.Sub(asked))
	switch known := c.told.Add(at.Sub(c.at)); {
	case c.at.IsZero() || known.Before(told):
		c.told, c.at = told, at
	case known.After(latest):
		c.told, c.at = latest, at
	}
}

// askClock reads the database's clock once, so that there is a time from the
// beginning.
func (s *Store) askClock(ctx context.Context) error {
	if s.Now != nil || !s.dialect.postgres() {
		return nil
	}
	var us int64
	asked := time.Now()
	if err := s.write.QueryRowContext(ctx, `select (extract(epoch from clock_timestamp()) * 1000000)::bigint`).Scan(&us); err != nil {
		return fmt.Errorf("read the database's clock: %w", s.dialect.translate(err))
	}
	s.theirs.hear(asked, fromMicros(us))
	return nil
}
