package store

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/internal/access"
)

// TakeTurn gives a job that one server does at a time to holder until then,
// and reports whether it is his: nobody else's turn goes on.
func (tx *Tx) TakeTurn(ctx context.Context, p access.Permit, job, holder string, until time.Time) (bool, error) {
	if err := tx.use(p, access.KindAccount); err != nil {
		return false, err
	}
	n, err := tx.execN(ctx, `insert into turns (job, holder, until) values ($1, $2, $3)
		on conflict (job) do update set holder = excluded.holder, until = excluded.until where turns.holder = $2 or turns.until <= $4`,
		job, holder, micros(until), micros(tx.now))
	return n > 0, err
}
