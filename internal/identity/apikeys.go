package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"regexp"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// KeyInput is what a caller sets of a new API key.
type KeyInput struct {
	Name        string
	Description string
	Groups      []string
	Admin       bool // bind Space admin at root along with it (access model A182)
	ExpiresAt   time.Time
	OIDC        *domain.APIKeyOIDCSettings
}

// KeyUpdate is what a caller changes of a key; nil members stay.
type KeyUpdate struct {
	Name          *string
	Description   *string
	Groups        *[]string
	ClaimMappings *map[string]string
}

// KeyView is a key with how far it reaches. Secret is set only in the answer
// to its creation (access model A174).
type KeyView struct {
	domain.APIKey
	Secret string
	Admin  bool // holds Space admin at root
	Spaces int  // spaces it holds a role in
}

// Key returns one key to whoever may view the account (access model A78).
func (s *Service) Key(ctx context.Context, id domain.APIKeyID) (v KeyView, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.gate.AccountView(ctx, tx); err != nil {
			return err
		}
		key, err := tx.APIKey(ctx, id)
		if err != nil {
			return err
		}
		v, err = keyView(ctx, tx, key)
		return err
	})
	return v, err
}

// Keys returns every key, oldest first.
func (s *Service) Keys(ctx context.Context) (out []KeyView, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.gate.AccountView(ctx, tx); err != nil {
			return err
		}
		keys, err := tx.APIKeys(ctx)
		if err != nil {
			return err
		}
		for _, k := range keys {
			v, err := keyView(ctx, tx, k)
			if err != nil {
				return err
			}
			out = append(out, v)
		}
		return nil
	})
	return out, err
}

func keyView(ctx context.Context, tx Tx, k domain.APIKey) (KeyView, error) {
	v := KeyView{APIKey: k}
	v.SecretHash = nil // of no use to anybody who views a key (security case 18)
	admin, err := tx.RoleBySlug(ctx, domain.RoleSpaceAdmin)
	if err != nil {
		return v, err
	}
	bindings, err := tx.BindingsOf(ctx, keyActor(k.ID))
	if err != nil {
		return v, err
	}
	spaces := map[domain.SpaceID]bool{}
	for _, b := range bindings {
		if b.Space == "" || b.Expired(tx.Now()) {
			continue
		}
		spaces[b.Space] = true
		v.Admin = v.Admin || (b.Space == domain.RootSpace && b.Role == admin.ID)
	}
	v.Spaces = len(spaces)
	return v, nil
}

func keyActor(id domain.APIKeyID) authz.ActorRef {
	return authz.ActorRef{Kind: authz.ActorAPIKey, ID: string(id)}
}

// CreateKey makes a key and, for a secret key, its secret: 256 random bits
// that are shown once and stored only as a hash (access model A172, A174).
func (s *Service) CreateKey(ctx context.Context, in KeyInput) (v KeyView, err error) {
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, err := s.gate.Account(ctx, tx, keyOperation("api_key.create", ""))
		if err != nil {
			return err
		}
		key, secret, err := NewKey(domain.APIKeyID(s.ids.ULID()), access.Name(ctx), in, tx.Now())
		if err != nil {
			return err
		}
		permit = permit.About(string(key.ID))
		if err := tx.InsertAPIKey(ctx, permit, key); err != nil {
			return err
		}
		if in.Admin {
			if err := s.bindAdmin(ctx, tx, permit, key); err != nil {
				return err
			}
		}
		v, err = keyView(ctx, tx, key)
		v.Secret = secret
		return err
	})
	return v, err
}

func (s *Service) bindAdmin(ctx context.Context, tx Tx, p access.Permit, k domain.APIKey) error {
	role, err := tx.RoleBySlug(ctx, domain.RoleSpaceAdmin)
	if err != nil {
		return err
	}
	return tx.InsertBinding(ctx, p.For(access.KindRoleBinding), domain.Binding{
		ID: domain.BindingID(s.ids.ULID()), Actor: keyActor(k.ID), Role: role.ID,
		Space: domain.RootSpace, CreatedAt: tx.Now(), CreatedBy: access.Name(ctx),
	})
}

// NewKey makes a key and its secret, which is empty for an OIDC key.
func NewKey(id domain.APIKeyID, creator string, in KeyInput, now time.Time) (k domain.APIKey, secret string, err error) {
	k = domain.APIKey{
		ID: id, Name: in.Name, Description: in.Description, Type: domain.APIKeySecret,
		Groups: in.Groups, OIDC: in.OIDC, Creator: creator, CreatedAt: now, ExpiresAt: in.ExpiresAt,
	}
	if err := k.Check(); err != nil {
		return k, "", err
	}
	if !in.ExpiresAt.IsZero() && !in.ExpiresAt.After(now) {
		return k, "", domain.Invalid("expiresAt", "must lie in the future")
	}
	if in.OIDC != nil {
		k.Type = domain.APIKeyOIDC
		return k, "", checkOIDC(*in.OIDC)
	}
	secret = NewSecret()
	k.SecretHash = HashSecret(secret)
	return k, secret, nil
}

func checkOIDC(o domain.APIKeyOIDCSettings) error {
	for _, f := range []struct{ field, value string }{
		{"oidc.issuer", o.Issuer}, {"oidc.clientId", o.ClientID}, {"oidc.subjectExpression", o.SubjectExpression},
	} {
		if err := domain.CheckName(f.field, f.value); err != nil {
			return err
		}
	}
	if _, err := regexp.Compile(o.SubjectExpression); err != nil {
		return domain.Invalid("oidc.subjectExpression", "is not a regular expression")
	}
	return nil
}

// NewSecret returns 256 random bits in hex.
func NewSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails; see crypto/rand
	return hex.EncodeToString(b)
}

// SigningSecret makes a secret that messages are signed with, in the form that
// the Standard Webhooks specification gives it.
func SigningSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails; see crypto/rand
	return "whsec_" + base64.StdEncoding.EncodeToString(b)
}

// HashSecret is how a secret is stored. It has 256 bits of its own, so that a
// slow hash would add nothing.
func HashSecret(secret string) []byte {
	h := sha256.Sum256([]byte(secret))
	return h[:]
}

// UpdateKey changes a key (access model A172).
func (s *Service) UpdateKey(ctx context.Context, id domain.APIKeyID, in KeyUpdate) (v KeyView, err error) {
	op := keyOperation("api_key.update", id)
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, key, err := s.permitKey(ctx, tx, op, id)
		if err != nil {
			return err
		}
		if in.Name != nil {
			key.Name = *in.Name
		}
		if in.Description != nil {
			key.Description = *in.Description
		}
		if in.Groups != nil {
			key.Groups = *in.Groups
		}
		if in.ClaimMappings != nil && key.OIDC != nil {
			key.OIDC.ClaimMappings = *in.ClaimMappings
		}
		if err := key.Check(); err != nil {
			return err
		}
		if err := tx.UpdateAPIKey(ctx, permit, key); err != nil {
			return err
		}
		v, err = keyView(ctx, tx, key)
		return err
	})
	return v, err
}

// DeleteKey removes a key; its tokens and bindings die with it (A185).
func (s *Service) DeleteKey(ctx context.Context, id domain.APIKeyID) (v KeyView, err error) {
	op := keyOperation("api_key.delete", id)
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, key, err := s.permitKey(ctx, tx, op, id)
		if err != nil {
			return err
		}
		if v, err = keyView(ctx, tx, key); err != nil {
			return err
		}
		check := s.gate.GuardRootAdmin(ctx, tx, op)
		if err := tx.DeleteAPIKey(ctx, permit, id); err != nil {
			return err
		}
		return check()
	})
	return v, err
}

func (s *Service) permitKey(ctx context.Context, tx Tx, op access.Op, id domain.APIKeyID) (access.Permit, domain.APIKey, error) {
	permit, err := s.gate.Account(ctx, tx, op)
	if err != nil {
		return permit, domain.APIKey{}, err
	}
	key, err := tx.APIKey(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return permit, key, s.gate.Missing(ctx, tx, op)
	}
	return permit, key, err
}

func keyOperation(event string, id domain.APIKeyID) access.Op {
	return access.Op{Event: event, Object: access.Object{Kind: access.KindAPIKey, ID: string(id), Noun: "api key"}}
}

// Exchange trades an id and a secret for a token. An unknown id and a wrong
// secret get the same answer, NotFound, after the same work, and both leave a
// row in the audit trail (access model A261, security case 106).
func (s *Service) Exchange(ctx context.Context, id domain.APIKeyID, secret string) (Session, error) {
	var key domain.APIKey
	err := s.db.View(ctx, func(tx Tx) (err error) {
		key, err = tx.APIKey(ctx, id)
		return err
	})
	if err != nil && domain.ErrorCode(err) != domain.CodeNotFound {
		return Session{}, err
	}
	right := subtle.ConstantTimeCompare(HashSecret(secret), key.SecretHash) == 1
	now := s.now()
	if err != nil || !right || !key.Live(now) {
		return Session{}, s.refuseExchange(ctx, id, key, right && err == nil)
	}
	if err := s.noteUse(ctx, key.ID); err != nil {
		return Session{}, err
	}
	until := now.Add(s.config.TokenTTL)
	if !key.ExpiresAt.IsZero() && key.ExpiresAt.Before(until) {
		until = key.ExpiresAt
	}
	token, err := s.tokens.sign(issuerAPIKey, string(key.ID), s.ids.ULID(), 0, now, until)
	return Session{JWT: token, ValidUntil: until, User: keyUser(key)}, err
}

func (s *Service) refuseExchange(ctx context.Context, id domain.APIKeyID, key domain.APIKey, knowsSecret bool) error {
	shown, reason := domain.NotFound("api key"), "unknown id or wrong secret"
	switch {
	case knowsSecret:
		reason = "the key has expired"
		shown = domain.Unauthenticated("the API key has expired")
	case key.Type == domain.APIKeyOIDC:
		reason = "OIDC keys cannot sign in yet"
	}
	if domain.CheckName("id", string(id)) != nil {
		id = "invalid" // nothing that a stranger made up goes into the trail
	}
	return s.db.Deny(ctx, access.Attempt(id.AuditName(), "session.login", string(id), reason, shown))
}

func (s *Service) noteUse(ctx context.Context, id domain.APIKeyID) error {
	permit, err := s.gate.System(access.SystemKeyUse, access.KindAPIKey, string(id))
	if err != nil {
		return err
	}
	return s.db.Change(ctx, func(tx Tx) error { return tx.TouchAPIKey(ctx, permit, id, tx.Now()) })
}
