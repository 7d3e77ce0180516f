package identity_test

import (
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

func (b bench) stackActor(id string) authz.ActorRef {
	return authz.ActorRef{Kind: authz.ActorStack, ID: id}
}

func TestBadKeys(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		create := func(in identity.KeyInput) func() error {
			return func() error { _, err := b.CreateKey(admin, in); return err }
		}
		update := func(in identity.KeyUpdate) func() error {
			return func() error { _, err := b.UpdateKey(admin, b.KeyID("ops"), in); return err }
		}
		oidc := func(change func(*domain.APIKeyOIDCSettings)) identity.KeyInput {
			o := domain.APIKeyOIDCSettings{Issuer: "i", ClientID: "c", SubjectExpression: "s"}
			change(&o)
			return identity.KeyInput{Name: "x", OIDC: &o}
		}
		for name, bad := range storetest.Hostile() {
			t.Run(name, func(t *testing.T) {
				b.Invalid(t, "name", create(identity.KeyInput{Name: bad}))
				b.Invalid(t, "name", update(identity.KeyUpdate{Name: &bad}))
				b.Invalid(t, "teams", create(identity.KeyInput{Name: "x", Groups: []string{"a", bad}}))
				b.Invalid(t, "teams", update(identity.KeyUpdate{Groups: &[]string{bad}}))
				b.Invalid(t, "oidc.issuer", create(oidc(func(o *domain.APIKeyOIDCSettings) { o.Issuer = bad })))
				b.Invalid(t, "oidc.clientId", create(oidc(func(o *domain.APIKeyOIDCSettings) { o.ClientID = bad })))
				b.Invalid(t, "oidc.subjectExpression", create(oidc(func(o *domain.APIKeyOIDCSettings) { o.SubjectExpression = bad })))
				b.Invalid(t, "oidc.claimMapping", create(oidc(func(o *domain.APIKeyOIDCSettings) { o.ClaimMappings = map[string]string{bad: "x"} })))
				b.Invalid(t, "oidc.claimMapping", create(oidc(func(o *domain.APIKeyOIDCSettings) { o.ClaimMappings = map[string]string{"x": bad} })))
				b.Denied(t, domain.CodeNotFound, func() error { _, err := b.DeleteKey(admin, domain.APIKeyID(bad)); return err })
			})
		}
		b.Invalid(t, "oidc.subjectExpression", create(oidc(func(o *domain.APIKeyOIDCSettings) { o.SubjectExpression = "(" })))
		b.Invalid(t, "teams", create(identity.KeyInput{Name: "x", Groups: make([]string, domain.MaxList+1)}))
		for _, bad := range []string{strings.Repeat("x", 10<<20), "\x00", "\xff"} {
			b.Invalid(t, "description", create(identity.KeyInput{Name: "x", Description: bad}))
			b.Invalid(t, "description", update(identity.KeyUpdate{Description: &bad}))
		}
	})
}
