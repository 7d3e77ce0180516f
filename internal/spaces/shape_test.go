package spaces_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/spaces"
	"github.com/airlock-project/airlock/internal/store"
)

// delegate lets space admins manage the tree.
func (b bench) delegate(t *testing.T) {
	b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
		return tx.UpdateAccountSettings(ctx, p.For(access.KindAccount), domain.AccountSettings{DelegateSpaceManagement: true, StackActAs: domain.ActAsWarn})
	})
}

// create makes a space below another one.
func (b bench) create(t *testing.T, who, name string, parent domain.SpaceID, inherit bool) func() error {
	return func() error {
		_, err := b.Create(b.As(t, who), spaces.Input{Name: name, Parent: parent, Inherit: inherit})
		return err
	}
}

// TestA80A102A104A109R16Structure: with the switch off, only admins of root change the
// tree; name, description and labels are for the space's own (R16, A109).
func TestA80A102A104A109R16Structure(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, who := range []string{"ann", "will", "rita", "nobody"} {
			b.Denied(t, domain.CodeForbidden, b.create(t, who, "qa", "apps", true))
			b.Denied(t, domain.CodeForbidden, b.remove(t, who, "sandbox"))
		}
		b.Denied(t, domain.CodeForbidden, b.remove(t, "ann", "missing"))
		b.Denied(t, domain.CodeForbidden, b.remove(t, "ann", "prod"))
		for name, change := range map[string]func(*spaces.Input){"move": moved("root"), "inherit": inherits(false), "below": moved("prod")} {
			if row := b.Denied(t, domain.CodeForbidden, b.update(t, "ann", "dev", change)); row.ObjectID != "dev" {
				t.Errorf("%s: recorded %+v", name, row)
			}
		}
		b.Allowed(t, b.update(t, "ann", "dev", renamed("qa")))
		b.Allowed(t, b.update(t, "ann", "prod", described("x"))) // case 27: down over inherit off
		b.Denied(t, domain.CodeForbidden, b.update(t, "ann", "root", described("x")))
		b.Denied(t, domain.CodeNotFound, b.update(t, "ann", "platform", described("x")))
		b.Denied(t, domain.CodeForbidden, b.update(t, "will", "dev", described("x"))) // A109
		b.Denied(t, domain.CodeNotFound, b.update(t, "rita", "missing", described("x")))
		b.Denied(t, domain.CodeNotFound, b.remove(t, "root-admin", "missing"))
		b.Allowed(t, b.update(t, "root-admin", "dev", inherits(false)))
		wantCode(t, b.update(t, "", "dev", described("x"))(), domain.CodeUnauthenticated)
		wantCode(t, b.create(t, "", "x", "apps", true)(), domain.CodeUnauthenticated)
	})
}

// TestA103A105Delegated: with the switch on, space admins create, move and
// delete below what they administer, and nowhere else.
func TestA103A105Delegated(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.delegate(t)
		f, n := domain.CodeForbidden, domain.CodeNotFound
		for _, c := range []struct {
			who    string
			parent domain.SpaceID
			want   domain.Code
		}{
			{"ann", "apps", ""}, {"ann", "dev", ""}, {"ann", "prod", ""}, {"root-admin", "platform", ""},
			{"ann", "platform", n}, {"ann", "nope", n}, {"ann", "root", f}, // A105; she reads root
			{"will", "dev", f}, {"will", "apps", f}, {"rita", "prod", f}, {"ops", "dev", f}, {"nobody", "dev", n},
		} {
			ask := b.create(t, c.who, "by "+c.who, c.parent, true)
			if c.want == "" {
				row := b.Allowed(t, ask)
				if !cmp.Equal(row.Spaces, []domain.SpaceID{c.parent}) || row.Event != "space.create" {
					t.Errorf("recorded %+v", row)
				}
				continue
			}
			b.Denied(t, c.want, ask)
		}
		if hidden, missing := b.create(t, "ann", "x", "platform", true)(), b.create(t, "ann", "x", "nope", true)(); hidden.Error() != missing.Error() {
			t.Errorf("R23: hidden %v, missing %v", hidden, missing)
		}
		made, err := b.Create(b.As(t, "ann"), spaces.Input{Name: "qa", Parent: "apps", Inherit: true})
		if err != nil {
			t.Fatal(err)
		}
		if v, err := b.Get(b.As(t, "ann"), made.ID); err != nil || v.Level != authz.LevelAdmin { // A41
			t.Errorf("ann sees %+v, %v", v, err)
		}
		b.Denied(t, n, b.remove(t, "will", made.ID))
		b.Denied(t, f, b.remove(t, "will", "dev"))
		b.Allowed(t, b.remove(t, "ann", made.ID))
		b.Denied(t, n, b.remove(t, "ann", "sandbox"))
		b.Denied(t, n, b.remove(t, "ann", "missing"))
		b.Denied(t, f, b.remove(t, "ann", "root"))
		b.Denied(t, domain.CodeConflict, b.remove(t, "ann", "apps")) // A110
		b.Denied(t, domain.CodeConflict, b.remove(t, "root-admin", "legacy"))
	})
}

// TestA106A107Case61Inherit is security case 61: whether a space inherits is for
// admins of root alone, with the switch on, too.
func TestA106A107Case61Inherit(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.delegate(t)
		row := b.Denied(t, domain.CodeForbidden, b.create(t, "ann", "qa", "apps", false))
		if !strings.Contains(row.Reason, "only admins of root decide that a space does not inherit") {
			t.Errorf("recorded %+v", row)
		}
		b.Denied(t, domain.CodeForbidden, b.update(t, "ann", "dev", inherits(false)))
		b.Denied(t, domain.CodeForbidden, b.update(t, "ann", "prod", inherits(true)))
		b.Denied(t, domain.CodeForbidden, b.update(t, "ann", "prod", func(in *spaces.Input) { in.Parent, in.Inherit = "dev", true }))
		b.Allowed(t, b.create(t, "root-admin", "qa", "apps", false))
		b.Allowed(t, b.update(t, "root-admin", "prod", inherits(true)))
		b.Allowed(t, b.update(t, "root-admin", "dev", inherits(false)))
		b.Allowed(t, b.update(t, "ann", "dev", renamed("other"))) // as it is, it may stay
	})
}

// TestA111Case59Reparent: the subtree goes along; it takes Space admin of the
// space and of both parents.
func TestA111Case59Reparent(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.delegate(t)
		row := b.Allowed(t, b.update(t, "ann", "dev", moved("prod")))
		if !slices.Contains(row.Spaces, "dev") || !slices.Contains(row.Spaces, "apps") || !slices.Contains(row.Spaces, "prod") {
			t.Errorf("recorded spaces %v", row.Spaces)
		}
		b.Denied(t, domain.CodeNotFound, b.update(t, "ann", "dev", moved("platform")))
		b.Denied(t, domain.CodeForbidden, b.update(t, "ann", "dev", moved("root")))
		b.Denied(t, domain.CodeForbidden, b.update(t, "ann", "apps", moved("prod"))) // the old parent is not hers
		b.Denied(t, domain.CodeNotFound, b.update(t, "ann", "net", moved("apps")))   // nor is the space
		if hidden, missing := b.update(t, "ann", "dev", moved("platform"))(), b.update(t, "ann", "dev", moved("nope"))(); hidden.Error() != missing.Error() {
			t.Errorf("R23: hidden %v, missing %v", hidden, missing)
		}
		b.AddKey(t, "both") // admin of the space and of the new parent
		b.Bind(t, "both", "space-admin", "dev")
		b.Bind(t, "both", "space-admin", "sandbox")
		b.Denied(t, domain.CodeForbidden, b.update(t, "both", "dev", moved("sandbox"))) // of prod only a reader, by dev
		b.Bind(t, "both", "space-admin", "prod")
		b.Allowed(t, b.update(t, "both", "dev", moved("sandbox")))

		// A111, G4: dev now is below sandbox, with all that lives in it.
		b.Allowed(t, b.update(t, "root-admin", "platform", moved("sandbox")))
		list, err := b.List(b.As(t, "both"))
		want := "root=path apps=path dev=admin net=admin platform=admin prod=admin sandbox=admin vault=admin vault-x=admin"
		if err != nil || levels(list) != want {
			t.Errorf("after the moves: %s, %v", levels(list), err)
		}
		b.Denied(t, domain.CodeNotFound, b.update(t, "ann", "dev", described("x"))) // gone from her
	})
}

// TestA3Case59Cycles: the tree stays a tree, whoever asks.
func TestA3Case59Cycles(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.delegate(t)
		for _, who := range []string{"root-admin", "ann"} {
			b.Invalid(t, "parentSpace", b.update(t, who, "prod", moved("prod")))
		}
		b.AddKey(t, "net-admin")
		b.Bind(t, "net-admin", "space-admin", "platform")
		b.Invalid(t, "parentSpace", b.update(t, "net-admin", "vault", moved("vault-x")))
		b.Denied(t, domain.CodeConflict, b.update(t, "root-admin", "legacy", moved("sandbox")))
		b.Denied(t, domain.CodeForbidden, b.update(t, "ann", "root", moved("apps")))
	})
}

// TestR13MoveName: a name is unique among the siblings that a move brings.
func TestR13MoveName(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Allowed(t, b.create(t, "root-admin", "ＤＥＶ", "sandbox", true))
		b.Invalid(t, "name", b.update(t, "root-admin", "dev", moved("sandbox")))
		b.Allowed(t, b.update(t, "root-admin", "dev", func(in *spaces.Input) { in.Name, in.Parent = "dev 2", "sandbox" }))
	})
}

// TestA112A113Reach: no stack loses what it uses by a change of the tree, and
// the refusal names all of it.
func TestA112A113Reach(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Pool(t, "build", "apps")
		b.Stack(t, "k3", "dev", func(s *domain.Stack) { s.WorkerPool = "build" })
		b.Context(t, "of-apps", "apps", "k2", "k3")
		for name, change := range map[string]func(*spaces.Input){"inherit off": inherits(false), "to sandbox": moved("sandbox"), "to root": moved("root")} {
			row := b.Denied(t, domain.CodeConflict, b.update(t, "root-admin", "dev", change))
			for _, stack := range []string{"stack k2 of space dev", "stack k3 of space dev", "context of-apps of space apps", "worker pool build of space apps"} {
				if !strings.Contains(row.Reason, stack) {
					t.Errorf("%s: %q does not name %s", name, row.Reason, stack)
				}
			}
		}
		b.Allowed(t, b.update(t, "root-admin", "apps", moved("sandbox"))) // both go along
		b.Context(t, "of-root", "root", "r0")
		b.Allowed(t, b.update(t, "root-admin", "apps", moved("root")))
		b.Context(t, "of-root-2", "root", "k2")
		b.Denied(t, domain.CodeConflict, b.update(t, "root-admin", "apps", inherits(false)))
		b.Denied(t, domain.CodeConflict, b.update(t, "root-admin", "apps", moved("vault"))) // root is out of reach there
	})
}

// TestA112HiddenLosses: a refusal names what the caller may see and counts the
// rest; the audit trail names everything.
func TestA112HiddenLosses(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.delegate(t)
		b.Role(t, "blind-admin", authz.ActionSpaceAdmin) // sees nothing by it (R5)
		b.AddKey(t, "bea")
		b.Bind(t, "bea", "blind-admin", "apps")
		b.Bind(t, "bea", "blind-admin", "sandbox")
		b.Fill(t, func(ctx context.Context, tx *store.Tx, p access.Permit) error {
			for _, id := range []domain.SpaceID{"x", "y"} {
				if err := tx.InsertSpace(ctx, p, domain.Space{ID: id, Parent: "dev", Name: string(id), Inherit: true}); err != nil {
					return err
				}
			}
			return nil
		})
		b.Stack(t, "in-x", "x", nil)
		b.Stack(t, "in-y", "y", nil)
		b.Context(t, "of-apps", "apps", "in-x", "in-y")
		refused := func(who string) (shown *domain.Error, row domain.AuditEntry) {
			t.Helper()
			row = b.Denied(t, domain.CodeConflict, func() error {
				err := b.update(t, who, "dev", moved("sandbox"))()
				errors.As(err, &shown)
				return err
			})
			return shown, row
		}
		shown, row := refused("bea")
		if shown.Message != "stacks would lose what they use; out of your sight: 2" || !strings.Contains(row.Reason, "in-x") || !strings.Contains(row.Reason, "in-y") {
			t.Errorf("shown %q, recorded %q", shown.Message, row.Reason)
		}
		b.Bind(t, "bea", "space-reader", "x") // and so up to apps
		shown, _ = refused("bea")
		const one = "stack in-x of space x would lose context of-apps of space apps; and out of your sight: 1"
		if shown.Message != one || strings.Contains(fmt.Sprint(shown.Details), "in-y") || shown.Details["hiddenLosses"] != 1 {
			t.Errorf("shown %q, %v", shown.Message, shown.Details)
		}
	})
}

// TestG4TreeChangesAreAudited: the row of a move, and of a change of what a
// space inherits, names who gains and loses (cases 56, 61).
func TestG4TreeChangesAreAudited(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := func(name string) string { return b.Actor(name).ID }
		for _, c := range []struct {
			space  domain.SpaceID
			change func(*spaces.Input)
			want   string
		}{
			// Who reads dev read apps and root through it.
			{"dev", inherits(false), "2 lose access: api key WILL (will), api key OPS (ops)"},
			{"dev", inherits(true), "2 gain access: api key WILL (will), api key OPS (ops)"},
			{"dev", moved("platform"), "2 gain access: api key WILL (will), api key OPS (ops); 3 lose access: api key ANN (ann), api key WILL (will), api key OPS (ops)"},
			{"net", moved("root"), "nobody gains or loses access"},
			{"sandbox", described("x"), ""},
		} {
			want := strings.NewReplacer("ANN", id("ann"), "WILL", id("will"), "OPS", id("ops")).Replace(c.want)
			if row := b.Allowed(t, b.update(t, "root-admin", c.space, c.change)); row.Reason != want {
				t.Errorf("%s: recorded %q, want %q", c.space, row.Reason, want)
			}
		}
	})
}
