package store

import (
	"context"
	"fmt"
	"strconv"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// AppendLog stores one chunk of a run's log, sealed. A repeated chunk is ignored.
func (tx *Tx) AppendLog(ctx context.Context, p access.Permit, c domain.LogChunk) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	sealed, err := tx.sealChunk(c)
	if err != nil {
		return err
	}
	n, err := tx.execN(ctx, `insert into run_logs (run_id, epoch, seq, serial, state, body, sealed, at) values ($1, $2, $3, $4, $5, '', $6, $7)
		on conflict (run_id, epoch, seq) do nothing`,
		c.RunID, c.Epoch, c.Seq, c.StateSerial, c.State, sealed, micros(tx.now))
	if err != nil || n == 0 {
		return err
	}
	return tx.exec(ctx, `update runs set log_bytes = log_bytes + $2 where id = $1`, c.RunID, len(c.Body))
}

// LogBytes returns how much log a run has.
func (tx *Tx) LogBytes(ctx context.Context, id domain.RunID) (int64, error) {
	return one(ctx, tx, "run", scanInt, `select log_bytes from runs where id = $1`, id)
}

// NextLogSeq returns the number that the next chunk of a lease must have.
func (tx *Tx) NextLogSeq(ctx context.Context, id domain.RunID, epoch int) (int, error) {
	n, err := one(ctx, tx, "run", scanInt, `select coalesce(max(seq) + 1, 0) from run_logs where run_id = $1 and epoch = $2`, id, epoch)
	return int(n), err
}

// RunLog returns up to limit chunks of one state of a run in order, from the
// position after. A negative serial means every visit of that state.
func (tx *Tx) RunLog(ctx context.Context, id domain.RunID, state domain.RunState, serial int, after domain.LogPosition, limit int) ([]domain.LogChunk, error) {
	return many(ctx, tx, tx.scanChunk, `select run_id, epoch, seq, serial, state, body, sealed from run_logs
		where run_id = $1 and state = $2 and ($3 < 0 or serial = $3) and (epoch > $4 or (epoch = $4 and seq > $5))
		order by epoch, seq limit $6`,
		id, state, serial, after.Epoch, after.Seq, limit)
}

// WholeLog returns all that is kept of a run's log, in order.
func (tx *Tx) WholeLog(ctx context.Context, id domain.RunID) ([]domain.LogChunk, error) {
	return many(ctx, tx, tx.scanChunk, `select run_id, epoch, seq, serial, state, body, sealed from run_logs where run_id = $1 order by epoch, seq`, id)
}

func (tx *Tx) sealChunk(c domain.LogChunk) ([]byte, error) {
	return tx.seal([]byte(c.Body), "log", string(c.RunID), strconv.Itoa(c.Epoch), strconv.Itoa(c.Seq))
}

// scanChunk reads a chunk. Those that are older than the sealing of logs are
// there in the clear until their run's log is packed.
func (tx *Tx) scanChunk(s scanner) (c domain.LogChunk, err error) {
	var sealed []byte
	if err := s.Scan(&c.RunID, &c.Epoch, &c.Seq, &c.StateSerial, &c.State, &c.Body, &sealed); err != nil || sealed == nil {
		return c, err
	}
	plain, err := tx.open(sealed, "log", string(c.RunID), strconv.Itoa(c.Epoch), strconv.Itoa(c.Seq))
	if err != nil {
		return c, fmt.Errorf("open piece %d.%d of the log of run %s: %w", c.Epoch, c.Seq, c.RunID, err)
	}
	c.Body = string(plain)
	return c, nil
}

// PutWorkspace keeps a planned workspace until the apply.
func (tx *Tx) PutWorkspace(ctx context.Context, p access.Permit, id domain.RunID, body []byte) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	sealed, err := tx.seal(body, "workspace", string(id))
	if err != nil {
		return err
	}
	return tx.exec(ctx, `insert into run_workspaces (run_id, sealed, created_at) values ($1, $2, $3)
		on conflict (run_id) do update set sealed = excluded.sealed, created_at = excluded.created_at`, id, sealed, micros(tx.now))
}

// Workspace returns a kept workspace.
func (tx *Tx) Workspace(ctx context.Context, id domain.RunID) ([]byte, error) {
	sealed, err := one(ctx, tx, "workspace", scanBytes, `select sealed from run_workspaces where run_id = $1`, id)
	if err != nil {
		return nil, err
	}
	return tx.open(sealed, "workspace", string(id))
}

// DropWorkspace forgets a workspace that nobody needs any more.
func (tx *Tx) DropWorkspace(ctx context.Context, p access.Permit, id domain.RunID) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from run_workspaces where run_id = $1`, id)
}

func scanBytes(s scanner) (b []byte, err error) { return b, s.Scan(&b) }
