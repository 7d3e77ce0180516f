package account_test

import (
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/account"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// TestA103A108Settings: off and WARN at first; admins of root change them,
// admins of any space see them.
func TestA103A108Settings(t *testing.T) {
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		s := account.NewSettings(store.Bind[account.SettingsTx](k.Store), k.Gate)
		want := domain.AccountSettings{StackActAs: domain.ActAsWarn}
		see := func() {
			t.Helper()
			for _, who := range []string{"root-admin", "ann"} {
				if got, err := s.Get(k.As(t, who)); err != nil || got != want {
					t.Errorf("%s sees %+v, %v; want %+v", who, got, err, want)
				}
			}
		}
		see()
		on, enforce, wrong := true, domain.ActAsEnforce, domain.ActAsMode("warn")
		set := func(who string, in account.SettingsInput) func() error {
			return func() error { _, err := s.Update(k.As(t, who), in); return err }
		}
		row := k.Allowed(t, set("root-admin", account.SettingsInput{DelegateSpaceManagement: &on}))
		if row.Event != "account.update_settings" || row.ObjectKind != "account" {
			t.Errorf("recorded %+v", row)
		}
		want.DelegateSpaceManagement = true
		see()
		k.Allowed(t, set("root-admin", account.SettingsInput{StackActAs: &enforce}))
		want.StackActAs = enforce
		email := "security@example.com"
		k.Allowed(t, set("root-admin", account.SettingsInput{SecurityEmail: &email}))
		want.SecurityEmail = email
		see()
		for _, bad := range []string{"nobody", "A <a@example.com>", "a@example.com\n"} {
			k.Invalid(t, "securityEmail", set("root-admin", account.SettingsInput{SecurityEmail: &bad}))
		}
		see()
		images := [2]string{"example.com/private:1", "tools"}
		k.Allowed(t, set("root-admin", account.SettingsInput{PrivateRunnerImage: &images[0], PublicRunnerImage: &images[1]}))
		want.PrivateRunnerImage, want.PublicRunnerImage = images[0], images[1]
		see()
		for _, bad := range []string{"--privileged", "a b", "a\nb", "UPPER", "/a", "a//b"} {
			k.Invalid(t, "privateWorkerPoolRunnerImage", set("root-admin", account.SettingsInput{PrivateRunnerImage: &bad}))
			k.Invalid(t, "publicWorkerPoolRunnerImage", set("root-admin", account.SettingsInput{PublicRunnerImage: &bad}))
		}
		see()
		k.Invalid(t, "stackActAs", set("root-admin", account.SettingsInput{StackActAs: &wrong}))
		for _, who := range []string{"ann", "will", "rita", "nobody"} {
			k.Denied(t, domain.CodeForbidden, set(who, account.SettingsInput{DelegateSpaceManagement: &on}))
		}
		for _, who := range []string{"will", "rita", "nobody", ""} {
			if _, err := s.Get(k.As(t, who)); err == nil {
				t.Errorf("%q sees the settings", who)
			}
		}
		k.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "r0"}, "space-admin", "root")
		run := k.AsStack(t, domain.Run{ID: "run", StackID: "r0", State: domain.RunApplying})
		k.Denied(t, domain.CodeForbidden, func() error {
			_, err := s.Update(run, account.SettingsInput{DelegateSpaceManagement: &on})
			return err
		})
		see()
	})
}
