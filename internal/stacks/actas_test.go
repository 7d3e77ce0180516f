package stacks_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// lend makes a stack in dev, which will and mia may change, hold Space admin
// at platform, where they have nothing.
func (b bench) lend(t *testing.T) domain.LentRole {
	t.Helper()
	b.Role(t, "manager", authz.ActionSpaceRead, authz.ActionStackManage)
	b.AddKey(t, "mia")
	b.Bind(t, "mia", "manager", "dev")
	b.Stack(t, "sx", "dev", nil)
	id := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "sx"}, "space-admin", "platform")
	return domain.LentRole{Stack: "sx", Role: "space-admin", Space: "platform", Binding: id}
}

// TestA133Case31Environment is path E2: who writes a stack's environment decides
// what its runs do.
func TestA133Case31Environment(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		lent := b.lend(t)
		n := 0
		add := func(who string, id domain.StackID) func() error {
			return func() error {
				n++
				_, err := b.AddConfig(b.As(t, who), id, variable("V"+string(rune('A'+n)), "x"))
				return err
			}
		}
		b.ActAs(t, lent, add("will", "sx"))
		b.NoActAs(t, add("will", "k2"))
		b.NoActAs(t, add("root-admin", "sx"))
		b.Allowed(t, func() error { _, err := b.AddConfig(b.As(t, "root-admin"), "sx", variable("GONE", "x")); return err })
		b.SetActAs(t, domain.ActAsEnforce)
		b.Denied(t, domain.CodeForbidden, func() error { _, err := b.DeleteConfig(b.As(t, "will"), "sx", "GONE"); return err })

		// The role where it is bound, or stack:act-as there, is enough.
		b.Role(t, "actor", authz.ActionSpaceRead, authz.ActionStackActAs)
		id := b.Bind(t, "will", "actor", "platform")
		b.NoActAs(t, add("will", "sx"))
		b.Unbind(t, id)
		b.Bind(t, "will", "actor", "apps") // elsewhere
		b.Denied(t, domain.CodeForbidden, add("will", "sx"))
		b.Bind(t, "will", "space-writer", "platform") // not all of it
		b.Denied(t, domain.CodeForbidden, add("will", "sx"))
	})
}

// TestCase38Source changes the code of a stack that holds roles: it is asked
// again with every update, not only when the role is bound.
func TestCase38Source(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		lent := b.lend(t)
		n := 0
		edit := func(change func(s *domain.StackSettings, to string)) func() error {
			return func() error {
				n++
				return b.update(t, "mia", "sx", func(s *domain.StackSettings) { change(s, "v"+string(rune('a'+n))) })()
			}
		}
		for name, change := range map[string]func(s *domain.StackSettings, to string){
			"branch":       func(s *domain.StackSettings, to string) { s.Branch = to },
			"repository":   func(s *domain.StackSettings, to string) { s.RepositoryURL = "https://example.com/" + to },
			"project root": func(s *domain.StackSettings, to string) { s.ProjectRoot = to },
			"image":        func(s *domain.StackSettings, to string) { s.RunnerImage = to },
			"hooks":        func(s *domain.StackSettings, to string) { s.Hooks.BeforeInit = []string{to} },
			"vendor": func(s *domain.StackSettings, _ string) {
				s.Vendor.OpenTofu = &domain.TofuVendor{WorkflowTool: "OPEN_TOFU", Version: "~> 1." + strconv.Itoa(n)}
			},
			"autodeploy": func(s *domain.StackSettings, _ string) { s.Autodeploy = !s.Autodeploy },
		} {
			t.Run(name, func(t *testing.T) { b.ActAs(t, lent, edit(change)) })
		}
		b.NoActAs(t, edit(func(s *domain.StackSettings, to string) {
			s.Name, s.Description, s.Labels = to, to, []string{to}
		}))
		b.NoActAs(t, edit(func(s *domain.StackSettings, _ string) { s.ProtectFromDeletion = !s.ProtectFromDeletion }))

		pool := func(who string) func() error {
			return b.update(t, who, "sx", func(s *domain.StackSettings) { s.WorkerPool = "pool" })
		}
		b.Pool(t, "pool", "apps")
		b.SetActAs(t, domain.ActAsEnforce)
		b.Denied(t, domain.CodeForbidden, pool("mia"))
		b.NoActAs(t, pool("root-admin"))
	})
}

// TestG2Lent tells which roles of a stack count.
func TestG2Lent(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.lend(t)
		stack := func(id string) authz.ActorRef { return authz.ActorRef{Kind: authz.ActorStack, ID: id} }
		add := func(id domain.StackID) func() error {
			return func() error { _, err := b.AddConfig(b.As(t, "will"), id, variable("A", "b")); return err }
		}
		b.Stack(t, "flagged", "dev", func(s *domain.Stack) { s.Administrative = true })
		b.ActAs(t, domain.LentRole{Stack: "flagged", Role: "space-admin", Space: "dev"}, add("flagged"))

		b.Stack(t, "same", "dev", nil)
		b.BindActor(t, stack("same"), "space-writer", "dev") // which will holds himself
		b.NoActAs(t, add("same"))

		b.Stack(t, "late", "dev", nil)
		b.AddBinding(t, "space-admin", domain.Binding{Actor: stack("late"), Space: "platform", NotAfter: b.Clock.Now().Add(time.Minute)})
		b.SetActAs(t, domain.ActAsEnforce)
		b.Denied(t, domain.CodeForbidden, add("late"))
		b.Clock.Advance(time.Minute + time.Second)
		b.NoActAs(t, add("late"))

		b.Stack(t, "single", "dev", nil)
		b.Stack(t, "far", "platform", nil)
		id := b.AddBinding(t, "space-writer", domain.Binding{Actor: stack("single"), Entity: authz.EntityRef{Kind: authz.EntityStack, ID: "far"}})
		b.ActAs(t, domain.LentRole{Stack: "single", Role: "space-writer", Space: "platform", Entity: "stack/far", Binding: id}, add("single"))
	})
}
