package store

import (
	"context"
	"encoding/json"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectPushHook = `select id, space_id, name, kind, repositories, previous_until, created_at, updated_at from push_hooks`

func scanPushHook(s scanner) (h domain.PushHook, err error) {
	var repositories string
	var until, created, updated int64
	if err := s.Scan(&h.ID, &h.Space, &h.Name, &h.Kind, &repositories, &until, &created, &updated); err != nil {
		return h, err
	}
	h.PreviousUntil, h.CreatedAt, h.UpdatedAt = fromMicros(until), fromMicros(created), fromMicros(updated)
	return h, fromJSON(repositories, &h.Repositories)
}

// PushHook returns a push hook without its secrets.
func (tx *Tx) PushHook(ctx context.Context, id domain.PushHookID) (domain.PushHook, error) {
	return one(ctx, tx, "push hook", scanPushHook, selectPushHook+` where id = $1`, id)
}

// LockPushHook is PushHook that holds it until the commit.
func (tx *Tx) LockPushHook(ctx context.Context, id domain.PushHookID) (domain.PushHook, error) {
	return one(ctx, tx, "push hook", scanPushHook, selectPushHook+` where id = $1`+tx.store.dialect.forUpdate(), id)
}

// PushHooks returns the push hooks of the scope, oldest first.
func (tx *Tx) PushHooks(ctx context.Context, scope access.Scope) ([]domain.PushHook, error) {
	where, args := tx.inScope(scope, authz.EntityNone)
	return many(ctx, tx, scanPushHook, selectPushHook+where+` order by created_at, id`, args...)
}

// PushHookSecrets returns what messages to a push hook are signed with.
func (tx *Tx) PushHookSecrets(ctx context.Context, id domain.PushHookID) (s domain.PushHookSecrets, err error) {
	sealed, err := one(ctx, tx, "push hook", scanBytes, `select secrets from push_hooks where id = $1`, id)
	if err != nil {
		return s, err
	}
	body, err := tx.open(sealed, "push-hook", string(id))
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal(body, &s)
}

// InsertPushHook creates a push hook; its secrets are sealed.
func (tx *Tx) InsertPushHook(ctx context.Context, p access.Permit, h domain.PushHook, s domain.PushHookSecrets) error {
	if err := tx.use(p, access.KindPushHook); err != nil {
		return err
	}
	sealed, err := tx.seal([]byte(toJSON(s)), "push-hook", string(h.ID))
	if err != nil {
		return err
	}
	return tx.exec(ctx, `insert into push_hooks (id, space_id, name, kind, repositories, secrets, previous_until, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		h.ID, h.Space, h.Name, h.Kind, toJSON(list(h.Repositories)), sealed, micros(h.PreviousUntil), micros(h.CreatedAt), micros(h.UpdatedAt))
}

// UpdatePushHook changes what a caller may set.
func (tx *Tx) UpdatePushHook(ctx context.Context, p access.Permit, h domain.PushHook) error {
	if err := tx.use(p, access.KindPushHook); err != nil {
		return err
	}
	return tx.exec(ctx, `update push_hooks set name = $2, repositories = $3, updated_at = $4 where id = $1`,
		h.ID, h.Name, toJSON(list(h.Repositories)), micros(h.UpdatedAt))
}

// SetPushHookSecrets replaces the secrets of a push hook.
func (tx *Tx) SetPushHookSecrets(ctx context.Context, p access.Permit, h domain.PushHook, s domain.PushHookSecrets) error {
	if err := tx.use(p, access.KindPushHook); err != nil {
		return err
	}
	sealed, err := tx.seal([]byte(toJSON(s)), "push-hook", string(h.ID))
	if err != nil {
		return err
	}
	return tx.exec(ctx, `update push_hooks set secrets = $2, previous_until = $3, updated_at = $4 where id = $1`,
		h.ID, sealed, micros(h.PreviousUntil), micros(h.UpdatedAt))
}

// DeletePushHook removes a push hook with what came to it.
func (tx *Tx) DeletePushHook(ctx context.Context, p access.Permit, id domain.PushHookID) error {
	if err := tx.use(p, access.KindPushHook); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from push_hooks where id = $1`, id)
}

// PushDelivered reports whether a message has come to a push hook before.
func (tx *Tx) PushDelivered(ctx context.Context, id domain.PushHookID, key string) (bool, error) {
	n, err := one(ctx, tx, "delivery", scanInt, `select count(*) from push_deliveries where hook_id = $1 and key = $2`, id, key)
	return n > 0, err
}

// PushesSince counts the messages that came to a push hook after a time.
func (tx *Tx) PushesSince(ctx context.Context, id domain.PushHookID, at time.Time) (int, error) {
	n, err := one(ctx, tx, "delivery", scanInt, `select count(*) from push_deliveries where hook_id = $1 and at > $2`, id, micros(at))
	return int(n), err
}

// PushDeliveries returns what came to a push hook, newest first.
func (tx *Tx) PushDeliveries(ctx context.Context, id domain.PushHookID, limit int) ([]domain.PushDelivery, error) {
	return many(ctx, tx, scanDelivery, selectDelivery+` where hook_id = $1 order by at desc, key limit $2`, id, limit)
}

const selectDelivery = `select hook_id, key, at, body from push_deliveries`

func scanDelivery(s scanner) (d domain.PushDelivery, err error) {
	var body string
	var at int64
	if err := s.Scan(&d.Hook, &d.Key, &at, &body); err != nil {
		return d, err
	}
	d.At = fromMicros(at)
	return d, fromJSON(body, &d)
}

// InsertPushDelivery remembers a message.
func (tx *Tx) InsertPushDelivery(ctx context.Context, p access.Permit, d domain.PushDelivery) error {
	if err := tx.use(p, access.KindPushHook); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into push_deliveries (hook_id, key, at, body) values ($1, $2, $3, $4)`, d.Hook, d.Key, micros(d.At), toJSON(d))
}

// DropPushDeliveries forgets what came before a time and returns how much.
func (tx *Tx) DropPushDeliveries(ctx context.Context, p access.Permit, before time.Time) (int, error) {
	if err := tx.use(p, access.KindPushHook); err != nil {
		return 0, err
	}
	n, err := tx.execN(ctx, `delete from push_deliveries where at < $1`, micros(before))
	return int(n), err
}
