package graphql

import (
	"context"
	"strconv"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/identity"
)

func newAPIKey(v identity.KeyView) *view.APIKey {
	return &view.APIKey{APIKey: v.APIKey, Admin: v.Admin, SpaceCount: v.Spaces, Secret: v.Secret}
}

// errNoAPIKey is what clients compare with, word for word (contract, section 4).
func errNoAPIKey() error {
	return &domain.Error{Code: domain.CodeNotFound, Message: "could not find api key"}
}

func keyInput(in generated.APIKeyInput) (identity.KeyInput, error) {
	out := identity.KeyInput{
		Name: in.Name, Description: text(in.Description), Groups: in.Teams, Admin: in.Admin,
	}
	if in.Oidc != nil {
		out.OIDC = &domain.APIKeyOIDCSettings{
			Issuer:            in.Oidc.Issuer,
			ClientID:          in.Oidc.ClientID,
			SubjectExpression: in.Oidc.SubjectExpression,
			ClaimMappings:     claimMappings(in.Oidc.ClaimMappings),
		}
	}
	var err error
	out.ExpiresAt, err = expiry(text(in.ExpiresAt))
	return out, err
}

func keyUpdate(in generated.APIKeyUpdateInput) identity.KeyUpdate {
	out := identity.KeyUpdate{Name: in.Name, Description: in.Description}
	if in.Teams != nil {
		out.Groups = &in.Teams
	}
	if in.OidcClaimMappings != nil {
		m := claimMappings(in.OidcClaimMappings)
		out.ClaimMappings = &m
	}
	return out
}

func claimMappings(in *generated.ClaimMappingInput) map[string]string {
	out := map[string]string{}
	if in != nil {
		for _, e := range in.Entries {
			out[e.Name] = e.Value
		}
	}
	return out
}

// expiry reads a time in one of the two forms that clients send.
func expiry(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil {
		return time.Unix(seconds, 0).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, domain.Invalid("expiresAt", "must be in RFC 3339 or Unix seconds")
	}
	return t, nil
}

func keyActor(id domain.APIKeyID) authz.ActorRef {
	return authz.ActorRef{Kind: authz.ActorAPIKey, ID: string(id)}
}

// accessRules shows bindings as coarse levels, one a space, the highest.
func accessRules(list []bindings.View) []*view.SpaceAccessRule {
	var out []*view.SpaceAccessRule
	at := map[domain.SpaceID]*view.SpaceAccessRule{}
	rank := map[string]int{"READ": 1, "WRITE": 2, "ADMIN": 3}
	for _, b := range list {
		level := roleLevel(b.Role)
		if level == "" {
			continue
		}
		rule := at[b.Space]
		if rule == nil {
			rule = &view.SpaceAccessRule{Space: string(b.Space)}
			at[b.Space] = rule
			out = append(out, rule)
		}
		if rank[level] > rank[rule.SpaceAccessLevel] {
			rule.SpaceAccessLevel = level
		}
	}
	return out
}

// roleLevel is the coarse level of a role; empty for one that cannot read,
// whose tiers do not count (access model R5).
func roleLevel(r domain.Role) string {
	set := authz.SetOf(r.Actions...)
	switch {
	case !set.Has(authz.ActionSpaceRead):
		return ""
	case set.Has(authz.ActionSpaceAdmin):
		return "ADMIN"
	case set.Has(authz.ActionSpaceWrite):
		return "WRITE"
	default:
		return "READ"
	}
}

func newUser(u identity.User) *generated.User {
	out := &generated.User{ID: u.ID, Name: u.Name, Type: view.Optional(u.Type)}
	if u.Type == "API_KEY" {
		out.Login = view.Optional(domain.APIKeyID(u.ID).AuditName())
	}
	return out
}

func newSessionUser(s identity.Session) *generated.User {
	u := newUser(s.User)
	u.Jwt, u.ValidUntil = s.JWT, view.Seconds(s.ValidUntil)
	return u
}

func (r *Resolver) viewer(ctx context.Context) (*generated.User, error) {
	u, err := r.Identity.Viewer(ctx)
	if domain.ErrorCode(err) == domain.CodeUnauthenticated {
		return nil, nil // access model R26: a missing sign-in is no error here
	}
	return one(u, err, newUser)
}
