package store

import (
	"context"
	"fmt"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Revision implements access.Reader.
func (tx *Tx) Revision(ctx context.Context) (int64, bool, error) {
	n, err := one(ctx, tx, "account", scanInt, `select revision from account where id = 1`)
	return n, tx.dirty, err
}

// bump marks the access model as changed by this transaction.
func (tx *Tx) bump(ctx context.Context) error {
	if tx.dirty {
		return nil
	}
	tx.dirty = true
	return tx.exec(ctx, `update account set revision = revision + 1 where id = 1`)
}

// World implements access.Reader.
func (tx *Tx) World(ctx context.Context) (w domain.World, err error) {
	if w.Spaces, err = many(ctx, tx, scanSpace, selectSpace+` order by id`); err != nil {
		return w, fmt.Errorf("read spaces: %w", err)
	}
	if w.Roles, err = many(ctx, tx, scanRole, selectRole+` order by id`); err != nil {
		return w, fmt.Errorf("read roles: %w", err)
	}
	if w.Bindings, err = many(ctx, tx, scanBinding, selectBinding+` order by id`); err != nil {
		return w, fmt.Errorf("read role bindings: %w", err)
	}
	w.Stacks, err = many(ctx, tx, scanStackActor,
		`select id, space_id, administrative from stacks where administrative
			or id in (select actor_id from role_bindings where actor_kind = $1) order by id`,
		authz.ActorStack.String())
	if err != nil {
		return w, fmt.Errorf("read acting stacks: %w", err)
	}
	return w, nil
}

func scanStackActor(s scanner) (a domain.StackActor, err error) {
	return a, s.Scan(&a.ID, &a.Space, &a.Administrative)
}
