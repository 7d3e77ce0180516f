// Package pgtest gives a test an empty database of its own on a real
// PostgreSQL server and takes it away afterwards.
//
// It starts no server and knows nothing of Airlock's schema: tools/testpg
// starts one, the store brings the schema. Only tests may import it.
package pgtest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
)

const (
	// EnvServer names the variable with the URL of a server whose user may
	// create databases, such as postgres://me:secret@127.0.0.1:5432/postgres.
	EnvServer = "AIRLOCK_TEST_POSTGRES"
	// EnvRequire names the variable that, set to 1, turns the skip into a
	// failure, so that a build that promises PostgreSQL cannot pass without it.
	EnvRequire = "AIRLOCK_TEST_REQUIRE_POSTGRES"
)

// patience bounds each statement on the server's own database. CREATE
// DATABASE waits its turn when many packages test at once.
const patience = time.Minute

// URL returns the postgres:// URL of a fresh empty database that belongs to t
// and is dropped when t ends, connections of t included. Without a server the
// test is skipped, or fails where one is required.
func URL(t testing.TB) string {
	t.Helper()
	// template1 cannot be copied while anybody is connected to it; template0
	// never has connections.
	return create(t, serverURL(t), "template0")
}

// Copy is URL for a database that starts as a copy of another one, which
// prepare fills and closes when the server does not have it yet. Everybody who
// names it means the same content: it stays on the server for the next tests.
func Copy(t testing.TB, of string, prepare func(url string) error) string {
	t.Helper()
	server := serverURL(t)
	if err := keep(t.Context(), server, of, prepare); err != nil {
		t.Fatalf("prepare the database %s: %v", of, err)
	}
	return create(t, server, of)
}

// create makes a database for t from a template.
func create(t testing.TB, server *url.URL, template string) string {
	t.Helper()
	name := "airlock_test_" + strings.ToLower(rand.Text())
	admin, err := sql.Open("pgx", server.String())
	if err != nil {
		t.Fatalf("open %s: %v", EnvServer, err)
	}
	t.Cleanup(func() { _ = admin.Close() })
	if err := execute(admin, `CREATE DATABASE `+name+` TEMPLATE `+template+strategy(admin)); err != nil {
		t.Fatalf("create a database for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := execute(admin, `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("drop the database of the test: %v", err)
		}
	})
	return on(server, name)
}

// strategy copies a template's files instead of writing each block to the log,
// which takes a third of the time where nothing is synced. PostgreSQL before 15
// knows no other way, and no word for it.
func strategy(admin *sql.DB) string {
	var version int
	if err := admin.QueryRow(`SELECT current_setting('server_version_num')::int`).Scan(&version); err != nil || version < 150000 {
		return "" // what is wrong shows in the next statement
	}
	return ` STRATEGY file_copy`
}

// on is the URL of another database of the server.
func on(server *url.URL, database string) string {
	u := *server
	u.Path = "/" + database
	return u.String()
}

// serverURL reads and checks the server's address, or ends the test.
func serverURL(t testing.TB) *url.URL {
	t.Helper()
	raw := os.Getenv(EnvServer)
	if raw == "" {
		if os.Getenv(EnvRequire) == "1" {
			t.Fatalf("%s=1, but %s is not set", EnvRequire, EnvServer)
		}
		t.Skipf("needs PostgreSQL: set %s, or run under `go run ./tools/testpg -- ...`", EnvServer)
	}
	server, err := url.Parse(raw)
	if err != nil || (server.Scheme != "postgres" && server.Scheme != "postgresql") {
		// The value may hold a password, so it is not repeated.
		t.Fatalf("%s is not a postgres:// URL", EnvServer)
	}
	return server
}

// execute runs one statement under its own deadline: a test's context is
// already cancelled when its cleanups run.
func execute(db *sql.DB, statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, err := db.ExecContext(ctx, statement)
	return err
}
