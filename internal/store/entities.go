package store

import (
	"context"
	"fmt"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

type entityTable struct {
	kind  authz.EntityKind
	table string
}

// entityTables are the tables of what a binding may name instead of a space
// (access model R24), each with the columns id, name and space_id. The method
// that deletes a row of one calls deleteBindingsOn, and the one that moves it
// touchIfMoved.
var entityTables = []entityTable{
	{authz.EntityStack, "stacks"},
	{authz.EntityContext, "contexts"},
	{authz.EntityWorkerPool, "(select * from worker_pools where space_id is not null) pools"},
}

// namedTables are those of everything that has a home and a name.
var namedTables = append(slices.Clone(entityTables), entityTable{authz.EntityRepo, "repos"})

// entityColumn is how a kind of entity is stored; none is empty.
func entityColumn(k authz.EntityKind) string {
	if k == authz.EntityNone {
		return ""
	}
	return k.String()
}

func entityKind(column string) (authz.EntityKind, error) {
	k, ok := domain.ParseEntityKind(column)
	if !ok {
		return k, fmt.Errorf("unknown entity kind %q in the database", column)
	}
	return k, nil
}

func entityScanner(kind authz.EntityKind) func(scanner) (domain.Entity, error) {
	return func(s scanner) (e domain.Entity, err error) {
		e.Kind = kind
		return e, s.Scan(&e.ID, &e.Space, &e.Name)
	}
}

// Entity returns where an entity lives. A kind that has no objects yet has
// none that could be found.
func (tx *Tx) Entity(ctx context.Context, ref authz.EntityRef) (domain.Entity, error) {
	noun := domain.EntityNoun(ref.Kind)
	for _, e := range namedTables {
		if e.kind == ref.Kind {
			return one(ctx, tx, noun, entityScanner(e.kind), `select id, space_id, name from `+e.table+` where id = $1`, ref.ID)
		}
	}
	return domain.Entity{}, domain.NotFound(noun)
}

// ofEntity is a column of the entity that a row of role_bindings names, null
// for a row that names none.
func ofEntity(column string) string {
	expr := "case role_bindings.entity_kind"
	for _, e := range entityTables {
		expr += fmt.Sprintf(" when '%s' then (select %s from %s where id = role_bindings.entity_id)", e.kind, column, e.table)
	}
	return expr + " end"
}

// livesIn is the condition that a row of role_bindings names a space out of a
// subquery, or an entity that lives in one.
func livesIn(spaces string) string {
	cond := "space_id in (" + spaces + ")"
	for _, e := range entityTables {
		cond += fmt.Sprintf(" or entity_kind = '%s' and entity_id in (select id from %s where space_id in (%s))", e.kind, e.table, spaces)
	}
	return "(" + cond + ")"
}

// selectBound finds the entities of a table that bindings name, without their
// names, which decide nothing; $1 is their kind.
func selectBound(table string) string {
	return `select id, space_id, '' from ` + table + ` where id in (select entity_id from role_bindings where entity_kind = $1)`
}

// boundEntities returns what bindings name, stacks left out: those are known
// as actors.
func (tx *Tx) boundEntities(ctx context.Context) (out []domain.Entity, err error) {
	for _, e := range entityTables {
		if e.kind == authz.EntityStack {
			continue
		}
		list, err := many(ctx, tx, entityScanner(e.kind), selectBound(e.table)+` order by id`, e.kind.String())
		if err != nil {
			return nil, err
		}
		out = append(out, list...)
	}
	return out, nil
}

// followEntities reads the named entities as they are now.
func (tx *Tx) followEntities(ctx context.Context, d *domain.WorldDelta, rows []touched) error {
	for _, e := range entityTables {
		var ids []string
		found := map[string]bool{}
		for _, t := range rows {
			if t.kind == e.kind.String() {
				ids = append(ids, t.id)
			}
		}
		list, err := many(ctx, tx, entityScanner(e.kind), selectBound(e.table)+` and `+tx.store.dialect.in("id", 2), e.kind.String(), toJSON(list(ids)))
		if err != nil {
			return err
		}
		d.Put.Entities = append(d.Put.Entities, list...)
		for _, one := range list {
			found[one.ID] = true
		}
		for _, id := range ids {
			if !found[id] {
				d.Gone = append(d.Gone, domain.WorldGone{Part: domain.PartEntity, ID: id, Kind: e.kind})
			}
		}
	}
	return nil
}

// touchIfMoved marks the access model as changed if an entity is about to get
// another home: bindings to it go along.
func (tx *Tx) touchIfMoved(ctx context.Context, ref authz.EntityRef, to domain.SpaceID) error {
	e, err := tx.Entity(ctx, ref)
	if err != nil || e.Space == to {
		return err
	}
	return tx.touchEntity(ctx, ref)
}
