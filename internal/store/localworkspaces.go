package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectLocalWorkspace = `select id, stack_id, owner, token_hash, created_at, expires_at, size, run_id from local_workspaces`

func scanLocalWorkspace(s scanner) (w domain.LocalWorkspace, err error) {
	var created, expires int64
	err = s.Scan(&w.ID, &w.Stack, &w.Owner, &w.TokenHash, &created, &expires, &w.Size, &w.Run)
	w.CreatedAt, w.ExpiresAt = fromMicros(created), fromMicros(expires)
	return w, err
}

// LocalWorkspace returns an upload without its body.
func (tx *Tx) LocalWorkspace(ctx context.Context, id domain.LocalWorkspaceID) (domain.LocalWorkspace, error) {
	return one(ctx, tx, "workspace", scanLocalWorkspace, selectLocalWorkspace+` where id = $1`, id)
}

// LockLocalWorkspace is LocalWorkspace that holds it until the commit.
func (tx *Tx) LockLocalWorkspace(ctx context.Context, id domain.LocalWorkspaceID) (domain.LocalWorkspace, error) {
	return one(ctx, tx, "workspace", scanLocalWorkspace, selectLocalWorkspace+` where id = $1`+tx.store.dialect.forUpdate(), id)
}

// LocalWorkspaceBody returns where what was uploaded is.
func (tx *Tx) LocalWorkspaceBody(ctx context.Context, id domain.LocalWorkspaceID) (domain.Stored, error) {
	return one(ctx, tx, "workspace", scanStored("local-workspace", string(id)), `select sealed, object from local_workspaces where id = $1 and size > 0`, id)
}

// UnusedWorkspaces returns how many live uploads somebody has that no run has used.
func (tx *Tx) UnusedWorkspaces(ctx context.Context, owner string) (int, error) {
	n, err := one(ctx, tx, "workspace", scanInt, `select count(*) from local_workspaces where owner = $1 and run_id = '' and expires_at > $2`, owner, micros(tx.now))
	return int(n), err
}

// InsertLocalWorkspace keeps that an upload may come.
func (tx *Tx) InsertLocalWorkspace(ctx context.Context, p access.Permit, w domain.LocalWorkspace) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into local_workspaces (id, stack_id, owner, token_hash, created_at, expires_at) values ($1, $2, $3, $4, $5, $6)`,
		w.ID, w.Stack, w.Owner, w.TokenHash, micros(w.CreatedAt), micros(w.ExpiresAt))
}

// PutLocalWorkspace keeps the staged body of an upload until the time in w.
func (tx *Tx) PutLocalWorkspace(ctx context.Context, p access.Permit, w domain.LocalWorkspace, kept domain.Stored) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	return tx.exec(ctx, `update local_workspaces set sealed = $2, size = $3, expires_at = $4, object = $5 where id = $1`,
		w.ID, kept.Sealed, w.Size, micros(w.ExpiresAt), kept.Object)
}

// UseLocalWorkspace notes the run that an upload is for.
func (tx *Tx) UseLocalWorkspace(ctx context.Context, p access.Permit, id domain.LocalWorkspaceID, run domain.RunID) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	return tx.exec(ctx, `update local_workspaces set run_id = $2 where id = $1`, id, run)
}

// DropLocalWorkspaces forgets the uploads that have expired, unless their run
// still goes on, and returns how many.
func (tx *Tx) DropLocalWorkspaces(ctx context.Context, p access.Permit) (int, error) {
	if err := tx.use(p, access.KindRun); err != nil {
		return 0, err
	}
	gone, err := many(ctx, tx, scanString, `delete from local_workspaces where expires_at <= $1 and not exists
		(select 1 from runs where runs.id = local_workspaces.run_id and (runs.state = 'QUEUED' or runs.state in `+holding+`)) returning object`, micros(tx.now))
	tx.forget(gone...)
	return len(gone), err
}

// SetRunSettings keeps, sealed, what was set for one run only.
func (tx *Tx) SetRunSettings(ctx context.Context, p access.Permit, id domain.RunID, s domain.RunSettings) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	sealed, err := tx.seal([]byte(toJSON(s)), "run-settings", string(id))
	if err != nil {
		return err
	}
	return tx.exec(ctx, `insert into run_settings (run_id, sealed) values ($1, $2)`, id, sealed)
}

// RunSettings returns what was set for one run only; for most that is nothing.
func (tx *Tx) RunSettings(ctx context.Context, id domain.RunID) (s domain.RunSettings, err error) {
	sealed, err := one(ctx, tx, "run settings", scanBytes, `select sealed from run_settings where run_id = $1`, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	return tx.openSettings(id, sealed)
}

func (tx *Tx) openSettings(id domain.RunID, sealed []byte) (s domain.RunSettings, err error) {
	body, err := tx.open(sealed, "run-settings", string(id))
	if err != nil {
		return s, fmt.Errorf("open settings of run %s: %w", id, err)
	}
	return s, json.Unmarshal(body, &s)
}
