//go:build unix

package graphql

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/account"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/pgtest"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// searchBench is the API over a database with many stacks.
type searchBench struct {
	*world
	resolver *Resolver
	actors   map[string][]authz.ActorRef
	stacks   int
}

// benchStacks returns how many stacks to search and the world around them:
// 10,000 in 1,000 spaces, or world L with as many as AIRLOCK_BENCH_STACKS says.
func benchStacks(b *testing.B) (int, worlds.Size) {
	b.Helper()
	given := os.Getenv("AIRLOCK_BENCH_STACKS")
	if given == "" {
		size := worlds.SizeL
		size.Spaces, size.Groups, size.Actors = 1_000, 50, 500
		return 10_000, size
	}
	n, err := strconv.Atoi(given)
	must(b, err)
	return n, worlds.SizeL
}

// manyStacks makes stacks whose spaces, names and settings are spread.
func manyStacks(w authz.World, n int) iter.Seq[domain.Stack] {
	return func(yield func(domain.Stack) bool) {
		src := rand.New(rand.NewPCG(5, 5))
		apps := []string{"billing", "checkout", "search", "mail", "gateway", "ledger", "reports", "identity", "media", "edge"}
		stages := []string{"dev", "staging", "prod"}
		states := []domain.RunState{domain.RunNone, domain.RunFinished, domain.RunFinished, domain.RunFailed, domain.RunUnconfirmed}
		start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
		for i := range n {
			app, stage := apps[src.IntN(len(apps))], stages[src.IntN(len(stages))]
			at := start.Add(time.Duration(i) * 10 * time.Second)
			st := domain.Stack{
				ID: domain.StackID(fmt.Sprintf("%s-%s-%d", app, stage, i)), ULID: fmt.Sprintf("01K%023d", i), ManagesState: true,
				CreatedAt: at, StateSetAt: at.Add(time.Hour), RunState: states[src.IntN(len(states))],
			}
			st.StackSettings = domain.StackSettings{
				Name: fmt.Sprintf("%s %s %d", strings.ToUpper(app[:1])+app[1:], stage, src.IntN(n)), Description: "Everything that " + app + " needs in " + stage,
				Labels: []string{stage, "team:" + strconv.Itoa(src.IntN(200)), "tier:" + strconv.Itoa(src.IntN(4))},
				Space:  domain.SpaceID(w.Spaces[src.IntN(len(w.Spaces))].ID), Provider: domain.ProviderGit, Branch: "main", Repository: "infra-" + strconv.Itoa(src.IntN(max(n/50, 1))),
				RepositoryURL: "https://git.example.com/infra.git", ProjectRoot: "stacks/" + app, Vendor: domain.Vendor{OpenTofu: &domain.TofuVendor{Version: "1.10.0"}},
				Hooks: domain.Hooks{BeforeInit: []string{"make prepare"}},
			}
			if i == n/2 {
				st.Description = "the needle"
			}
			if !yield(st) {
				return
			}
		}
	}
}

func newSearchBench(b *testing.B, dir, url string) *searchBench {
	b.Helper()
	key, err := secrets.LoadOrCreateKey(filepath.Join(dir, "key"))
	must(b, err)
	n, size := benchStacks(b)
	w := worlds.New(size)
	open := func() *store.Store {
		db, err := store.Open(context.Background(), url, store.Options{Sealer: secrets.NewBox(key), IDs: testIDs{}})
		must(b, err)
		return db
	}
	db := open()
	var first account.Secrets
	made, err := account.Create(context.Background(), store.Bind[account.Tx](db), access.NewGate(), testIDs{}, func(s account.Secrets) error { first = s; return nil })
	must(b, err)
	admin := authz.ActorRef{Kind: authz.ActorAPIKey, ID: string(first.AdminKeyID)}
	if made {
		must(b, db.Close())
		start := time.Now()
		storetest.Load(b, url, w, manyStacks(w, n))
		b.Logf("loaded %d stacks in %d spaces in %s", n, len(w.Spaces), time.Since(start).Round(time.Second))
		db = open()
	}
	b.Cleanup(func() { _ = db.Close() })
	gate := access.NewGate()
	r := realResolver(b, db, gate, testIDs{}, time.Now)
	s := &searchBench{world: worldOver(b, r, admin.ID), resolver: r, actors: map[string][]authz.ActorRef{}, stacks: n}
	must(b, db.View(b.Context(), func(tx *store.Tx) error {
		m, err := gate.Moment(b.Context(), tx)
		if err != nil {
			return err
		}
		for _, a := range w.Actors {
			share := m.Snapshot.Spaces(authz.Subject{Actor: a.Ref}, authz.ActionSpaceRead, tx.Now())
			switch n := share.Len(); {
			case share.All:
				s.add("everything", a.Ref)
			case n >= 120 && n <= 140:
				s.add("130 spaces", a.Ref)
			case n >= len(w.Spaces)/100 && n <= len(w.Spaces)/50:
				s.add("1 to 2 %", a.Ref)
			case n >= len(w.Spaces)/20:
				s.add("5 % and more", a.Ref)
			}
		}
		return nil
	}))
	if s.actors["everything"] == nil {
		s.actors["everything"] = []authz.ActorRef{admin}
	}
	return s
}

func (s *searchBench) add(group string, who authz.ActorRef) {
	if len(s.actors[group]) < 200 {
		s.actors[group] = append(s.actors[group], who)
	}
}

// BenchmarkSearchStacks asks for pages of stacks as the CLI does, each time as
// another actor, and says how long half and all but a hundredth took at most.
func BenchmarkSearchStacks(b *testing.B) {
	for _, d := range []struct {
		name string
		url  func(b *testing.B, dir string) string
	}{
		{"sqlite", func(_ *testing.B, dir string) string { return "sqlite:" + filepath.Join(dir, "airlock.db") }},
		{"postgres", func(b *testing.B, _ string) string { return pgtest.URL(b) }},
	} {
		b.Run(d.name, func(b *testing.B) {
			dir := os.Getenv("AIRLOCK_BENCH_DIR") // keeps an embedded database for the next time
			if dir == "" {
				dir = b.TempDir()
			}
			s := newSearchBench(b, dir, d.url(b, dir))
			for _, c := range searchCases(s.stacks) {
				for _, group := range c.by {
					b.Run(group+"/"+c.name, func(b *testing.B) { s.measure(b, group, c) })
				}
			}
			b.Run("130 spaces/all listed, sorted and cut here", s.listed)
		})
	}
}

// listed is what the first page costs where the stacks are listed and then
// searched outside the database.
func (s *searchBench) listed(b *testing.B) {
	actors := s.actors["130 spaces"]
	var took []time.Duration
	used := processorTime(b)
	for i := 0; b.Loop(); i++ {
		who := actors[i%len(actors)]
		ctx := access.WithCaller(b.Context(), access.Caller{Name: who.ID, Subject: authz.Subject{Actor: who}})
		start := time.Now()
		list, err := s.resolver.Stacks.List(ctx)
		must(b, err)
		_, _, err = sample.page(list, generated.SearchInput{})
		must(b, err)
		took = append(took, time.Since(start))
	}
	report(b, took, used)
}

type searchCase struct {
	name  string
	input vars
	by    []string
	query string // what is selected of a stack, if not what the CLI shows
}

func searchCases(stacks int) []searchCase {
	all := []string{"130 spaces", "1 to 2 %", "5 % and more", "everything"}
	ends := []string{"130 spaces", "everything"}
	by := func(field, direction string) vars {
		return vars{"orderBy": vars{"field": field, "direction": direction}}
	}
	having := func(field, value string) vars {
		return vars{"predicates": []any{vars{"field": field, "constraint": vars{"stringMatches": []any{value}}}}}
	}
	return []searchCase{
		{"by name", vars{}, all, ""},
		{"by name, few fields", vars{}, all, "{id name state space labels}"},
		{"starred first", by("starred", "DESC"), ends, ""},
		{"newest first", by("createdAt", "DESC"), all, ""},
		{"by branch", by("branch", "ASC"), ends, ""},
		{"page in the middle", vars{"after": position{"ledger", ""}.cursor()}, ends, ""},
		{"frequent label", having("label", "prod"), ends, ""},
		{"rare label", having("label", "team:7"), ends, ""},
		{"repository", having("repository", "infra-17"), ends, ""},
		{"failed", having("state", "FAILED"), ends, ""},
		{"frequent word", vars{"fullTextSearch": "billing prod"}, ends, ""},
		{"one word in all", vars{"fullTextSearch": "needle"}, ends, ""},
	}
}

// processorTime is what this process has used so far: unlike the time that a
// search takes it does not depend on what else the machine does.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	must(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func (s *searchBench) measure(b *testing.B, group string, c searchCase) {
	actors := s.actors[group]
	if len(actors) == 0 {
		b.Skip("no actor of this world")
	}
	c.input["first"] = 50
	query := s.documents["spacectl_stacks"]
	if c.query != "" {
		query = "query Search($input: SearchInput!) {searchStacks(input: $input) {edges{node" + c.query + "} pageInfo{endCursor hasNextPage}}}"
	}
	body, err := json.Marshal(vars{"query": query, "operationName": "Search", "variables": vars{"input": c.input}})
	must(b, err)
	ask := func(i int) time.Duration {
		who := actors[i%len(actors)]
		ctx := access.WithCaller(b.Context(), access.Caller{Name: who.ID, Subject: authz.Subject{Actor: who}})
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/graphql", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		start := time.Now()
		s.handler.ServeHTTP(w, r)
		took := time.Since(start)
		if bytes.Contains(w.Body.Bytes(), []byte(`"code":"UNAVAILABLE"`)) {
			b.Skip("took more than ten seconds")
		}
		if !bytes.HasPrefix(w.Body.Bytes(), []byte(`{"data":{"searchStacks":{`)) {
			b.Fatal(w.Body)
		}
		return took
	}
	ask(0)
	b.ReportAllocs()
	b.ResetTimer()
	used := processorTime(b)
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		took = append(took, ask(i))
	}
	report(b, took, used)
}

// report says how long half and all but a hundredth took at most, and the
// time of the processors since used.
func report(b *testing.B, took []time.Duration, used time.Duration) {
	b.Helper()
	b.ReportMetric(float64((processorTime(b)-used).Microseconds())/1000/float64(len(took)), "cpu-ms/op")
	slices.Sort(took)
	for name, at := range map[string]int{"p50-ms": len(took) / 2, "p99-ms": len(took) * 99 / 100} {
		b.ReportMetric(float64(took[at].Microseconds())/1000, name)
	}
}
