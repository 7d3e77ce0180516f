package insight_test

import (
	"context"
	"database/sql"
	"iter"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/account"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/insight"
	"github.com/airlock-project/airlock/internal/pgtest"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/spaces"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// large is the world that the speed of escalation paths is stated on, in a
// database.
type large struct {
	*insight.Service
	store *store.Store
	gate  *access.Gate
	world authz.World
	admin context.Context //nolint:containedctx // of the one who asks
}

func newLarge(b *testing.B, url string) *large {
	b.Helper()
	l := &large{gate: access.NewGate()}
	var estate authz.Estate
	l.world, estate = worlds.Estate(worlds.SizePaths)
	box := secrets.NewBox(secrets.NewKey())
	open := func() *store.Store {
		db, err := store.Open(b.Context(), url, store.Options{Sealer: box, IDs: &storetest.IDs{}})
		must(b, err)
		return db
	}
	db := open()
	_, err := account.Create(b.Context(), store.Bind[account.Tx](db), access.NewGate(), &storetest.IDs{}, func(s account.Secrets) error {
		who := authz.ActorRef{Kind: authz.ActorAPIKey, ID: string(s.AdminKeyID)}
		l.admin = access.WithCaller(context.Background(), access.Caller{Subject: authz.Subject{Actor: who}, Name: "admin"})
		return nil
	})
	must(b, err)
	must(b, db.Close())
	storetest.Load(b, url, l.world, stacksOf(estate))
	loadUses(b, url, estate)
	l.store = open()
	b.Cleanup(func() { _ = l.store.Close() })
	l.Service = insight.New(store.Bind[insight.Tx](l.store), l.gate)
	return l
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// stacksOf are the stacks of an estate.
func stacksOf(e authz.Estate) iter.Seq[domain.Stack] {
	return func(yield func(domain.Stack) bool) {
		for i, u := range e.Stacks {
			st := domain.Stack{ID: domain.StackID(u.ID), ULID: strconv.Itoa(i), RunState: domain.RunNone}
			st.Name, st.Space = u.ID, domain.SpaceID(u.Space)
			if u.Repo != "" {
				st.Provider, st.Repository = domain.ProviderBuiltIn, u.Repo
			}
			for _, x := range u.Uses {
				if x.Kind == authz.EntityWorkerPool {
					st.WorkerPool = domain.WorkerPoolID(x.ID)
				}
			}
			if !yield(st) {
				return
			}
		}
	}
}

// loadUses writes contexts, worker pools, repositories and what is attached.
func loadUses(b *testing.B, url string, e authz.Estate) {
	b.Helper()
	driver, dsn := "pgx", url
	if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+file
	}
	db, err := sql.Open(driver, dsn)
	must(b, err)
	defer func() { _ = db.Close() }()
	tx, err := db.BeginTx(b.Context(), nil)
	must(b, err)
	exec := func(q string, args ...any) {
		_, err := tx.ExecContext(b.Context(), q, args...)
		must(b, err)
	}
	for _, o := range e.Objects {
		switch o.Entity.Kind {
		case authz.EntityContext:
			exec(`insert into contexts (id, space_id, name, description, labels, hooks, created_at, updated_at) values ($1, $2, $3, '', '[]', '{}', 0, 0)`, o.Entity.ID, o.Space, o.Entity.ID)
		case authz.EntityRepo:
			exec(`insert into repos (id, space_id, name, description, labels, checks, is_default, created_at, updated_at) values ($1, $2, $3, '', '[]', 'ALL', false, 0, 0)`, o.Entity.ID, o.Space, o.Entity.ID)
		default:
			exec(`insert into worker_pools (id, name, token_hash, created_at, space_id) values ($1, $2, $3, 0, $4)`, o.Entity.ID, o.Entity.ID, []byte(o.Entity.ID), o.Space)
		}
	}
	n := 0
	for _, u := range e.Stacks {
		for _, x := range u.Uses {
			if x.Kind == authz.EntityContext {
				n++
				exec(`insert into context_attachments (id, context_id, stack_id, priority) values ($1, $2, $3, 0)`, strconv.Itoa(n), x.ID, u.ID)
			}
		}
	}
	must(b, tx.Commit())
}

func onBoth(b *testing.B, run func(b *testing.B, l *large)) {
	b.Run("sqlite", func(b *testing.B) { run(b, newLarge(b, "sqlite:"+filepath.Join(b.TempDir(), "airlock.db"))) })
	b.Run("postgres", func(b *testing.B) { run(b, newLarge(b, pgtest.URL(b))) })
}

// BenchmarkPaths is who can come to administer root: the first answer, the
// snapshot apart, and further ones.
func BenchmarkPaths(b *testing.B) {
	onBoth(b, func(b *testing.B, l *large) {
		q := insight.PathsInput{To: on("space/root"), Role: "space-admin", First: 50}
		ask := func() {
			p, err := l.Paths(l.admin, q)
			if err != nil || p.Actors == 0 {
				b.Fatal(err, p.Actors)
			}
		}
		ask()
		b.Run("cold", func(b *testing.B) {
			for b.Loop() {
				l.Service = insight.New(store.Bind[insight.Tx](l.store), l.gate)
				ask()
			}
		})
		b.Run("warm", func(b *testing.B) {
			for b.Loop() {
				ask()
			}
		})
	})
}

// BenchmarkPreview tries a binding and a move of a space out, without and with
// escalation paths.
func BenchmarkPreview(b *testing.B) {
	onBoth(b, func(b *testing.B, l *large) {
		grants := bindings.New(store.Bind[bindings.Tx](l.store), l.gate, tryIDs{})
		tree := spaces.New(store.Bind[spaces.Tx](l.store), l.gate, &storetest.IDs{})
		leaf := l.world.Spaces[len(l.world.Spaces)-1]
		for _, c := range []struct {
			name string
			do   func(ctx context.Context) error
		}{
			{"bind", func(ctx context.Context) error {
				_, err := grants.Create(ctx, bindings.Grant{Actor: l.world.Actors[len(l.world.Actors)-1].Ref, Input: bindings.Input{
					Role: "space-writer", Space: domain.SpaceID(leaf.ID), NotAfter: time.Now().Add(time.Hour)}})
				return err
			}},
			{"inherit", func(ctx context.Context) error {
				_, err := tree.Update(ctx, domain.SpaceID(leaf.ID), spaces.Input{Name: leaf.ID, Parent: domain.SpaceID(leaf.Parent), Inherit: !leaf.Inherit})
				return err
			}},
		} {
			for _, paths := range []bool{false, true} {
				b.Run(c.name+map[bool]string{true: " with paths"}[paths], func(b *testing.B) {
					for b.Loop() {
						p, err := l.Preview(l.admin, insight.PreviewInput{Changes: []insight.Change{{Do: c.do}}, Paths: paths, First: 50})
						if err != nil || p.Refusals != nil {
							b.Fatal(err, p.Refusals)
						}
					}
				})
			}
		}
	})
}

// tryIDs gives the id of the one binding that is tried out.
type tryIDs struct{}

func (tryIDs) ULID() string { return "01K0TR1ED0000000000000TEST" }
