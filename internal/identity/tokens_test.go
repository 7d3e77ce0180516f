package identity_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// TestForgedTokens is security cases 94, 98, 99 and 107.
func TestForgedTokens(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id, private := b.key(t)
		good := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", id)
		token := sign(t, jose.ES256, private, good, b.claims())
		if c, err := b.Authenticate(t.Context(), token); err != nil || c.Name != b.Secrets.AdminKeyID.AuditName() {
			t.Fatalf("the test's own token: %+v, %v", c, err)
		}
		public, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		b.refused(t, "HS256 with the public key", sign(t, jose.HS256, public, good, b.claims()))
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		wide, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		b.refused(t, "another key", sign(t, jose.ES256, other, good, b.claims()))
		b.refused(t, "another curve", sign(t, jose.ES384, wide, good, b.claims()))
		b.refused(t, "unknown kid", sign(t, jose.ES256, private, (&jose.SignerOptions{}).WithHeader("kid", "other"), b.claims()))
		b.refused(t, "no kid", sign(t, jose.ES256, private, nil, b.claims()))
		b.refused(t, "embedded jwk", sign(t, jose.ES256, other, &jose.SignerOptions{EmbedJWK: true}, b.claims()))
		for _, header := range []jose.HeaderKey{"jku", "x5u"} {
			b.refused(t, string(header), sign(t, jose.ES256, other, (&jose.SignerOptions{}).WithHeader("kid", id).WithHeader(header, "https://evil.example"), b.claims()))
		}

		parts := strings.Split(token, ".")
		for alg, signature := range map[string]string{"none": "", "None": "", "HS256": parts[2], "ES512": parts[2]} {
			header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + alg + `","kid":"` + id + `","typ":"JWT"}`))
			b.refused(t, "alg "+alg, header+"."+parts[1]+"."+signature)
		}
		payload := base64.RawURLEncoding.EncodeToString([]byte(`{"iss":"api-key","sub":"x"}`))
		for why, bad := range map[string]string{
			"empty": "", "words": "not a token", "no signature": parts[0] + "." + parts[1] + ".", "two parts": parts[0] + "." + parts[1],
			"truncated": token[:len(token)-4], "padded": token + "AAAA", "trailing part": token + ".x", "upper case": strings.ToUpper(token),
			"another payload": parts[0] + "." + payload + "." + parts[2], "blank": " ", "NUL": token + "\x00", "10 MB": strings.Repeat("a.", 5<<20),
			"JSON serialisation": `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		} {
			b.refused(t, why, bad)
		}
	})
}

// TestClaims tries each claim wrong, with the right key.
func TestClaims(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id, private := b.key(t)
		options := (&jose.SignerOptions{}).WithHeader("kid", id)
		now := b.Clock.Now()
		at := func(d time.Duration) int64 { return now.Add(d).Unix() }
		for _, c := range []struct {
			claim string
			value any
			good  bool
		}{
			{"aud", []string{"https://other.example.com"}, false}, {"aud", []string{}, false}, {"aud", nil, false}, {"aud", base, true},
			{"aud", base + "/graphql", false},
			{"iss", "spacelift", false}, {"iss", "", false}, {"iss", "other", false},
			{"sub", "", false}, {"sub", "missing", false}, {"sub", nil, false}, {"sub", "a\x00b", false},
			{"jti", "", false},
			{"exp", nil, false}, {"exp", at(-61 * time.Second), false}, {"exp", at(-58 * time.Second), true},
			{"exp", json.Number("9223372036854775808"), false}, {"exp", json.Number("-1"), false}, {"exp", "tomorrow", false}, {"exp", json.Number("1e400"), false},
			{"nbf", at(62 * time.Second), false}, {"nbf", at(59 * time.Second), true},
			{"iat", at(62 * time.Second), false}, {"iat", "now", false},
		} {
			claims := b.claims()
			claims[c.claim] = c.value
			if c.value == nil {
				delete(claims, c.claim)
			}
			_, err := b.Authenticate(t.Context(), sign(t, jose.ES256, private, options, claims))
			if (err == nil) != c.good || (err != nil && domain.ErrorCode(err) != domain.CodeUnauthenticated) {
				t.Errorf("%s = %v: %v, want good: %v", c.claim, c.value, err, c.good)
			}
		}
	})
}

// TestCase159ClockSetBack: a run goes on with its token when the clock is set
// back; a key's token is good again when the time has come, and a new one at once.
func TestCase159ClockSetBack(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		run := b.Run(t, "k", domain.RunApplying)
		ofRun, err := b.RunToken(run)
		if err != nil {
			t.Fatal(err)
		}
		ofKey := b.login(t).JWT
		works := func(when, token string) {
			t.Helper()
			if _, err := b.Authenticate(t.Context(), token); err != nil {
				t.Errorf("%s: %v", when, err)
			}
		}
		b.Clock.Advance(-time.Minute)
		works("a minute back, the run", ofRun)
		works("a minute back, the key", ofKey)
		elsewhere := func() {
			t.Helper()
			if _, _, err := b.FederationToken(t.Context(), run, domain.Stack{ID: "k"}); err != nil {
				t.Errorf("a token for elsewhere: %v", err)
			}
		}
		elsewhere()
		b.Clock.Advance(-time.Hour)
		elsewhere() // though the first key was to sign from later on
		works("an hour back, the run", ofRun)
		b.refused(t, "a key's token of a later time", ofKey)
		works("a new token", b.login(t).JWT)
		b.Clock.Advance(time.Hour)
		works("again, the key", ofKey)
		b.Clock.Advance(4 * time.Hour)
		b.refused(t, "a run's token that has expired", ofRun)
	})
}

// TestA150Case47RunTokens is access model A150 and security case 47.
func TestA150Case47RunTokens(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		run := b.Run(t, "k", domain.RunQueued)
		run.Epoch = 2
		token, err := b.RunToken(run)
		if err != nil {
			t.Fatal(err)
		}
		set := func(state domain.RunState, epoch int) {
			if err := b.Exec(t, `update runs set state = $1, epoch = $2 where id = $3`, string(state), epoch, string(run.ID)); err != nil {
				t.Fatal(err)
			}
		}
		for state, want := range map[domain.RunState]string{
			domain.RunQueued: "", domain.RunReady: "", domain.RunUnconfirmed: "", domain.RunConfirmed: "", domain.RunFinished: "",
			domain.RunFailed: "", domain.RunStopped: "", domain.RunCanceled: "", domain.RunDiscarded: "",
			domain.RunPreparing: "state only", domain.RunInitializing: "state only", domain.RunPreparingApply: "state only",
			domain.RunPlanning: "reads", domain.RunApplying: "writes", domain.RunPerforming: "writes", domain.RunDestroying: "writes",
		} {
			set(state, 2)
			c, err := b.AuthenticateForState(t.Context(), token)
			if want == "state only" {
				b.refused(t, string(state), token)
			} else if want != "" && err == nil {
				c, err = b.Authenticate(t.Context(), token)
			}
			if want == "" {
				b.refused(t, string(state), token)
				wantCode(t, err, domain.CodeUnauthenticated)
				continue
			}
			if err != nil || c.Subject.ReadOnly != (want != "writes") || c.Name != "stack::k" || c.Run != run.ID || c.Stack != "k" || c.Epoch != 2 {
				t.Errorf("%s: %+v, %v; want: %s", state, c, err, want)
			}
		}
		for _, epoch := range []int{1, 3, 0} {
			set(domain.RunApplying, epoch)
			b.refused(t, "another lease", token)
		}
		set(domain.RunApplying, 2)
		user, err := b.Viewer(b.callerOf(t, token))
		if err != nil || user != (identity.User{ID: "stack::k", Name: "stack::k", Type: "STACK"}) {
			t.Errorf("viewer is %+v, %v", user, err)
		}
		b.forgedRunTokens(t, run)
		b.Clock.Advance(identity.RunTokenTTL + 59*time.Second)
		if _, err := b.Authenticate(t.Context(), token); err != nil {
			t.Errorf("within the leeway: %v", err)
		}
		b.Clock.Advance(2 * time.Second)
		b.refused(t, "three hours later", token)
	})
}

func (b bench) callerOf(t *testing.T, token string) ctx {
	t.Helper()
	c, err := b.Authenticate(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	return access.WithCaller(t.Context(), c)
}

// forgedRunTokens names another stack or another run.
func (b bench) forgedRunTokens(t *testing.T, run domain.Run) {
	t.Helper()
	id, private := b.key(t)
	for _, subject := range []string{"k2/" + string(run.ID), "k/missing", "k", "k/", "/" + string(run.ID), string(run.ID), "k/" + string(run.ID) + "/x"} {
		claims := b.claims()
		claims["iss"], claims["sub"], claims["epoch"] = "spacelift", subject, 2
		b.refused(t, subject, sign(t, jose.ES256, private, (&jose.SignerOptions{}).WithHeader("kid", id), claims))
	}
}

// TestServersShareTheSigningKey starts several servers at once.
func TestServersShareTheSigningKey(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		const servers = 4
		services := make([]*identity.Service, servers)
		stores := make([]*store.Store, servers)
		for i := range stores {
			stores[i] = k.Open(t)
		}
		var all sync.WaitGroup
		for i, s := range stores {
			all.Go(func() {
				service, err := identity.New(t.Context(), store.Bind[identity.Tx](s), access.NewGate(), k.IDs, k.Clock.Now,
					identity.Config{BaseURL: base, TokenTTL: time.Hour})
				if err != nil {
					t.Error(err)
				}
				services[i] = service
			})
		}
		all.Wait()
		if t.Failed() {
			return
		}
		session := bench{k, services[0]}.login(t)
		for i, s := range services {
			if _, err := s.Authenticate(t.Context(), session.JWT); err != nil {
				t.Errorf("server %d: %v", i, err)
			}
		}
	})
}
