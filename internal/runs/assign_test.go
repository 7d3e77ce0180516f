package runs_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/runs"
	"github.com/airlock-project/airlock/internal/store"
)

func variable(id, value string) domain.Config {
	return domain.Config{ID: id, Type: domain.ConfigEnvironmentVariable, Value: value}
}

// configured gives stack k variables, files and hooks from three places.
func (b bench) configured(t *testing.T) {
	t.Helper()
	b.Context(t, "weak", "root")
	b.Context(t, "strong", "apps")
	b.Fill(t, func(ctx ctx, tx *store.Tx, p access.Permit) error {
		put := func(owner access.Kind, id string, c domain.Config) {
			if err := tx.PutConfig(ctx, p.For(owner), owner, id, c); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{"A", "B", "C"} {
			put(access.KindContext, "weak", variable(name, "weak"))
		}
		put(access.KindContext, "weak", domain.Config{ID: "f", Type: domain.ConfigFileMount, Value: "weak file"})
		put(access.KindContext, "strong", variable("B", "strong"))
		put(access.KindContext, "strong", variable("C", "strong"))
		secret := variable("C", "of the stack")
		secret.WriteOnly = true
		put(access.KindStack, "k", secret)
		put(access.KindStack, "k", domain.Config{ID: "dir/g", Type: domain.ConfigFileMount, Value: "\x00raw\xff", WriteOnly: true, FileMode: "600"})
		for i, c := range []domain.ContextID{"strong", "weak"} {
			old, err := tx.Context(ctx, c)
			if err != nil {
				return err
			}
			old.Hooks = domain.Hooks{BeforePlan: []string{string(c)}}
			if err := tx.UpdateContext(ctx, p.For(access.KindContext), old); err != nil {
				return err
			}
			a := domain.ContextAttachment{ID: domain.ContextAttachmentID(c), Context: c, Stack: "k", Priority: i}
			if err := tx.InsertContextAttachment(ctx, p.For(access.KindStack), a); err != nil {
				return err
			}
		}
		k, err := tx.Stack(ctx, "k")
		if err != nil {
			return err
		}
		k.Hooks.BeforePlan, k.Labels, k.ProjectRoot = []string{"stack"}, []string{"a", "b"}, "sub"
		return tx.UpdateStack(ctx, p.For(access.KindStack), k)
	})
}

// TestAssignment checks what a worker is told: the stack wins over contexts, a
// lower priority number over a higher one.
func TestAssignment(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.configured(t)
		run := b.trigger(t, "k")
		a := b.lease(t)
		token := "token of " + string(run.ID)
		if a.Token != token || a.FailReason != "" || len(a.Notices) != 0 {
			t.Errorf("token %q, fail reason %q, notices %v", a.Token, a.FailReason, a.Notices)
		}
		got := map[string]runs.Variable{}
		for _, v := range a.Env {
			got[v.Name] = v // the last one wins in a process's environment
		}
		for _, want := range []runs.Variable{
			{Name: "A", Value: "weak"}, {Name: "B", Value: "strong"}, {Name: "C", Value: "of the stack", Secret: true},
			{Name: "SPACELIFT", Value: "true"}, {Name: "AIRLOCK", Value: "true"},
			{Name: "SPACELIFT_STACK_ID", Value: "k"}, {Name: "SPACELIFT_SPACE_ID", Value: "apps"}, {Name: "SPACELIFT_STACK_LABELS", Value: "a,b"},
			{Name: "SPACELIFT_RUN_ID", Value: string(run.ID)}, {Name: "SPACELIFT_RUN_TYPE", Value: "TRACKED"},
			{Name: "SPACELIFT_PROJECT_ROOT", Value: "sub"}, {Name: "SPACELIFT_RUN_TRIGGER", Value: b.KeyID("root-admin").AuditName()},
			{Name: "AIRLOCK_API_ENDPOINT", Value: base}, {Name: "AIRLOCK_RUN_ID", Value: string(run.ID)}, {Name: "AIRLOCK_RUN_ATTEMPT", Value: "1"},
			{Name: "SPACELIFT_API_TOKEN", Value: token, Secret: true}, {Name: "AIRLOCK_API_TOKEN", Value: token, Secret: true},
		} {
			if diff := cmp.Diff(want, got[want.Name]); diff != "" {
				t.Errorf("%s (-want +got):\n%s", want.Name, diff)
			}
		}
		files := map[string]string{}
		for _, f := range a.Files {
			files[f.ID] = f.Value + f.FileMode
		}
		if diff := cmp.Diff(map[string]string{"f": "weak file", "dir/g": "\x00raw\xff600"}, files); diff != "" {
			t.Errorf("files (-want +got):\n%s", diff)
		}
		if got := strings.Join(a.Hooks.BeforePlan, " "); got != "strong weak stack" {
			t.Errorf("hooks are %q, want those of contexts around the stack's", got)
		}
	})
}

// TestFailReason names what cannot run before anything is checked out.
func TestFailReason(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for id, c := range map[domain.StackID]struct {
			change func(*domain.Stack)
			want   string
		}{
			"git":       {func(*domain.Stack) {}, ""},
			"terraform": {func(s *domain.Stack) { s.Vendor = domain.Vendor{Terraform: &domain.TofuVendor{}} }, ""},
			"github":    {func(s *domain.Stack) { s.Provider = domain.ProviderGitHub }, "GITHUB"},
			"ansible":   {func(s *domain.Stack) { s.Vendor = domain.Vendor{Ansible: &domain.AnsibleVendor{}} }, "vendor"},
		} {
			b.Stack(t, id, "apps", c.change)
			b.trigger(t, id)
			a := b.lease(t)
			if (c.want == "") != (a.FailReason == "") || !strings.Contains(a.FailReason, c.want) {
				t.Errorf("%s: fail reason %q, want one with %q", id, a.FailReason, c.want)
			}
			b.advance(t, a.Lease, domain.RunFailed)
		}
		b.Stack(t, "image", "apps", func(s *domain.Stack) { s.RunnerImage = "example/image" })
		b.trigger(t, "image")
		if a := b.lease(t); len(a.Notices) != 1 || !strings.Contains(a.Notices[0], "example/image") {
			t.Errorf("notices are %q", a.Notices)
		}
	})
}

// TestWriteStageVariables: what is only for stages that change something does
// not leave for a lease that cannot come to one.
func TestWriteStageVariables(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, auto := range []bool{false, true} {
			id := domain.StackID("plain")
			if auto {
				id = "auto"
			}
			b.Stack(t, id, "apps", func(s *domain.Stack) { s.Autodeploy = auto })
			b.Fill(t, func(ctx ctx, tx *store.Tx, p access.Permit) error {
				for _, name := range []string{"ro_KEY", "wo_KEY"} {
					if err := tx.PutConfig(ctx, p.For(access.KindStack), access.KindStack, string(id), variable(name, name)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		has := func(a *runs.Assignment, name string) bool {
			return slices.ContainsFunc(a.Env, func(v runs.Variable) bool { return v.Name == name })
		}
		want := func(a *runs.Assignment, writes bool) {
			t.Helper()
			if !has(a, "ro_KEY") || has(a, "wo_KEY") != writes {
				t.Errorf("%s of %s: ro %v, wo %v, want wo %v", a.Run.Type, a.Stack.ID, has(a, "ro_KEY"), has(a, "wo_KEY"), writes)
			}
		}
		b.trigger(t, "auto")
		a := b.lease(t)
		want(a, true)
		b.advance(t, a.Lease, domain.RunFailed)

		run := b.trigger(t, "plain")
		a = b.lease(t)
		want(a, false)
		b.advance(t, a.Lease, domain.RunInitializing, domain.RunPlanning, domain.RunUnconfirmed)
		if _, err := b.Confirm(b.As(t, "root-admin"), "plain", run.ID, ""); err != nil {
			t.Fatal(err)
		}
		a = b.lease(t)
		want(a, true)
	})
}
