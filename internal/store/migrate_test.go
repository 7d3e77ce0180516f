package store_test

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// TestBindingsSurviveTheirNewTable fills the first schema and opens it with
// today's.
func TestBindingsSurviveTheirNewTable(t *testing.T) {
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			url := d.Empty(t)
			first(t, d.Name, url, `
				insert into account values (1, 1, 1);
				insert into spaces values ('root', null, 'root', 'root', '', '[]', false, 1);
				insert into roles values ('r', 'r', 'r', '', false, '["space:read"]', 1);
				insert into role_bindings (id, actor_kind, actor_id, role_id, space_id, not_after, created_at, created_by)
					values ('a', 'user', 'ann', 'r', 'root', 0, 2, 'maker'), ('b', 'stack', 'k', 'r', 'root', 5000000, 3, '');`)
			s, err := store.Open(t.Context(), url, options())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			var got []domain.Binding
			err = s.View(t.Context(), func(tx *store.Tx) error {
				w, err := tx.World(t.Context())
				got = w.Bindings
				return err
			})
			want := []domain.Binding{
				{ID: "a", Actor: authz.ActorRef{Kind: authz.ActorUser, ID: "ann"}, Role: "r", Space: "root", CreatedAt: micro(2), CreatedBy: "maker"},
				{ID: "b", Actor: authz.ActorRef{Kind: authz.ActorStack, ID: "k"}, Role: "r", Space: "root", NotAfter: micro(5000000), CreatedAt: micro(3)},
			}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
	}
}

// TestSearchesFindOlderStacks fills the first schema with stacks and searches
// them with today's, also after a start that was interrupted.
func TestSearchesFindOlderStacks(t *testing.T) {
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			url := d.Empty(t)
			statements := `
				insert into account values (1, 1, 1);
				insert into spaces values ('root', null, 'root', 'root', '', '[]', false, 1);
				insert into roles values ('r', 'r', 'r', '', false, '["space:read"]', 1);`
			for i := range 1500 {
				statements += fmt.Sprintf(`insert into stacks values ('s%[1]d', 'u%[1]d', 'root', 'ÄPFEL %[1]d', 'main', 'r', '', '', '["a"]', false,
					'{"Description":"d%[1]d","Vendor":{"openTofu":{}}}', true, 1, '', 1, '');`, i)
			}
			first(t, d.Name, url, statements)
			for range 2 {
				s, err := store.Open(t.Context(), url, options())
				if err != nil {
					t.Fatal(err)
				}
				err = s.View(t.Context(), func(tx *store.Tx) error {
					everything, err := everything(t, tx)
					if err != nil {
						return err
					}
					found, err := tx.SearchStacks(t.Context(), everything, domain.StackSearch{
						Words: []string{"äpfel", "d7"}, Size: 1000, Descending: true,
						Predicates: []domain.StackPredicate{{Field: domain.StackFieldVendor, Values: []string{"OPEN_TOFU"}}},
					})
					// d7, d70 to d79, d700 to d799.
					if len(found) != 111 || found[0].Name != "ÄPFEL 799" {
						t.Errorf("found %d", len(found))
					}
					return err
				})
				if err := errors.Join(err, s.Close()); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// everything is the scope of a session with the role r at root.
func everything(t *testing.T, tx *store.Tx) (access.Scope, error) {
	t.Helper()
	ctx := access.WithCaller(t.Context(), access.Caller{Subject: authz.Subject{
		Actor: authz.ActorRef{Kind: authz.ActorUser, ID: "ann"}, SessionOnly: true, Session: []authz.Grant{{Role: "r", Space: "root"}},
	}})
	return access.NewGate().Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
}

func micro(us int64) time.Time { return time.UnixMicro(us).UTC() }

// first brings a database to the first schema and runs statements on it.
func first(t *testing.T, name, url, statements string) {
	t.Helper()
	upTo(t, name, url, 1, statements)
}

// upTo brings a database to a version of the schema and runs statements on it.
func upTo(t *testing.T, name, url string, version int64, statements string) {
	t.Helper()
	driver, dsn, kind := "pgx", url, goose.DialectPostgres
	if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, dsn, kind = "sqlite", "file:"+file+"?_pragma=foreign_keys(1)", goose.DialectSQLite3
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	p, err := goose.NewProvider(kind, db, os.DirFS("migrations/"+name), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), statements); err != nil {
		t.Fatal(err)
	}
}

// TestUsesOfOldTrails fills the schema that knew uses only as JSON and opens it
// with today's.
func TestUsesOfOldTrails(t *testing.T) {
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			url := d.Empty(t)
			upTo(t, d.Name, url, 7, `
				insert into account (id, revision, created_at) values (1, 1, 1);
				insert into spaces (id, parent, name, name_key, description, labels, inherit, created_at) values ('root', null, 'root', 'root', '', '[]', false, 1);
				insert into roles (id, slug, name, description, is_system, actions, created_at) values ('r', 'r', 'r', '', false, '["space:read"]', 1);
				insert into role_bindings (id, actor_kind, actor_id, role_id, space_id, entity_kind, entity_id, not_after, created_at, created_by)
					values ('a', 'user', 'ann', 'r', 'root', '', '', 0, 2, 'maker');
				insert into audit_log (id, at, actor, actor_roles, event, mutation, action, object_kind, object_id, spaces, args, outcome, reason,
					remote_ip, request_id, run_id, stack_id, revision, uses, acted_as) values
					('1', 5, '', '', '', '', '', '', '', '[]', '{}', 'allowed', '', '', '', '', '', 1, '', ''),
					('2', 6, '', '', '', '', '', '', '', '[]', '{}', 'allowed', '', '', '', '', '', 1, '[{"binding":"a","action":"x:y"},{"binding":"a","action":"x:z"}]', ''),
					('3', 7, '', '', '', '', '', '', '', '[]', '{}', 'allowed', '', '', '', '', '', 1, '[{"binding":"a","action":"x:y"},{"binding":"gone","action":"x:y"}]', ''),
					('4', 2, '', '', '', '', '', '', '', '[]', '{}', 'allowed', '', '', '', '', '', 1, '[{"binding":"a","action":"x:y"}]', '');`)
			s, err := store.Open(t.Context(), url, options())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			var got []domain.BindingUse
			var since time.Time
			err = s.View(t.Context(), func(tx *store.Tx) error {
				if got, err = tx.BindingUses(t.Context(), []domain.BindingID{"a"}, micro(0)); err != nil {
					return err
				}
				since, err = tx.UsesSince(t.Context())
				return err
			})
			want := []domain.BindingUse{{Binding: "a", Action: "x:y", Done: 2, Last: micro(7)}, {Binding: "a", Action: "x:z", Done: 1, Last: micro(6)}}
			if diff := cmp.Diff(want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
			if ago := time.Since(since); ago < -time.Minute || ago > time.Hour {
				t.Errorf("the trail is trusted since %s", since)
			}
		})
	}
}
