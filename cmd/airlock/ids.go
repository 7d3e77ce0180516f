package main

import (
	"crypto/rand"
	"io"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"
)

// ids makes ULIDs that grow within one process, also inside a millisecond.
type ids struct {
	mu      sync.Mutex
	now     func() time.Time
	entropy io.Reader
	last    uint64
}

func newIDs(now func() time.Time) *ids {
	return &ids{now: now, entropy: ulid.Monotonic(rand.Reader, 0)}
}

// ULID implements domain.IDSource.
func (i *ids) ULID() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	ms := max(ulid.Timestamp(i.now()), i.last) // a clock that steps back makes no smaller ids
	i.last = ms
	return ulid.MustNew(ms, i.entropy).String()
}
