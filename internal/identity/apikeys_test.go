package identity_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/store"
)

type ctx = context.Context

var ulid = regexp.MustCompile(`^[0-9A-HJKMNP-TV-Z]{26}$`)

// TestA171A174A175Keys makes a key, uses it, and looks for its secret.
func TestA171A174A175Keys(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		var made identity.KeyView
		row := b.Allowed(t, func() (err error) {
			made, err = b.CreateKey(admin, identity.KeyInput{Name: "ci Ω", Description: "d", Groups: []string{"devops"}})
			return err
		})
		if row.ObjectID != string(made.ID) || row.Event != "api_key.create" || strings.Contains(row.Args, made.Secret) {
			t.Errorf("recorded %+v", row)
		}
		if !ulid.MatchString(string(made.ID)) { // A175
			t.Errorf("the id is %q", made.ID)
		}
		if len(made.Secret) != 64 || made.SecretHash != nil || made.Creator != b.KeyID("root-admin").AuditName() {
			t.Errorf("made %+v", made)
		}
		for table, content := range b.Digest(t) {
			if strings.Contains(content, made.Secret) {
				t.Errorf("A174: the secret is kept in %s", table)
			}
		}
		got, err := b.Key(admin, made.ID)
		want := made
		want.Secret = ""
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("read (-want +got):\n%s%v", diff, err)
		}
		session, err := b.Exchange(t.Context(), made.ID, made.Secret)
		if err != nil || session.User != (identity.User{ID: string(made.ID), Name: "ci Ω", Type: "API_KEY"}) || !session.ValidUntil.Equal(b.Clock.Now().Add(time.Hour)) {
			t.Fatalf("session %+v, %v", session, err)
		}
		c, err := b.Authenticate(t.Context(), session.JWT)
		if err != nil || c.Name != made.ID.AuditName() || c.Subject.ReadOnly {
			t.Errorf("caller %+v, %v", c, err)
		}
		if got, err := b.Viewer(access.WithCaller(t.Context(), c)); err != nil || got != session.User {
			t.Errorf("viewer %+v, %v", got, err)
		}
		_, err = b.Viewer(t.Context())
		wantCode(t, err, domain.CodeUnauthenticated)
		if used, _ := b.Key(admin, made.ID); !used.LastUsedAt.Equal(b.Clock.Now()) {
			t.Errorf("last used at %s", used.LastUsedAt)
		}
	})
}

// TestA77A78A172Keys: only admins of root change keys, admins of any space view
// them (A172, R25).
func TestA77A78A172Keys(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.KeyID("ops")
		name := "new"
		for _, who := range []string{"ann", "will", "rita", "ops", "nobody"} {
			ctx := b.As(t, who)
			b.Denied(t, domain.CodeForbidden, func() error { _, err := b.CreateKey(ctx, identity.KeyInput{Name: "x"}); return err })
			b.Denied(t, domain.CodeForbidden, func() error { _, err := b.UpdateKey(ctx, id, identity.KeyUpdate{Name: &name}); return err })
			b.Denied(t, domain.CodeForbidden, func() error { _, err := b.DeleteKey(ctx, id); return err })
			_, hidden := b.UpdateKey(ctx, "missing", identity.KeyUpdate{Name: &name})
			wantCode(t, hidden, domain.CodeForbidden)
			_, one := b.Key(ctx, id)
			list, all := b.Keys(ctx)
			if who == "ann" {
				if one != nil || all != nil || len(list) != 6 || list[0].SecretHash != nil {
					t.Errorf("ann views %+v, %v, %v", list, one, all)
				}
				continue
			}
			wantCode(t, one, domain.CodeForbidden)
			wantCode(t, all, domain.CodeForbidden)
		}
		b.BindActor(t, b.stackActor("r0"), "space-admin", "root")
		run := b.AsStack(t, domain.Run{ID: "run", StackID: "r0", State: domain.RunApplying})
		for event, ask := range map[string]func() error{
			"create": func() error { _, err := b.CreateKey(run, identity.KeyInput{Name: "x"}); return err },
			"delete": func() error { _, err := b.DeleteKey(run, id); return err },
		} {
			if row := b.Denied(t, domain.CodeForbidden, ask); !strings.Contains(row.Reason, "run's token") {
				t.Errorf("R25, %s: recorded %q", event, row.Reason)
			}
		}
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.DeleteKey(b.As(t, "root-admin"), "missing"); return err })
	})
}

// TestA182AdminKey is bound to root along with its creation.
func TestA182AdminKey(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		made, err := b.CreateKey(b.As(t, "root-admin"), identity.KeyInput{Name: "x", Admin: true})
		if err != nil || !made.Admin || made.Spaces != 1 {
			t.Fatalf("made %+v, %v", made, err)
		}
		c, err := b.Authenticate(t.Context(), b.exchange(t, made).JWT)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.CreateKey(access.WithCaller(t.Context(), c), identity.KeyInput{Name: "y"}); err != nil {
			t.Errorf("an admin key: %v", err)
		}
		if ann, err := b.Key(b.As(t, "ann"), b.KeyID("ann")); err != nil || ann.Admin || ann.Spaces != 1 {
			t.Errorf("ann is shown as %+v, %v", ann, err)
		}
	})
}

func (b bench) exchange(t *testing.T, k identity.KeyView) identity.Session {
	t.Helper()
	s, err := b.Exchange(t.Context(), k.ID, k.Secret)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestExchangeRefused is security case 106: unknown and wrong look alike.
func TestExchangeRefused(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		oidc, err := b.CreateKey(b.As(t, "root-admin"), identity.KeyInput{Name: "o", OIDC: &domain.APIKeyOIDCSettings{Issuer: "https://i", ClientID: "c", SubjectExpression: "s"}})
		if err != nil || oidc.Secret != "" || oidc.Type != domain.APIKeyOIDC {
			t.Fatalf("made %+v, %v", oidc, err)
		}
		first, secret := b.Secrets.AdminKeyID, b.Secrets.AdminKeySecret
		var message string
		for why, c := range map[string]struct {
			id     domain.APIKeyID
			secret string
		}{
			"unknown id": {"01J00000000000000000099999", secret}, "wrong secret": {first, "wrong"}, "empty secret": {first, ""},
			"empty both": {"", ""}, "upper case": {first, strings.ToUpper(secret)}, "truncated": {first, secret[:63]},
			"oidc key": {oidc.ID, ""}, "NUL": {"a\x00", secret}, "10 MB": {domain.APIKeyID(strings.Repeat("x", 10<<20)), secret}, "no UTF-8": {"\xff", "\xff"},
		} {
			var got error
			row := b.Denied(t, domain.CodeNotFound, func() error { _, got = b.Exchange(t.Context(), c.id, c.secret); return got })
			if message == "" {
				message = got.Error()
			}
			if got.Error() != message {
				t.Errorf("%s: %q, others get %q", why, got, message)
			}
			if row.Event != "session.login" || !strings.HasPrefix(row.Actor, "api::") || strings.Contains(row.Reason+row.Args, secret) {
				t.Errorf("%s: recorded %+v", why, row)
			}
		}
	})
}

// TestA184Expiry ends the key, the exchange and the tokens together.
func TestA184Expiry(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		until := b.Clock.Now().Add(10 * time.Minute)
		made, err := b.CreateKey(admin, identity.KeyInput{Name: "x", ExpiresAt: until})
		if err != nil {
			t.Fatal(err)
		}
		session := b.exchange(t, made)
		if !session.ValidUntil.Equal(until) {
			t.Errorf("the token outlives its key: %s", session.ValidUntil)
		}
		b.Clock.Advance(10*time.Minute - time.Microsecond)
		if _, err := b.Authenticate(t.Context(), session.JWT); err != nil {
			t.Errorf("before its end: %v", err)
		}
		b.Clock.Advance(time.Microsecond)
		b.refused(t, "at its end", session.JWT)
		b.Denied(t, domain.CodeUnauthenticated, func() error { _, err := b.Exchange(t.Context(), made.ID, made.Secret); return err })
		b.Invalid(t, "expiresAt", func() error {
			_, err := b.CreateKey(admin, identity.KeyInput{Name: "x", ExpiresAt: b.Clock.Now()})
			return err
		})

		plain := b.login(t)
		b.Clock.Advance(time.Hour + 61*time.Second)
		b.refused(t, "an hour later", plain.JWT)
	})
}

// TestA180A181A185Groups: a key has what is bound to its groups, changed groups
// count at once, and a deleted key's tokens are dead at once, on every server.
func TestA180A181A185Groups(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		b.AddGroup(t, "b")
		b.Bind(t, "b", "space-writer", "dev")
		made, err := b.CreateKey(admin, identity.KeyInput{Name: "x", Groups: []string{"a"}})
		if err != nil {
			t.Fatal(err)
		}
		session := b.exchange(t, made)
		other := bench{b.Kit, newService(t, b.Open(t), b.Kit)}
		c, err := other.Authenticate(t.Context(), session.JWT)
		if err != nil || b.Holds(t, c.Subject.Actor, authz.ActionRunTrigger, "dev") {
			t.Errorf("before: %+v, %v", c, err)
		}
		if _, err := b.UpdateKey(admin, made.ID, identity.KeyUpdate{Groups: &[]string{"b", "c"}}); err != nil {
			t.Fatal(err)
		}
		if c, err = other.Authenticate(t.Context(), session.JWT); err != nil || !b.Holds(t, c.Subject.Actor, authz.ActionRunTrigger, "dev") {
			t.Errorf("after: %+v, %v", c, err)
		}
		row := b.Allowed(t, func() error { _, err := b.DeleteKey(admin, made.ID); return err })
		if row.ObjectID != string(made.ID) {
			t.Errorf("recorded %+v", row)
		}
		other.refused(t, "deleted", session.JWT)
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.Exchange(t.Context(), made.ID, made.Secret); return err })
	})
}

// TestI11LastAdminKey cannot be deleted.
func TestI11LastAdminKey(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		last := func() error { _, err := b.DeleteKey(admin, b.Secrets.AdminKeyID); return err }
		b.Denied(t, domain.CodeConflict, last)
		for _, weak := range []identity.KeyInput{
			{Name: "expires", Admin: true, ExpiresAt: b.Clock.Now().Add(time.Hour)},
			{Name: "cannot sign in", Admin: true, OIDC: &domain.APIKeyOIDCSettings{Issuer: "i", ClientID: "c", SubjectExpression: "s"}},
		} {
			if _, err := b.CreateKey(admin, weak); err != nil {
				t.Fatal(err)
			}
			b.Denied(t, domain.CodeConflict, last)
		}
		if _, err := b.CreateKey(admin, identity.KeyInput{Name: "next", Admin: true}); err != nil {
			t.Fatal(err)
		}
		b.Allowed(t, last)
		b.View(t, func(tx *store.Tx) error {
			n, err := tx.RootAdmins(t.Context())
			if n != 1 {
				t.Errorf("%d root admins", n)
			}
			return err
		})
	})
}
