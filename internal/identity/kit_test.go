package identity_test

import (
	"crypto/ecdsa"
	"crypto/x509"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

const base = "https://airlock.example.com"

type bench struct {
	*storetest.Kit
	*identity.Service
}

func newService(t *testing.T, s *store.Store, k *storetest.Kit) *identity.Service {
	t.Helper()
	service, err := identity.New(t.Context(), store.Bind[identity.Tx](s), access.NewGate(), k.IDs, k.Clock.Now,
		identity.Config{BaseURL: base, TokenTTL: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return service
}

// each runs a test on both databases with the access model's fixture.
func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		test(t, bench{k, newService(t, k.Store, k)})
	})
}

func wantCode(t *testing.T, err error, want domain.Code) {
	t.Helper()
	if err == nil || domain.ErrorCode(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// login exchanges the first admin key.
func (b bench) login(t *testing.T) identity.Session {
	t.Helper()
	s, err := b.Exchange(t.Context(), b.Secrets.AdminKeyID, b.Secrets.AdminKeySecret)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// refused checks that a token does not authenticate.
func (b bench) refused(t *testing.T, why, token string) {
	t.Helper()
	if c, err := b.Authenticate(t.Context(), token); domain.ErrorCode(err) != domain.CodeUnauthenticated || c.Name != "" {
		t.Errorf("%s: authenticated as %q, %v", why, c.Name, err)
	}
}

// key returns the key that tokens are signed with.
func (b bench) key(t *testing.T) (id string, private *ecdsa.PrivateKey) {
	t.Helper()
	b.View(t, func(tx *store.Tx) error {
		keys, err := tx.SigningKeys(t.Context())
		if err != nil || len(keys) != 1 {
			t.Fatalf("%d signing keys, %v", len(keys), err)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(keys[0].Private)
		if err != nil {
			return err
		}
		id, private = keys[0].ID, parsed.(*ecdsa.PrivateKey)
		return nil
	})
	return id, private
}

// sign makes a token with any key, algorithm, header and claims.
func sign(t *testing.T, alg jose.SignatureAlgorithm, key any, options *jose.SignerOptions, claims any) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jwt.Signed(signer).Claims(claims).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// claims are those of a good token of the first admin key.
func (b bench) claims() map[string]any {
	now := b.Clock.Now()
	return map[string]any{
		"iss": "api-key", "sub": string(b.Secrets.AdminKeyID), "aud": []string{base}, "jti": "id",
		"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Hour).Unix(),
	}
}
