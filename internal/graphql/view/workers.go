package view

import (
	"encoding/json"
	"sync"

	"github.com/airlock-project/airlock/internal/domain"
)

// WorkerPool is a worker pool as the API shows it.
type WorkerPool struct {
	domain.WorkerPool
	Load domain.PoolLoad
	All  []domain.Worker
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
func (p *WorkerPool) WorkersCount() int            { return len(p.All) }
func (p *WorkerPool) PendingRuns() int             { return p.Load.Pending }
func (p *WorkerPool) ManagedByK8sController() bool { return false }

// Workers are the pool's workers.
func (p *WorkerPool) Workers() []*Worker {
	out, held := make([]*Worker, len(p.All)), &HeldRuns{}
	for i, w := range p.All {
		out[i] = &Worker{w, held}
	}
	return out
}

// Worker is a worker as the API shows it.
type Worker struct {
	domain.Worker
	Held *HeldRuns
}

// HeldRuns are the runs that the workers of a pool execute, read once for all
// of them.
type HeldRuns struct {
	once sync.Once
	runs []domain.Run
	err  error
}

// Of returns the runs of one worker. The first call reads them all.
func (h *HeldRuns) Of(worker string, read func() ([]domain.Run, error)) ([]domain.Run, error) {
	h.once.Do(func() { h.runs, h.err = read() })
	var out []domain.Run
	for _, r := range h.runs {
		if r.Worker == worker {
			out = append(out, r)
		}
	}
	return out, h.err
}

func (w *Worker) CreatedAt() int    { return Seconds(w.Worker.CreatedAt) }
func (w *Worker) AvailableAt() *int { return OptionalSeconds(w.Worker.AvailableAt) }

// Metadata is a JSON object, empty where the worker says nothing.
func (w *Worker) Metadata() (string, error) {
	if len(w.Worker.Metadata) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(w.Worker.Metadata)
	return string(text), err
}

func (w *Worker) Status() *string {
	status := string(w.Worker.Status())
	return &status
}

// PublicWorkerPool is the built-in pool as the API shows it.
type PublicWorkerPool struct {
	Load        domain.PoolLoad
	Parallelism int
	Users       int
}

func (p *PublicWorkerPool) BusyWorkers() int           { return len(p.Load.Busy) }
func (p *PublicWorkerPool) PendingRuns() int           { return p.Load.Pending }
func (p *PublicWorkerPool) SchedulableRunsCount() *int { return &p.Load.Pending }
func (p *PublicWorkerPool) UsersCount() *int           { return &p.Users }

// SchedulableRun is a run that waits for a worker.
type SchedulableRun struct{ domain.WaitingRun }

func (r *SchedulableRun) Position() *int  { return &r.WaitingRun.Position }
func (r *SchedulableRun) Run() *Run       { return &Run{Run: r.WaitingRun.Run} }
func (r *SchedulableRun) StackID() string { return string(r.WaitingRun.StackID) }
