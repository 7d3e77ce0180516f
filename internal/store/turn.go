package store

import (
	"context"
	"database/sql"
)

// turn lets those who wait for the one connection that writes have it in the
// order in which they came: database/sql gives a connection to any of those who
// wait for it, so that under load some wait for a hundred others. Nil where there
// are many connections.
type turn chan struct{}

// begin starts a transaction. The turn is over with the wait, not with the
// transaction: there is only ever one who waits, and nobody holds anything then.
func (t turn) begin(ctx context.Context, db *sql.DB) (*sql.Tx, error) {
	if t != nil {
		select {
		case t <- struct{}{}: // a channel keeps the order of its senders
			defer func() { <-t }()
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return db.BeginTx(ctx, nil)
}
