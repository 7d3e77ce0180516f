package view

import "github.com/airlock-project/airlock/internal/domain"

// WorkerPool is a worker pool as the API shows it.
type WorkerPool struct {
	domain.WorkerPool
	Load domain.PoolLoad
	// Deleted is set in the answer of its deletion.
	Deleted bool
	// Made is what workers are started with, in the answer that made the token.
	Made string
}

func (p *WorkerPool) Description() *string         { return Optional(p.WorkerPool.Description) }
func (p *WorkerPool) Space() string                { return string(p.WorkerPool.Space) }
func (p *WorkerPool) CreatedAt() int               { return Seconds(p.WorkerPool.CreatedAt) }
func (p *WorkerPool) UpdatedAt() int               { return Seconds(p.WorkerPool.UpdatedAt) }
func (p *WorkerPool) DriftDetectionRunLimit() *int { return p.DriftRunLimit }
func (p *WorkerPool) BusyWorkers() int             { return len(p.Load.Busy) }
func (p *WorkerPool) WorkersCount() int            { return len(p.Load.Busy) }
func (p *WorkerPool) PendingRuns() int             { return p.Load.Pending }
func (p *WorkerPool) ManagedByK8sController() bool { return false }

// Workers are those that execute runs now.
func (p *WorkerPool) Workers() []*Worker {
	out := make([]*Worker, len(p.Load.Busy))
	for i, id := range p.Load.Busy {
		out[i] = &Worker{ID: id, Busy: true}
	}
	return out
}

// Worker is a worker as the API shows it.
type Worker struct {
	ID   string
	Busy bool
}
