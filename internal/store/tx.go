package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Tx is one transaction. Its methods are the store's vocabulary; use cases
// see the part of it that their own interface names.
type Tx struct {
	raw      *sql.Tx
	store    *Store
	now      time.Time
	readOnly bool
	writes   bool // it has its turn among the writers

	records []access.Record // of the permits that were used
	also    []access.Record // of further permits that the change rests on
	topics  []string        // of the outbox rows that were written

	forgotten []string // objects whose rows were deleted

	revision int64     // of the access world, once it is known
	touched  []touched // rows of the access world that this transaction changed
	compiled access.Slot

	speaker speaker // the run whose token is used, once it was asked for
}

// speaker is how a run stood when it was asked for first.
type speaker struct {
	run   domain.RunID
	state domain.RunState
	epoch int
}

// commit ends the transaction and its turn.
func (tx *Tx) commit() error {
	defer tx.leave()
	return tx.raw.Commit()
}

// rollback takes back what was written, unless it is committed, and ends the turn.
func (tx *Tx) rollback() {
	_ = tx.raw.Rollback() // whatever led here is what matters
	tx.leave()
}

func (tx *Tx) leave() {
	if tx.writes {
		tx.writes = false
		tx.store.writers.leave()
	}
}

// readClock fixes the time of the transaction. Where the database is asked for
// it, the same statement reads the access revision, which nearly every
// transaction needs.
func (tx *Tx) readClock(ctx context.Context) error {
	if tx.store.Now != nil || !tx.store.dialect.postgres() {
		tx.now = tx.store.Clock()
		return nil
	}
	var us int64
	asked := time.Now()
	err := tx.raw.QueryRowContext(ctx, `select (extract(epoch from clock_timestamp()) * 1000000)::bigint,
		coalesce((select revision from account where id = 1), 0)`).Scan(&us, &tx.revision)
	if err != nil {
		return fmt.Errorf("read the database's clock: %w", tx.store.dialect.translate(err))
	}
	tx.now = fromMicros(us)
	tx.store.theirs.hear(asked, tx.now)
	return nil
}

// errNoPermit is a programming error: a write without a permit for its kind.
var errNoPermit = errors.New("store: write without a permit for this kind of object")

// Now returns the time that the transaction runs at.
func (tx *Tx) Now() time.Time { return tx.now }

// use checks a permit before a write and keeps what the audit trail needs.
func (tx *Tx) use(p access.Permit, kind access.Kind) error {
	if !p.Valid(kind) {
		return fmt.Errorf("%w: %s", errNoPermit, kind)
	}
	r, ok := p.Record()
	if !ok {
		return nil
	}
	for i, old := range tx.records {
		if old.Event == r.Event && old.ObjectKind == r.ObjectKind && old.ObjectID == r.ObjectID {
			both := join(old, r)
			r.Spaces, r.Uses, r.ActedAs = both.Spaces, both.Uses, both.ActedAs
			tx.records[i] = r
			return nil
		}
	}
	tx.records = append(tx.records, r)
	return nil
}

// Also adds a second permit that the change rests on, such as the one for the
// other end of a binding. Its spaces and bindings join the audit row.
func (tx *Tx) Also(p access.Permit) {
	if r, ok := p.Record(); ok {
		tx.also = append(tx.also, r)
	}
}

// finish writes the audit row before the commit: one a change, from the first
// permit, with the spaces and bindings of all.
func (tx *Tx) finish(ctx context.Context) error {
	if len(tx.records) == 0 {
		return nil
	}
	r := tx.records[0]
	for _, other := range append(tx.records[1:], tx.also...) {
		r = join(r, other)
	}
	if err := tx.insertAudit(ctx, r); err != nil {
		return domain.Unavailable("the audit trail", err)
	}
	return nil
}

// join adds to a record what another permit of the same change rests on.
func join(r, other access.Record) access.Record {
	r.Spaces, r.Uses = union(r.Spaces, other.Spaces), union(r.Uses, other.Uses)
	if other.ActedAs != nil {
		both := *other.ActedAs
		if r.ActedAs != nil {
			both.Lent = union(r.ActedAs.Lent, both.Lent)
		}
		r.ActedAs = &both
	}
	return r
}

// union returns the elements of a, then those of b that are not in a.
func union[T comparable](a, b []T) []T {
	out := slices.Clone(a)
	for _, x := range b {
		if !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	return out
}

// ask returns a statement as the driver takes it.
func (tx *Tx) ask(q string) string {
	if tx.store.Asked != nil {
		tx.store.Asked(q)
	}
	return tx.store.dialect.rewrite(q)
}

func (tx *Tx) exec(ctx context.Context, q string, args ...any) error {
	_, err := tx.execN(ctx, q, args...)
	return err
}

// execN returns the number of rows that the statement touched.
func (tx *Tx) execN(ctx context.Context, q string, args ...any) (int64, error) {
	if !storable(args) {
		return 0, domain.Invalid("", "texts must be valid UTF-8 without NUL characters")
	}
	res, err := tx.raw.ExecContext(ctx, tx.ask(q), args...)
	if err != nil {
		return 0, tx.store.dialect.translate(err)
	}
	return res.RowsAffected()
}

// scanner is *sql.Row or *sql.Rows.
type scanner interface{ Scan(dest ...any) error }

// one returns a single row; a missing one is domain.NotFound(noun).
func one[T any](ctx context.Context, tx *Tx, noun string, scan func(scanner) (T, error), q string, args ...any) (T, error) {
	if !storable(args) {
		var none T
		return none, domain.NotFound(noun)
	}
	v, err := scan(tx.raw.QueryRowContext(ctx, tx.ask(q), args...))
	if errors.Is(err, sql.ErrNoRows) {
		return v, domain.NotFound(noun)
	}
	if err != nil {
		return v, fmt.Errorf("read %s: %w", noun, tx.store.dialect.translate(err))
	}
	return v, nil
}

// many returns all rows in the order of the query.
func many[T any](ctx context.Context, tx *Tx, scan func(scanner) (T, error), q string, args ...any) ([]T, error) {
	if !storable(args) {
		return []T{}, nil
	}
	rows, err := tx.raw.QueryContext(ctx, tx.ask(q), args...)
	if err != nil {
		return nil, tx.store.dialect.translate(err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, tx.store.dialect.translate(err)
		}
		out = append(out, v)
	}
	return out, tx.store.dialect.translate(rows.Err())
}

// storable reports whether both databases can hold the texts among args.
// PostgreSQL refuses what SQLite would keep; a text that neither can hold is
// in no row, so that looking for it finds nothing on both.
func storable(args []any) bool {
	for _, a := range args {
		v := reflect.ValueOf(a)
		if v.Kind() == reflect.String && (!utf8.ValidString(v.String()) || strings.ContainsRune(v.String(), 0)) {
			return false
		}
	}
	return true
}

func scanString(s scanner) (string, error) {
	var v string
	return v, s.Scan(&v)
}

func scanInt(s scanner) (int64, error) {
	var v int64
	return v, s.Scan(&v)
}

// Times are stored as Unix microseconds, 0 for none, so that both databases
// keep and compare them alike.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func fromMicros(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// toJSON encodes lists and settings; the types used here cannot fail.
func toJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: encode %T: %v", v, err))
	}
	return string(b)
}

func fromJSON(s string, v any) error {
	if s == "" {
		return nil
	}
	return json.Unmarshal([]byte(s), v)
}

// list keeps a nil list from being stored as null.
func list[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}

// seal encrypts a value for one field of one record.
func (tx *Tx) seal(plain []byte, aad ...string) ([]byte, error) {
	return tx.store.Sealer.Seal(joinAAD(aad), plain)
}

func (tx *Tx) open(sealed []byte, aad ...string) ([]byte, error) {
	return tx.store.Sealer.Open(joinAAD(aad), sealed)
}

func joinAAD(parts []string) string {
	out := "airlock"
	for _, p := range parts {
		// Lengths keep "a|b" + "c" apart from "a" + "b|c".
		out += fmt.Sprintf("|%d:%s", len(p), p)
	}
	return out
}
