package store

import (
	"context"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// configRow is a config element with its value still sealed.
type configRow struct {
	domain.Config
	sealed []byte
}

const selectConfig = `select id, type, sealed, write_only, description, file_mode, checksum, created_at from config`

func scanConfig(s scanner) (c configRow, err error) {
	var created int64
	err = s.Scan(&c.ID, &c.Type, &c.sealed, &c.WriteOnly, &c.Description, &c.FileMode, &c.Checksum, &created)
	c.CreatedAt = fromMicros(created)
	return c, err
}

// Config returns the variables and files of a stack or context, by id.
// Values are opened: whoever shows them drops those that are write-only.
func (tx *Tx) Config(ctx context.Context, owner access.Kind, id string) ([]domain.Config, error) {
	rows, err := many(ctx, tx, scanConfig,
		selectConfig+` where owner_kind = $1 and owner_id = $2`, string(owner), id)
	if err != nil {
		return nil, err
	}
	return tx.openConfig(owner, id, rows)
}

func (tx *Tx) openConfig(owner access.Kind, id string, rows []configRow) ([]domain.Config, error) {
	out := make([]domain.Config, len(rows))
	for i, r := range rows {
		plain, err := tx.open(r.sealed, "config", string(owner), id, r.ID)
		if err != nil {
			return nil, err
		}
		out[i] = r.Config
		out[i].Value = string(plain)
	}
	// By bytes, whatever the collation of the database.
	slices.SortFunc(out, func(a, b domain.Config) int { return strings.Compare(a.ID, b.ID) })
	return out, nil
}

// PutConfig adds or replaces one element of a stack or context.
func (tx *Tx) PutConfig(ctx context.Context, p access.Permit, owner access.Kind, id string, c domain.Config) error {
	if err := tx.use(p, owner); err != nil {
		return err
	}
	sealed, err := tx.seal([]byte(c.Value), "config", string(owner), id, c.ID)
	if err != nil {
		return err
	}
	return tx.exec(ctx, `insert into config (owner_kind, owner_id, id, type, sealed, write_only, description, file_mode, checksum, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (owner_kind, owner_id, id) do update set type = excluded.type, sealed = excluded.sealed,
			write_only = excluded.write_only, description = excluded.description, file_mode = excluded.file_mode,
			checksum = excluded.checksum`,
		string(owner), id, c.ID, c.Type, sealed, c.WriteOnly, c.Description, c.FileMode, c.Checksum, micros(c.CreatedAt))
}

// DeleteConfig removes one element; a missing one is not found.
func (tx *Tx) DeleteConfig(ctx context.Context, p access.Permit, owner access.Kind, id, element string) error {
	if err := tx.use(p, owner); err != nil {
		return err
	}
	n, err := tx.execN(ctx, `delete from config where owner_kind = $1 and owner_id = $2 and id = $3`, string(owner), id, element)
	if err == nil && n == 0 {
		return domain.NotFound("config element")
	}
	return err
}
