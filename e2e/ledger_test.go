package e2e

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	_ "modernc.org/sqlite"             // the driver "sqlite"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/objects"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/invariants"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// ledger is a client that writes down what it was told: what was acknowledged
// must be there whatever happens to the server.
type ledger struct {
	*client

	mu     sync.Mutex
	book   invariants.Ledger
	exists map[string][]string // ids that were acknowledged, by table
}

// newLedger makes a key of its own for the client, which administers everything.
func newLedger(t testing.TB, s *server) *ledger {
	t.Helper()
	admin := signIn(t, s.Endpoint, s.ID, s.Secret)
	var key struct{ APIKeyCreate struct{ ID, Secret string } }
	admin.must(t, apiKeyCreate, vars{"input": vars{"name": "ledger", "admin": true, "teams": []string{}}}, &key)
	made := key.APIKeyCreate
	l := &ledger{client: signIn(t, s.Endpoint, made.ID, made.Secret), exists: map[string][]string{}}
	l.book = invariants.Ledger{Actor: domain.APIKeyID(made.ID).AuditName(), Acknowledged: map[string]string{}, InDoubt: map[string]int{}}
	return l
}

// errNoAnswer says that a request may have been carried out or not.
var errNoAnswer = errors.New("no answer")

// do sends a mutation whose answer is {field: {id}} and returns the id.
func (l *ledger) do(ctx context.Context, query string, v vars) (string, error) {
	field, _, _ := strings.Cut(query[strings.Index(query, "{")+1:], "(")
	request, id, err := l.send(ctx, query, v)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case errors.Is(err, errNoAnswer):
		l.book.InDoubt[field]++
	case err == nil:
		l.book.Acknowledged[request] = field
	}
	return id, err
}

func (l *ledger) send(ctx context.Context, query string, v vars) (request, id string, err error) {
	body, err := json.Marshal(map[string]any{"query": query, "variables": v})
	if err != nil {
		return "", "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, l.endpoint+"/graphql", bytes.NewReader(body))
	if err != nil {
		return "", "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+l.token)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", "", fmt.Errorf("%w: %w", errNoAnswer, err)
	}
	defer res.Body.Close()
	var answer struct {
		Data   map[string]struct{ ID string }
		Errors []*apiError
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusOK {
		return "", "", fmt.Errorf("%w: %s, %w", errNoAnswer, res.Status, err)
	}
	if len(answer.Errors) > 0 {
		if code := answer.Errors[0].Extensions.Code; code == "INTERNAL" || code == "UNAVAILABLE" {
			return "", "", fmt.Errorf("%w: %w", errNoAnswer, answer.Errors[0])
		}
		return "", "", answer.Errors[0]
	}
	for _, o := range answer.Data {
		id = o.ID
	}
	return res.Header.Get("X-Request-Id"), id, nil
}

// keep notes that an object was acknowledged.
func (l *ledger) keep(table, id string, err error) {
	if err == nil {
		l.mu.Lock()
		l.exists[table] = append(l.exists[table], id)
		l.mu.Unlock()
	}
}

// mix does random things until ctx ends, on a few stacks of its own.
func (l *ledger) mix(ctx context.Context, name string) {
	var stacks []string
	for n := 0; ctx.Err() == nil; n++ {
		unique := fmt.Sprint(name, "-", n)
		var err error
		var id string
		which := rand.IntN(12)
		if len(stacks) == 0 {
			which = 0
		}
		switch which {
		case 0:
			if len(stacks) >= 8 {
				continue
			}
			id, err = l.do(ctx, stackCreate, vars{"manageState": true, "input": vars{
				"name": unique, "space": "legacy", "provider": "GIT", "repository": unique, "repositoryURL": "https://git.example.com/a.git",
				"branch": "main", "administrative": false, "autodeploy": rand.IntN(2) == 0, "vendorConfig": vars{"opentofu": vars{}},
			}})
			if l.keep("stacks", id, err); err == nil {
				stacks = append(stacks, id)
			}
		case 1:
			id, err = l.do(ctx, spaceCreate, vars{"input": vars{"name": unique, "parentSpace": "root", "inheritEntities": true, "description": "", "labels": []string{}}})
			l.keep("spaces", id, err)
		case 2:
			id, err = l.do(ctx, `mutation($input:ContextInput!){contextCreateV2(input:$input){id}}`, vars{"input": vars{"name": unique, "space": "legacy"}})
			l.keep("contexts", id, err)
		case 3, 4:
			_, err = l.do(ctx, stackConfigAdd, vars{"stack": stacks[rand.IntN(len(stacks))], "config": vars{
				"id": strings.ReplaceAll(unique, "-", "_"), "type": "ENVIRONMENT_VARIABLE", "value": unique, "writeOnly": true,
			}})
			l.keep("config", strings.ReplaceAll(unique, "-", "_"), err)
		case 5, 6:
			_, err = l.do(ctx, `mutation($stack:ID!){runConfirm(stack:$stack){id}}`, vars{"stack": stacks[rand.IntN(len(stacks))]})
		case 7:
			_, err = l.do(ctx, `mutation($stack:ID!){runDiscard(stack:$stack){id}}`, vars{"stack": stacks[rand.IntN(len(stacks))]})
		default:
			id, err = l.do(ctx, runTrigger, vars{"stack": stacks[rand.IntN(len(stacks))]})
			l.keep("runs", id, err)
		}
		if errors.Is(err, errNoAnswer) {
			wait(ctx, 10*time.Millisecond) // the server is away
		}
	}
}

// databaseURL is what a server keeps its data in.
func (s *server) databaseURL(database string) string {
	if database == "sqlite" {
		return "sqlite:" + filepath.Join(s.data, "airlock.db")
	}
	return database
}

// pairs returns the rows of a query of two texts, joined by the first.
func pairs(t testing.TB, database, query string) map[string]string {
	t.Helper()
	driver, dsn := "pgx", database
	if file, ok := strings.CutPrefix(database, "sqlite:"); ok {
		driver, dsn = "sqlite", "file:"+file
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	out := map[string]string{}
	for rows.Next() {
		var key, value string
		if err := rows.Scan(&key, &value); err != nil {
			t.Fatal(err)
		}
		out[key] += value
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

// logsOf returns the whole log of each run of a database whose server has stopped.
func logsOf(t testing.TB, s *server, database string) map[string]string {
	t.Helper()
	opened := s.open(t, database)
	defer opened.Close()
	out := map[string]string{}
	for id := range pairs(t, database, "select id, '' from runs") {
		err := opened.View(t.Context(), func(tx *store.Tx) error {
			found, err := tx.RunLog(t.Context(), domain.RunID(id), "", -1, domain.LogPosition{Seq: -1}, 1<<30)
			if err != nil {
				return err
			}
			chunks, err := opened.OpenLog(t.Context(), found)
			for _, c := range chunks {
				out[id] += c.Body
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// open opens the database of a server that has stopped, with its key.
func (s *server) open(t testing.TB, database string) *store.Store {
	t.Helper()
	keys, err := secrets.LoadKeys(filepath.Join(s.data, "encryption.key"))
	if err != nil {
		t.Fatal(err)
	}
	options := store.Options{Sealer: secrets.NewBox(keys[0], keys[1:]...), IDs: &storetest.IDs{}}
	if s.objects != "" {
		if options.Objects, err = objects.Open(s.objects); err != nil {
			t.Fatal(err)
		}
	}
	opened, err := store.Open(t.Context(), database, options)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

// check is what must hold once the server is at rest: all that was
// acknowledged is there, and I1 to I5 hold.
func (l *ledger) check(t testing.TB, s *server, database string) {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	lost := 0
	for table, want := range l.exists {
		there := pairs(t, database, "select id, '.' from "+table)
		for _, id := range want {
			if there[id] == "" {
				lost++
				t.Errorf("%s of %s was acknowledged and is gone", id, table)
			}
		}
	}
	sound(t, s, database, &l.book)
	doubt := 0
	for _, n := range l.book.InDoubt {
		doubt += n
	}
	t.Logf("%d mutations acknowledged, %d without an answer, %d lost", len(l.book.Acknowledged), doubt, lost)
}

// sound checks the invariants of a database whose server has stopped.
func sound(t testing.TB, s *server, database string, book *invariants.Ledger) {
	t.Helper()
	opened := s.open(t, database)
	defer opened.Close()
	found, err := invariants.Check(t.Context(), database, invariants.Options{Ledger: book, StateBody: storetest.BodyOf(opened)})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}
