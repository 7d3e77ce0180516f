package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// attachable is a noun that stacks use across spaces. join relates the stacks
// s that use one to the entity e, which has the columns id, name, space_id.
type attachable struct {
	kind access.Kind
	join string
	own  string // the condition that somebody chose the use, and no label did
}

// attachables are all of them: whatever stands here keeps the tree's changes
// and its own moves from cutting a stack off (access model A112-A116).
var attachables = []attachable{
	{access.KindContext, `context_attachments a join stacks s on s.id = a.stack_id join contexts e on e.id = a.context_id`, `not a.auto`},
	{access.KindWorkerPool, `stacks s join worker_pools e on e.id = s.worker_pool and s.worker_pool <> ''`, `true`},
}

// usesQuery selects the uses of some nouns that meet a condition on s and e.
func usesQuery(of []attachable, where string) string {
	parts := make([]string, len(of))
	for i, a := range of {
		parts[i] = fmt.Sprintf(`select s.id as stack, s.space_id, '%s' as kind, e.id as entity, e.name, e.space_id as entity_space from %s where %s`,
			a.kind, a.join, where)
	}
	return strings.Join(parts, " union all ") + ` order by stack, kind, entity`
}

func scanUse(s scanner) (u domain.Use, err error) {
	return u, s.Scan(&u.Stack, &u.StackSpace, &u.EntityKind, &u.Entity, &u.EntityName, &u.EntitySpace)
}

// chosen selects the uses of some nouns that somebody chose. What a label
// attached goes again where it no longer reaches, and holds no change back.
func chosen(of []attachable, where string) string {
	own := slices.Clone(of)
	for i, a := range own {
		own[i].join += " and " + a.own
	}
	return usesQuery(own, where)
}

// UsesOfStack returns what was chosen for a stack.
func (tx *Tx) UsesOfStack(ctx context.Context, id domain.StackID) ([]domain.Use, error) {
	return many(ctx, tx, scanUse, chosen(attachables, `s.id = $1`), id)
}

// UsesOfEntity returns for which stacks an entity of a kind was chosen.
func (tx *Tx) UsesOfEntity(ctx context.Context, kind access.Kind, id string) ([]domain.Use, error) {
	a, err := attachableOf(kind)
	if err != nil {
		return nil, err
	}
	return many(ctx, tx, scanUse, chosen([]attachable{a}, `e.id = $1`), id)
}

// ActorsUsing returns those of the stacks that use an entity of a kind that
// act: that are administrative or hold a role binding.
func (tx *Tx) ActorsUsing(ctx context.Context, kind access.Kind, id string) ([]domain.StackActor, error) {
	a, err := attachableOf(kind)
	if err != nil {
		return nil, err
	}
	return many(ctx, tx, scanStackActor, `select distinct s.id, s.space_id, s.administrative from `+a.join+` where e.id = $1
		and (s.administrative or s.id in (select actor_id from role_bindings where actor_kind = $2)) order by 1`, id, authz.ActorStack.String())
}

func attachableOf(kind access.Kind) (attachable, error) {
	for _, a := range attachables {
		if a.kind == kind {
			return a, nil
		}
	}
	return attachable{}, fmt.Errorf("stacks do not use a %s", kind)
}

// UsesBelow returns for which stacks of a space and everything below it
// entities of the spaces in of were chosen.
func (tx *Tx) UsesBelow(ctx context.Context, top domain.SpaceID, of []domain.SpaceID) ([]domain.Use, error) {
	where := tx.store.dialect.in("e.space_id", 2) + ` and s.space_id in (with recursive below(id) as (
		select $1 union all select c.id from below join spaces c on c.parent = below.id) select id from below)`
	return many(ctx, tx, scanUse, chosen(attachables, where), top, toJSON(list(of)))
}
