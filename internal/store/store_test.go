package store_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/pgtest"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

func TestStore(t *testing.T) {
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, d.URL)
		})
	}
}

type plain struct{}

func (plain) Seal(_ string, p []byte) ([]byte, error)   { return p, nil }
func (plain) Open(_ string, p []byte) ([]byte, error)   { return p, nil }
func (plain) HeadSize() int                             { return 0 }
func (plain) CurrentID() []byte                         { return nil }
func (plain) Rewrap(_ string, p []byte) ([]byte, error) { return p, nil }

func options() store.Options {
	return store.Options{Sealer: plain{}, IDs: &storetest.IDs{}, Now: time.Now}
}

func TestMigrationsHaveTheSameNames(t *testing.T) {
	list := func(folder string) (names []string) {
		files, err := os.ReadDir(filepath.Join("migrations", folder))
		if err != nil || len(files) == 0 {
			t.Fatalf("%d files, %v", len(files), err)
		}
		for _, f := range files {
			names = append(names, f.Name())
		}
		return names
	}
	names := list("sqlite")
	if diff := cmp.Diff(names, list("postgres")); diff != "" {
		t.Errorf("(-sqlite +postgres):\n%s", diff)
	}
	numbered, last := regexp.MustCompile(`^\d{5}_`), ""
	for _, name := range names {
		number := numbered.FindString(name)
		if number <= last {
			t.Errorf("%s does not begin with a number of its own", name)
		}
		last = number
	}
}

// TestSchemasAgree compares what the migrations of both databases make.
func TestSchemasAgree(t *testing.T) {
	lite := storetest.New(t, storetest.Databases[0].URL(t))
	pg := storetest.New(t, storetest.Databases[1].URL(t))
	if diff := cmp.Diff(liteSchema(t, lite), pgSchema(t, pg)); diff != "" {
		t.Errorf("(-sqlite +postgres):\n%s", diff)
	}
}

var liteTypes = map[string]string{"INTEGER": "integer", "BIGINT": "bigint", "TEXT": "text", "BLOB": "bytes", "BOOLEAN": "boolean"}

func liteSchema(t *testing.T, k *storetest.Kit) []string {
	var out []string
	for _, table := range k.Tables(t) {
		for _, c := range k.Rows(t, `select name, type, "notnull", pk from pragma_table_info('`+table+`')`) {
			kind := liteTypes[strings.ToUpper(fmt.Sprint(c[1]))]
			if fmt.Sprint(c[0]) == "position" { // SQLite numbers rows in integers of 64 bits only
				kind = "bigint"
			}
			// SQLite does not say that its primary keys are not null.
			notNull := fmt.Sprint(c[2]) == "1" || fmt.Sprint(c[3]) != "0"
			out = append(out, fmt.Sprintf("column %s.%s %s not null %v", table, c[0], kind, notNull))
		}
		for _, f := range k.Rows(t, `select id, "table", group_concat("from"), group_concat("to"), on_delete from
			(select * from pragma_foreign_key_list('`+table+`') order by id, seq) group by id`) {
			out = append(out, fmt.Sprintf("foreign key %s(%s) -> %s(%s) %s", table, f[2], f[1], f[3], f[4]))
		}
		for _, i := range k.Rows(t, `select l.name, l."unique", l.partial, (select group_concat(name) from (select name from pragma_index_info(l.name) order by seqno))
			from pragma_index_list('`+table+`') l`) {
			out = append(out, fmt.Sprintf("index %s(%s) unique %v partial %v", table, i[3], fmt.Sprint(i[1]) == "1", fmt.Sprint(i[2]) == "1"))
		}
		for _, p := range k.Rows(t, `select name, type from pragma_table_info('`+table+`') where pk = 1 and upper(type) = 'INTEGER'`) {
			out = append(out, fmt.Sprintf("index %s(%s) unique true partial false", table, p[0])) // the row id is its own index
		}
	}
	sort.Strings(out)
	return out
}

var pgTypes = map[string]string{"bytea": "bytes"}

func pgSchema(t *testing.T, k *storetest.Kit) []string {
	var out []string
	for _, c := range k.Rows(t, `select table_name, column_name, data_type, is_nullable from information_schema.columns
		where table_schema = 'public' and table_name <> 'goose_db_version'`) {
		kind := fmt.Sprint(c[2])
		if other, ok := pgTypes[kind]; ok {
			kind = other
		}
		out = append(out, fmt.Sprintf("column %s.%s %s not null %v", c[0], c[1], kind, fmt.Sprint(c[3]) == "NO"))
	}
	deletes := map[string]string{"a": "NO ACTION", "c": "CASCADE"}
	for _, f := range k.Rows(t, `select conrelid::regclass::text, confrelid::regclass::text, confdeltype::text,
		(select string_agg(a.attname, ',' order by u.n) from unnest(conkey) with ordinality u(att, n) join pg_attribute a on a.attrelid = conrelid and a.attnum = u.att),
		(select string_agg(a.attname, ',' order by u.n) from unnest(confkey) with ordinality u(att, n) join pg_attribute a on a.attrelid = confrelid and a.attnum = u.att)
		from pg_constraint where contype = 'f'`) {
		out = append(out, fmt.Sprintf("foreign key %s(%s) -> %s(%s) %s", f[0], f[3], f[1], f[4], deletes[fmt.Sprint(f[2])]))
	}
	for _, i := range k.Rows(t, `select i.indrelid::regclass::text, i.indisunique, i.indpred is not null,
		(select string_agg(a.attname, ',' order by u.n) from unnest(i.indkey::int2[]) with ordinality u(att, n) join pg_attribute a on a.attrelid = i.indrelid and a.attnum = u.att)
		from pg_index i join pg_class c on c.oid = i.indrelid join pg_namespace s on s.oid = c.relnamespace
		where s.nspname = 'public' and c.relname <> 'goose_db_version'`) {
		out = append(out, fmt.Sprintf("index %s(%s) unique %v partial %v", i[0], i[3], i[1], i[2]))
	}
	sort.Strings(out)
	return out
}

// TestServersStartTogether lets several servers bring the same empty database
// up to date.
func TestServersStartTogether(t *testing.T) {
	url := pgtest.URL(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			s, err := store.Open(t.Context(), url, options())
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// TestPasswordNeverInErrors is security case 128.
func TestPasswordNeverInErrors(t *testing.T) {
	const secret, escaped = "s3cr3t/p@ss", "s3cr3t%2Fp%40ss"
	host := "127.0.0.1:1"
	urls := map[string]string{
		"nobody listens":   "postgres://me:" + escaped + "@" + host + "/x",
		"bad port":         "postgres://me:" + escaped + "@127.0.0.1:port/x",
		"bad option":       "postgres://me:" + escaped + "@" + host + "/x?sslmode=nonsense",
		"bad escape":       "postgres://me:" + escaped + "@" + host + "/%zz",
		"password option":  "postgres://me@" + host + "/x?password=" + escaped,
		"password options": "postgres://me@" + host + "/x?sslmode=nonsense&password=" + escaped,
		"unescaped":        "postgres://me:" + secret + "@" + host + "/x",
		"other scheme":     "mysql://me:" + escaped + "@" + host + "/x",
		"sslpassword":      "postgres://me@" + host + "/x?sslmode=nonsense&sslpassword=" + escaped,
	}
	if server := os.Getenv(pgtest.EnvServer); server != "" {
		urls["wrong password"] = regexp.MustCompile(`//[^@/]*@`).ReplaceAllString(server, "//airlock_nobody:"+escaped+"@")
	}
	for name, url := range urls {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			s, err := store.Open(ctx, url, options())
			if err == nil {
				_ = s.Close()
				t.Skip("this server lets everybody in")
			}
			for _, form := range []string{secret, escaped, "s3cr3t"} {
				if strings.Contains(err.Error(), form) {
					t.Errorf("the error contains the password: %v", err)
				}
			}
		})
	}
}

func TestDatabaseUnavailable(t *testing.T) {
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			s, err := store.Open(t.Context(), d.URL(t), options())
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Ping(t.Context()); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			for name, err := range map[string]error{
				"ping":   s.Ping(t.Context()),
				"view":   s.View(t.Context(), func(*store.Tx) error { return nil }),
				"change": s.Change(t.Context(), func(*store.Tx) error { return nil }),
			} {
				if domain.ErrorCode(err) != domain.CodeUnavailable {
					t.Errorf("%s: %v, want unavailable", name, err)
				}
			}
		})
	}
}

// TestR24OneClock opens a store without a clock of its own: on PostgreSQL a
// transaction's time is the database's, so that all servers agree on what has
// expired, and follows what is committed.
func TestR24OneClock(t *testing.T) {
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			o := options()
			o.Now = nil
			k := storetest.New(t, d.URL(t))
			var times []time.Time
			for range 2 {
				s, err := store.Open(t.Context(), k.URL, o)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = s.Close() })
				note := func(tx *store.Tx) error {
					times = append(times, tx.Now())
					stamp, err := tx.Stamp(t.Context())
					if stamp.Revision == 0 {
						t.Error("no revision")
					}
					return err
				}
				if err := errors.Join(s.View(t.Context(), note), s.Change(t.Context(), note)); err != nil {
					t.Fatal(err)
				}
			}
			for i, at := range times {
				if age := time.Since(at); age < -time.Minute || age > time.Minute {
					t.Errorf("transaction %d ran at %v", i, at)
				}
				if i > 0 && at.Before(times[i-1]) {
					t.Errorf("transaction %d ran before the one before it: %v, %v", i, times[i-1], at)
				}
			}
			if !k.Postgres() {
				return
			}
			if err := k.Exec(t, `create function public.clock_timestamp() returns timestamptz language sql as 'select timestamptz ''2001-02-03 04:05:06Z'''`); err != nil {
				t.Fatal(err)
			}
			if err := k.Exec(t, `do $$ begin execute format('alter database %I set search_path = public, pg_catalog', current_database()); end $$`); err != nil {
				t.Fatal(err)
			}
			s, err := store.Open(t.Context(), k.URL, o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = s.Close() })
			err = s.View(t.Context(), func(tx *store.Tx) error {
				if want := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC); !tx.Now().Equal(want) {
					t.Errorf("a transaction runs at %v though the database says %v", tx.Now(), want)
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
}
