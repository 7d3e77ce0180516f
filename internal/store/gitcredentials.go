package store

import (
	"context"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectGitCredential = `select id, space_id, name, prefix, kind, username, known_hosts, created_at, updated_at from git_credentials`

func scanGitCredential(s scanner) (c domain.GitCredential, err error) {
	var created, updated int64
	err = s.Scan(&c.ID, &c.Space, &c.Name, &c.Prefix, &c.Kind, &c.Username, &c.KnownHosts, &created, &updated)
	c.CreatedAt, c.UpdatedAt = fromMicros(created), fromMicros(updated)
	return c, err
}

// GitCredential returns a git credential without its secret.
func (tx *Tx) GitCredential(ctx context.Context, id domain.GitCredentialID) (domain.GitCredential, error) {
	return one(ctx, tx, "git credential", scanGitCredential, selectGitCredential+` where id = $1`, id)
}

// LockGitCredential is GitCredential that holds it until the commit.
func (tx *Tx) LockGitCredential(ctx context.Context, id domain.GitCredentialID) (domain.GitCredential, error) {
	return one(ctx, tx, "git credential", scanGitCredential, selectGitCredential+` where id = $1`+tx.store.dialect.forUpdate(), id)
}

// GitCredentials returns the git credentials of the scope, oldest first.
func (tx *Tx) GitCredentials(ctx context.Context, scope access.Scope) ([]domain.GitCredential, error) {
	where, args := tx.inScope(scope, authz.EntityNone)
	return many(ctx, tx, scanGitCredential, selectGitCredential+where+` order by created_at, id`, args...)
}

// GitCredentialsIn returns the git credentials of some spaces, oldest first.
func (tx *Tx) GitCredentialsIn(ctx context.Context, spaces []domain.SpaceID) ([]domain.GitCredential, error) {
	return many(ctx, tx, scanGitCredential, selectGitCredential+` where `+tx.store.dialect.in("space_id", 1)+` order by created_at, id`, toJSON(spaces))
}

// GitSecret returns the secret of a git credential.
func (tx *Tx) GitSecret(ctx context.Context, id domain.GitCredentialID) (string, error) {
	sealed, err := one(ctx, tx, "git credential", scanBytes, `select sealed from git_credentials where id = $1`, id)
	if err != nil {
		return "", err
	}
	body, err := tx.open(sealed, "git-credential", string(id))
	return string(body), err
}

// InsertGitCredential creates a git credential; its secret is sealed.
func (tx *Tx) InsertGitCredential(ctx context.Context, p access.Permit, c domain.GitCredential, secret string) error {
	if err := tx.use(p, access.KindGitCredential); err != nil {
		return err
	}
	sealed, err := tx.seal([]byte(secret), "git-credential", string(c.ID))
	if err != nil {
		return err
	}
	return tx.exec(ctx, `insert into git_credentials (id, space_id, name, prefix, kind, username, known_hosts, sealed, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		c.ID, c.Space, c.Name, c.Prefix, c.Kind, c.Username, c.KnownHosts, sealed, micros(c.CreatedAt), micros(c.UpdatedAt))
}

// UpdateGitCredential changes what a caller may set, but for the secret.
func (tx *Tx) UpdateGitCredential(ctx context.Context, p access.Permit, c domain.GitCredential) error {
	if err := tx.use(p, access.KindGitCredential); err != nil {
		return err
	}
	return tx.exec(ctx, `update git_credentials set name = $2, prefix = $3, username = $4, known_hosts = $5, updated_at = $6 where id = $1`,
		c.ID, c.Name, c.Prefix, c.Username, c.KnownHosts, micros(c.UpdatedAt))
}

// SetGitSecret replaces the secret of a git credential.
func (tx *Tx) SetGitSecret(ctx context.Context, p access.Permit, id domain.GitCredentialID, secret string) error {
	if err := tx.use(p, access.KindGitCredential); err != nil {
		return err
	}
	sealed, err := tx.seal([]byte(secret), "git-credential", string(id))
	if err != nil {
		return err
	}
	return tx.exec(ctx, `update git_credentials set sealed = $2 where id = $1`, id, sealed)
}

// DeleteGitCredential removes a git credential.
func (tx *Tx) DeleteGitCredential(ctx context.Context, p access.Permit, id domain.GitCredentialID) error {
	if err := tx.use(p, access.KindGitCredential); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from git_credentials where id = $1`, id)
}

// StacksAt returns the stacks whose repository may be at a host, by id: some
// only name it elsewhere.
func (tx *Tx) StacksAt(ctx context.Context, host string) ([]domain.Stack, error) {
	like := `%` + strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(host) + `%`
	return many(ctx, tx, scanStack, selectStack+` where lower(settings) like $1 escape '\' order by id`, like)
}
