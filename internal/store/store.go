// Package store holds all SQL of the control plane: one text for SQLite and
// PostgreSQL, a small dialect for what differs. Every write takes a Permit,
// every list a Scope, and the audit row of a change is written from its permit
// in the same transaction. It decides nothing and knows no rule but those that
// a constraint can hold.
package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Sealer encrypts secrets at rest. aad names the record, so that a sealed
// value cannot be moved to another one.
type Sealer interface {
	Seal(aad string, plain []byte) ([]byte, error)
	Open(aad string, sealed []byte) ([]byte, error)
	// HeadSize is how many bytes at the beginning of a sealed value hold its
	// wrapped data key.
	HeadSize() int
	// Rewrap returns such a head under the current key.
	Rewrap(aad string, head []byte) ([]byte, error)
	// CurrentID names the current key, as bytes 1 to 8 of what it seals do.
	CurrentID() []byte
}

// Options are what a store needs beside its database.
type Options struct {
	Sealer Sealer
	IDs    domain.IDSource
	// Objects, if set, is where large bodies are kept; else the database has them.
	Objects Objects
	// Inline says that new bodies go to the database, and objects are only read.
	Inline bool
	// Now is the time that transactions run at. Without it, it is the
	// database's clock on PostgreSQL, so that servers whose clocks differ agree
	// on what has expired, and this machine's on SQLite.
	Now func() time.Time
	// Writers is how many changes take place at a time on PostgreSQL; 0: as many
	// as there are processors, and two at least.
	Writers int
	// Changed, if set, is called after each commit that wrote something, with
	// the topics of its outbox rows. It must not block.
	Changed func(topics []string)
	// Asked, if set, is called with each statement of a transaction before it
	// is sent. It must not block.
	Asked func(statement string)
}

// Store is one open database.
type Store struct {
	write   *sql.DB
	read    *sql.DB
	dialect dialect
	Options

	writers    writers
	owned      string     // the embedded database, if this is one
	revisions  *revisions // of it
	theirs     theirs
	closed     atomic.Bool
	looks      looks
	forgotten  chan string // objects to delete
	statements struct {
		sync.Mutex
		homes map[int]*sql.Stmt // by parts
	}
}

// Open connects to the database named by url, which is sqlite:FILE or
// postgres://..., and brings its schema up to date. It fails for a file that
// another process has open. Errors never contain the password of a URL.
func Open(ctx context.Context, url string, o Options) (*Store, error) {
	s := &Store{Options: o, forgotten: make(chan string, 1000)}
	s.statements.homes = map[int]*sql.Stmt{}
	if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
		path, owner, err := own(file)
		if err != nil {
			return nil, err
		}
		s.owned, s.revisions = path, owner.revisions
	}
	d, write, read, err := connect(url)
	if err != nil {
		return nil, errors.Join(err, s.disown())
	}
	s.write, s.read, s.dialect = write, read, d
	if s.writers.free = cmp.Or(o.Writers, max(2, runtime.GOMAXPROCS(0))); write != read {
		s.writers.free = 1 // there is one connection that writes
	}
	if err := s.write.PingContext(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open database: %w", d.redact(err)), s.Close())
	}
	if err := s.askClock(ctx); err != nil {
		return nil, errors.Join(d.redact(err), s.Close())
	}
	if err := migrate(ctx, s.write, d, s.fillSearch); err != nil {
		return nil, errors.Join(fmt.Errorf("migrate database: %w", d.redact(err)), s.Close())
	}
	return s, nil
}

// Close closes every connection.
func (s *Store) Close() error {
	err := s.write.Close()
	if s.read != s.write {
		err = errors.Join(err, s.read.Close())
	}
	return errors.Join(err, s.disown())
}

func (s *Store) disown() error {
	if s.closed.Swap(true) || s.owned == "" {
		return nil
	}
	return disown(s.owned)
}

// Ping reports whether the database answers.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.read.PingContext(ctx); err != nil {
		return domain.Unavailable("the database", err)
	}
	return nil
}

// View runs fn on one consistent snapshot.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	if r := s.rehearsal(ctx); r != nil {
		return r.view(fn)
	}
	raw, err := s.read.BeginTx(ctx, s.dialect.viewOptions())
	if err != nil {
		return domain.Unavailable("the database", err)
	}
	defer func() { _ = raw.Rollback() }() // nothing was written
	tx := &Tx{raw: raw, store: s, readOnly: true}
	if err := tx.readClock(ctx); err != nil {
		return err
	}
	return fn(tx)
}

// Change runs fn and commits what it wrote. See access.Transactor.
func (s *Store) Change(ctx context.Context, fn func(*Tx) error) error {
	return s.change(ctx, lockShared, fn)
}

// ChangeAccess runs fn alone. See access.Transactor.
func (s *Store) ChangeAccess(ctx context.Context, fn func(*Tx) error) error {
	return s.change(ctx, lockAlone, fn)
}

func (s *Store) change(ctx context.Context, lock lockMode, fn func(*Tx) error) error {
	if r := s.rehearsal(ctx); r != nil {
		return r.change(ctx, fn)
	}
	tx, err := s.begin(ctx, lock)
	if err != nil {
		return err
	}
	defer tx.rollback() // a no-op after the commit; for a panic in fn
	if err := fn(tx); err != nil {
		tx.rollback()
		return s.recordDenial(ctx, err)
	}
	if err := tx.finish(ctx); err != nil {
		return err
	}
	if err := s.commit(tx); err != nil {
		return s.dialect.translate(fmt.Errorf("commit: %w", err))
	}
	s.announce(tx.topics)
	s.passOn(tx.forgotten)
	return nil
}

// commit also keeps account of what is known of the access revision.
func (s *Store) commit(tx *Tx) error {
	if len(tx.touched) == 0 {
		return tx.commit()
	}
	s.revisions.begin()
	err := tx.commit()
	s.revisions.end(tx.revision, err)
	return err
}

func (s *Store) begin(ctx context.Context, lock lockMode) (*Tx, error) {
	if err := s.writers.enter(ctx); err != nil {
		return nil, domain.Unavailable("the database", err)
	}
	raw, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		s.writers.leave()
		return nil, domain.Unavailable("the database", err)
	}
	tx := &Tx{raw: raw, store: s, writes: true}
	if q := s.dialect.lockAccess(lock); q != "" {
		if err := tx.exec(ctx, q); err != nil {
			tx.rollback()
			return nil, fmt.Errorf("lock the access model: %w", err)
		}
	}
	if err := tx.readClock(ctx); err != nil { // after the wait for the lock
		tx.rollback()
		return nil, err
	}
	return tx, nil
}

// denialTime bounds how long a refusal waits to be recorded.
const denialTime = 15 * time.Second

// recordDenial keeps a refusal in the audit trail. If that fails the caller
// learns that nothing could be decided, never that he was let through.
func (s *Store) recordDenial(ctx context.Context, err error) error {
	var denial *access.Denial
	if !errors.As(err, &denial) || s.rehearsal(ctx) != nil {
		return err
	}
	// A caller who hangs up does not get out of being recorded.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), denialTime)
	defer cancel()
	tx, beginErr := s.begin(ctx, lockNone)
	if beginErr != nil {
		return beginErr
	}
	if auditErr := tx.insertAudit(ctx, denial.Record()); auditErr != nil {
		tx.rollback()
		return domain.Unavailable("the audit trail", auditErr)
	}
	if commitErr := tx.commit(); commitErr != nil {
		return domain.Unavailable("the audit trail", commitErr)
	}
	s.announce(tx.topics)
	return err
}

// Deny records a refusal that was decided outside a transaction and returns
// the error to show.
func (s *Store) Deny(ctx context.Context, d *access.Denial) error { return s.recordDenial(ctx, d) }

func (s *Store) announce(topics []string) {
	if s.Changed != nil && len(topics) > 0 {
		s.Changed(topics)
	}
}

// Bound is the store as one use case sees it: T is the interface of the
// transaction that the use case declares.
type Bound[T any] struct{ store *Store }

// Bind gives a use case its own view of the store. It panics at start-up if
// the store's transaction does not implement T.
func Bind[T any](s *Store) Bound[T] {
	if _, ok := any(&Tx{}).(T); !ok {
		panic(fmt.Sprintf("store: *Tx does not implement %T", *new(T)))
	}
	return Bound[T]{s}
}

// View implements access.Transactor.
func (b Bound[T]) View(ctx context.Context, fn func(T) error) error {
	return b.store.View(ctx, func(tx *Tx) error { return fn(any(tx).(T)) })
}

// Change implements access.Transactor.
func (b Bound[T]) Change(ctx context.Context, fn func(T) error) error {
	return b.store.Change(ctx, func(tx *Tx) error { return fn(any(tx).(T)) })
}

// ChangeAccess implements access.Transactor.
func (b Bound[T]) ChangeAccess(ctx context.Context, fn func(T) error) error {
	return b.store.ChangeAccess(ctx, func(tx *Tx) error { return fn(any(tx).(T)) })
}

// Rehearse implements access.Rehearser.
func (b Bound[T]) Rehearse(ctx context.Context, fn func(ctx context.Context, tx T) error) error {
	return b.store.Rehearse(ctx, func(ctx context.Context, tx *Tx) error { return fn(ctx, any(tx).(T)) })
}

// Pulse implements access.Present.
func (b Bound[T]) Pulse(ctx context.Context) (access.Pulse, error) { return b.store.Pulse(ctx) }

// Find returns where objects live, and the moment that it is true of. See
// Store.Find.
func (b Bound[T]) Find(ctx context.Context, refs []access.Ref) (map[access.Ref]authz.Target, access.Pulse, error) {
	return b.store.Find(ctx, refs)
}

// Deny records a refusal that no transaction decided. See Store.Deny.
func (b Bound[T]) Deny(ctx context.Context, d *access.Denial) error { return b.store.Deny(ctx, d) }
