package domain

import (
	"math"
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
	// DriftRunLimit is how many drift detection runs it may execute at a time;
	// nil and -1 mean no limit. It is kept; there is no drift detection yet.
	DriftRunLimit *int
	Generation    int // of its token: how often it was reset
	CreatedAt     time.Time
	UpdatedAt     time.Time
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
