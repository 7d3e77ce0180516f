package store

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectUser = `select id, username, name, slack_id, state, email, token_hash, issued_at, expires_at,
	teams, login_method, last_login_at, created_at, created_by from users`

func scanUser(s scanner) (u domain.User, err error) {
	var teams string
	var issued, expires, login, created int64
	err = s.Scan(&u.ID, &u.Username, &u.Name, &u.SlackID, &u.State, &u.Invitation.Email, &u.Invitation.TokenHash, &issued, &expires,
		&teams, &u.LoginMethod, &login, &created, &u.CreatedBy)
	if err != nil {
		return u, err
	}
	u.Invitation.IssuedAt, u.Invitation.ExpiresAt = fromMicros(issued), fromMicros(expires)
	u.LastLoginAt, u.CreatedAt = fromMicros(login), fromMicros(created)
	return u, fromJSON(teams, &u.Groups)
}

// User returns one user.
func (tx *Tx) User(ctx context.Context, id domain.UserID) (domain.User, error) {
	return one(ctx, tx, "user", scanUser, selectUser+` where id = $1`, id)
}

// UserByUsername returns the user with exactly this username.
func (tx *Tx) UserByUsername(ctx context.Context, username string) (domain.User, error) {
	return one(ctx, tx, "user", scanUser, selectUser+` where username = $1`, username)
}

// UserInvitedAt returns the user with an invitation, open or run out, to an
// address (access model A164).
func (tx *Tx) UserInvitedAt(ctx context.Context, email string) (domain.User, error) {
	return one(ctx, tx, "user", scanUser, selectUser+` where email_key = $1 and state in ($2, $3)`,
		domain.EmailKey(email), domain.UserQueued, domain.UserPending)
}

// UserByInvitation returns the user whose invitation has this token, by its
// SHA-256.
func (tx *Tx) UserByInvitation(ctx context.Context, tokenHash []byte) (domain.User, error) {
	return one(ctx, tx, "invitation", scanUser, selectUser+` where token_hash = $1`, tokenHash)
}

// Users returns every user, oldest first.
func (tx *Tx) Users(ctx context.Context) ([]domain.User, error) {
	return many(ctx, tx, scanUser, selectUser+` order by created_at, id`)
}

// InsertUser creates a user. A taken username and a second open invitation to
// one address are conflicts.
func (tx *Tx) InsertUser(ctx context.Context, p access.Permit, u domain.User) error {
	if err := tx.use(p, access.KindUser); err != nil {
		return err
	}
	if err := tx.touchActor(ctx, authz.ActorUser, string(u.ID)); err != nil {
		return err
	}
	i := u.Invitation
	err := tx.exec(ctx, `insert into users (id, username, name, slack_id, state, email, email_key, token_hash, issued_at, expires_at,
			teams, login_method, last_login_at, created_at, created_by)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
		u.ID, u.Username, u.Name, u.SlackID, u.State, i.Email, domain.EmailKey(i.Email), i.TokenHash, micros(i.IssuedAt), micros(i.ExpiresAt),
		toJSON(list(u.Groups)), u.LoginMethod, micros(u.LastLoginAt), micros(u.CreatedAt), u.CreatedBy)
	switch {
	case isUnique(err, "users_username", "users.username"):
		return domain.Conflict("there is a user of this name already")
	case isUnique(err, "users_invited_once", "users.email_key"):
		return domain.Conflict("there is an invitation to this address already")
	}
	return err
}

// UpdateUser changes everything but id, username and creation.
func (tx *Tx) UpdateUser(ctx context.Context, p access.Permit, u domain.User) error {
	if err := tx.use(p, access.KindUser); err != nil {
		return err
	}
	old, err := tx.User(ctx, u.ID)
	if err != nil {
		return err
	}
	// Beside that he is there, only his groups are part of the access world.
	if !slices.Equal(old.Groups, u.Groups) {
		if err := tx.touchActor(ctx, authz.ActorUser, string(u.ID)); err != nil {
			return err
		}
	}
	i := u.Invitation
	return tx.exec(ctx, `update users set name = $2, slack_id = $3, state = $4, email = $5, email_key = $6, token_hash = $7,
			issued_at = $8, expires_at = $9, teams = $10, login_method = $11, last_login_at = $12 where id = $1`,
		u.ID, u.Name, u.SlackID, u.State, i.Email, domain.EmailKey(i.Email), i.TokenHash, micros(i.IssuedAt), micros(i.ExpiresAt),
		toJSON(list(u.Groups)), u.LoginMethod, micros(u.LastLoginAt))
}

// DeleteUser removes a user with his bindings; his invitation dies with him.
func (tx *Tx) DeleteUser(ctx context.Context, p access.Permit, id domain.UserID) error {
	if err := tx.use(p, access.KindUser); err != nil {
		return err
	}
	_, err := tx.User(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if err := tx.touchActor(ctx, authz.ActorUser, string(id)); err != nil {
		return err
	}
	if err := tx.deleteBindingsOf(ctx, authz.ActorUser, string(id)); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from users where id = $1`, id)
}
