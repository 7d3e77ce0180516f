package storetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/airlock-project/airlock/internal/pgtest"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/store"
)

// Databases names the two databases and gives each test one of its own, with
// the schema and nothing else in it. They are copies: to run all migrations
// for each test takes longer than most tests.
var Databases = []struct {
	Name  string
	URL   func(t *testing.T) string
	Empty func(t *testing.T) string // without the schema
}{
	{"sqlite", sqliteURL, func(t *testing.T) string { return "sqlite:" + filepath.Join(t.TempDir(), "airlock.db") }},
	{"postgres", func(t *testing.T) string {
		hash, err := store.SchemaHash()
		if err != nil {
			t.Fatal(err)
		}
		return pgtest.Copy(t, "airlock_schema_"+hash, migrated)
	}, func(t *testing.T) string { return pgtest.URL(t) }},
}

// emptyFile is the file of an embedded database with the schema.
var emptyFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "airlock-schema-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "airlock.db")
	if err := migrated("sqlite:" + path); err != nil {
		return nil, err
	}
	for _, beside := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(path + beside); err == nil {
			return nil, fmt.Errorf("the database was closed and left %s behind: its file is not all of it", beside)
		}
	}
	return os.ReadFile(path)
})

func sqliteURL(t *testing.T) string {
	content, err := emptyFile()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "airlock.db")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return "sqlite:" + path
}

// migrated brings the schema into an empty database.
func migrated(url string) error {
	s, err := store.Open(context.Background(), url, store.Options{Sealer: secrets.NewBox(secrets.NewKey()), IDs: &IDs{}, Now: NewClock().Now})
	if err != nil {
		return err
	}
	return s.Close()
}
