package graphql

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/account"
	"github.com/airlock-project/airlock/internal/audit"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/dependencies"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/gitcredentials"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/insight"
	"github.com/airlock-project/airlock/internal/pushhooks"
	"github.com/airlock-project/airlock/internal/repos"
	"github.com/airlock-project/airlock/internal/roles"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/schedules"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/spaces"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/states"
	"github.com/airlock-project/airlock/internal/statuses"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/workers"

	"github.com/oklog/ulid/v2"
)

// world is the API over the real use cases and a real database, for the flows
// of the clients. Documents come from testdata/documents.
type world struct {
	*client
	documents map[string]string
}

type testIDs struct{}

func (testIDs) ULID() string { return ulid.Make().String() }

func newWorld(t testing.TB) *world {
	t.Helper()
	w, _ := newWorldOver(t)
	return w
}

// newWorldOver is newWorld, for tests that put into its database what no client
// can.
func newWorldOver(t testing.TB) (*world, *store.Store) {
	t.Helper()
	ctx := context.Background()
	key, err := secrets.LoadOrCreateKey(filepath.Join(t.TempDir(), "key"))
	must(t, err)
	db, err := store.Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "airlock.db"),
		store.Options{Sealer: secrets.NewBox(key), IDs: testIDs{}, Now: time.Now})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	gate := access.NewGate()
	var first account.Secrets
	_, err = account.Create(ctx, store.Bind[account.Tx](db), gate, testIDs{}, func(s account.Secrets) error { first = s; return nil })
	must(t, err)
	return worldOver(t, realResolver(t, db, gate, testIDs{}, time.Now), string(first.AdminKeyID)), db
}

// realResolver is the use cases over a database, wired as the server does it.
func realResolver(t testing.TB, db *store.Store, gate *access.Gate, ids domain.IDSource, now func() time.Time) *Resolver {
	t.Helper()
	id, err := identity.New(context.Background(), store.Bind[identity.Tx](db), gate, ids, now,
		identity.Config{BaseURL: "http://airlock.test", TokenTTL: time.Hour})
	must(t, err)
	kept := states.New(store.Bind[states.Tx](db), gate, ids)
	kept.Transfers = states.Transfers{BaseURL: "http://airlock.test", New: identity.NewSecret, Hash: identity.HashSecret}
	return &Resolver{
		AccountName:    "acme",
		States:         kept,
		Parallelism:    2,
		Account:        account.NewSettings(store.Bind[account.SettingsTx](db), gate),
		Identity:       id,
		Spaces:         spaces.New(store.Bind[spaces.Tx](db), gate, ids),
		Roles:          roles.New(store.Bind[roles.Tx](db), gate, ids),
		Bindings:       bindings.New(store.Bind[bindings.Tx](db), gate, ids),
		Stacks:         stacks.New(store.Bind[stacks.Tx](db), gate, ids, func(string, string) error { return nil }),
		Contexts:       contexts.New(store.Bind[contexts.Tx](db), gate, ids),
		Repos:          repos.New(store.Bind[repos.Tx](db), gate, ids),
		GitCredentials: gitcredentials.New(store.Bind[gitcredentials.Tx](db), gate, ids, func(domain.GitAccess) error { return nil }),
		PushHooks:      pushhooks.New(store.Bind[pushhooks.Tx](db), gate, ids, pushhooks.Config{BaseURL: "http://airlock.test", Secret: identity.SigningSecret}),
		Runs: runs.New(store.Bind[runs.Tx](db), gate, ids, id, runs.Config{
			BaseURL: "http://airlock.test", Uploads: runs.UploadTokens{New: identity.NewSecret, Hash: identity.HashSecret},
		}),
		Insight: insight.New(store.Bind[insight.Tx](db), gate),
		Audit:   audit.New(store.Bind[audit.Tx](db), gate),
		Workers: workers.New(store.Bind[workers.Tx](db), gate, ids,
			workers.Tokens{New: identity.NewSecret, Hash: identity.HashSecret}, "http://airlock.test"),
		Dependencies: dependencies.New(store.Bind[dependencies.Tx](db), gate, ids),
		Schedules:    schedules.New(store.Bind[schedules.Tx](db), gate, ids),
		Statuses:     statuses.New(store.Bind[statuses.Tx](db), gate, nil),
	}
}

// worldOver is a world over a resolver, asked with the key of its first admin.
func worldOver(t testing.TB, r *Resolver, admin string) *world {
	t.Helper()
	log := slog.New(slog.NewTextHandler(testWriter{t}, nil))
	w := &world{
		client:    &client{t: t, handler: NewHandler(NewSchema(r), DefaultLimits(), log)},
		documents: readDocuments(t),
	}
	return w.as(admin)
}

// testWriter shows what the server logs next to the test that caused it.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func readDocuments(t testing.TB) map[string]string {
	t.Helper()
	files, err := filepath.Glob("testdata/documents/*.graphql")
	must(t, err)
	out := map[string]string{}
	for _, f := range files {
		text, err := os.ReadFile(f)
		must(t, err)
		base := filepath.Base(f)
		out[base[:len(base)-len(".graphql")]] = string(text)
	}
	return out
}

// as is the same world, asked with another API key.
func (w *world) as(key string) *world {
	other := *w.client
	other.caller = &access.Caller{
		Name:    domain.APIKeyID(key).AuditName(),
		Subject: authz.Subject{Actor: authz.ActorRef{Kind: authz.ActorAPIKey, ID: key}},
	}
	return &world{client: &other, documents: w.documents}
}

// run sends one operation of a document file.
func (w *world) run(file, operation string, variables map[string]any) answer {
	w.t.Helper()
	document, ok := w.documents[file]
	if !ok {
		w.t.Fatalf("no document %s", file)
	}
	body, err := json.Marshal(map[string]any{"query": document, "operationName": operation, "variables": variables})
	must(w.t, err)
	return w.post(string(body))
}

// do is run for an operation that must succeed; it returns its only field.
func (w *world) do(file, operation string, variables map[string]any) map[string]any {
	w.t.Helper()
	a := w.run(file, operation, variables)
	if len(a.Errors) > 0 {
		w.t.Fatalf("%s %s: %s", file, operation, a.raw)
	}
	for _, v := range a.Data {
		object, _ := v.(map[string]any)
		return object
	}
	return nil
}

// id is the id of what a creation answers.
func id(object map[string]any) string {
	s, _ := object["id"].(string)
	return s
}
