package graphql

import (
	"context"
	"sync"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/spaces"
)

// newStacks shows a list of stacks. What costs a look-up is looked up for all
// of them when the first asks.
func (r *Resolver) newStacks(ctx context.Context, list []domain.Stack) []*view.Stack {
	batch := &view.StackBatch{
		CanWrite: sync.OnceValues(func() (map[domain.StackID]bool, error) { return r.Stacks.CanWriteEach(ctx, list) }),
		Blockers: sync.OnceValues(func() (map[domain.StackID]domain.Run, error) { return r.Runs.Blockers(ctx, list) }),
		Spaces:   sync.OnceValues(func() (map[domain.SpaceID]spaces.View, error) { return r.spacesOf(ctx, list) }),
		Pools:    sync.OnceValues(func() (map[domain.WorkerPoolID]*view.WorkerPool, error) { return r.poolsByID(ctx) }),
	}
	out := make([]*view.Stack, len(list))
	for i, s := range list {
		out[i] = &view.Stack{Stack: s, Batch: batch}
	}
	return out
}

// spacesOf are the spaces of stacks as far as the caller sees them.
func (r *Resolver) spacesOf(ctx context.Context, list []domain.Stack) (map[domain.SpaceID]spaces.View, error) {
	ids := make([]domain.SpaceID, len(list))
	for i, s := range list {
		ids[i] = s.Space
	}
	seen, err := r.Spaces.Some(ctx, ids)
	out := make(map[domain.SpaceID]spaces.View, len(seen))
	for _, s := range seen {
		out[s.ID] = s
	}
	return out, err
}

func (r *Resolver) canWrite(ctx context.Context, s *view.Stack) (bool, error) {
	if s.Batch == nil {
		return r.Stacks.CanWrite(ctx, s.Stack)
	}
	all, err := s.Batch.CanWrite()
	return all[s.ID], err
}

// blocker is the run that holds a stack, null if none does or it is hidden.
func (r *Resolver) blocker(ctx context.Context, s *view.Stack) (*view.Run, error) {
	if s.Batch != nil {
		all, err := s.Batch.Blockers()
		if run, held := all[s.ID]; held {
			return newRun(run), err
		}
		return nil, err
	}
	run, err := r.Runs.Blocker(ctx, s.ID)
	if err != nil || run == nil {
		return orNull[view.Run](nil, err)
	}
	return newRun(*run), nil
}

func (r *Resolver) spaceOfStack(ctx context.Context, s *view.Stack) (*generated.Space, error) {
	if s.Batch == nil {
		return r.spaceOrBare(ctx, s.Stack.Space)
	}
	all, err := s.Batch.Spaces()
	if v, seen := all[s.Stack.Space]; seen {
		return newSpace(v), err
	}
	return bareSpace(s.Stack.Space), err
}
