package contexts_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/contexts"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/spaces"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// estate is the bench with the use cases of everything that labels tie
// together.
type estate struct {
	bench
	stacks *stacks.Service
	spaces *spaces.Service
}

func withEstate(t *testing.T, test func(t *testing.T, b estate)) {
	t.Helper()
	each(t, func(t *testing.T, b bench) {
		anything := func(string, string) error { return nil }
		test(t, estate{
			b,
			stacks.New(store.Bind[stacks.Tx](b.Store), access.NewGate(), b.IDs, anything),
			spaces.New(store.Bind[spaces.Tx](b.Store), access.NewGate(), b.IDs),
		})
	})
}

// attached lists what a context is attached to; what a label attached has a
// star.
func (b estate) attached(t *testing.T, id domain.ContextID) string {
	t.Helper()
	var out []string
	for _, a := range must(b.OfContext(b.As(t, "root-admin"), id)) {
		name := string(a.Stack)
		if a.Auto {
			name += "*"
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func (b estate) want(t *testing.T, id domain.ContextID, want string) {
	t.Helper()
	if got := b.attached(t, id); got != want {
		t.Errorf("context %s is attached to %q, want %q", id, got, want)
	}
}

// label gives a stack labels, as its manager would.
func (b estate) label(t *testing.T, who string, id domain.StackID, labels ...string) func() error {
	return func() error {
		v, err := b.stacks.Get(b.As(t, who), id)
		if err != nil {
			return err
		}
		v.Labels = labels
		_, err = b.stacks.Update(b.As(t, who), id, v.StackSettings)
		return err
	}
}

func (b estate) space(t *testing.T, id domain.SpaceID, parent domain.SpaceID, inherit bool) func() error {
	return func() error {
		_, err := b.spaces.Update(b.As(t, "root-admin"), id, spaces.Input{Name: string(id), Parent: parent, Inherit: inherit})
		return err
	}
}

func (b estate) make(t *testing.T, who string, in contexts.Input) domain.Context {
	t.Helper()
	c, err := b.Create(b.As(t, who), in)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestA121AutoAttach: a context attaches itself to the stacks of its space and
// of those that inherit from it, by label or to all, and follows every change of
// labels, of places and of the tree.
func TestA121AutoAttach(t *testing.T) {
	withEstate(t, func(t *testing.T, b estate) {
		b.Stack(t, "p", "prod", nil) // prod does not inherit
		b.Stack(t, "s", "sandbox", nil)
		all := b.make(t, "ann", contexts.Input{Name: "all", Space: "apps", Labels: []string{"autoattach:*"}})
		some := b.make(t, "ann", contexts.Input{Name: "some", Space: "apps", Labels: []string{"autoattach:team"}})
		b.want(t, all.ID, "k* k2*")
		b.want(t, some.ID, "")

		b.Allowed(t, b.label(t, "ann", "k2", "team"))
		b.want(t, some.ID, "k2*")
		b.Allowed(t, b.label(t, "ann", "k2"))
		b.want(t, some.ID, "")
		b.Allowed(t, b.label(t, "ann", "k2", "team"))

		b.AddKey(t, "maker") // who makes a stack need not manage it
		b.Role(t, "maker", authz.ActionSpaceRead, authz.ActionStackCreate)
		b.Bind(t, "maker", "maker", "dev")
		made, err := b.stacks.Create(b.As(t, "maker"), stacks.CreateInput{StackSettings: storetest.Settings("made", "dev")})
		if err != nil {
			t.Fatal(err)
		}
		b.want(t, all.ID, "k* k2* "+string(made.ID)+"*")

		// The tree: out of reach, back, and away with the whole part.
		b.Allowed(t, b.space(t, "dev", "apps", false))
		b.want(t, all.ID, "k*")
		b.want(t, some.ID, "")
		b.Allowed(t, b.space(t, "dev", "apps", true))
		b.want(t, all.ID, "k* k2* made*")
		b.want(t, some.ID, "k2*")
		b.Allowed(t, b.space(t, "dev", "sandbox", true))
		b.want(t, all.ID, "k*")
		b.Allowed(t, b.space(t, "dev", "apps", true))
		b.Allowed(t, b.space(t, "apps", "sandbox", true))
		b.want(t, all.ID, "k* k2* made*")
		b.Allowed(t, b.space(t, "apps", "root", true))

		// A move of the stack, and of the context.
		v := must(b.stacks.Get(b.As(t, "root-admin"), "k2"))
		v.Space = "sandbox"
		b.Allowed(t, func() error { _, err := b.stacks.Update(b.As(t, "root-admin"), "k2", v.StackSettings); return err })
		b.want(t, all.ID, "k* made*")
		b.Allowed(t, func() error {
			_, err := b.Update(b.As(t, "root-admin"), all.ID, contexts.Input{Name: "all", Space: "dev", Labels: all.Labels}, false)
			return err
		})
		b.want(t, all.ID, "made*")
		b.Allowed(t, func() error {
			_, err := b.Update(b.As(t, "ann"), all.ID, contexts.Input{Name: "all", Labels: []string{"x"}}, false)
			return err
		})
		b.want(t, all.ID, "")
	})
}

// TestAutoAttachByHand: what somebody attached by hand stays when labels go;
// what a label attached goes only with the label.
func TestAutoAttachByHand(t *testing.T) {
	withEstate(t, func(t *testing.T, b estate) {
		c := b.make(t, "ann", contexts.Input{Name: "c", Space: "apps", Labels: []string{"autoattach:*"}, Stacks: []contexts.StackAttachment{{Stack: "k2", Priority: 7}}})
		b.want(t, c.ID, "k* k2")
		for _, a := range must(b.OfContext(b.As(t, "ann"), c.ID)) {
			if a.Auto {
				row := b.Denied(t, domain.CodeConflict, func() error { _, err := b.Detach(b.As(t, "ann"), a.ID); return err })
				if !strings.Contains(row.Reason, "its label autoattach:*") {
					t.Errorf("recorded %q", row.Reason)
				}
			}
		}
		b.Allowed(t, func() error {
			_, err := b.Attach(b.As(t, "ann"), c.ID, contexts.StackAttachment{Stack: "k", Priority: 3})
			return err
		})
		b.want(t, c.ID, "k k2")
		b.Allowed(t, func() error { _, err := b.Update(b.As(t, "ann"), c.ID, contexts.Input{Name: "c"}, false); return err })
		b.want(t, c.ID, "k k2")
		b.Denied(t, domain.CodeConflict, b.space(t, "dev", "apps", false)) // k2 chose it
	})
}

// TestCase76AutoAttachWildcard: a context attaches itself only to stacks that
// its author manages, and to those that act only if he may act as them; what is
// skipped is recorded. The rule holds again for what the context says later.
func TestCase76AutoAttachWildcard(t *testing.T) {
	withEstate(t, func(t *testing.T, b estate) {
		b.SetActAs(t, domain.ActAsEnforce)
		b.Stack(t, "sx", "dev", nil)
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "sx"}, "space-admin", "platform")
		b.Role(t, "ctx-mgr", authz.ActionSpaceRead, authz.ActionContextCreate, authz.ActionContextUpdate)
		b.AddKey(t, "eve")
		b.Bind(t, "eve", "ctx-mgr", "apps")
		hook := contexts.Input{Name: "evil", Space: "apps", Labels: []string{"autoattach:*"}, Hooks: domain.Hooks{BeforePlan: []string{"id"}}}
		var evil domain.Context
		row := b.Allowed(t, func() (err error) { evil, err = b.Create(b.As(t, "eve"), hook); return err })
		b.want(t, evil.ID, "")
		if !strings.Contains(row.Reason, "skipped 3 that the caller does not manage or may not act as: k, k2, sx") {
			t.Errorf("recorded %q", row.Reason)
		}

		// ann manages all three; she is no admin of platform.
		hook.Name = "hers"
		var hers domain.Context
		row = b.Allowed(t, func() (err error) { hers, err = b.Create(b.As(t, "ann"), hook); return err })
		b.want(t, hers.ID, "k* k2*")
		if row.Reason != "attached by label to 2 stacks; skipped 1 that the caller does not manage or may not act as: sx" {
			t.Errorf("recorded %q", row.Reason)
		}

		// The label of a stack that acts is no way round, and none to shed.
		hook.Name, hook.Labels = "by label", []string{"autoattach:team"}
		b.make(t, "ann", hook)
		b.Denied(t, domain.CodeForbidden, b.label(t, "ann", "sx", "team"))
		b.Allowed(t, b.label(t, "ann", "sx", "other"))
		b.Allowed(t, b.label(t, "root-admin", "sx", "team"))
		b.want(t, "by-label", "sx*")
		b.Denied(t, domain.CodeForbidden, b.label(t, "ann", "sx"))
		b.Denied(t, domain.CodeForbidden, func() error {
			_, err := b.Update(b.As(t, "ann"), "by-label", contexts.Input{Name: "by label"}, false)
			return err
		})
		b.Denied(t, domain.CodeForbidden, func() error {
			_, err := b.AddConfig(b.As(t, "ann"), "by-label", variable("A", "b"))
			return err
		})
		b.want(t, "by-label", "sx*")

		// The tree brings a context within reach of a stack: admins of root may.
		b.make(t, "root-admin", contexts.Input{Name: "root ctx", Labels: []string{"autoattach:*"}})
		b.Allowed(t, b.space(t, "apps", "root", false))
		b.want(t, "root-ctx", "r0*")
		b.Allowed(t, b.space(t, "apps", "root", true))
		b.want(t, "root-ctx", "k* k2* r0* sx*")
	})
}

// TestForetell tells what a label would attach to, as far as the caller sees.
func TestForetell(t *testing.T) {
	withEstate(t, func(t *testing.T, b estate) {
		names := func(who string, space domain.SpaceID, labels ...string) string {
			list, err := b.Foretell(b.As(t, who), space, labels)
			if err != nil {
				return string(domain.ErrorCode(err))
			}
			var out []string
			for _, s := range list {
				out = append(out, string(s.ID))
			}
			return strings.Join(out, " ")
		}
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			k2, err := tx.Stack(ctx, "k2")
			if err != nil {
				return err
			}
			k2.Labels = []string{"team"}
			return tx.UpdateStack(ctx, p.For(access.KindStack), k2)
		})
		for _, c := range [][3]string{
			{"root-admin", "autoattach:*", "k k2 r0"}, {"root-admin", "autoattach:team", "k2"}, {"root-admin", "team", ""},
			{"will", "autoattach:*", "k k2 r0"}, {"rita", "autoattach:*", "not_found"}, {"nobody", "autoattach:*", "not_found"},
		} {
			if got := names(c[0], "root", c[1]); got != c[2] {
				t.Errorf("%s asks for %s: %q, want %q", c[0], c[1], got, c[2])
			}
		}
	})
}
