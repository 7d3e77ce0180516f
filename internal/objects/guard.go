package objects

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

const (
	patience  = 15 * time.Second // for a small object
	perMiB    = time.Second
	probeName = "account" // the object that says whose storage this is
	probeSoon = 5 * time.Second
	probeRare = 30 * time.Second
)

// Guard is a Storage that answers at once while the one behind it cannot be
// reached, so that nobody who waits for it holds what others need. Failures are
// domain.CodeUnavailable, with the name of the storage; ErrMissing stays.
type Guard struct {
	storage Storage
	old     Storage // nil: none

	mu     sync.Mutex
	missed int // failures since the last success
	failed error
}

// enough failures in a row say that the storage is away; fewer can be one
// object's bad luck.
const enough = 3

// NewGuard returns a guard before storage. What is not there is read from old,
// where objects were kept before; nil for nowhere.
func NewGuard(storage, old Storage) *Guard { return &Guard{storage: storage, old: old} }

// String implements Storage.
func (g *Guard) String() string { return g.storage.String() }

// Health says what keeps the storage from being reached, nil for nothing.
func (g *Guard) Health() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.missed < enough {
		return nil
	}
	return g.failed
}

// Put implements Storage.
func (g *Guard) Put(ctx context.Context, name string, body []byte) error {
	return g.try(ctx, len(body), func(ctx context.Context) error { return g.storage.Put(ctx, name, body) })
}

// Get implements Storage.
func (g *Guard) Get(ctx context.Context, name string) (body []byte, err error) {
	err = g.try(ctx, 100<<20, func(ctx context.Context) (err error) {
		body, err = g.storage.Get(ctx, name)
		if errors.Is(err, ErrMissing) && g.old != nil {
			body, err = g.old.Get(ctx, name)
		}
		return err
	})
	return body, err
}

// Delete implements Storage. In the old storage nothing is deleted.
func (g *Guard) Delete(ctx context.Context, name string) error {
	return g.try(ctx, 0, func(ctx context.Context) error { return g.storage.Delete(ctx, name) })
}

// Each implements Storage. It may take as long as it takes.
func (g *Guard) Each(ctx context.Context, fn func(name string, written time.Time) error) error {
	return g.storage.Each(ctx, fn)
}

func (g *Guard) try(ctx context.Context, size int, do func(ctx context.Context) error) error {
	if failed := g.Health(); failed != nil {
		return failed
	}
	limited, cancel := context.WithTimeout(ctx, patience+time.Duration(size>>20)*perMiB)
	defer cancel()
	err := do(limited)
	switch {
	case err == nil, errors.Is(err, ErrMissing):
		_ = g.note(nil, 0)
		return err
	case ctx.Err() != nil: // who asked has gone
		return err
	}
	return g.note(err, 1)
}

// note keeps what was last seen of the storage, and returns it as callers see it.
func (g *Guard) note(err error, weight int) error {
	if err != nil {
		err = domain.Unavailable("the object storage", fmt.Errorf("%s: %w", g.storage, err))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.failed, g.missed = err, g.missed+weight
	if err == nil {
		g.missed = 0
	}
	return err
}

// Claim makes the storage that of an account, unless it is another's: two
// databases in one storage would clear away what the other one needs.
func (g *Guard) Claim(ctx context.Context, account string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	owner, err := g.storage.Get(ctx, probeName)
	if errors.Is(err, ErrMissing) {
		owner, err = []byte(account), g.storage.Put(ctx, probeName, []byte(account))
	}
	if err != nil {
		return fmt.Errorf("object storage %s cannot be used: %w", g.storage, err)
	}
	if string(owner) != account {
		return fmt.Errorf("object storage %s belongs to another account: give each database a bucket, prefix or directory of its own", g.storage)
	}
	return nil
}

// Watch looks at the storage until ctx ends, so that it is used again when it
// is back, and tells of each change.
func (g *Guard) Watch(ctx context.Context, tell func(failed error)) {
	for {
		every, before := probeRare, g.Health()
		if before != nil {
			every = probeSoon
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
		limited, cancel := context.WithTimeout(ctx, patience)
		_, err := g.storage.Get(limited, probeName)
		cancel()
		if ctx.Err() != nil {
			return
		}
		if now := g.note(err, enough); (now == nil) != (before == nil) {
			tell(now)
		}
	}
}
