package stacks_test

import (
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// TestA274WriteOnly: a secret is never shown again.
func TestA274WriteOnly(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		secret := variable("SECRET", "canary-value")
		secret.WriteOnly = true
		made, err := b.AddConfig(b.As(t, "will"), "k2", secret)
		if err != nil || made.Value != "" || len(made.Checksum) != 64 {
			t.Fatalf("made %+v, %v", made, err)
		}
		list, err := b.Config(b.As(t, "root-admin"), "k2")
		if err != nil || len(list) != 1 || list[0].Value != "" || list[0].Checksum != made.Checksum {
			t.Errorf("shown %+v, %v", list, err)
		}
		gone, err := b.DeleteConfig(b.As(t, "will"), "k2", "SECRET")
		if err != nil || gone.Value != "" {
			t.Errorf("shown at its end %+v, %v", gone, err)
		}
		for _, row := range b.Audit(t) { // security case 178
			if strings.Contains(row.Args+row.Reason, "canary-value") {
				t.Errorf("recorded %+v", row)
			}
		}
	})
}

// TestCase32ReservedNames is security cases 31 and 32.
func TestCase32ReservedNames(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		ann := b.As(t, "ann")
		add := func(c domain.Config) func() error {
			return func() error { _, err := b.AddConfig(ann, "k", c); return err }
		}
		for _, name := range []string{"SPACELIFT_API_TOKEN", "AIRLOCK_RUN_ID", "1A", "A B", "A=B", "a\nb", "ä", "-"} {
			b.Invalid(t, "id", add(variable(name, "x")))
		}
		for _, path := range []string{"/etc/x", "../x", "a/../../x", "a/../b", "./a", "a//b", "a/", ".", "..", `a\b`, "a\x00"} {
			b.Invalid(t, "id", add(domain.Config{ID: path, Type: domain.ConfigFileMount, Value: "x"}))
		}
		b.Invalid(t, "type", add(domain.Config{ID: "A", Type: "OTHER"}))
		b.Invalid(t, "value", add(variable("A", "a\x00b")))
		b.Invalid(t, "value", add(variable("A", strings.Repeat("x", domain.MaxConfigValue+1))))
		b.Invalid(t, "description", add(domain.Config{ID: "A", Type: domain.ConfigEnvironmentVariable, Description: "\x00"}))
		for _, path := range []string{"source/override.tf", ".terraformrc", "a b/ä"} {
			if err := add(domain.Config{ID: path, Type: domain.ConfigFileMount, Value: "\x00\xff"})(); err != nil {
				t.Errorf("%q: %v", path, err)
			}
		}
	})
}

func TestBadStacks(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		bad := func(field string, change func(*domain.StackSettings)) {
			t.Helper()
			in := storetest.Settings("x", "apps")
			change(&in)
			b.Invalid(t, field, b.create(t, "ann", stacks.CreateInput{StackSettings: in}))
			b.Invalid(t, field, b.update(t, "ann", "k", change))
		}
		for _, path := range []string{"/etc", "../x", "a/../../x", "--stdin", "*.tf", `a\b`, "!a", "a[0]"} {
			bad("gitSparseCheckoutPaths", func(s *domain.StackSettings) { s.SparsePaths = []string{"fine", path} })
		}
		for _, glob := range []string{"[a", "a/{b,c", "a[]b", "\\"} {
			bad("additionalProjectGlobs", func(s *domain.StackSettings) { s.ProjectGlobs = []string{"fine/**", glob} })
		}
		for name, text := range storetest.Hostile() {
			t.Run(name, func(t *testing.T) {
				bad("name", func(s *domain.StackSettings) { s.Name = text })
				bad("branch", func(s *domain.StackSettings) { s.Branch = text })
				bad("repository", func(s *domain.StackSettings) { s.Repository = text })
				bad("labels", func(s *domain.StackSettings) { s.Labels = []string{text} })
				bad("additionalProjectGlobs", func(s *domain.StackSettings) { s.ProjectGlobs = []string{text} })
				bad("gitSparseCheckoutPaths", func(s *domain.StackSettings) { s.SparsePaths = []string{text} })
				b.Denied(t, domain.CodeNotFound, b.update(t, "ann", domain.StackID(text), func(*domain.StackSettings) {}))
				if text == "" {
					return
				}
				bad("namespace", func(s *domain.StackSettings) { s.Namespace = text })
				bad("repositoryURL", func(s *domain.StackSettings) { s.RepositoryURL = text })
				bad("runnerImage", func(s *domain.StackSettings) { s.RunnerImage = text })
				bad("workerPool", func(s *domain.StackSettings) { s.WorkerPool = domain.WorkerPoolID(text) })
				bad("projectRoot", func(s *domain.StackSettings) { s.ProjectRoot = text })
				bad("vendorConfig", func(s *domain.StackSettings) { s.Vendor = domain.Vendor{OpenTofu: &domain.TofuVendor{Version: text}} })
				b.Denied(t, domain.CodeNotFound, b.create(t, "ann", stacks.CreateInput{StackSettings: storetest.Settings("x", domain.SpaceID(text+"-"))}))
			})
		}
		for _, root := range []string{"/abs", "../x", "a/../../x", `a\b`, ".."} {
			bad("projectRoot", func(s *domain.StackSettings) { s.ProjectRoot = root })
		}
		bad("provider", func(s *domain.StackSettings) { s.Provider = "CVS" })
		bad("repositoryURL", func(s *domain.StackSettings) { s.RepositoryURL = "" })
		bad("repositoryURL", func(s *domain.StackSettings) { s.RepositoryURL = "http://insecure.example/x" })
		bad("description", func(s *domain.StackSettings) { s.Description = "\x00" })
		bad("hooks", func(s *domain.StackSettings) { s.Hooks.AfterRun = []string{"\xff"} })
		bad("hooks", func(s *domain.StackSettings) { s.Hooks.AfterRun = make([]string, domain.MaxList+1) })
		bad("labels", func(s *domain.StackSettings) { s.Labels = make([]string, domain.MaxLabels+1) })
		bad("vendorConfig", func(s *domain.StackSettings) {
			s.Vendor = domain.Vendor{OpenTofu: &domain.TofuVendor{}, Ansible: &domain.AnsibleVendor{}}
		})
	})
}
