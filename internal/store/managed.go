package store

import (
	"context"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectManaged = `select stack_id, address, module, type, name, provider, output, data, tainted, print, created_by, updated_by, updated_at, drifted_at
	from managed_entities`

// managedRow is an entity whose print is still sealed.
type managedRow struct {
	domain.ManagedEntity
	sealed []byte
}

func scanManaged(s scanner) (e managedRow, err error) {
	var updated, drifted int64
	err = s.Scan(&e.Stack, &e.Address, &e.Module, &e.Type, &e.Name, &e.Provider, &e.Output, &e.Data, &e.Tainted,
		&e.sealed, &e.CreatedBy, &e.UpdatedBy, &updated, &drifted)
	e.UpdatedAt, e.DriftedAt = fromMicros(updated), fromMicros(drifted)
	return e, err
}

// ManagedEntities returns what is kept of the entities of a stack's state, by
// address: no values.
func (tx *Tx) ManagedEntities(ctx context.Context, id domain.StackID) ([]domain.ManagedEntity, error) {
	rows, err := many(ctx, tx, scanManaged, selectManaged+` where stack_id = $1`, id)
	if err != nil {
		return nil, err
	}
	out := make([]domain.ManagedEntity, len(rows))
	for i, r := range rows {
		print, err := tx.open(r.sealed, "entity", r.Address)
		if err != nil {
			return nil, err
		}
		out[i] = r.ManagedEntity
		out[i].Print = string(print)
	}
	// By bytes, whatever the collation of the database.
	slices.SortFunc(out, func(a, b domain.ManagedEntity) int { return strings.Compare(a.Address, b.Address) })
	return out, nil
}

// maxAddress is the longest address, in bytes, that both databases take into an
// index. What has a longer one is left out: a state must not be refused for it.
const maxAddress = 2000

// SetManagedEntities keeps what a version of a stack's state holds; by is the run
// that wrote it. It writes only what is different from the version before.
func (tx *Tx) SetManagedEntities(ctx context.Context, p access.Permit, id domain.StackID, by domain.RunID, now []domain.ManagedEntity) error {
	if err := tx.use(p, access.KindState); err != nil {
		return err
	}
	kept, err := tx.ManagedEntities(ctx, id)
	if err != nil {
		return err
	}
	before := make(map[string]domain.ManagedEntity, len(kept))
	for _, e := range kept {
		before[e.Address] = e
	}
	for _, e := range now {
		if len(e.Address) > maxAddress {
			continue
		}
		old, known := before[e.Address]
		delete(before, e.Address)
		if known && old.Print == e.Print && old.Provider == e.Provider {
			continue
		}
		e.CreatedBy, e.UpdatedBy, e.UpdatedAt = by, by, tx.now
		if known && old.Type == e.Type {
			e.CreatedBy = old.CreatedBy
		}
		if err := tx.putManaged(ctx, id, e); err != nil {
			return err
		}
	}
	for address := range before {
		if err := tx.exec(ctx, `delete from managed_entities where stack_id = $1 and address = $2`, id, address); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) putManaged(ctx context.Context, id domain.StackID, e domain.ManagedEntity) error {
	sealed, err := tx.seal([]byte(e.Print), "entity", e.Address)
	if err != nil {
		return err
	}
	return tx.exec(ctx, `insert into managed_entities (stack_id, address, module, type, name, provider, output, data, tainted, print, created_by, updated_by, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
		on conflict (stack_id, address) do update set module = excluded.module, type = excluded.type, name = excluded.name,
			provider = excluded.provider, output = excluded.output, data = excluded.data, tainted = excluded.tainted, print = excluded.print,
			created_by = excluded.created_by, updated_by = excluded.updated_by, updated_at = excluded.updated_at, drifted_at = 0`,
		id, e.Address, e.Module, e.Type, e.Name, e.Provider, e.Output, e.Data, e.Tainted, sealed, e.CreatedBy, e.UpdatedBy, micros(e.UpdatedAt))
}

// SetDrifted keeps which entities of a stack have drifted, by address; all
// others have not. When one was found first stays.
func (tx *Tx) SetDrifted(ctx context.Context, p access.Permit, id domain.StackID, addresses []string) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	return tx.exec(ctx, `update managed_entities set drifted_at = case
			when not (`+tx.store.dialect.in("address", 2)+`) then 0 when drifted_at > 0 then drifted_at else $3 end
		where stack_id = $1`, id, toJSON(list(addresses)), micros(tx.now))
}
