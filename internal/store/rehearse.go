package store

import (
	"context"
	"errors"
	"slices"

	"github.com/airlock-project/airlock/internal/domain"
)

// rehearsing is the key of the rehearsal that a context carries.
type rehearsing struct{}

// rehearsal is a transaction that other transactions take place in.
type rehearsal struct {
	store *Store
	tx    *Tx
}

// Rehearse runs fn in one transaction and takes back whatever was written.
// Every transaction of this store that is begun with fn's context takes place
// within it, one after another: each sees what those before it have done, and
// one that fails leaves nothing behind. Denials are not recorded and nobody is
// told of anything. As ChangeAccess, it excludes every other change.
func (s *Store) Rehearse(ctx context.Context, fn func(ctx context.Context, tx *Tx) error) error {
	tx, err := s.begin(ctx, lockAlone)
	if err != nil {
		return err
	}
	defer tx.rollback() // what it is for
	return fn(context.WithValue(ctx, rehearsing{}, &rehearsal{s, tx}), tx)
}

// rehearsal returns the one that a context belongs to; nil if there is none.
func (s *Store) rehearsal(ctx context.Context) *rehearsal {
	r, _ := ctx.Value(rehearsing{}).(*rehearsal)
	if r == nil || r.store != s {
		return nil
	}
	return r
}

// inner is a transaction that sees what the rehearsal has come to.
func (r *rehearsal) inner(readOnly bool) *Tx {
	return &Tx{
		raw: r.tx.raw, store: r.store, now: r.tx.now, readOnly: readOnly,
		revision: r.tx.revision, touched: slices.Clone(r.tx.touched), compiled: r.tx.compiled,
	}
}

func (r *rehearsal) view(fn func(*Tx) error) error { return fn(r.inner(true)) }

// change is a change without its audit row.
func (r *rehearsal) change(ctx context.Context, fn func(*Tx) error) error {
	tx := r.inner(false)
	if err := tx.exec(ctx, `savepoint rehearsed`); err != nil {
		return err
	}
	err := fn(tx)
	end := `release savepoint rehearsed`
	if err != nil {
		end = `rollback to savepoint rehearsed`
	}
	if endErr := tx.exec(ctx, end); endErr != nil {
		return errors.Join(err, endErr)
	}
	if err == nil {
		r.tx.revision, r.tx.touched, r.tx.compiled = tx.revision, tx.touched, tx.compiled
	}
	return err
}

// Changed returns what this transaction has changed of the access world so
// far, as it is now.
func (tx *Tx) Changed(ctx context.Context) (d domain.WorldDelta, err error) {
	for part, rows := range byPart(tx.touched) {
		if err := tx.follow(ctx, &d, part, rows); err != nil {
			return d, err
		}
	}
	return d, nil
}
