package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/workers"
)

func newWorkerPool(v workers.View) *view.WorkerPool {
	return &view.WorkerPool{WorkerPool: v.WorkerPool, Load: v.Load, Made: v.Config}
}

// barePool is a pool of which the caller sees no more than that a stack names it.
func barePool(id domain.WorkerPoolID) *view.WorkerPool {
	return &view.WorkerPool{WorkerPool: domain.WorkerPool{ID: id, Name: string(id)}}
}

func (r *Resolver) newPublicWorkerPool(load domain.PoolLoad) *generated.PublicWorkerPool {
	return &generated.PublicWorkerPool{BusyWorkers: len(load.Busy), Parallelism: r.Parallelism, PendingRuns: load.Pending}
}

func poolInput(name string, description *string, labels []string, space *string, drift *int) workers.Input {
	return workers.Input{
		Name: name, Description: text(description), Labels: labels, Space: domain.SpaceID(text(space)), DriftRunLimit: drift,
	}
}

func (r *Resolver) poolsByID(ctx context.Context) (map[domain.WorkerPoolID]*view.WorkerPool, error) {
	list, err := r.Workers.List(ctx)
	out := make(map[domain.WorkerPoolID]*view.WorkerPool, len(list))
	for _, v := range list {
		out[v.ID] = newWorkerPool(v)
	}
	return out, err
}

// poolOfStack is the pool that a stack names, null for the built-in one. The
// pool itself may be hidden: then only its id shows.
func (r *Resolver) poolOfStack(ctx context.Context, s *view.Stack) (*view.WorkerPool, error) {
	id := s.Stack.WorkerPool
	if id == "" {
		return nil, nil
	}
	if s.Batch != nil {
		all, err := s.Batch.Pools()
		if pool, seen := all[id]; seen {
			return pool, err
		}
		return barePool(id), err
	}
	v, err := r.Workers.Get(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return barePool(id), nil
	}
	return one(v, err, newWorkerPool)
}

var searchableWorkerPools = searchable[workers.View]{
	id: func(v workers.View) string { return string(v.ID) },
	words: func(v workers.View) []string {
		return append([]string{v.Name, string(v.ID), v.Description}, v.Labels...)
	},
	fields: map[string]func(workers.View) []string{
		"id":        func(v workers.View) []string { return []string{string(v.ID)} },
		"name":      func(v workers.View) []string { return []string{v.Name} },
		"label":     func(v workers.View) []string { return v.Labels },
		"labels":    func(v workers.View) []string { return v.Labels },
		"space":     func(v workers.View) []string { return []string{string(v.Space)} },
		"createdAt": func(v workers.View) []string { return []string{sortableTime(v.CreatedAt)} },
		"updatedAt": func(v workers.View) []string { return []string{sortableTime(v.UpdatedAt)} },
	},
}
