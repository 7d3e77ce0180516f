package store

import (
	"context"
	"errors"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectTransfer = `select id, kind, hash, stack_id, version_id, requester, size, expires_at from transfers`

func scanTransfer(s scanner) (t domain.Transfer, err error) {
	var by string
	var ends int64
	err = s.Scan(&t.ID, &t.Kind, &t.Hash, &t.StackID, &t.Version, &by, &t.Size, &ends)
	t.ExpiresAt = fromMicros(ends)
	return t, errors.Join(err, fromJSON(by, &t.By))
}

// InsertTransfer stores a new URL.
func (tx *Tx) InsertTransfer(ctx context.Context, p access.Permit, t domain.Transfer) error {
	if err := tx.use(p, access.KindState); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into transfers (id, kind, hash, stack_id, version_id, requester, name, size, expires_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		t.ID, t.Kind, t.Hash, t.StackID, t.Version, toJSON(t.By), t.By.Name, t.Size, micros(t.ExpiresAt))
}

const liveTransfer = selectTransfer + ` where hash = $1 and kind = $2 and expires_at > $3`

// Transfer returns the live URL with a secret.
func (tx *Tx) Transfer(ctx context.Context, kind domain.TransferKind, hash []byte) (domain.Transfer, error) {
	return one(ctx, tx, "transfer", scanTransfer, liveTransfer, hash, kind, micros(tx.now))
}

// LockTransfer is Transfer that holds the URL until the commit, so that of two who
// use it at once one comes too late.
func (tx *Tx) LockTransfer(ctx context.Context, kind domain.TransferKind, hash []byte) (domain.Transfer, error) {
	return one(ctx, tx, "transfer", scanTransfer, liveTransfer+tx.store.dialect.forUpdate(), hash, kind, micros(tx.now))
}

// FillTransfer keeps what was uploaded; the URL is spent.
func (tx *Tx) FillTransfer(ctx context.Context, p access.Permit, t domain.Transfer, body []byte) error {
	if err := tx.use(p, access.KindState); err != nil {
		return err
	}
	sealed, err := tx.seal(body, "transfer", string(t.ID))
	if err != nil {
		return err
	}
	return tx.exec(ctx, `update transfers set hash = null, size = $2, sealed = $3, expires_at = $4 where id = $1`,
		t.ID, t.Size, sealed, micros(t.ExpiresAt))
}

// Uploaded returns what was uploaded and is not yet used, and holds it until
// the commit.
func (tx *Tx) Uploaded(ctx context.Context, id domain.TransferID) (t domain.Transfer, body []byte, err error) {
	t, err = one(ctx, tx, "upload", scanTransfer,
		selectTransfer+` where id = $1 and sealed is not null and expires_at > $2`+tx.store.dialect.forUpdate(), id, micros(tx.now))
	if err != nil {
		return t, nil, err
	}
	sealed, err := one(ctx, tx, "upload", scanBytes, `select sealed from transfers where id = $1`, id)
	if err != nil {
		return t, nil, err
	}
	body, err = tx.open(sealed, "transfer", string(t.ID))
	return t, body, err
}

// CountTransfers returns how many live transfers of a kind a caller has.
func (tx *Tx) CountTransfers(ctx context.Context, name string, kind domain.TransferKind) (int, error) {
	n, err := one(ctx, tx, "transfer", scanInt, `select count(*) from transfers where name = $1 and kind = $2 and expires_at > $3`,
		name, kind, micros(tx.now))
	return int(n), err
}

// DropTransfer forgets a transfer.
func (tx *Tx) DropTransfer(ctx context.Context, p access.Permit, id domain.TransferID) error {
	if err := tx.use(p, access.KindState); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from transfers where id = $1`, id)
}

// DropEndedTransfers forgets what has expired and returns how many.
func (tx *Tx) DropEndedTransfers(ctx context.Context, p access.Permit) (int64, error) {
	if err := tx.use(p, access.KindState); err != nil {
		return 0, err
	}
	return tx.execN(ctx, `delete from transfers where expires_at <= $1`, micros(tx.now))
}
