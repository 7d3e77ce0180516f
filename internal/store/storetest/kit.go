// Package storetest tests the store on both databases, and gives the tests of
// the packages above it a real store with an account, a clock and callers. It
// is for tests only and knows no rule of its own.
package storetest

import (
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/account"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/objects"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/store"
)

// Each runs a test on both databases, each with a kit of its own.
func Each(t *testing.T, test func(t *testing.T, k *Kit)) {
	t.Helper()
	for _, d := range Databases {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			test(t, New(t, d.URL(t)))
		})
	}
}

// EachPlace is Each, and once more with large bodies in object storage.
func EachPlace(t *testing.T, test func(t *testing.T, k *Kit)) {
	t.Helper()
	Each(t, test)
	t.Run("objects", func(t *testing.T) {
		t.Parallel()
		test(t, NewWith(t, Databases[0].URL(t), Directory(t)))
	})
}

// Directory is object storage in a directory of the test.
func Directory(t *testing.T) *objects.Directory {
	t.Helper()
	d, err := objects.OpenDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// Rounds is how often a race is run: 300 times, or what AIRLOCK_RACE_ROUNDS says.
func Rounds(t *testing.T) int {
	t.Helper()
	given := os.Getenv("AIRLOCK_RACE_ROUNDS")
	if given == "" {
		return 300
	}
	n, err := strconv.Atoi(given)
	if err != nil || n < 1 {
		t.Fatalf("AIRLOCK_RACE_ROUNDS is %q, not a number of rounds", given)
	}
	return n
}

// Kit is a store with an account in it and what the use cases need beside it.
type Kit struct {
	URL     string
	Store   *store.Store
	Gate    *access.Gate
	IDs     *IDs
	Clock   *Clock
	Secrets account.Secrets
	Sealer  store.Sealer
	Objects store.Objects // nil: the database has it all

	key    secrets.Key
	raw    *sql.DB
	tables []string
	actors map[string]authz.Subject
	roles  map[string]domain.RoleID
}

// New opens the database and creates the account.
func New(t *testing.T, url string) *Kit {
	t.Helper()
	return NewWith(t, url, nil)
}

// NewWith is New with object storage.
func NewWith(t *testing.T, url string, in store.Objects) *Kit {
	t.Helper()
	key := secrets.NewKey()
	k := &Kit{
		key: key, URL: url, Objects: in, Gate: access.NewGate(), IDs: &IDs{}, Clock: NewClock(), Sealer: secrets.NewBox(key),
		actors: map[string]authz.Subject{}, roles: map[string]domain.RoleID{},
	}
	k.Store = k.Open(t)
	k.raw = openRaw(t, url)
	created, err := account.Create(t.Context(), store.Bind[account.Tx](k.Store), k.Gate, k.IDs, func(s account.Secrets) error {
		k.Secrets = s
		return nil
	})
	if err != nil || !created {
		t.Fatalf("create account: created %v, error %v", created, err)
	}
	k.actors["root-admin"] = keySubject(k.Secrets.AdminKeyID)
	k.View(t, func(tx *store.Tx) error {
		roles, err := tx.Roles(t.Context())
		for _, r := range roles {
			k.roles[r.Slug] = r.ID
		}
		return err
	})
	return k
}

// Box is the kit's sealer, and the key that it began with.
func (k *Kit) Box() (*secrets.Box, secrets.Key) { return k.Sealer.(*secrets.Box), k.key }

// Open opens one more store on the kit's database, as another server would.
func (k *Kit) Open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), k.URL, store.Options{Sealer: k.Sealer, IDs: k.IDs, Now: k.Clock.Now, Objects: k.Objects})
	if err != nil {
		t.Fatalf("open store: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}

func openRaw(t *testing.T, url string) *sql.DB {
	t.Helper()
	driver, dsn := "pgx", url
	if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+file+"?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)"
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// Postgres reports whether the kit's database is PostgreSQL.
func (k *Kit) Postgres() bool { return !strings.HasPrefix(k.URL, "sqlite:") }

// Exec runs a statement behind the store's back.
func (k *Kit) Exec(t *testing.T, query string, args ...any) error {
	t.Helper()
	if !k.Postgres() {
		for i := range args {
			query = strings.ReplaceAll(query, fmt.Sprintf("$%d", i+1), fmt.Sprintf("?%d", i+1))
		}
	}
	_, err := k.raw.ExecContext(t.Context(), query, args...)
	return err
}

// View runs fn on a snapshot and ends the test on an error.
func (k *Kit) View(t *testing.T, fn func(tx *store.Tx) error) {
	t.Helper()
	if err := k.Store.View(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// Clock is a clock that only a test moves.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock starts at a fixed time in whole microseconds.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Advance moves the clock.
func (c *Clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// IDs makes ids that look like ULIDs and can be repeated.
type IDs struct {
	mu sync.Mutex
	n  int
}

// ULID implements domain.IDSource.
func (i *IDs) ULID() string {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.n++
	return fmt.Sprintf("01J%023d", i.n)
}
