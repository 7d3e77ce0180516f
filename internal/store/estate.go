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
	home := func(ref authz.EntityRef, space string) {
		if !known[ref] {
			known[ref] = true
			e.Objects = append(e.Objects, authz.EntityHome{Entity: ref, Space: space})
		}
	}
	for _, u := range uses {
		kind, ok := domain.ParseEntityKind(u.EntityKind)
		if !ok {
			return e, fmt.Errorf("a stack uses a %s", u.EntityKind)
		}
		ref := authz.EntityRef{Kind: kind, ID: u.Entity}
		home(ref, string(u.EntitySpace))
		st := &e.Stacks[at[string(u.Stack)]]
		st.Uses = append(st.Uses, ref)
	}
	sources, err := many(ctx, tx, scanSource, `select s.id, s.settings, r.id, r.space_id from stacks s join repos r on r.id = s.repository order by s.id`)
	if err != nil {
		return e, fmt.Errorf("read whose code is built in: %w", err)
	}
	for _, s := range sources {
		if s.provider == domain.ProviderBuiltIn {
			e.Stacks[at[s.stack]].Repo = s.repo
			home(authz.EntityRef{Kind: authz.EntityRepo, ID: s.repo}, s.space)
		}
	}
	return e, nil
}

// source is a stack with the built-in repository that is called as its
// repository is.
type source struct {
	stack, repo, space string
	provider           domain.VCSProvider // where its code really comes from
}

func scanSource(s scanner) (o source, err error) {
	var settings string
	if err := s.Scan(&o.stack, &settings, &o.repo, &o.space); err != nil {
		return o, err
	}
	var in struct{ Provider domain.VCSProvider }
	err = fromJSON(settings, &in)
	o.provider = in.Provider
	return o, err
}
