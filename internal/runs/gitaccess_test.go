package runs_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/gitcredentials"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

// TestGitAccessReachesTheCheckoutAlone: the credential goes with the job that
// checks out, by the reach of spaces (A114), and with no other.
func TestGitAccessReachesTheCheckoutAlone(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		s := gitcredentials.New(store.Bind[gitcredentials.Tx](b.Store), access.NewGate(), b.IDs, func(domain.GitAccess) error { return nil })
		for space, secret := range map[domain.SpaceID]string{"root": "of root", "apps": "of apps", "sandbox": "of sandbox"} {
			name, prefix, user := "Forge", "https://git.example.com", "robot"
			in := gitcredentials.Input{Space: space, Kind: domain.GitPassword, Name: &name, Prefix: &prefix, Username: &user, Secret: &secret}
			if _, err := s.Create(b.As(t, "root-admin"), in); err != nil {
				t.Fatal(err)
			}
		}
		for id, c := range map[domain.StackID]struct {
			space domain.SpaceID
			url   string
			want  string
		}{
			"below":    {"dev", "https://git.example.com/team/infra", "of apps"}, // the nearest
			"shut off": {"prod", "https://git.example.com/team/infra", ""},       // inherits nothing
			"other":    {"dev", "https://elsewhere.example.com/team/infra", ""},
		} {
			b.Stack(t, id, c.space, func(st *domain.Stack) { st.Provider, st.RepositoryURL = domain.ProviderGit, c.url })
			if _, err := b.Trigger(b.As(t, "root-admin"), runs.TriggerInput{Stack: id}); err != nil {
				t.Fatal(err)
			}
			a := b.lease(t)
			var want *domain.GitAccess
			if c.want != "" {
				want = &domain.GitAccess{Kind: domain.GitPassword, Username: "robot", Secret: c.want}
			}
			if d := cmp.Diff(want, a.GitAccess); d != "" {
				t.Errorf("%s: %s", id, d)
			}
			b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning)
			if err := b.PutWorkspace(t.Context(), a.Lease, []byte("w")); err != nil {
				t.Fatal(err)
			}
			b.advance(t, a.Lease, domain.RunUnconfirmed)
			if _, err := b.Confirm(b.As(t, "root-admin"), id, a.Run.ID, ""); err != nil {
				t.Fatal(err)
			}
			if a := b.lease(t); a.Run.State != domain.RunPreparingApply || a.GitAccess != nil {
				t.Errorf("%s: the apply of it is given %+v", id, a.GitAccess)
			}
		}
	})
}
