package identity

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/airlock-project/airlock/internal/domain"
)

// FederationTTL is how long a token lives with which a run signs in elsewhere
// (contract 13).
const FederationTTL = time.Hour

// federationClaims are what such a token says, beside the registered claims.
type federationClaims struct {
	jwt.Claims
	SpaceID    domain.SpaceID `json:"spaceId"`
	CallerType string         `json:"callerType"` // always "stack" so far
	CallerID   domain.StackID `json:"callerId"`
	CallerULID string         `json:"callerUlid"` // never reused, unlike the id, which is a slug
	RunType    domain.RunType `json:"runType"`
	RunID      domain.RunID   `json:"runId"`
	Scope      string         `json:"scope"` // read or write
}

// federation issues the tokens with which runs sign in elsewhere. Its keys are
// its own: no door of ours takes what they have signed.
type federation struct {
	issuer, audience string
	life             time.Duration // how long a key signs
	parsed           sync.Map      // key id to *rsa.PrivateKey
}

// newFederation takes the account's URL as issuer and its host as audience.
func newFederation(c Config) (*federation, error) {
	u, err := url.Parse(c.BaseURL)
	if err != nil {
		return nil, fmt.Errorf("read the base URL: %w", err)
	}
	life := c.FederationKeyLife
	if life <= 0 {
		life = federationKeyLife
	}
	return &federation{issuer: strings.TrimRight(c.BaseURL, "/"), audience: u.Host, life: life}, nil
}

// private returns a key ready for use.
func (f *federation) private(k domain.FederationKey) (*rsa.PrivateKey, error) {
	if known, ok := f.parsed.Load(k.ID); ok {
		return known.(*rsa.PrivateKey), nil
	}
	parsed, err := x509.ParsePKCS8PrivateKey(k.Private)
	if err != nil {
		return nil, fmt.Errorf("parse federation key %s: %w", k.ID, err)
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("federation key %s is a %T", k.ID, parsed)
	}
	f.parsed.Store(k.ID, private)
	return private, nil
}

// scope is what a run may do elsewhere in the state that it is in: what only
// plans reads (access model R25).
func scope(r domain.Run) string {
	if r.State.Writes() && r.Type != domain.RunProposed {
		return "write"
	}
	return "read"
}

// FederationToken issues a token with which a run signs in at a cloud, a vault
// or whatever else trusts this account as an OpenID provider, and says until
// when it is good. What it allows there is decided there, by its claims. The
// caller has checked that the run is executed, under the lease that asks.
func (s *Service) FederationToken(ctx context.Context, run domain.Run, stack domain.Stack) (token string, until time.Time, err error) {
	key, err := s.federationSigner(ctx)
	if err != nil {
		return "", until, err
	}
	private, err := s.federation.private(key)
	if err != nil {
		return "", until, err
	}
	signer, err := jose.NewSigner(
		jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: private, KeyID: key.ID}},
		(&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", until, fmt.Errorf("sign a federation token: %w", err)
	}
	now := s.now()
	until = now.Add(FederationTTL)
	c := federationClaims{
		Claims: jwt.Claims{
			Issuer: s.federation.issuer, Audience: jwt.Audience{s.federation.audience}, ID: s.ids.ULID(),
			Subject:  fmt.Sprintf("space:%s:stack:%s:run_type:%s:scope:%s", stack.Space, stack.ID, run.Type, scope(run)),
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(until),
		},
		SpaceID: stack.Space, CallerType: "stack", CallerID: stack.ID, CallerULID: stack.ULID, RunType: run.Type, RunID: run.ID, Scope: scope(run),
	}
	token, err = jwt.Signed(signer).Claims(c).Serialize()
	return token, until, err
}
