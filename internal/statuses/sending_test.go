package statuses_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/gitcredentials"
	"github.com/airlock-project/airlock/internal/outbound"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

// TestCommitStatusesAreTriedAgainInTime: what a host does not take is sent again,
// ever later, in order, and given up after a day, with its reason to be seen.
func TestCommitStatusesAreTriedAgainInTime(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.host.answers(func(_ int, w http.ResponseWriter) { http.Error(w, "down: "+token, http.StatusInternalServerError) })
		run := b.propose(t, "web")
		b.work(t, domain.RunInitializing, domain.RunPlanning, domain.RunFinished)
		b.send(t)
		if got := b.host.asked(); len(got) != 1 { // the second one waits for the first
			t.Fatalf("asked %v", got)
		}
		first := b.of(t, run.ID)[0]
		if wait := first.NextAt.Sub(b.Clock.Now()); wait != 5*time.Second || first.Error != "127.0.0.1:"+port(b)+" could not take the status (500)" {
			t.Errorf("%+v waits %v", first, wait)
		}
		var waits []time.Duration
		var given []domain.CommitStatus
		for given == nil {
			next := b.of(t, run.ID)[0].NextAt
			waits = append(waits, next.Sub(b.Clock.Now()))
			b.Clock.Advance(next.Sub(b.Clock.Now()) - time.Second)
			if n := len(b.host.asked()); n != len(waits) {
				t.Fatalf("sent %d times after %v", n, waits)
			}
			b.send(t)
			if n := len(b.host.asked()); n != len(waits) {
				t.Fatalf("sent too early, after %v", waits)
			}
			b.Clock.Advance(time.Second)
			_, given = b.send(t)
		}
		if !slices.IsSorted(waits) || waits[len(waits)-1] != 30*time.Minute || len(waits) < 50 || len(waits) > 70 {
			t.Errorf("%d attempts, %v apart", len(waits), waits)
		}
		// All of the run are too old by then, and fail once each.
		for _, s := range b.of(t, run.ID) {
			if !s.NextAt.IsZero() || !s.SentAt.IsZero() || s.Error == "" {
				t.Errorf("not given up: %+v", s)
			}
		}
		failed, err := b.Failed(b.As(t, "will"), b.token)
		if err != nil || len(failed) != 3 {
			t.Errorf("a writer below sees %v, %v", failed, err)
		}
		for _, hidden := range []string{"rita", "nobody"} {
			if list, err := b.Failed(b.As(t, hidden), b.token); domain.ErrorCode(err) != domain.CodeNotFound {
				t.Errorf("%s sees %v, %v", hidden, list, err)
			}
			if list, err := b.OfRun(b.As(t, hidden), run.ID); domain.ErrorCode(err) != domain.CodeNotFound {
				t.Errorf("%s sees %v, %v", hidden, list, err)
			}
		}
		b.host.answers(nil)
		b.Clock.Advance(time.Hour)
		if taken, _ := b.send(t); taken != 0 {
			t.Error("what was given up is sent")
		}
		b.Clock.Advance(domain.CommitStatusKept)
		if n, err := b.Sweep(t.Context()); err != nil || n != 3 || len(b.of(t, run.ID)) != 0 {
			t.Errorf("forgot %d, %v", n, err)
		}
	})
}

func port(b *bench) string { return b.host.URL[strings.LastIndex(b.host.URL, ":")+1:] }

// TestCommitStatusesByWhatTheHostAnswers says what is tried again and what not.
func TestCommitStatusesByWhatTheHostAnswers(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		elsewhere := newHost(t)
		for name, c := range map[string]struct {
			answer func(w http.ResponseWriter)
			wait   time.Duration // 0: given up
			says   string
		}{
			"wrong token":    {func(w http.ResponseWriter) { w.WriteHeader(401) }, 5 * time.Second, "token (401)"},
			"forbidden":      {func(w http.ResponseWriter) { w.WriteHeader(403) }, 5 * time.Second, "(403)"},
			"too many":       {func(w http.ResponseWriter) { w.Header().Set("Retry-After", "120"); w.WriteHeader(429) }, 2 * time.Minute, "(429)"},
			"far too many":   {func(w http.ResponseWriter) { w.Header().Set("Retry-After", "9999999"); w.WriteHeader(403) }, time.Hour, "(403)"},
			"not there":      {func(w http.ResponseWriter) { w.WriteHeader(404) }, 5 * time.Second, "(404)"},
			"no such commit": {func(w http.ResponseWriter) { w.WriteHeader(422) }, 0, "(422)"},
			"odd":            {func(w http.ResponseWriter) { w.WriteHeader(418) }, 0, "(418)"},
			"not created":    {func(w http.ResponseWriter) { w.WriteHeader(200) }, 0, "(200)"},
			"moved": {func(w http.ResponseWriter) {
				w.Header().Set("Location", elsewhere.URL+"/api/v3/repos/a/b/statuses/c")
				w.WriteHeader(307)
			}, 0, "present URL (307)"},
			"breaks off": {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, 5 * time.Second, "cannot be reached"},
		} {
			b.host.answers(func(_ int, w http.ResponseWriter) { c.answer(w) })
			run := b.propose(t, "web")
			_, given := b.send(t)
			s := b.of(t, run.ID)[0]
			if wait := s.NextAt.Sub(b.Clock.Now()); (c.wait == 0) != s.NextAt.IsZero() || c.wait > 0 && wait != c.wait || (c.wait == 0) != (len(given) == 1) {
				t.Errorf("%s: waits %v, gave up %v", name, wait, given)
			}
			if !strings.Contains(s.Error, c.says) || s.Attempts != 1 {
				t.Errorf("%s: %+v", name, s)
			}
			b.host.answers(nil)
			b.Clock.Advance(time.Hour)
			if taken, _ := b.send(t); taken != 1 && c.wait > 0 {
				t.Errorf("%s: took %d later", name, taken)
			}
		}
		if got := elsewhere.asked(); got != nil {
			t.Errorf("the other host was asked %v", got)
		}
	})
}

// TestCommitStatusesOfOneHostWaitForNoOther: a host that does not answer keeps
// nothing from another one, and is asked once a round.
func TestCommitStatusesOfOneHostWaitForNoOther(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		slow := make(chan struct{})
		defer close(slow)
		b.host.answers(func(int, http.ResponseWriter) { <-slow })
		b.Service = b.sender(b.Store, outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: 200 * time.Millisecond})
		b.Stack(t, "app", "dev", func(st *domain.Stack) { st.Provider, st.RepositoryURL = domain.ProviderGit, b.host.URL+"/acme/app" })
		other := "https://127.0.0.2:" + port(b) + "/acme"
		b.Stack(t, "far", "dev", func(st *domain.Stack) { st.Provider, st.RepositoryURL = domain.ProviderGit, other+"/far" })
		b.keep(t, "apps", other)
		one, two := b.propose(t, "web"), b.propose(t, "app")
		b.propose(t, "far")
		b.send(t)
		if n := len(b.host.asked()); n != 1 {
			t.Errorf("asked %d times", n)
		}
		first, second := b.of(t, one.ID)[0], b.of(t, two.ID)[0]
		if first.Attempts != 1 || !strings.Contains(first.Error, "in time") || second.Attempts != 0 || second.NextAt.Sub(b.Clock.Now()) <= 0 {
			t.Errorf("%+v, %+v", first, second)
		}
	})
}

// TestCase137StatusesGoToAllowedAddressesOnly: without a list that names it, a
// host of this machine is not called, and nobody learns what is there.
func TestCase137StatusesGoToAllowedAddressesOnly(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.Service = b.sender(b.Store, outbound.Options{Timeout: 5 * time.Second})
		run := b.propose(t, "web")
		b.send(t)
		s := b.of(t, run.ID)[0]
		if b.host.asked() != nil || !strings.Contains(s.Error, "--outbound-allow") || s.NextAt.IsZero() {
			t.Errorf("asked %v: %+v", b.host.asked(), s)
		}
	})
}

// TestI9StatusesSurviveTheirSender: what is committed with a transition is sent
// at least once, by another server when the one that had it is gone, and with
// the same id; one that rolls back is never sent.
func TestI9StatusesSurviveTheirSender(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		run := b.propose(t, "web")
		killed, kill := context.WithCancel(t.Context())
		b.host.answers(func(int, http.ResponseWriter) { kill(); panic(http.ErrAbortHandler) })
		if _, _, err := b.SendDue(killed); err == nil {
			t.Error("the sender was not killed")
		}
		if s := b.of(t, run.ID)[0]; s.Attempts != 0 || !s.SentAt.IsZero() {
			t.Errorf("what its own end broke off counts: %+v", s)
		}
		// One that is gone for good has claimed it for a minute.
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			list, err := tx.ClaimStatuses(ctx, p.For(access.KindRun), tx.Now().Add(time.Minute), 9)
			if err == nil && len(list) != 1 {
				err = fmt.Errorf("claimed %v", list)
			}
			return err
		})
		b.host.answers(nil)
		another := b.sender(b.Open(t), outbound.Options{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}, Timeout: 5 * time.Second})
		if taken, _, err := another.SendDue(t.Context()); err != nil || taken != 0 {
			t.Errorf("sent %d that another one has, %v", taken, err)
		}
		b.Clock.Advance(time.Minute)
		if taken, _, err := another.SendDue(t.Context()); err != nil || taken != 1 {
			t.Errorf("sent %d, %v", taken, err)
		}
		failed := fmt.Errorf("after the transition")
		err := store.Bind[runs.Tx](b.Store).Change(b.As(t, "root-admin"), func(tx runs.Tx) error {
			p, err := access.NewGate().System(access.SystemPush, access.KindRun, "r")
			if err != nil {
				return err
			}
			r := domain.Run{
				ID: "r", StackID: "web", Type: domain.RunProposed, State: domain.RunQueued, StateSerial: 1, CreatedAt: tx.Now(), UpdatedAt: tx.Now(),
				Commit: domain.Commit{Hash: commit}, Request: domain.RunRequest{Reports: true},
			}
			if err := tx.InsertRun(t.Context(), p, r); err != nil {
				return err
			}
			return failed
		})
		if err == nil || len(b.Rows(t, `select run_id from commit_statuses where run_id = 'r'`)) > 0 {
			t.Errorf("kept what was rolled back: %v", err)
		}
	})
}

// TestStatusesOfServersSideBySide lets several senders race: each status is
// taken once, those of a stack in order.
func TestStatusesOfServersSideBySide(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		const many = 12
		for range many {
			b.propose(t, "web")
		}
		for range many {
			b.work(t, domain.RunInitializing, domain.RunPlanning, domain.RunFinished)
		}
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() {
				for range 50 {
					if _, _, err := b.SendDue(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		got := b.host.asked()
		if len(got) != 3*many {
			t.Errorf("sent %d", len(got))
		}
		for i, line := range got {
			want := []string{"pending Queued", "pending Planning", "success Planned: 2 to add, 1 to change, 0 to delete"}
			if !strings.HasSuffix(line, want[i%3]) { // the clock stands still: run after run
				t.Errorf("%d is %s", i, line)
			}
		}
	})
}

// TestANewTokenIsUsedAtOnce: what failed by the old one does not wait.
func TestANewTokenIsUsedAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.host.answers(func(_ int, w http.ResponseWriter) { w.WriteHeader(401) })
		b.propose(t, "web")
		for range 8 {
			b.send(t)
			b.Clock.Advance(10 * time.Minute)
		}
		b.send(t)
		b.host.answers(nil)
		secret := token
		if _, err := b.keys.Update(b.As(t, "root-admin"), b.token, gitcredentials.Input{Secret: &secret}); err != nil {
			t.Fatal(err)
		}
		if taken, _ := b.send(t); taken != 1 {
			t.Errorf("took %d", taken)
		}
	})
}

// TestStatusTokensCheckNothingOut: a worker never gets one.
func TestStatusTokensCheckNothingOut(t *testing.T) {
	each(t, func(t *testing.T, b *bench) {
		b.propose(t, "web")
		a, err := b.runs.Lease(t.Context(), domain.PoolKey{Pool: domain.DefaultWorkerPool}, "worker-1", time.Millisecond)
		if err != nil || a == nil || a.GitAccess != nil {
			t.Errorf("leased %+v, %v", a, err)
		}
	})
}

// TestCase122StatusTokensAreNowhere looks for the token in everything that is
// kept, said and logged, whatever has failed.
func TestCase122StatusTokensAreNowhere(t *testing.T) {
	var log bytes.Buffer
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	defer slog.SetDefault(was)
	each(t, func(t *testing.T, b *bench) {
		said := &strings.Builder{}
		for _, answer := range []func(int, http.ResponseWriter){
			nil,
			func(_ int, w http.ResponseWriter) { http.Error(w, `{"message":"`+token+`"}`, http.StatusUnauthorized) },
			func(_ int, w http.ResponseWriter) { w.Header().Set("Location", "https://x/"+token); w.WriteHeader(302) },
			func(_ int, w http.ResponseWriter) { w.Header().Set("X-Bad", token); panic(http.ErrAbortHandler) },
		} {
			b.host.answers(answer)
			run := b.propose(t, "web")
			_, given := b.send(t)
			fmt.Fprintf(said, "%+v %+v", given, b.of(t, run.ID))
			b.Clock.Advance(time.Hour)
			b.host.answers(nil)
			b.send(t)
		}
		for _, e := range b.Audit(t) {
			fmt.Fprintf(said, "%+v", e)
		}
		for table, content := range b.Digest(t) {
			if strings.Contains(content, token) {
				t.Errorf("table %s has the token", table)
			}
		}
		if strings.Contains(said.String(), token) || strings.Contains(log.String(), token) {
			t.Errorf("the token is in %s\n%s", said, log.String())
		}
	})
}
