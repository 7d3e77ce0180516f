// Package invariants reads a database of either kind and says what in it must
// never be: it is asked after every fault that a test causes, and reads with
// SQL of its own, so that a bug of the store cannot hide one. It changes
// nothing, and knows no rule but those of part 2 of the security
// specification (I1 to I5).
package invariants

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
)

// Options are what a caller knows beside the database.
type Options struct {
	// Ledger is what a client was told; nil where no client kept one.
	Ledger *Ledger
	// StateBody returns the plain bytes of a state version, which are sealed in
	// the database; nil leaves the checksums unchecked.
	StateBody func(ctx context.Context, v domain.StateVersion) ([]byte, error)
}

// Ledger is what one client, who alone uses his key, knows of his mutations.
type Ledger struct {
	Actor string // as the audit trail names the client
	// Acknowledged are the mutations that were answered with success, by the id
	// of their request.
	Acknowledged map[string]string
	// InDoubt counts, by mutation, the requests that got no answer: each may
	// have been carried out once, or not at all.
	InDoubt map[string]int
}

// Check returns a sentence for each thing that contradicts an invariant,
// beginning with its number. The database is sqlite:FILE or postgres://..., and
// may be in use. An error says that it could not be read.
func Check(ctx context.Context, database string, o Options) ([]string, error) {
	c := &check{ctx: ctx, o: o}
	driver, dsn := "pgx", database
	if file, ok := strings.CutPrefix(database, "sqlite:"); ok {
		c.embedded = true
		driver, dsn = "sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?_pragma=busy_timeout(10000)&_pragma=query_only(1)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // it was only read
	options := &sql.TxOptions{ReadOnly: true}
	if !c.embedded {
		options.Isolation = sql.LevelRepeatableRead
	}
	// One snapshot, so that a server that goes on working changes nothing here.
	if c.tx, err = db.BeginTx(ctx, options); err != nil {
		return nil, err
	}
	defer func() { _ = c.tx.Rollback() }() // it was only read
	for _, part := range []func() error{c.audit, c.ledger, c.states, c.histories, c.writers, c.logs} {
		if err := part(); err != nil {
			return c.found, err
		}
	}
	return c.found, nil
}

type check struct {
	ctx      context.Context
	tx       *sql.Tx
	o        Options
	embedded bool
	found    []string
}

func (c *check) violated(format string, args ...any) {
	const most = 100 // one bug may break a rule a thousand times
	if len(c.found) < most {
		c.found = append(c.found, fmt.Sprintf(format, args...))
	}
}

// each calls row for every row of a query.
func (c *check) each(query string, row func(scan func(...any) error) error) error {
	rows, err := c.tx.QueryContext(c.ctx, query)
	if err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	defer func() { _ = rows.Close() }() // rows.Err tells
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	return rows.Err()
}

// none is violated by every row of a query that returns one text a row.
func (c *check) none(rule, query string) error {
	return c.each(query, func(scan func(...any) error) error {
		var what string
		err := scan(&what)
		c.violated("%s: %s", rule, what)
		return err
	})
}
