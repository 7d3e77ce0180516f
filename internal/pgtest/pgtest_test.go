package pgtest

import (
	"crypto/rand"
	"database/sql"
	"fmt"
	"runtime"
	"strings"
	"testing"
)

func TestURLGivesEachTestAnEmptyDatabase(t *testing.T) {
	for _, name := range []string{"first", "second"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := open(t, URL(t))
			// Fails for the second test if the two shared a database.
			if _, err := db.Exec(`CREATE TABLE only_mine (id integer)`); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestURLDropsTheDatabase(t *testing.T) {
	var address string
	t.Run("user", func(t *testing.T) {
		address = URL(t)
		// Left open on purpose: the drop must not wait for it.
		if err := open(t, address).Ping(); err != nil {
			t.Fatal(err)
		}
	})
	if address == "" {
		t.Skip("needs PostgreSQL")
	}
	if err := open(t, address).Ping(); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Fatalf("the database outlived its test: %v", err)
	}
}

func TestURLWithoutServer(t *testing.T) {
	t.Setenv(EnvServer, "")
	for require, want := range map[string]string{
		"":  "skip: needs PostgreSQL: set AIRLOCK_TEST_POSTGRES",
		"1": "fatal: AIRLOCK_TEST_REQUIRE_POSTGRES=1, but AIRLOCK_TEST_POSTGRES is not set",
	} {
		t.Setenv(EnvRequire, require)
		if got := verdict(t); !strings.HasPrefix(got, want) {
			t.Errorf("%s=%q: got %q, want %q", EnvRequire, require, got, want)
		}
	}
}

func TestURLRefusesOtherSchemesWithoutRepeatingThem(t *testing.T) {
	t.Setenv(EnvServer, "mysql://me:secret@127.0.0.1/x")
	if got := verdict(t); !strings.HasPrefix(got, "fatal:") || strings.Contains(got, "secret") {
		t.Errorf("got %q", got)
	}
}

func open(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// recorder stands in for a test that URL ends early.
type recorder struct {
	testing.TB
	said string
}

func (r *recorder) Helper() {}

func (r *recorder) Skipf(format string, args ...any) {
	r.said = "skip: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.said = "fatal: " + fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// verdict returns how URL ended a test that had no usable server.
func verdict(t *testing.T) string {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		URL(r)
	}()
	<-done
	return r.said
}

func TestCopiesStartFromWhatWasPreparedOnce(t *testing.T) {
	template := "airlock_template_" + strings.ToLower(rand.Text())
	prepared := 0
	prepare := func(address string) error {
		prepared++
		db, err := sql.Open("pgx", address)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		_, err = db.Exec(`CREATE TABLE prepared (id integer)`)
		return err
	}
	server := serverURL(t)
	t.Cleanup(func() {
		if _, err := open(t, server.String()).Exec(`DROP DATABASE IF EXISTS ` + template); err != nil {
			t.Error(err)
		}
	})
	for range 2 {
		if _, err := open(t, Copy(t, template, prepare)).Exec(`INSERT INTO prepared VALUES (1)`); err != nil {
			t.Fatal(err)
		}
		var rows int
		if err := open(t, Copy(t, template, prepare)).QueryRow(`SELECT count(*) FROM prepared`).Scan(&rows); err != nil || rows != 0 {
			t.Errorf("%d rows of another copy, error %v", rows, err)
		}
		kept.Delete(template) // as another process would find it
	}
	if prepared != 1 {
		t.Errorf("prepared %d times", prepared)
	}
}
