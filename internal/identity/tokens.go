package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// The issuers that clients look for in a token: one for API keys, one for a
// run, which the provider recognises as "inside a run".
const (
	issuerAPIKey = "api-key"
	issuerRun    = "spacelift"
)

const leeway = time.Minute

// claims are what an Airlock token carries. Roles are never in it: they are
// decided live, at every request.
type claims struct {
	jwt.Claims
	Epoch int `json:"epoch,omitempty"` // of the run's lease
}

// tokens signs and verifies with one fixed algorithm.
type tokens struct {
	id       string
	private  *ecdsa.PrivateKey
	signer   jose.Signer
	audience string
	verified verified
}

// loadTokens reads the signing key, and makes it on the first start.
func loadTokens(ctx context.Context, db access.Transactor[Tx], gate *access.Gate, ids domain.IDSource, audience string) (*tokens, error) {
	var key domain.SigningKey
	// Alone, so that of two servers that start at once only one makes a key.
	err := db.ChangeAccess(ctx, func(tx Tx) error {
		keys, err := tx.SigningKeys(ctx)
		if err != nil || len(keys) > 0 {
			if err == nil {
				key = keys[0]
			}
			return err
		}
		key, err = newSigningKey(ids.ULID(), tx.Now())
		if err != nil {
			return err
		}
		permit, err := gate.System(access.SystemBootstrap, access.KindAPIKey, key.ID)
		if err != nil {
			return err
		}
		return tx.InsertSigningKey(ctx, permit, key)
	})
	if err != nil {
		return nil, fmt.Errorf("load signing key: %w", err)
	}
	return newTokens(key, audience)
}

func newSigningKey(id string, now time.Time) (domain.SigningKey, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return domain.SigningKey{}, fmt.Errorf("make signing key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	return domain.SigningKey{ID: id, Private: der, CreatedAt: now}, err
}

func newTokens(key domain.SigningKey, audience string) (*tokens, error) {
	parsed, err := x509.ParsePKCS8PrivateKey(key.Private)
	if err != nil {
		return nil, fmt.Errorf("parse signing key: %w", err)
	}
	private, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("signing key %s is a %T", key.ID, parsed)
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: private, KeyID: key.ID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	return &tokens{id: key.ID, private: private, signer: signer, audience: audience}, err
}

func (t *tokens) sign(issuer, subject, id string, epoch int, now, until time.Time) (string, error) {
	c := claims{Epoch: epoch, Claims: jwt.Claims{
		Issuer: issuer, Subject: subject, ID: id,
		Audience: jwt.Audience{t.audience},
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(until),
	}}
	return jwt.Signed(t.signer).Claims(c).Serialize()
}

// errToken is the one answer to every token that is not accepted.
func errToken() error { return domain.Unauthenticated("the token is not valid") }

// verify checks signature, algorithm, audience and times.
func (t *tokens) verify(raw string, now time.Time) (claims, error) {
	c, key, known := t.verified.get(raw)
	if !known {
		var err error
		if c, err = t.parse(raw); err != nil {
			return c, err
		}
	}
	// A clock that was set back must not cut an apply off from its state; whether
	// a run goes on, its row says.
	if issued := c.IssuedAt.Time(); c.Issuer == issuerRun && issued.After(now) {
		now = issued
	}
	err := c.ValidateWithLeeway(jwt.Expected{AnyAudience: jwt.Audience{t.audience}, Time: now}, leeway)
	if err != nil {
		return claims{}, errToken()
	}
	if !known {
		t.verified.put(key, c)
	}
	return c, nil
}

// parse checks everything but audience and times.
func (t *tokens) parse(raw string) (c claims, err error) {
	parsed, err := jwt.ParseSigned(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil || len(parsed.Headers) != 1 || parsed.Headers[0].KeyID != t.id {
		return c, errToken()
	}
	if err := parsed.Claims(&t.private.PublicKey, &c); err != nil {
		return c, errToken()
	}
	if c.Expiry == nil || c.ID == "" || c.Subject == "" {
		return c, errToken()
	}
	return c, nil
}
