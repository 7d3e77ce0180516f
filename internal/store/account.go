package store

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// AccountExists reports whether the account has been created.
func (tx *Tx) AccountExists(ctx context.Context) (bool, error) {
	n, err := one(ctx, tx, "account", scanInt, `select count(*) from account`)
	return n > 0, err
}

// CreateAccount creates the single account row.
func (tx *Tx) CreateAccount(ctx context.Context, p access.Permit) error {
	if err := tx.use(p, access.KindSpace); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into account (id, created_at, revision) values (1, $1, 1)`, micros(tx.now))
}

// AccountSettings returns the switches of the account.
func (tx *Tx) AccountSettings(ctx context.Context) (domain.AccountSettings, error) {
	return one(ctx, tx, "account", func(s scanner) (a domain.AccountSettings, err error) {
		return a, s.Scan(&a.DelegateSpaceManagement, &a.StackActAs, &a.SecurityEmail, &a.PrivateRunnerImage, &a.PublicRunnerImage)
	}, `select delegate_space_management, stack_act_as, security_email, private_runner_image, public_runner_image from account where id = 1`)
}

// UpdateAccountSettings changes the switches of the account.
func (tx *Tx) UpdateAccountSettings(ctx context.Context, p access.Permit, a domain.AccountSettings) error {
	if err := tx.use(p, access.KindAccount); err != nil {
		return err
	}
	return tx.exec(ctx, `update account set delegate_space_management = $1, stack_act_as = $2, security_email = $3,
		private_runner_image = $4, public_runner_image = $5 where id = 1`,
		a.DelegateSpaceManagement, a.StackActAs, a.SecurityEmail, a.PrivateRunnerImage, a.PublicRunnerImage)
}

// SigningKeys returns the keys that tokens are signed with, newest first.
func (tx *Tx) SigningKeys(ctx context.Context) ([]domain.SigningKey, error) {
	type row struct {
		domain.SigningKey
		sealed []byte
	}
	rows, err := many(ctx, tx, func(s scanner) (r row, err error) {
		var created int64
		err = s.Scan(&r.ID, &r.sealed, &created)
		r.CreatedAt = fromMicros(created)
		return r, err
	}, `select id, sealed, created_at from signing_keys order by created_at desc, id desc`)
	out := make([]domain.SigningKey, 0, len(rows))
	for _, r := range rows {
		if r.Private, err = tx.open(r.sealed, "signing-key", r.ID); err != nil {
			return nil, err
		}
		out = append(out, r.SigningKey)
	}
	return out, err
}

// InsertSigningKey keeps a new signing key.
func (tx *Tx) InsertSigningKey(ctx context.Context, p access.Permit, k domain.SigningKey) error {
	if err := tx.use(p, access.KindAPIKey); err != nil {
		return err
	}
	sealed, err := tx.seal(k.Private, "signing-key", k.ID)
	if err != nil {
		return err
	}
	return tx.exec(ctx, `insert into signing_keys (id, sealed, created_at) values ($1, $2, $3)`, k.ID, sealed, micros(k.CreatedAt))
}
