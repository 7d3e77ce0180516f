package graphql

import (
	"context"
	"fmt"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/workers"
)

func newWorkerPool(v workers.View) *view.WorkerPool {
	return &view.WorkerPool{WorkerPool: v.WorkerPool, Load: v.Load, All: v.Workers, Made: v.Config}
}

// barePool is a pool of which the caller sees no more than that a stack names it.
func barePool(id domain.WorkerPoolID) *view.WorkerPool {
	return &view.WorkerPool{WorkerPool: domain.WorkerPool{ID: id, Name: string(id)}}
}

func newWorker(w domain.Worker) *view.Worker { return &view.Worker{Worker: w, Held: &view.HeldRuns{}} }

func (r *Resolver) newPublicWorkerPool(v workers.BuiltInView) *view.PublicWorkerPool {
	return &view.PublicWorkerPool{Load: v.PoolLoad, Parallelism: r.Parallelism, Users: v.Users}
}

func newWorkerRun(r domain.Run) *generated.WorkerRun {
	return &generated.WorkerRun{Run: newRun(r), StackID: string(r.StackID)}
}

// schedulable is a page of the runs that wait for a pool's workers.
func (r *Resolver) schedulable(ctx context.Context, pool domain.WorkerPoolID, input generated.SearchInput) (*generated.SearchSchedulableRunsOutput, error) {
	if input.OrderBy == nil {
		input.OrderBy = &generated.QueryOrder{Field: "position", Direction: "ASC"}
	}
	list, err := r.Runs.Waiting(ctx, pool)
	if err != nil {
		return nil, err
	}
	edges, info, err := searchableWaiting.page(list, input)
	if err != nil {
		return nil, err
	}
	out := &generated.SearchSchedulableRunsOutput{PageInfo: info}
	for _, e := range edges {
		out.Edges = append(out.Edges, &generated.SearchSchedulableRunsEdge{Cursor: e.cursor, Node: &view.SchedulableRun{WaitingRun: e.node}})
	}
	return out, nil
}

var searchableWaiting = searchable[domain.WaitingRun]{
	id:    func(w domain.WaitingRun) string { return string(w.ID) },
	words: func(w domain.WaitingRun) []string { return []string{string(w.ID), string(w.StackID), w.Title} },
	fields: map[string]func(domain.WaitingRun) []string{
		"position":  func(w domain.WaitingRun) []string { return []string{fmt.Sprintf("%09d", w.Position)} },
		"id":        func(w domain.WaitingRun) []string { return []string{string(w.ID)} },
		"stack":     func(w domain.WaitingRun) []string { return []string{string(w.StackID)} },
		"type":      func(w domain.WaitingRun) []string { return []string{string(w.Type)} },
		"state":     func(w domain.WaitingRun) []string { return []string{string(w.State)} },
		"createdAt": func(w domain.WaitingRun) []string { return []string{sortableTime(w.CreatedAt)} },
	},
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
