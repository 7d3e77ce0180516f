package gitcredentials_test

import (
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/gitcredentials"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

type bench struct {
	*storetest.Kit
	*gitcredentials.Service
}

func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		usable := func(a domain.GitAccess) error {
			if a.Kind == domain.GitSSHKey && a.Secret == "no key" {
				return domain.Invalid("secret", "is not a private key")
			}
			return nil
		}
		test(t, bench{k, gitcredentials.New(store.Bind[gitcredentials.Tx](k.Store), access.NewGate(), k.IDs, usable)})
	})
}

func p(s string) *string { return &s }

const canary = "correct-horse-battery"

func password(space domain.SpaceID) gitcredentials.Input {
	return gitcredentials.Input{
		Space: space, Kind: domain.GitPassword, Name: p("Forge"), Prefix: p("https://git.example.com/team"), Username: p("robot"), Secret: p(canary),
	}
}

func (b bench) credential(t *testing.T, space domain.SpaceID) domain.GitCredentialID {
	t.Helper()
	c, err := b.Create(b.As(t, "root-admin"), password(space))
	if err != nil {
		t.Fatal(err)
	}
	return c.ID
}

func (b bench) secret(t *testing.T, id domain.GitCredentialID) (secret string) {
	t.Helper()
	b.View(t, func(tx *store.Tx) (err error) {
		secret, err = tx.GitSecret(t.Context(), id)
		return err
	})
	return secret
}

func TestCase122GitSecretsAreSealed(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.credential(t, "dev")
		if got := b.secret(t, id); got != canary {
			t.Errorf("kept %q", got)
		}
		for table, content := range b.Digest(t) {
			if strings.Contains(content, canary) {
				t.Errorf("table %s shows the secret", table)
			}
		}
		if _, err := b.Update(b.As(t, "ann"), id, gitcredentials.Input{Secret: p("another")}); err != nil || b.secret(t, id) != "another" {
			t.Errorf("kept %q, error %v", b.secret(t, id), err)
		}
	})
}

func TestA59A97GitCredentialsTakeSpaceAdmin(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.credential(t, "dev")
		for name, act := range map[string]func(who string) error{
			"create": func(who string) error { _, err := b.Create(b.As(t, who), password("dev")); return err },
			"update": func(who string) error {
				_, err := b.Update(b.As(t, who), id, gitcredentials.Input{Name: p("Mine")})
				return err
			},
			"delete": func(who string) error { _, err := b.Delete(b.As(t, who), id); return err },
		} {
			b.Denied(t, domain.CodeForbidden, func() error { return act("will") })
			b.Denied(t, domain.CodeNotFound, func() error { return act("rita") })
			if name != "delete" {
				b.Allowed(t, func() error { return act("ann") })
			}
		}
		if list, err := b.List(b.As(t, "will")); err != nil || len(list) != 2 {
			t.Errorf("a writer lists %d, error %v", len(list), err)
		}
		if _, err := b.Get(b.As(t, "rita"), id); domain.ErrorCode(err) != domain.CodeNotFound {
			t.Error(err)
		}
		b.Allowed(t, func() error { _, err := b.Delete(b.As(t, "ann"), id); return err })
	})
}

// TestGitSecretIsNotSentElsewhere changes where a secret goes without knowing it.
func TestGitSecretIsNotSentElsewhere(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.credential(t, "dev")
		b.Invalid(t, "secret", func() error {
			_, err := b.Update(b.As(t, "ann"), id, gitcredentials.Input{Prefix: p("https://evil.example")})
			return err
		})
		in := gitcredentials.Input{Prefix: p("https://elsewhere.example"), Secret: p("new")}
		if c, err := b.Update(b.As(t, "ann"), id, in); err != nil || c.Prefix != "https://elsewhere.example" {
			t.Errorf("%+v, error %v", c, err)
		}
	})
}

func TestG2GitCredentialOfARoleHolder(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Stack(t, "holder", "dev", func(s *domain.Stack) { s.RepositoryURL = "https://git.example.com/team/infra" })
		binding := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "holder"}, "space-admin", "platform")
		lent := domain.LentRole{Stack: "holder", Role: "space-admin", Space: "platform", Binding: binding}
		id := b.credential(t, "dev")
		b.ActAs(t, lent, func() error { _, err := b.Create(b.As(t, "ann"), password("dev")); return err })
		b.ActAs(t, lent, func() error {
			_, err := b.Update(b.As(t, "ann"), id, gitcredentials.Input{Secret: p("other")})
			return err
		})
		other := password("dev")
		other.Prefix = p("https://git.example.com/other")
		b.NoActAs(t, func() error { _, err := b.Create(b.As(t, "ann"), other); return err })
		elsewhere := password("apps")
		elsewhere.Space = "apps"
		b.ActAs(t, lent, func() error { _, err := b.Create(b.As(t, "ann"), elsewhere); return err })
	})
}

func TestGitCredentialChecks(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		in := password("dev")
		in.Kind, in.Prefix, in.KnownHosts, in.Secret = domain.GitSSHKey, p("git@git.example.com:team"), p("k"), p("no key")
		b.Invalid(t, "secret", func() error { _, err := b.Create(b.As(t, "ann"), in); return err })
		in.Secret = nil
		b.Invalid(t, "secret", func() error { _, err := b.Create(b.As(t, "ann"), in); return err })
	})
}
