package store

import (
	"context"
	"slices"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectAPIKey = `select id, name, description, type, secret_hash, teams, oidc, creator, created_at, expires_at, last_used_at from api_keys`

func scanAPIKey(s scanner) (k domain.APIKey, err error) {
	var teams, oidc string
	var created, expires, used int64
	err = s.Scan(&k.ID, &k.Name, &k.Description, &k.Type, &k.SecretHash, &teams, &oidc, &k.Creator, &created, &expires, &used)
	if err != nil {
		return k, err
	}
	k.CreatedAt, k.ExpiresAt, k.LastUsedAt = fromMicros(created), fromMicros(expires), fromMicros(used)
	if err := fromJSON(teams, &k.Groups); err != nil {
		return k, err
	}
	return k, fromJSON(oidc, &k.OIDC)
}

// APIKey returns one API key.
func (tx *Tx) APIKey(ctx context.Context, id domain.APIKeyID) (domain.APIKey, error) {
	return one(ctx, tx, "api key", scanAPIKey, selectAPIKey+` where id = $1`, id)
}

// APIKeys returns every API key, oldest first.
func (tx *Tx) APIKeys(ctx context.Context) ([]domain.APIKey, error) {
	return many(ctx, tx, scanAPIKey, selectAPIKey+` order by created_at, id`)
}

// InsertAPIKey creates an API key.
func (tx *Tx) InsertAPIKey(ctx context.Context, p access.Permit, k domain.APIKey) error {
	if err := tx.use(p, access.KindAPIKey); err != nil {
		return err
	}
	if err := tx.touchActor(ctx, authz.ActorAPIKey, string(k.ID)); err != nil {
		return err
	}
	oidc := ""
	if k.OIDC != nil {
		oidc = toJSON(k.OIDC)
	}
	return tx.exec(ctx, `insert into api_keys (id, name, description, type, secret_hash, teams, oidc, creator, created_at, expires_at, last_used_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		k.ID, k.Name, k.Description, k.Type, k.SecretHash, toJSON(list(k.Groups)), oidc, k.Creator,
		micros(k.CreatedAt), micros(k.ExpiresAt), micros(k.LastUsedAt))
}

// UpdateAPIKey changes name, description, groups and identity provider settings.
func (tx *Tx) UpdateAPIKey(ctx context.Context, p access.Permit, k domain.APIKey) error {
	if err := tx.use(p, access.KindAPIKey); err != nil {
		return err
	}
	old, err := tx.APIKey(ctx, k.ID)
	if err != nil {
		return err
	}
	if !slices.Equal(old.Groups, k.Groups) {
		if err := tx.touchActor(ctx, authz.ActorAPIKey, string(k.ID)); err != nil {
			return err
		}
	}
	oidc := ""
	if k.OIDC != nil {
		oidc = toJSON(k.OIDC)
	}
	return tx.exec(ctx, `update api_keys set name = $2, description = $3, teams = $4, oidc = $5 where id = $1`,
		k.ID, k.Name, k.Description, toJSON(list(k.Groups)), oidc)
}

// TouchAPIKey notes when a key was last used.
func (tx *Tx) TouchAPIKey(ctx context.Context, p access.Permit, id domain.APIKeyID, at time.Time) error {
	if err := tx.use(p, access.KindAPIKey); err != nil {
		return err
	}
	return tx.exec(ctx, `update api_keys set last_used_at = $2 where id = $1 and last_used_at < $2`, id, micros(at))
}

// DeleteAPIKey removes a key and its bindings; its tokens die with it.
func (tx *Tx) DeleteAPIKey(ctx context.Context, p access.Permit, id domain.APIKeyID) error {
	if err := tx.use(p, access.KindAPIKey); err != nil {
		return err
	}
	_, err := tx.APIKey(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if err := tx.touchActor(ctx, authz.ActorAPIKey, string(id)); err != nil {
		return err
	}
	if err := tx.deleteBindingsOf(ctx, authz.ActorAPIKey, string(id)); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from api_keys where id = $1`, id)
}
