package access

import (
	"context"
	"fmt"
	"sync"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// snapshots keeps the newest compiled world. It is asked inside a transaction
// and never answers with a revision other than the one that transaction sees.
type snapshots struct {
	mu       sync.Mutex
	revision int64
	compiled *authz.Snapshot
}

func (s *snapshots) current(ctx context.Context, tx Reader) (*authz.Snapshot, int64, error) {
	revision, dirty, err := tx.Revision(ctx)
	if err != nil {
		return nil, 0, err
	}
	if dirty {
		// A transaction that sees its own uncommitted changes must not leave
		// them in the cache: it may yet be rolled back.
		compiled, err := load(ctx, tx)
		return compiled, revision, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.compiled != nil && s.revision == revision {
		return s.compiled, revision, nil
	}
	compiled, err := load(ctx, tx)
	if err != nil {
		return nil, 0, err
	}
	if s.compiled == nil || revision > s.revision {
		s.revision, s.compiled = revision, compiled
	}
	return compiled, revision, nil
}

func load(ctx context.Context, tx Reader) (*authz.Snapshot, error) {
	world, err := tx.World(ctx)
	if err != nil {
		return nil, fmt.Errorf("load access world: %w", err)
	}
	compiled, err := authz.Compile(translate(world))
	if err != nil {
		return nil, fmt.Errorf("compile access world: %w", err)
	}
	return compiled, nil
}

func translate(w domain.World) authz.World {
	out := authz.World{
		Spaces:   make([]authz.Space, len(w.Spaces)),
		Roles:    make([]authz.Role, len(w.Roles)),
		Bindings: make([]authz.Binding, len(w.Bindings)),
		Stacks:   make([]authz.Stack, len(w.Stacks)),
	}
	for i, s := range w.Spaces {
		out.Spaces[i] = authz.Space{ID: string(s.ID), Parent: string(s.Parent), Inherit: s.Inherit}
	}
	for i, r := range w.Roles {
		out.Roles[i] = authz.Role{ID: string(r.ID), Slug: r.Slug, Actions: authz.SetOf(r.Actions...)}
	}
	for i, b := range w.Bindings {
		out.Bindings[i] = authz.Binding{
			ID: string(b.ID), Actor: b.Actor, Role: string(b.Role), Space: string(b.Space), NotAfter: b.NotAfter,
		}
	}
	for i, s := range w.Stacks {
		out.Stacks[i] = authz.Stack{ID: string(s.ID), Space: string(s.Space), Administrative: s.Administrative}
	}
	return out
}
