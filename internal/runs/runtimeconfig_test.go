package runs_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
)

func configured(stack domain.StackID) runs.TriggerInput {
	return runs.TriggerInput{Stack: stack, Config: &domain.RuntimeConfig{
		Hooks: domain.Hooks{BeforePlan: []string{"id"}}, Env: []domain.EnvOverride{{Name: "KEY", Value: "correct-horse"}},
	}}
}

// TestA65Case33CustomRuntimeConfig: a writer triggers, and brings no settings.
func TestA65Case33CustomRuntimeConfig(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		row := b.Denied(t, domain.CodeForbidden, func() error { _, err := b.Trigger(b.As(t, "will"), configured("k2")); return err })
		if row.Action != "run:trigger-with-custom-runtime-config" {
			t.Errorf("action %s", row.Action)
		}
		b.Role(t, "configurer", authz.ActionSpaceRead, authz.ActionRunTriggerWithCustomRuntimeConfig)
		b.AddKey(t, "only")
		b.Bind(t, "only", "configurer", "dev")
		b.Denied(t, domain.CodeForbidden, func() error { _, err := b.Trigger(b.As(t, "only"), configured("k2")); return err })
		b.Allowed(t, func() error { _, err := b.Trigger(b.As(t, "ann"), configured("k2")); return err })
		a := b.lease(t)
		if d := cmp.Diff(configured("k2").Config, a.Custom); d != "" {
			t.Error(d)
		}
		if a.Run.Autodeploy {
			t.Error("it deploys by itself")
		}
		shown, err := b.CustomConfig(b.As(t, "will"), a.Run.ID)
		want := configured("k2").Config
		want.Env[0].Value = ""
		if d := cmp.Diff(want, shown); d != "" || err != nil {
			t.Errorf("%v\n%s", err, d)
		}
		if c, err := b.CustomConfig(b.As(t, "rita"), a.Run.ID); domain.ErrorCode(err) != domain.CodeNotFound {
			t.Errorf("somebody else sees %+v, %v", c, err)
		}
		if c, err := b.CustomConfig(b.As(t, "will"), b.trigger(t, "k2").ID); c != nil || err != nil {
			t.Errorf("without any: %+v, %v", c, err)
		}
		for table, content := range b.Digest(t) {
			if strings.Contains(content, "correct-horse") {
				t.Errorf("table %s shows a value", table)
			}
		}
	})
}

func TestG2CustomRuntimeConfigOfARoleHolder(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		binding := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k2"}, "space-admin", "platform")
		b.ActAs(t, domain.LentRole{Stack: "k2", Role: "space-admin", Space: "platform", Binding: binding},
			func() error { _, err := b.Trigger(b.As(t, "ann"), configured("k2")); return err })
	})
}

func TestCustomRuntimeConfigIsChecked(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		in := configured("k2")
		in.Config.Env[0].Name = "LD_PRELOAD"
		b.Invalid(t, "environment", func() error { _, err := b.Trigger(b.As(t, "ann"), in); return err })
	})
}

func TestCustomConfigNamesOverrides(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		run, err := b.ProposeWith(b.As(t, "root-admin"), runs.ProposeInput{
			Stack: "k2", Commit: strings.Repeat("a", 40), Settings: domain.RunSettings{Env: []domain.EnvOverride{{Name: "TF_VAR_key", Value: "correct-horse"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		c, err := b.CustomConfig(b.As(t, "root-admin"), run.ID)
		if d := cmp.Diff(&domain.RuntimeConfig{Env: []domain.EnvOverride{{Name: "TF_VAR_key"}}}, c); d != "" || err != nil {
			t.Errorf("%v\n%s", err, d)
		}
	})
}
