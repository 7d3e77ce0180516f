package identity_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// provider is a service that relying parties reach over HTTP.
type provider struct {
	bench
	url, host string
	asked     *int // how often the keys were asked for
}

func eachProvider(t *testing.T, test func(t *testing.T, p provider)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		mux, asked := http.NewServeMux(), 0
		server := httptest.NewServer(mux)
		t.Cleanup(server.Close)
		p := provider{url: server.URL, host: strings.TrimPrefix(server.URL, "http://"), asked: &asked}
		p.bench = bench{k, p.service(t, k)}
		mux.Handle("GET "+identity.FederationDiscoveryPath, p.FederationDiscovery())
		mux.HandleFunc("GET "+identity.FederationKeysPath, func(w http.ResponseWriter, r *http.Request) {
			asked++
			p.FederationKeySetDoor().ServeHTTP(w, r)
		})
		test(t, p)
	})
}

func (p provider) service(t *testing.T, k *storetest.Kit) *identity.Service {
	t.Helper()
	s, err := identity.New(t.Context(), store.Bind[identity.Tx](k.Store), access.NewGate(), k.IDs, k.Clock.Now,
		identity.Config{BaseURL: p.url, TokenTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// relyingParty is whoever trusts the account: it knows its URL and the audience.
func (p provider) relyingParty(t *testing.T, audience string) *oidc.IDTokenVerifier {
	t.Helper()
	known, err := oidc.NewProvider(t.Context(), p.url)
	if err != nil {
		t.Fatal(err)
	}
	return known.Verifier(&oidc.Config{ClientID: audience, Now: p.Clock.Now})
}

func (p provider) token(t *testing.T, run domain.Run) string {
	t.Helper()
	token, until, err := p.FederationToken(t.Context(), run, domain.Stack{ID: run.StackID, ULID: "01STACK", StackSettings: domain.StackSettings{Space: "dev"}})
	if err != nil || !until.Equal(p.Clock.Now().Add(time.Hour)) {
		t.Fatalf("token until %s, %v", until, err)
	}
	return token
}

// TestFederationTokens: what a relying party learns by discovery alone.
func TestFederationTokens(t *testing.T) {
	eachProvider(t, func(t *testing.T, p provider) {
		verifier := p.relyingParty(t, p.host)
		for _, c := range []struct {
			kind  domain.RunType
			state domain.RunState
			scope string
		}{
			{domain.RunTracked, domain.RunPreparing, "read"}, {domain.RunTracked, domain.RunPlanning, "read"},
			{domain.RunTracked, domain.RunConfirmed, "read"}, {domain.RunTracked, domain.RunPreparingApply, "read"},
			{domain.RunTracked, domain.RunApplying, "write"}, {domain.RunTask, domain.RunInitializing, "read"},
			{domain.RunTask, domain.RunPerforming, "write"}, {domain.RunDestroy, domain.RunDestroying, "write"},
			{domain.RunProposed, domain.RunPlanning, "read"}, {domain.RunProposed, domain.RunApplying, "read"}, // cannot happen
		} {
			token, err := verifier.Verify(t.Context(), p.token(t, domain.Run{ID: "01RUN", StackID: "k", Type: c.kind, State: c.state}))
			if err != nil {
				t.Fatal(err)
			}
			got := map[string]any{}
			if err := token.Claims(&got); err != nil {
				t.Fatal(err)
			}
			if got["jti"] == "" {
				t.Error("the token has no id")
			}
			delete(got, "jti")
			now := float64(p.Clock.Now().Unix())
			want := map[string]any{
				"iss": p.url, "aud": p.host, "sub": "space:dev:stack:k:run_type:" + string(c.kind) + ":scope:" + c.scope,
				"iat": now, "nbf": now, "exp": now + 3600,
				"spaceId": "dev", "callerType": "stack", "callerId": "k", "callerUlid": "01STACK", "runType": string(c.kind), "runId": "01RUN", "scope": c.scope,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s in %s (-want +got):\n%s", c.kind, c.state, diff)
			}
		}
		token := p.token(t, domain.Run{ID: "01RUN", StackID: "k", Type: domain.RunTracked, State: domain.RunPlanning})
		if _, err := p.relyingParty(t, "somebody else").Verify(t.Context(), token); err == nil {
			t.Error("the token is good for another audience")
		}
		p.Clock.Advance(time.Hour + time.Second)
		if _, err := verifier.Verify(t.Context(), token); err == nil {
			t.Error("the token is good for more than an hour")
		}
	})
}

// TestCase98FederationTokenIsNoOther: what a run shows elsewhere opens nothing
// here, and what opens something here is no such token.
func TestCase98FederationTokenIsNoOther(t *testing.T) {
	eachProvider(t, func(t *testing.T, p provider) {
		run := p.Run(t, "k", domain.RunApplying)
		run.Epoch = 1
		if err := p.Exec(t, `update runs set epoch = 1 where id = $1`, string(run.ID)); err != nil {
			t.Fatal(err)
		}
		ours, err := p.RunToken(run)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Authenticate(t.Context(), ours); err != nil {
			t.Fatal(err)
		}
		token := p.token(t, run)
		p.refused(t, "a federation token", token)
		if _, err := p.AuthenticateForState(t.Context(), token); domain.ErrorCode(err) != domain.CodeUnauthenticated {
			t.Errorf("the state backend took a federation token: %v", err)
		}
		verifier := p.relyingParty(t, p.url)
		for name, other := range map[string]string{"a run's token": ours, "a key's token": p.login(t).JWT} {
			if _, err := verifier.Verify(t.Context(), other); err == nil {
				t.Errorf("a relying party took %s", name)
			}
		}
	})
}

// TestFederationKeysRotate: each key is known before it signs, and as long as
// what it has signed is good.
func TestFederationKeysRotate(t *testing.T) {
	eachProvider(t, func(t *testing.T, p provider) {
		run := domain.Run{ID: "01RUN", StackID: "k", Type: domain.RunTracked, State: domain.RunPlanning}
		rotate := func(want int) {
			t.Helper()
			if err := p.RotateFederationKeys(t.Context()); err != nil {
				t.Fatal(err)
			}
			if set, err := p.FederationKeySet(t.Context()); err != nil || len(set.Keys) != want {
				t.Fatalf("%d keys, %v; want %d", len(set.Keys), err, want)
			}
		}
		rotate(1)
		p.Clock.Advance(89*24*time.Hour - time.Second)
		rotate(1)
		p.Clock.Advance(time.Second)
		rotate(2)
		rotate(2)
		early := p.relyingParty(t, p.host) // knows both from now on
		if _, err := early.Verify(t.Context(), p.token(t, run)); err != nil {
			t.Fatal(err)
		}
		asked := *p.asked
		p.Clock.Advance(24*time.Hour - time.Second)
		last := p.token(t, run) // of the first key
		p.Clock.Advance(time.Second)
		first := p.token(t, run) // of the second one
		for name, token := range map[string]string{"last of the old key": last, "first of the new one": first} {
			if _, err := early.Verify(t.Context(), token); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if strings.Split(last, ".")[0] == strings.Split(first, ".")[0] || *p.asked != asked {
			t.Errorf("both name one key, or the keys were asked for again: %d, %d", asked, *p.asked)
		}
		p.Clock.Advance(25*time.Hour - time.Second)
		rotate(2)
		p.Clock.Advance(time.Second)
		rotate(1)
		if n := len(p.Rows(t, `select id from federation_keys`)); n != 1 {
			t.Errorf("%d keys are kept", n)
		}
		// Nobody looked for a year: the old key goes on until the next is known.
		p.Clock.Advance(365 * 24 * time.Hour)
		late := p.token(t, run)
		rotate(2)
		if header := strings.Split(p.token(t, run), ".")[0]; header != strings.Split(late, ".")[0] {
			t.Error("a key signs that nobody can know yet")
		}
		var events []string
		for _, e := range p.Audit(t) {
			if e.Actor == "system::key-rotation" {
				events = append(events, e.Event)
			}
		}
		want := []string{"federation_key.create", "federation_key.create", "federation_key.delete", "federation_key.create"}
		if diff := cmp.Diff(want, events); diff != "" {
			t.Errorf("the audit trail (-want +got):\n%s", diff)
		}
	})
}

// TestServersShareFederationKeys starts several servers that need the first key
// at once.
func TestServersShareFederationKeys(t *testing.T) {
	eachProvider(t, func(t *testing.T, p provider) {
		var servers sync.WaitGroup
		for range 3 {
			s := p.service(t, p.Kit)
			servers.Go(func() {
				if _, err := s.FederationKeySet(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		servers.Wait()
		if n := len(p.Rows(t, `select id from federation_keys`)); n != 1 {
			t.Errorf("%d first keys", n)
		}
	})
}
