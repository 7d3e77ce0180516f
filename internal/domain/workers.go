package domain

import (
	"math"
	"slices"
	"strings"
	"time"
)

// WorkerPool is a group of workers that stacks of its own space, and of those
// that inherit from it, may choose to execute their runs.
type WorkerPool struct {
	ID          WorkerPoolID
	Name        string
	Description string
	Labels      []string
	Space       SpaceID
	// DriftRunLimit is how many drift detection runs its workers execute at a
	// time; nil and -1 mean no limit.
	DriftRunLimit *int
	// Certificate is the PEM form of what the account signed of the pool's
	// request; its key is what the pool's workers hold. Empty for pools that are
	// older than certificates.
	Certificate string
	Generation  int // of its token: how often it was reset
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Check validates the fields that a caller may set.
func (p WorkerPool) Check() error {
	if err := CheckName("name", p.Name); err != nil {
		return err
	}
	if err := CheckText("description", p.Description); err != nil {
		return err
	}
	if n := p.DriftRunLimit; n != nil && (*n < -1 || *n > math.MaxInt32) {
		return Invalid("driftDetectionRunLimit", "must be -1 for no limit, or a number of 32 bits from 0")
	}
	return CheckLabels("labels", p.Labels)
}

// PoolKey is what a worker has proved by its token: which pool it works for,
// and with which generation of that pool's token.
type PoolKey struct {
	Pool       WorkerPoolID
	Generation int
}

// PoolLoad is what a pool has to do now.
type PoolLoad struct {
	Pending int      // runs that wait for a worker
	Busy    []string // workers that hold a run, each once, sorted
}

// Holds reports whether a worker holds a run.
func (l PoolLoad) Holds(worker string) bool {
	return slices.Contains(l.Busy, worker)
}

// WorkerStatus is what a worker does, in one word.
type WorkerStatus string

// What workers do. A drained worker takes no runs until that is taken back; one
// that drains still executes some, or is shutting down.
const (
	WorkerIdle     WorkerStatus = "IDLE"
	WorkerBusy     WorkerStatus = "BUSY"
	WorkerDraining WorkerStatus = "DRAINING"
	WorkerDrained  WorkerStatus = "DRAINED"
)

// WorkerSilence is how long a worker that executes nothing may be silent before
// it counts as gone: two of its questions, and some time to answer them.
const WorkerSilence = 75 * time.Second

// Worker is one process that executes runs of a pool.
type Worker struct {
	Pool        WorkerPoolID
	ID          string            // the name that it gave itself, unique for the process
	Metadata    map[string]string // what it says of itself
	Slots       int               // runs at the same time
	Drained     bool              // somebody asked that it take no runs
	Leaving     bool              // it is shutting down
	CreatedAt   time.Time         // when it was first heard of
	AvailableAt time.Time         // since when it waits for a run; zero: it does not
	SeenAt      time.Time
	Busy        bool // it holds a run now
}

// Status says what the worker does.
func (w Worker) Status() WorkerStatus {
	switch {
	case w.Leaving || w.Drained && w.Busy:
		return WorkerDraining
	case w.Drained:
		return WorkerDrained
	case w.Busy:
		return WorkerBusy
	default:
		return WorkerIdle
	}
}

// Limits on what a worker says of itself.
const (
	maxWorkerName = 255
	maxMetadata   = 64
	maxMetaText   = 1024
)

// Check validates what a worker says of itself.
func (w Worker) Check() error {
	if w.ID == "" || len(w.ID) > maxWorkerName || strings.ContainsFunc(w.ID, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return Invalid("workerId", "must be a name of at most %d characters without blanks", maxWorkerName)
	}
	if len(w.Metadata) > maxMetadata {
		return Invalid("metadata", "must not have more than %d entries", maxMetadata)
	}
	for k, v := range w.Metadata {
		if k == "" || len(k) > maxMetaText || len(v) > maxMetaText || CheckText("metadata", k+v) != nil {
			return Invalid("metadata", "must be texts of at most %d characters", maxMetaText)
		}
	}
	return nil
}
