package graphql

import (
	"context"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/stacks"
)

// newStacks shows a list of stacks. What costs a look-up is looked up for all
// of them when the first asks.
func (r *Resolver) newStacks(ctx context.Context, list []domain.Stack) []*view.Stack {
	batch := &view.StackBatch{
		CanWrite: sync.OnceValues(func() (map[domain.StackID]bool, error) { return r.Stacks.CanWriteEach(ctx, list) }),
		Blockers: sync.OnceValues(func() (map[domain.StackID]*view.Run, error) { return r.blockersOf(ctx, list) }),
		Spaces:   sync.OnceValues(func() (map[domain.SpaceID]*view.Space, error) { return r.spacesOf(ctx, list) }),
		Applies:  sync.OnceValues(func() (map[domain.StackID]time.Time, error) { return r.Stacks.LastApplies(ctx, list) }),
		Starred:  sync.OnceValues(func() (map[domain.StackID]bool, error) { return r.Stacks.StarredOf(ctx, list) }),
		Drifts:   sync.OnceValues(func() (map[domain.StackID]domain.Schedule, error) { return r.Schedules.DriftDetections(ctx, list) }),
		Versions: sync.OnceValues(func() (map[domain.StackID]string, error) { return r.Workers.ToolVersions(ctx, list) }),
		Pools:    sync.OnceValues(func() (map[domain.WorkerPoolID]*view.WorkerPool, error) { return r.poolsOf(ctx, list) }),
	}
	out := make([]*view.Stack, len(list))
	for i, s := range list {
		out[i] = &view.Stack{Stack: s, Batch: batch}
	}
	return out
}

func (r *Resolver) newStack(ctx context.Context, s domain.Stack) *view.Stack {
	return r.newStacks(ctx, []domain.Stack{s})[0]
}

func (r *Resolver) newStackView(ctx context.Context, v stacks.View) *view.Stack {
	s := r.newStack(ctx, v.Stack)
	s.Bare = v.Bare
	return s
}

// blockersOf are the runs that hold stacks, without those that are hidden.
func (r *Resolver) blockersOf(ctx context.Context, list []domain.Stack) (map[domain.StackID]*view.Run, error) {
	runs, err := r.Runs.Blockers(ctx, list)
	out := make(map[domain.StackID]*view.Run, len(runs))
	for id, run := range runs {
		out[id] = newRun(run)
	}
	return out, err
}

// spacesOf are the spaces of stacks. A space may be hidden although a stack in
// it is not: then only its id shows.
func (r *Resolver) spacesOf(ctx context.Context, list []domain.Stack) (map[domain.SpaceID]*view.Space, error) {
	ids, out := make([]domain.SpaceID, len(list)), make(map[domain.SpaceID]*view.Space, len(list))
	for i, s := range list {
		ids[i], out[s.Space] = s.Space, bareSpace(s.Space)
	}
	seen, err := r.Spaces.Some(ctx, ids)
	for _, v := range seen {
		out[v.ID] = newSpace(v)
	}
	return out, err
}

// poolsOf are the pools that stacks name, of hidden ones only the ids.
func (r *Resolver) poolsOf(ctx context.Context, list []domain.Stack) (map[domain.WorkerPoolID]*view.WorkerPool, error) {
	out := map[domain.WorkerPoolID]*view.WorkerPool{}
	for _, s := range list {
		if id := s.WorkerPool; id != "" {
			out[id] = barePool(id)
		}
	}
	if len(list) == 1 {
		id := list[0].WorkerPool
		v, err := r.Workers.Get(ctx, id)
		if err == nil {
			out[id] = newWorkerPool(v)
		} else if domain.ErrorCode(err) != domain.CodeNotFound {
			return nil, err
		}
		return out, nil
	}
	seen, err := r.Workers.List(ctx)
	for _, v := range seen {
		if out[v.ID] != nil {
			out[v.ID] = newWorkerPool(v)
		}
	}
	return out, err
}
