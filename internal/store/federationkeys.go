package store

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// FederationKeys returns the keys of federation tokens, the one that signs last
// first.
func (tx *Tx) FederationKeys(ctx context.Context) ([]domain.FederationKey, error) {
	type row struct {
		domain.FederationKey
		sealed []byte
	}
	rows, err := many(ctx, tx, func(s scanner) (r row, err error) {
		var created, from int64
		err = s.Scan(&r.ID, &r.sealed, &created, &from)
		r.CreatedAt, r.SignsFrom = fromMicros(created), fromMicros(from)
		return r, err
	}, `select id, sealed, created_at, signs_from from federation_keys order by signs_from desc, id desc`)
	out := make([]domain.FederationKey, 0, len(rows))
	for _, r := range rows {
		if r.Private, err = tx.open(r.sealed, "federation-key", r.ID); err != nil {
			return nil, err
		}
		out = append(out, r.FederationKey)
	}
	return out, err
}

// InsertFederationKey keeps a new key.
func (tx *Tx) InsertFederationKey(ctx context.Context, p access.Permit, k domain.FederationKey) error {
	if err := tx.use(p, access.KindAccount); err != nil {
		return err
	}
	sealed, err := tx.seal(k.Private, "federation-key", k.ID)
	if err != nil {
		return err
	}
	return tx.exec(ctx, `insert into federation_keys (id, sealed, created_at, signs_from) values ($1, $2, $3, $4)`,
		k.ID, sealed, micros(k.CreatedAt), micros(k.SignsFrom))
}

// DeleteFederationKey removes a key for good.
func (tx *Tx) DeleteFederationKey(ctx context.Context, p access.Permit, id string) error {
	if err := tx.use(p, access.KindAccount); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from federation_keys where id = $1`, id)
}
