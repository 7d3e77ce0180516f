package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
)

// mostPrepared bounds how many statements one connection keeps.
const mostPrepared = 256

// openPrepared opens an embedded database whose connections keep the statements
// that they have parsed: for most of ours SQLite needs longer to parse them than
// to execute them. PostgreSQL's driver does the same by itself.
func openPrepared(dsn string) (*sql.DB, error) {
	plain, err := sql.Open("sqlite", dsn) // it connects to nothing yet
	if err != nil {
		return nil, err
	}
	d := plain.Driver()
	return sql.OpenDB(preparing{d, dsn}), plain.Close()
}

// preparing connects to one database.
type preparing struct {
	driver driver.Driver
	dsn    string
}

// Driver implements driver.Connector.
func (p preparing) Driver() driver.Driver { return p.driver }

// Connect implements driver.Connector.
func (p preparing) Connect(context.Context) (driver.Conn, error) {
	raw, err := p.driver.Open(p.dsn)
	if err != nil {
		return nil, err
	}
	c, ok := raw.(sqliteConn)
	if !ok {
		return nil, errors.Join(errors.New("the driver of SQLite is not the one that this was written for"), raw.Close())
	}
	return &preparedConn{sqliteConn: c, idle: map[string]sqliteStmt{}}, nil
}

// sqliteConn is what the driver's connections can do, but for executing
// statements directly: so everything is prepared first.
type sqliteConn interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type sqliteStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

// preparedConn is a connection with the statements that nobody uses now.
type preparedConn struct {
	sqliteConn
	idle   map[string]sqliteStmt
	closed bool
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *preparedConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if s, ok := c.idle[query]; ok {
		delete(c.idle, query)
		return &preparedStmt{s, c, query}, nil
	}
	raw, err := c.sqliteConn.PrepareContext(ctx, query)
	if err != nil {
		return nil, err
	}
	s, ok := raw.(sqliteStmt)
	if !ok {
		return raw, nil
	}
	return &preparedStmt{s, c, query}, nil
}

// Close implements driver.Conn.
func (c *preparedConn) Close() error {
	c.closed = true
	var err error
	for _, s := range c.idle {
		err = errors.Join(err, s.Close())
	}
	return errors.Join(err, c.sqliteConn.Close())
}

// preparedStmt goes back to its connection when it is closed.
type preparedStmt struct {
	sqliteStmt
	conn  *preparedConn
	query string
}

// Close implements driver.Stmt.
func (s *preparedStmt) Close() error {
	idle := s.conn.idle
	if _, twice := idle[s.query]; twice || s.conn.closed {
		return s.sqliteStmt.Close()
	}
	for query, old := range idle {
		if len(idle) < mostPrepared {
			break
		}
		delete(idle, query)
		_ = old.Close() // it was reset when it was last used
	}
	idle[s.query] = s.sqliteStmt
	return nil
}
