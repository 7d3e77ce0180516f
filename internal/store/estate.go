package store

import (
	"context"
	"fmt"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Estate returns where all stacks live and what they use, for the search of
// escalation paths. The built-in worker pool lives in no space and is left out.
// It stays the same as long as the access revision does.
func (tx *Tx) Estate(ctx context.Context) (e authz.Estate, err error) {
	e.Stacks, err = many(ctx, tx, func(s scanner) (u authz.StackUse, err error) {
		return u, s.Scan(&u.ID, &u.Space)
	}, `select id, space_id from stacks order by id`)
	if err != nil {
		return e, fmt.Errorf("read stacks: %w", err)
	}
	at := make(map[string]int, len(e.Stacks))
	for i := range e.Stacks {
		at[e.Stacks[i].ID] = i
	}
	uses, err := many(ctx, tx, scanUse, usesQuery(attachables, `e.space_id is not null`))
	if err != nil {
		return e, fmt.Errorf("read what stacks use: %w", err)
	}
	known := map[authz.EntityRef]bool{}
	for _, u := range uses {
		kind, ok := domain.ParseEntityKind(u.EntityKind)
		if !ok {
			return e, fmt.Errorf("a stack uses a %s", u.EntityKind)
		}
		ref := authz.EntityRef{Kind: kind, ID: u.Entity}
		if !known[ref] {
			known[ref] = true
			e.Objects = append(e.Objects, authz.EntityHome{Entity: ref, Space: string(u.EntitySpace)})
		}
		st := &e.Stacks[at[string(u.Stack)]]
		st.Uses = append(st.Uses, ref)
	}
	return e, nil
}
