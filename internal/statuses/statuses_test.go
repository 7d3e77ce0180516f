package statuses_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/gitcredentials"
	"github.com/airlock-project/airlock/internal/outbound"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/statuses"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
	"github.com/airlock-project/airlock/internal/vcs"
)

const token = "ghp_correct-horse-battery"

var commit = strings.Repeat("ab", 20)

// host plays a git host's API for statuses of commits.
type host struct {
	*httptest.Server
	mu     sync.Mutex
	got    []string // what was asked, in order
	bodies []map[string]string
	answer func(n int, w http.ResponseWriter) // nil: as GitHub does; n counts from 1
}

func newHost(t *testing.T) *host {
	t.Helper()
	h := &host{}
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]string
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		h.mu.Lock()
		if r.Header.Get("Authorization") != "Bearer "+token {
			t.Errorf("signed in by %q", r.Header.Get("Authorization"))
		}
		h.got = append(h.got, r.Method+" "+r.URL.Path+" "+body["state"]+" "+body["description"])
		h.bodies = append(h.bodies, body)
		answer, n := h.answer, len(h.got)
		h.mu.Unlock()
		if answer != nil {
			answer(n, w)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"id": 1}`))
	}))
	h.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0) // of clients that do not believe it
	t.Cleanup(h.Close)
	return h
}

func (h *host) asked() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.got)
}

func (h *host) answers(f func(n int, w http.ResponseWriter)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.answer = f
}

// bench is a stack whose repository is at a host, and a token for it.
type bench struct {
	*storetest.Kit
	*statuses.Service
	runs  *runs.Service
	keys  *gitcredentials.Service
	host  *host
	token domain.GitCredentialID
}

type tokens struct{}

func (tokens) RunToken(domain.Run) (string, error) { return "token", nil }

func each(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		b := &bench{Kit: k, host: newHost(t)}
		b.Service = b.sender(k.Store, outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Timeout: 5 * time.Second})
		b.runs = runs.New(store.Bind[runs.Tx](k.Store), access.NewGate(), k.IDs, tokens{}, runs.Config{BaseURL: "https://airlock.example.com"})
		b.keys = gitcredentials.New(store.Bind[gitcredentials.Tx](k.Store), access.NewGate(), k.IDs, vcs.CheckAccess)
		k.Stack(t, "web", "dev", func(st *domain.Stack) {
			st.Provider, st.RepositoryURL = domain.ProviderGit, b.host.URL+"/acme/infra.git"
		})
		b.token = b.keep(t, "apps", b.host.URL+"/acme")
		test(t, b)
	})
}

func (b *bench) sender(s *store.Store, o outbound.Options) *statuses.Service {
	o.Roots = x509.NewCertPool()
	o.Roots.AddCert(b.host.Certificate())
	return statuses.New(store.Bind[statuses.Tx](s), access.NewGate(),
		vcs.Statuses{Client: outbound.NewClient(o), BaseURL: "https://airlock.example.com"}.Set)
}

func (b *bench) keep(t *testing.T, space domain.SpaceID, prefix string) domain.GitCredentialID {
	t.Helper()
	name, secret := "statuses", token
	c, err := b.keys.Create(b.As(t, "root-admin"), gitcredentials.Input{
		Space: space, Kind: domain.GitStatusToken, Name: &name, Prefix: &prefix, Secret: &secret,
	})
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

// propose starts a proposed run of the commit.
func (b *bench) propose(t *testing.T, stack domain.StackID) domain.Run {
	t.Helper()
	run, err := b.runs.Trigger(b.As(t, "root-admin"), runs.TriggerInput{Stack: stack, Type: domain.RunProposed, Commit: commit})
	if err != nil {
		t.Fatal(err)
	}
	return run
}

// work takes the next run and reports states in turn.
func (b *bench) work(t *testing.T, states ...domain.RunState) domain.Run {
	t.Helper()
	a, err := b.runs.Lease(t.Context(), domain.PoolKey{Pool: domain.DefaultWorkerPool}, "worker-1", time.Millisecond)
	if err != nil || a == nil {
		t.Fatalf("leased %v, %v", a, err)
	}
	for _, to := range states {
		p := runs.Progress{To: to}
		if to == domain.RunInitializing {
			p.Commit = &domain.Commit{Hash: commit, Message: "change"}
		}
		if to == domain.RunFinished || to == domain.RunUnconfirmed {
			p.Delta = &domain.Delta{Added: 2, Changed: 1}
		}
		if err := b.runs.Advance(t.Context(), a.Lease, p); err != nil {
			t.Fatal(err)
		}
	}
	return a.Run
}

func (b *bench) send(t *testing.T) (taken int, given []domain.CommitStatus) {
	t.Helper()
	taken, given, err := b.SendDue(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return taken, given
}

func (b *bench) of(t *testing.T, run domain.RunID) []domain.CommitStatus {
	t.Helper()
	list, err := b.OfRun(b.As(t, "root-admin"), run)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

const at = "POST /api/v3/repos/acme/infra/statuses/"

// TestCommitStatusesTellHowARunGoes follows a tracked run and one that fails.
func TestCommitStatusesTellHowARunGoes(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		run, err := b.runs.Trigger(b.As(t, "root-admin"), runs.TriggerInput{Stack: "web"})
		if err != nil {
			t.Fatal(err)
		}
		b.send(t)
		if got := b.host.asked(); got != nil {
			t.Errorf("told before the commit is known: %v", got)
		}
		b.work(t, domain.RunInitializing, domain.RunPlanning, domain.RunUnconfirmed)
		b.send(t)
		if _, err := b.runs.Confirm(b.As(t, "root-admin"), "web", run.ID, ""); err != nil {
			t.Fatal(err)
		}
		b.work(t, domain.RunApplying, domain.RunFinished)
		b.propose(t, "web")
		b.work(t, domain.RunInitializing, domain.RunPlanning, domain.RunFailed)
		if taken, given := b.send(t); taken != 5 || given != nil {
			t.Errorf("took %d, gave up %v", taken, given)
		}
		want := []string{
			"pending Planning", "pending Waits for a decision: 2 to add, 1 to change, 0 to delete",
			"pending Applying: 2 to add, 1 to change, 0 to delete", "success Finished: 2 to add, 1 to change, 0 to delete",
			"pending Queued", "pending Planning", "failure Failed while planning",
		}
		for i := range want {
			want[i] = at + commit + " " + want[i]
		}
		if d := cmp.Diff(want, b.host.asked()); d != "" {
			t.Error(d)
		}
		first := b.host.bodies[0]
		if first["context"] != "airlock/web" || first["target_url"] != "https://airlock.example.com/stack/web/run/"+string(run.ID) {
			t.Errorf("told %v", first)
		}
		for _, s := range b.of(t, run.ID) {
			if s.SentAt.IsZero() || s.Attempts != 1 || !s.NextAt.IsZero() || s.Error != "" || s.Credential != b.token {
				t.Errorf("kept %+v", s)
			}
		}
		if taken, _ := b.send(t); taken != 0 {
			t.Error("sent again")
		}
	})
}

// TestCommitStatusesSpeakOfTheCommitAlone: what does something else than its
// commit says, or is not at a host with a token, tells nothing.
func TestCommitStatusesSpeakOfTheCommitAlone(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		admin := b.As(t, "root-admin")
		b.Stack(t, "shut-off", "prod", func(st *domain.Stack) { st.Provider, st.RepositoryURL = domain.ProviderGit, b.host.URL+"/acme/infra" })
		b.Stack(t, "other", "dev", func(st *domain.Stack) { st.Provider, st.RepositoryURL = domain.ProviderGit, b.host.URL+"/acme2/infra" })
		b.Stack(t, "deep", "dev", func(st *domain.Stack) { st.Provider, st.RepositoryURL = domain.ProviderGit, b.host.URL+"/acme/a/b" })
		b.Stack(t, "by-ssh", "dev", func(st *domain.Stack) {
			st.Provider, st.RepositoryURL = domain.ProviderGit, "git@127.0.0.1:acme/infra.git"
		})
		root := "x"
		configured, err := b.runs.Trigger(admin, runs.TriggerInput{Stack: "web", Type: domain.RunProposed, Commit: commit, Config: &domain.RuntimeConfig{ProjectRoot: &root}})
		if err != nil {
			t.Fatal(err)
		}
		task, err := b.runs.CreateTask(admin, runs.TaskInput{Stack: "web", Command: "true"})
		if err != nil {
			t.Fatal(err)
		}
		silent := []domain.RunID{configured.ID, task.ID, b.propose(t, "shut-off").ID, b.propose(t, "other").ID}
		for _, id := range silent {
			if list := b.of(t, id); len(list) > 0 {
				t.Errorf("run %s tells %v", id, list)
			}
		}
		ssh := b.propose(t, "by-ssh")
		b.send(t)
		if got, want := b.host.asked(), []string{at + commit + " pending Queued"}; !slices.Equal(got, want) {
			t.Errorf("asked %v, and %v is known", got, b.of(t, ssh.ID))
		}
		deep := b.propose(t, "deep")
		if _, given := b.send(t); len(given) != 1 || given[0].Run != deep.ID || !strings.Contains(given[0].Error, "OWNER/NAME") {
			t.Errorf("gave up %+v", given)
		}
	})
}

// TestCommitStatusesEndWithTheirStack: what a stack has begun to say of commits
// comes to an end at the git host when the stack is deleted, and what it has
// said and could not send yet still arrives.
func TestCommitStatusesEndWithTheirStack(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.propose(t, "web")
		b.work(t, domain.RunInitializing, domain.RunPlanning) // a worker is at it
		b.propose(t, "web")                                   // waits
		b.send(t)
		b.host.answers(func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) })
		b.propose(t, "web")
		done := b.work(t, domain.RunInitializing, domain.RunPlanning, domain.RunFinished)
		b.send(t)
		b.host.answers(nil)
		before := len(b.host.asked())
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.DeleteStack(ctx, p.For(access.KindStack), "web")
		})
		b.Stack(t, "web", "dev", nil) // another one of the same name changes nothing
		b.Clock.Advance(time.Minute)
		if taken, given := b.send(t); given != nil || taken == 0 {
			t.Errorf("took %d, gave up %v", taken, given)
		}
		after := map[string]int{}
		for _, what := range b.host.asked()[before:] {
			after[strings.TrimPrefix(what, at+commit+" ")]++
		}
		want := map[string]int{"error The stack was deleted": 2, "success Planned: 2 to add, 1 to change, 0 to delete": 1}
		for _, left := range []string{"pending Queued", "pending Planning"} { // of the run that has ended: before its end
			if after[left] > 1 {
				t.Errorf("%s: %d times", left, after[left])
			}
			delete(after, left)
		}
		if d := cmp.Diff(want, after); d != "" {
			t.Errorf("the host was told:\n%s", d)
		}
		if left := b.Rows(t, `select run_id from commit_statuses where next_at > 0`); len(left) != 0 {
			t.Errorf("left: %v, of %s", left, done.ID)
		}
		failed, err := b.Failed(b.As(t, "root-admin"), b.token)
		if err != nil || len(failed) != 0 {
			t.Errorf("failed %v, %v", failed, err)
		}
		b.Clock.Advance(domain.CommitStatusKept + time.Hour)
		if n, err := b.Sweep(t.Context()); err != nil || n == 0 || len(b.Rows(t, `select run_id from commit_statuses`)) != 0 {
			t.Errorf("swept %d, %v", n, err)
		}
	})
}

// moved gives the stack web another repository.
func (b *bench) moved(t *testing.T, change func(*domain.Stack)) {
	t.Helper()
	b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		st, err := tx.Stack(ctx, "web")
		if err != nil {
			return err
		}
		change(&st)
		return tx.UpdateStack(ctx, p.For(access.KindStack), st)
	})
}

// TestCommitStatusesStayWithTheirRepository: what a run has begun to say to one
// repository it ends there, sent or not, whatever its stack has now; what begins
// later goes to the new one.
func TestCommitStatusesStayWithTheirRepository(t *testing.T) {
	for name, c := range map[string]struct {
		change func(b *bench, st *domain.Stack)
		next   []string // what a run says that begins afterwards
	}{
		"URL": {func(b *bench, st *domain.Stack) { st.RepositoryURL = b.host.URL + "/acme/next" }, []string{
			"pending Queued", "pending Planning", "success Planned: 2 to add, 1 to change, 0 to delete",
		}},
		"provider": {func(_ *bench, st *domain.Stack) {
			st.Provider, st.RepositoryURL = domain.ProviderBuiltIn, ""
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bench) {
				said := b.propose(t, "web")
				b.send(t)
				b.host.answers(func(_ int, w http.ResponseWriter) { w.WriteHeader(http.StatusInternalServerError) })
				unsent := b.propose(t, "web")
				b.send(t)
				b.host.answers(nil)
				before := len(b.host.asked())
				b.moved(t, func(st *domain.Stack) { st.RepositoryURL = b.host.URL + "/acme/between" })
				b.moved(t, func(st *domain.Stack) { c.change(b, st) })
				for range 2 {
					b.work(t, domain.RunInitializing, domain.RunPlanning, domain.RunFinished)
				}
				b.Clock.Advance(time.Minute)
				if _, given := b.send(t); given != nil {
					t.Errorf("gave up %v", given)
				}
				planned := "success Planned: 2 to add, 1 to change, 0 to delete"
				want := []string{"pending Queued", "pending Planning", planned, "pending Planning", planned}
				got := b.host.asked()[before:]
				slices.Sort(got)
				for i := range want {
					want[i] = at + commit + " " + want[i]
				}
				slices.Sort(want)
				if d := cmp.Diff(want, got); d != "" {
					t.Errorf("the first repository was told, of %s and %s:\n%s", said.ID, unsent.ID, d)
				}
				before = len(b.host.asked())
				b.propose(t, "web")
				b.work(t, domain.RunInitializing, domain.RunPlanning, domain.RunFinished)
				b.send(t)
				var next []string
				for _, what := range c.next {
					next = append(next, strings.Replace(at, "infra", "next", 1)+commit+" "+what)
				}
				if d := cmp.Diff(next, slices.Clip(b.host.asked()[before:]), cmpopts.EquateEmpty()); d != "" {
					t.Errorf("the next one was told:\n%s", d)
				}
			})
		})
	}
}

// TestCommitStatusesEndWhereTheyBegan: also where the stack is deleted after it got
// another repository, and however long the run was left alone.
func TestCommitStatusesEndWhereTheyBegan(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.propose(t, "web")
		b.send(t)
		b.Clock.Advance(domain.CommitStatusKept + time.Hour)
		if n, err := b.Sweep(t.Context()); err != nil || n != 0 {
			t.Errorf("forgot %d of a run that has more to say, %v", n, err)
		}
		b.moved(t, func(st *domain.Stack) { st.RepositoryURL = b.host.URL + "/acme/next" })
		b.propose(t, "web")
		b.send(t)
		before := len(b.host.asked())
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.DeleteStack(ctx, p.For(access.KindStack), "web")
		})
		b.send(t)
		got := b.host.asked()[before:]
		slices.Sort(got)
		end := commit + " error The stack was deleted"
		if d := cmp.Diff([]string{at + end, strings.Replace(at, "infra", "next", 1) + end}, got); d != "" {
			t.Error(d)
		}
	})
}

// TestCommitStatusesOfAStackInASpaceThatIsGone are given up, and hold up no others.
func TestCommitStatusesOfAStackInASpaceThatIsGone(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.propose(t, "web")
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			return tx.DeleteStack(ctx, p.For(access.KindStack), "web")
		})
		if err := b.Exec(t, `update commit_statuses set gone = replace(gone, '"dev"', '"nowhere"')`); err != nil {
			t.Fatal(err)
		}
		if taken, given := b.send(t); taken != 0 || len(given) == 0 {
			t.Errorf("took %d, gave up %v", taken, given)
		}
	})
}
