package contexts_test

import (
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/domain"
)

// TestG2Contexts is path E8: who edits a context, or attaches one, decides
// what the stacks that use it do, without any right on them.
func TestG2Contexts(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Role(t, "editor", authz.ActionSpaceRead, authz.ActionContextUpdate, authz.ActionContextDelete, authz.ActionStackManage)
		b.AddKey(t, "eve")
		b.Bind(t, "eve", "editor", "dev")
		b.Stack(t, "sx", "dev", nil)
		b.Stack(t, "plain", "dev", nil)
		id := b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "sx"}, "space-admin", "platform")
		lent := domain.LentRole{Stack: "sx", Role: "space-admin", Space: "platform", Binding: id}
		b.Context(t, "used", "dev", "sx", "plain")
		b.Context(t, "free", "dev", "plain")
		n := 0
		next := func() string { n++; return "V" + string(rune('A'+n)) }
		add := func(id domain.ContextID) func() error {
			return func() error {
				_, err := b.AddConfig(b.As(t, "eve"), id, domain.Config{ID: next(), Value: "x", Type: domain.ConfigEnvironmentVariable})
				return err
			}
		}
		update := func(id domain.ContextID, in contexts.Input, replace bool) func() error {
			return func() error {
				in := in
				in.Name = next()
				_, err := b.Update(b.As(t, "eve"), id, in, replace)
				return err
			}
		}
		hook := contexts.Input{Hooks: domain.Hooks{BeforePlan: []string{"id"}}}
		b.ActAs(t, lent, add("used"))
		b.NoActAs(t, add("free"))
		b.SetActAs(t, domain.ActAsEnforce)
		b.Denied(t, domain.CodeForbidden, update("used", hook, false))
		b.Denied(t, domain.CodeForbidden, update("used", contexts.Input{}, true)) // drops what is there
		b.NoActAs(t, update("used", contexts.Input{}, false))                     // words only
		b.NoActAs(t, func() error { _, err := b.Rename(b.As(t, "eve"), "used", "other", nil); return err })
		b.NoActAs(t, update("free", hook, true))

		attach := func(stack domain.StackID) func() error {
			return func() error {
				_, err := b.Attach(b.As(t, "eve"), "free", contexts.StackAttachment{Stack: stack})
				return err
			}
		}
		b.Denied(t, domain.CodeForbidden, attach("sx"))
		for _, of := range must(b.OfContext(b.As(t, "eve"), "used")) {
			detach := func() error { _, err := b.Detach(b.As(t, "eve"), of.ID); return err }
			if of.Stack == "sx" {
				b.Denied(t, domain.CodeForbidden, detach)
			} else {
				b.NoActAs(t, detach)
			}
		}
		b.Denied(t, domain.CodeForbidden, func() error { _, err := b.Delete(b.As(t, "eve"), "used"); return err })
		b.NoActAs(t, func() error { _, err := b.Delete(b.As(t, "root-admin"), "used"); return err })
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
