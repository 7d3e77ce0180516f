//go:build unix

package authzen_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/authz/worlds"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/account"
	"github.com/airlock-project/airlock/internal/authzen"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/httpserver"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/pgtest"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
	"github.com/airlock-project/airlock/internal/telemetry"
)

// benchSize is the world that the benchmarks ask about.
var benchSize = worlds.Size{
	Seed: 7, Spaces: 5_000, FanOut: 8, Depth: 8, Inherit: 70, Roles: 20,
	Groups: 500, Actors: 2_500, OwnBindings: 4, GroupsEach: 3, PerGroup: 2,
}

const benchStacks = 5_000

// benchServer is the real HTTP stack on loopback over a filled database.
type benchServer struct {
	address, token string
	world          authz.World
	stacks         []string
}

func eachServer(b *testing.B, run func(b *testing.B, s *benchServer)) {
	for _, d := range []struct {
		name string
		url  func() string
	}{
		{"sqlite", func() string { return "sqlite:" + filepath.Join(b.TempDir(), "airlock.db") }},
		{"postgres", func() string { return pgtest.URL(b) }},
	} {
		b.Run(d.name, func(b *testing.B) { run(b, newBenchServer(b, d.url())) })
	}
}

func newBenchServer(tb testing.TB, url string) *benchServer {
	tb.Helper()
	ids := &storetest.IDs{}
	db, err := store.Open(tb.Context(), url, store.Options{Sealer: secrets.NewBox(secrets.NewKey()), IDs: ids})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	gate := access.NewGate()
	var first account.Secrets
	if _, err := account.Create(tb.Context(), store.Bind[account.Tx](db), gate, ids, func(s account.Secrets) error { first = s; return nil }); err != nil {
		tb.Fatal(err)
	}
	s := &benchServer{world: worlds.New(benchSize)}
	s.fill(tb, db, gate, authz.ActorRef{Kind: authz.ActorAPIKey, ID: string(first.AdminKeyID)})

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	base := "http://" + listener.Addr().String()
	people, err := identity.New(tb.Context(), store.Bind[identity.Tx](db), gate, ids, time.Now, identity.Config{BaseURL: base, TokenTTL: time.Hour})
	if err != nil {
		tb.Fatal(err)
	}
	session, err := people.Exchange(tb.Context(), first.AdminKeyID, first.AdminKeySecret)
	if err != nil {
		tb.Fatal(err)
	}
	s.address, s.token = listener.Addr().String(), session.JWT
	log := slog.New(slog.DiscardHandler)
	door := authzen.NewHandler(store.Bind[authzen.Tx](db), gate, base, log)
	none := http.NotFoundHandler()
	srv := httptest.NewUnstartedServer(httpserver.Handler(httpserver.Parts{
		GraphQL: none, Workers: none, State: none, AuthZEN: door, AuthZENMetadata: door.Metadata(),
		Authenticate: people.Authenticate, Ready: db.Ping, NewID: ids.ULID, Metrics: telemetry.NewMetrics(), Log: log,
	}))
	srv.Listener = listener
	srv.Start()
	tb.Cleanup(srv.Close)
	return s
}

// fill writes the world into the database.
func (s *benchServer) fill(tb testing.TB, db *store.Store, gate *access.Gate, admin authz.ActorRef) {
	tb.Helper()
	ctx := access.WithCaller(tb.Context(), access.Caller{Subject: authz.Subject{Actor: admin}, Name: "test"})
	err := db.ChangeAccess(ctx, func(tx *store.Tx) error {
		p, err := gate.Account(ctx, tx, access.Op{Event: "test.fill", Object: access.Object{Kind: access.KindSpace, Noun: "space"}})
		if err != nil {
			return err
		}
		return s.insert(ctx, tx, p)
	})
	if err != nil {
		tb.Fatal(err)
	}
}

func (s *benchServer) insert(ctx context.Context, tx *store.Tx, p access.Permit) error {
	for _, sp := range s.world.Spaces[1:] {
		in := domain.Space{ID: domain.SpaceID(sp.ID), Parent: domain.SpaceID(sp.Parent), Name: sp.ID, Inherit: sp.Inherit, CreatedAt: tx.Now()}
		if err := tx.InsertSpace(ctx, p.For(access.KindSpace), in); err != nil {
			return err
		}
	}
	have, err := tx.Roles(ctx)
	if err != nil {
		return err
	}
	ids := map[string]domain.RoleID{}
	for _, r := range have {
		ids[r.Slug] = r.ID
	}
	byID := map[string]domain.RoleID{}
	for _, r := range s.world.Roles {
		if byID[r.ID] = ids[r.Slug]; byID[r.ID] != "" {
			continue
		}
		byID[r.ID] = domain.RoleID(r.ID)
		if err := tx.InsertRole(ctx, p.For(access.KindRole), domain.Role{ID: domain.RoleID(r.ID), Slug: r.Slug, Name: r.Slug, Actions: r.Actions.List(), CreatedAt: tx.Now()}); err != nil {
			return err
		}
	}
	for _, g := range s.world.Groups {
		if err := tx.InsertUserGroup(ctx, p.For(access.KindUserGroup), domain.UserGroup{ID: domain.UserGroupID(g.ID), Name: g.Name, CreatedAt: tx.Now()}); err != nil {
			return err
		}
	}
	for _, a := range s.world.Actors {
		if err := insertActor(ctx, tx, p, a); err != nil {
			return err
		}
	}
	once := map[domain.Binding]bool{}
	for _, b := range s.world.Bindings {
		in := domain.Binding{Actor: b.Actor, Role: byID[b.Role], Space: domain.SpaceID(b.Space)}
		if once[in] {
			continue
		}
		once[in] = true
		in.ID, in.CreatedAt = domain.BindingID(b.ID), tx.Now()
		if err := tx.InsertBinding(ctx, p.For(access.KindRoleBinding), in); err != nil {
			return err
		}
	}
	for i := range benchStacks {
		id := "stack-" + strconv.Itoa(i)
		s.stacks = append(s.stacks, id)
		st := domain.Stack{ID: domain.StackID(id), ULID: id, CreatedAt: tx.Now(), RunState: domain.RunNone, StateSetAt: tx.Now()}
		st.StackSettings = storetest.Settings(id, domain.SpaceID(s.world.Spaces[i%len(s.world.Spaces)].ID))
		if err := tx.InsertStack(ctx, p.For(access.KindStack), st); err != nil {
			return err
		}
	}
	return nil
}

func insertActor(ctx context.Context, tx *store.Tx, p access.Permit, a authz.Actor) error {
	if a.Ref.Kind == authz.ActorAPIKey {
		return tx.InsertAPIKey(ctx, p.For(access.KindAPIKey), domain.APIKey{ID: domain.APIKeyID(a.Ref.ID), Name: a.Ref.ID, Type: domain.APIKeySecret, Groups: a.Groups, CreatedAt: tx.Now()})
	}
	return tx.InsertUser(ctx, p.For(access.KindUser), domain.User{ID: domain.UserID(a.Ref.ID), Username: a.Ref.ID, State: domain.UserActive, Groups: a.Groups, CreatedAt: tx.Now()})
}

// requests are ready to be written to a connection: n of them, of so many
// questions each, about spaces or about stacks.
func (s *benchServer) requests(n, questions int, stacks bool) [][]byte {
	asked := worlds.Questions(s.world, 11, n*questions)
	src := rand.New(rand.NewPCG(1, 1))
	out := make([][]byte, n)
	for i := range out {
		var body strings.Builder
		path := authzen.PathEvaluation
		if questions > 1 {
			path = authzen.PathEvaluations
			body.WriteString(`{"evaluations":[`)
		}
		for j := range questions {
			if j > 0 {
				body.WriteByte(',')
			}
			q := asked[i*questions+j]
			kind, id := "space", q.Target.Space
			if stacks {
				kind, id = "stack", s.stacks[src.IntN(len(s.stacks))]
			}
			fmt.Fprintf(&body, `{"subject":{"type":%q,"id":%q},"action":{"name":%q},"resource":{"type":%q,"id":%q}}`,
				q.Subject.Actor.Kind, q.Subject.Actor.ID, q.Action, kind, id)
		}
		if questions > 1 {
			body.WriteString(`]}`)
		}
		out[i] = fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			path, s.address, s.token, body.Len(), body.String())
	}
	return out
}

// client is one kept-alive connection that costs as little as it can, because
// it shares the processors with the server.
type client struct {
	conn net.Conn
	in   *bufio.Reader
}

func (s *benchServer) dial(tb testing.TB) *client {
	tb.Helper()
	conn, err := (&net.Dialer{}).DialContext(tb.Context(), "tcp", s.address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return &client{conn, bufio.NewReaderSize(conn, 64<<10)}
}

var contentLength = []byte("Content-Length: ")

// ask sends one request and returns how many decisions came back.
func (c *client) ask(request []byte, questions int) error {
	if _, err := c.conn.Write(request); err != nil {
		return err
	}
	length := -1
	for first := true; ; first = false {
		line, err := c.in.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200")):
			return fmt.Errorf("answered %s", line)
		case bytes.HasPrefix(line, contentLength):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(line[len(contentLength):]))); err != nil {
				return err
			}
		}
		if len(line) == 2 {
			break
		}
	}
	body, err := c.in.Peek(min(length, c.in.Size()))
	if err != nil {
		return err
	}
	if n := bytes.Count(body, []byte(`"decision":`)); n != questions {
		return fmt.Errorf("%d decisions, want %d", n, questions)
	}
	_, err = c.in.Discard(length)
	return err
}

// load keeps connections busy until n requests are answered.
func (s *benchServer) load(b *testing.B, connections, n, questions int, requests [][]byte) {
	var all sync.WaitGroup
	for c := range connections {
		conn := s.dial(b)
		all.Go(func() {
			for i := c; i < n; i += connections {
				if err := conn.ask(requests[i%len(requests)], questions); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}

// pace sends requests at a fixed rate whether or not the answers keep up, and
// returns how long each took from the time that it was due.
func (s *benchServer) pace(b *testing.B, connections int, perSecond float64, last time.Duration, questions int, requests [][]byte) []time.Duration {
	each := time.Duration(float64(time.Second) * float64(connections) / perSecond)
	var mu sync.Mutex
	var took []time.Duration
	var all sync.WaitGroup
	start := time.Now().Add(20 * time.Millisecond)
	for c := range connections {
		conn := s.dial(b)
		all.Go(func() {
			var mine []time.Duration
			due := start.Add(each * time.Duration(c) / time.Duration(connections))
			for i := c; due.Sub(start) < last; i += connections {
				time.Sleep(time.Until(due))
				if err := conn.ask(requests[i%len(requests)], questions); err != nil {
					b.Error(err)
					return
				}
				mine = append(mine, time.Since(due))
				due = due.Add(each)
			}
			mu.Lock()
			took = append(took, mine...)
			mu.Unlock()
		})
	}
	all.Wait()
	slices.Sort(took)
	return took
}

// processorTime is what this process, clients and server, has used so far:
// unlike the rates it does not depend on what else the machine does.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAuthZEN measures decisions a second over HTTP on loopback, with the
// clients on the same processors, and then how long requests take at half the
// load that it should reach, or that it did reach where that is less.
func BenchmarkAuthZEN(b *testing.B) {
	eachServer(b, func(b *testing.B, s *benchServer) {
		for _, c := range []struct {
			name      string
			questions int
			stacks    bool
			bar       float64 // requests a second that it should reach at least
		}{
			{"spaces/single", 1, false, 15_000}, {"spaces/batch100", 100, false, 3_000},
			{"stacks/single", 1, true, 15_000}, {"stacks/batch100", 100, true, 3_000},
		} {
			requests := s.requests(2000/c.questions+100, c.questions, c.stacks)
			b.Run(c.name, func(b *testing.B) {
				const connections = 32
				s.load(b, connections, connections*10, c.questions, requests) // warm
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				cpu := processorTime(b)
				b.ResetTimer()
				s.load(b, connections, b.N, c.questions, requests)
				b.StopTimer()
				cpu = processorTime(b) - cpu
				runtime.ReadMemStats(&after)
				b.ReportMetric(float64(cpu.Nanoseconds())/1000/float64(b.N), "cpu-µs/request")
				rate := float64(b.N) / b.Elapsed().Seconds()
				b.ReportMetric(rate*float64(c.questions), "decisions/s")
				b.ReportMetric(float64(after.Mallocs-before.Mallocs)/float64(b.N), "allocs/request")
				b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/float64(b.N), "B/request")
				if b.N < 100 {
					return
				}
				took := s.pace(b, 64, min(rate, c.bar)/2, time.Second, c.questions, requests)
				if len(took) > 0 {
					b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-half-ms")
					b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-half-ms")
				}
			})
		}
	})
}
