package store

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/airlock-project/airlock/internal/domain"
)

// dialect is the little in which the two databases differ.
type dialect struct {
	name     string // folder of the migrations
	password string // of the URL, to keep it out of errors
}

type lockMode int

const (
	lockNone   lockMode = iota
	lockShared          // decisions made now stay true until the commit
	lockAlone           // nobody else decides or changes anything
)

// connections is how many a server has to PostgreSQL. MostWriters is how many of
// them may change something at a time: what is only read must not wait for that.
const (
	connections = 32
	MostWriters = connections - 4
)

// accessLock is the PostgreSQL advisory lock around the access model.
const accessLock = 7_411_001

func (d dialect) postgres() bool { return d.name == "postgres" }

// lockAccess returns the statement that a transaction begins with. SQLite
// needs none: it has one writer.
func (d dialect) lockAccess(m lockMode) string {
	if !d.postgres() || m == lockNone {
		return ""
	}
	if m == lockAlone {
		return fmt.Sprintf("select pg_advisory_xact_lock(%d)", accessLock)
	}
	return fmt.Sprintf("select pg_advisory_xact_lock_shared(%d)", accessLock)
}

func (d dialect) viewOptions() *sql.TxOptions {
	if d.postgres() {
		return &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead}
	}
	return &sql.TxOptions{ReadOnly: true}
}

// in returns a condition that column is one of the strings of the JSON list
// in parameter $n.
func (d dialect) in(column string, n int) string {
	if d.postgres() {
		return fmt.Sprintf("%s in (select json_array_elements_text($%d::json))", column, n)
	}
	return fmt.Sprintf("%s in (select value from json_each($%d))", column, n)
}

// among is in where column is indexed and the list is mostly short. PostgreSQL
// takes every list of in for a hundred values, and reads a whole table for
// those; here it takes it for ten and looks them up. The longer the list, the
// dearer that is where the column is not indexed.
func (d dialect) among(column string, n int) string {
	if d.postgres() {
		return fmt.Sprintf("%s = any(array(select json_array_elements_text($%d::json)))", column, n)
	}
	return d.in(column, n)
}

// contains returns a condition that the text in parameter $n is in column.
func (d dialect) contains(column string, n int) string {
	if d.postgres() {
		return fmt.Sprintf("strpos(%s, $%d) > 0", column, n)
	}
	return fmt.Sprintf("instr(%s, $%d) > 0", column, n)
}

// position returns where column is in the text in parameter $n.
func (d dialect) position(column string, n int) string {
	if d.postgres() {
		return fmt.Sprintf("strpos($%d::text, %s)", n, column)
	}
	return fmt.Sprintf("instr($%d, %s)", n, column)
}

// bytes returns a text that is compared byte by byte, whatever the database's
// own order is.
func (d dialect) bytes(text string) string {
	if d.postgres() {
		return text + ` collate "C"`
	}
	return text
}

// head returns the bytes of column with its first n replaced by parameter $p.
func (d dialect) head(column string, n, p int) string {
	replaced := fmt.Sprintf("$%d || substr(%s, %d)", p, column, n+1)
	if d.postgres() {
		return replaced
	}
	return "cast(" + replaced + " as blob)" // || makes a text of the same bytes
}

// elements returns a table expression with the strings of the JSON list in
// column, each in a row, as value.
func (d dialect) elements(column string) string {
	if d.postgres() {
		return fmt.Sprintf("json_array_elements_text(%s::json) as element(value)", column)
	}
	return fmt.Sprintf("json_each(%s)", column)
}

// members returns a table expression with the members of the JSON object in
// parameter $n, each in a row, as key and value.
func (d dialect) members(n int) string {
	if d.postgres() {
		return fmt.Sprintf("json_each_text($%d::json)", n)
	}
	return fmt.Sprintf("json_each($%d)", n)
}

// skipLocked lets several servers claim rows side by side: those of the named
// tables, or of all.
func (d dialect) skipLocked(tables string) string {
	switch {
	case !d.postgres():
		return ""
	case tables == "":
		return " for update skip locked"
	default:
		return " for update of " + tables + " skip locked"
	}
}

// shards is on how many rows one count is spread: as many transactions can add
// to it side by side.
func (d dialect) shards() int64 {
	if d.postgres() {
		return 16
	}
	return 1 // one writer
}

// forUpdate locks the rows that a select returns until the commit.
func (d dialect) forUpdate() string {
	if d.postgres() {
		return " for update"
	}
	return ""
}

// unavailable are PostgreSQL's classes of errors that another try may not
// meet: connections, resources, an operator's intervention.
var unavailable = []string{"08", "53", "57"}

// translate gives database failures the meaning that callers can act on.
func (d dialect) translate(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		switch pg.Code {
		case "23505":
			return &uniqueError{constraint: pg.ConstraintName, err: err}
		case "40001", "40P01":
			return domain.Conflict("the change collided with another one; try again")
		}
		if len(pg.Code) == 5 && slices.Contains(unavailable, pg.Code[:2]) {
			return domain.Unavailable("the database", err)
		}
		return err
	}
	var down *pgconn.ConnectError
	if errors.As(err, &down) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, io.ErrUnexpectedEOF) {
		return domain.Unavailable("the database", err)
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		switch lite.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
			return &uniqueError{constraint: lite.Error(), err: err}
		}
		switch lite.Code() & 0xff { // the rest says more about the same
		case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR:
			return domain.Unavailable("the database", err)
		}
	}
	return err
}

// uniqueError says that a unique constraint refused a row.
type uniqueError struct {
	constraint string
	err        error
}

func (e *uniqueError) Error() string { return e.err.Error() }
func (e *uniqueError) Unwrap() error { return e.err }

// isUnique reports whether err is the refusal of the constraint; PostgreSQL
// names it, SQLite names its columns as "table.column".
func isUnique(err error, constraint, column string) bool {
	var u *uniqueError
	if !errors.As(err, &u) {
		return false
	}
	return u.constraint == constraint || strings.Contains(u.constraint, column)
}

func (d dialect) redact(err error) error {
	if err == nil || d.password == "" || !strings.Contains(err.Error(), d.password) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), d.password, "[redacted]"))
}

// connect opens the pools without touching the database yet.
func connect(raw string) (dialect, *sql.DB, *sql.DB, error) {
	if file, ok := strings.CutPrefix(raw, "sqlite:"); ok {
		return connectSQLite(file)
	}
	if !strings.HasPrefix(raw, "postgres://") && !strings.HasPrefix(raw, "postgresql://") {
		return dialect{}, nil, nil, domain.Invalid("database", "must be sqlite or a postgres:// URL")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return dialect{}, nil, nil, domain.Invalid("database", "is not a valid URL")
	}
	d := dialect{name: "postgres"}
	if u.User != nil {
		d.password, _ = u.User.Password()
	}
	db, err := sql.Open("pgx", raw)
	if err != nil {
		return d, nil, nil, d.redact(err)
	}
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections) // as many: a connection costs its server a process and every statement its plan
	return d, db, db, nil
}

func connectSQLite(file string) (dialect, *sql.DB, *sql.DB, error) {
	d := dialect{name: "sqlite"}
	dsn := func(extra url.Values) string {
		v := url.Values{"_pragma": {
			"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		}}
		for k, x := range extra {
			v[k] = append(v[k], x...)
		}
		return "file:" + (&url.URL{Path: file}).EscapedPath() + "?" + v.Encode()
	}
	write, err := openPrepared(dsn(url.Values{"_txlock": {"immediate"}}))
	if err != nil {
		return d, nil, nil, err
	}
	write.SetMaxOpenConns(1)
	read, err := openPrepared(dsn(url.Values{"_pragma": {"query_only(1)"}}))
	if err != nil {
		return d, nil, nil, errors.Join(err, write.Close())
	}
	read.SetMaxOpenConns(8)
	read.SetMaxIdleConns(4)
	return d, write, read, nil
}

var parameter = regexp.MustCompile(`\$(\d+)`)

// rewrite turns $N into what the driver takes.
func (d dialect) rewrite(q string) string {
	if d.postgres() {
		return q
	}
	return parameter.ReplaceAllString(q, "?$1")
}
