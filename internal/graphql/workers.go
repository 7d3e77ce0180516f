package graphql

import (
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
