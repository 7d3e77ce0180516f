package store

import (
	"context"
	"fmt"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Stamp implements access.Reader. Nobody else can change the world once a
// transaction that changes anything has asked.
func (tx *Tx) Stamp(ctx context.Context) (access.Stamp, error) {
	if tx.revision == 0 {
		n, err := one(ctx, tx, "account", scanInt, `select revision from account where id = 1`)
		if err != nil {
			return access.Stamp{}, err
		}
		tx.revision = n
	}
	return access.Stamp{Revision: tx.revision, Touches: len(tx.touched)}, nil
}

// Slot implements access.Reader.
func (tx *Tx) Slot() *access.Slot { return &tx.compiled }

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
	w.Stacks, err = many(ctx, tx, scanStackActor, selectActing+` order by id`, authz.ActorStack.String())
	if err != nil {
		return w, fmt.Errorf("read acting stacks: %w", err)
	}
	if w.Groups, err = many(ctx, tx, scanGroup, selectGroup+` order by id`); err != nil {
		return w, fmt.Errorf("read groups: %w", err)
	}
	if w.Actors, err = many(ctx, tx, scanActor, selectActor+` order by kind, id`); err != nil {
		return w, fmt.Errorf("read actors: %w", err)
	}
	if w.Entities, err = tx.boundEntities(ctx); err != nil {
		return w, fmt.Errorf("read bound entities: %w", err)
	}
	return w, nil
}

// selectGroup finds what decisions need of group mappings.
const selectGroup = `select id, name from user_groups`

func scanGroup(s scanner) (g authz.Group, err error) {
	return g, s.Scan(&g.ID, &g.Name)
}

// selectActor finds all users and keys: that they are there at all is what
// their tokens depend on, and decisions need their groups and their end.
const selectActor = `select kind, id, teams, expires_at from (
	select 'user' as kind, id, teams, 0 as expires_at from users
	union all select 'api_key' as kind, id, teams, expires_at from api_keys) actors`

func scanActor(s scanner) (a authz.Actor, err error) {
	var kind, teams string
	var expires int64
	if err := s.Scan(&kind, &a.Ref.ID, &teams, &expires); err != nil {
		return a, err
	}
	if expires != 0 {
		// A key is dead at its end; NotAfter is the last moment before.
		a.NotAfter = fromMicros(expires).Add(-time.Nanosecond)
	}
	if err := fromJSON(teams, &a.Groups); err != nil {
		return a, err
	}
	a.Ref.Kind, err = actorKind(kind)
	return a, err
}

// selectActing finds the stacks that act or that bindings name; $1 is "stack",
// the kind of both.
const selectActing = `select id, space_id, administrative from stacks where (administrative
	or id in (select actor_id from role_bindings where actor_kind = $1)
	or id in (select entity_id from role_bindings where entity_kind = $1))`

func scanStackActor(s scanner) (a domain.StackActor, err error) {
	return a, s.Scan(&a.ID, &a.Space, &a.Administrative)
}
