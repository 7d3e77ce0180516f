package bindings_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
)

// TestA132A137Case1ToCase4BothEnds binds roles to stacks as everybody (A132, A135-A138, R11,
// security cases 1-4).
func TestA132A137Case1ToCase4BothEnds(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Role(t, "stack-manager", authz.ActionSpaceRead, authz.ActionStackManage)
		b.AddKey(t, "mia") // manages stacks of apps, administers sandbox
		b.Bind(t, "mia", "stack-manager", "apps")
		b.Bind(t, "mia", "space-admin", "sandbox")
		b.AddKey(t, "pat") // administers platform only
		b.Bind(t, "pat", "space-admin", "platform")
		for _, c := range []struct {
			who, stack, role string
			space            domain.SpaceID
			want             domain.Code
		}{
			{"ann", "k", "space-admin", "apps", ""},
			{"ann", "k2", "space-reader", "prod", ""},                        // A137: a sibling
			{"ann", "k", "space-admin", "platform", domain.CodeNotFound},     // case 1
			{"pat", "k", "space-admin", "platform", domain.CodeNotFound},     // case 2: the stack's end
			{"mia", "k", "space-admin", "sandbox", ""},                       // stack:manage is enough here
			{"mia", "k", "space-reader", "apps", domain.CodeForbidden},       // but not there
			{"will", "k2", "space-reader", "dev", domain.CodeForbidden},      //
			{"root-admin", "k", "space-admin", "platform", ""},               // A137
			{"root-admin", "k", "space-reader", "root", domain.CodeConflict}, // A136
			{"root-admin", "r0", "space-admin", "root", ""},                  // A136
			{"ann", "r0", "space-reader", "apps", domain.CodeForbidden},      // the stack's end, which she reads
			{"root-admin", "missing", "space-reader", "apps", domain.CodeNotFound},
			{"root-admin", "k", "space-reader", "nope", domain.CodeNotFound}, // A15
		} {
			row := b.check(t, c.want, b.create(t, c.who, stackActor(c.stack), c.role, c.space))
			if c.stack == "missing" || c.space == "nope" {
				continue
			}
			home := map[string]domain.SpaceID{"k": "apps", "k2": "dev", "r0": "root"}[c.stack]
			spaces := map[domain.SpaceID]bool{}
			for _, s := range row.Spaces {
				spaces[s] = true
			}
			if !spaces[home] || !spaces[c.space] {
				t.Errorf("%s binds %s at %s: recorded spaces %v, want both ends", c.who, c.stack, c.space, row.Spaces)
			}
		}
		// Hidden and missing stacks answer alike (R23).
		hidden := b.create(t, "pat", stackActor("k"), "space-reader", "platform")()
		missing := b.create(t, "pat", stackActor("missing"), "space-reader", "platform")()
		if hidden.Error() != missing.Error() {
			t.Errorf("hidden: %v, missing: %v", hidden, missing)
		}
	})
}

// TestA134Remove needs the same rights as binding.
func TestA134Remove(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.BindActor(t, stackActor("k"), "space-admin", "platform")
		b.AddKey(t, "pat")
		b.Bind(t, "pat", "space-admin", "platform")
		b.Denied(t, domain.CodeNotFound, b.remove(t, "ann", authz.ActorStack, id))
		b.Denied(t, domain.CodeNotFound, b.remove(t, "pat", authz.ActorStack, id))
		if got, want := b.remove(t, "pat", authz.ActorStack, id)().Error(), b.remove(t, "pat", authz.ActorStack, "missing")().Error(); got != want {
			t.Errorf("R23: hidden answers %q, missing %q", got, want)
		}
		b.Allowed(t, b.remove(t, "root-admin", authz.ActorStack, id))
	})
}

// TestStackBindingsAreSeen by whoever sees the stack.
func TestStackBindingsAreSeen(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.BindActor(t, stackActor("k2"), "space-reader", "dev")
		for who, want := range map[string]domain.Code{"will": "", "ann": "", "ops": "", "rita": domain.CodeNotFound, "nobody": domain.CodeNotFound} {
			v, err := b.Get(b.As(t, who), authz.ActorStack, id)
			list, listErr := b.Of(b.As(t, who), stackActor("k2"))
			if want != "" {
				wantCode(t, err, want)
				wantCode(t, listErr, want)
				_, missing := b.Of(b.As(t, who), stackActor("missing"))
				if missing.Error() != listErr.Error() {
					t.Errorf("R23: hidden: %v, missing: %v", listErr, missing)
				}
				continue
			}
			if err != nil || listErr != nil || v.ActorName != "k2" || !cmp.Equal(list, []bindings.View{v}) {
				t.Errorf("%s: %+v, %+v, %v, %v", who, v, list, err, listErr)
			}
		}
		key := b.bindingOf(t, "rita")
		for _, one := range []domain.BindingID{key, "missing"} { // A78, and no oracle of what exists
			_, err := b.Get(b.As(t, "will"), authz.ActorAPIKey, one)
			wantCode(t, err, domain.CodeForbidden)
		}
		_, err := b.Of(b.As(t, "will"), b.Actor("rita"))
		wantCode(t, err, domain.CodeForbidden)
		if _, err := b.Of(b.As(t, "ann"), b.Actor("rita")); err != nil {
			t.Errorf("A78: ann views bindings of keys: %v", err)
		}
	})
}

// TestA149A151Case46R25StackBinds lets an administering stack bind by the same rules as
// anyone, while it applies only.
func TestA149A151Case46R25StackBinds(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, stackActor("k"), "space-admin", "dev")
		for state, want := range map[domain.RunState]domain.Code{domain.RunApplying: "", domain.RunPlanning: domain.CodeForbidden} {
			run := domain.Run{ID: "run", StackID: "k", State: state, Epoch: 1}
			asRun := b.AsStack(t, run)
			row := b.check(t, want, func() error {
				_, err := b.Create(asRun, grant(b.Actor("nobody"), b.RoleID("space-writer"), "dev"))
				return err
			})
			if row.Actor != "stack::k" || row.RunID != "run" || !cmp.Equal(row.ActorRoles, []string{"space-admin"}) { // A151
				t.Errorf("%s: recorded %+v", state, row)
			}
		}
		asRun := b.AsStack(t, domain.Run{ID: "run", StackID: "k", State: domain.RunApplying})
		b.Denied(t, domain.CodeNotFound, func() error { // R14: nothing climbs for a stack
			_, err := b.Create(asRun, grant(b.Actor("nobody"), b.RoleID("space-writer"), "apps"))
			return err
		})
		var left int
		b.View(t, func(tx *store.Tx) error {
			list, err := tx.BindingsOf(t.Context(), b.Actor("nobody"))
			left = len(list)
			return err
		})
		if left != 1 {
			t.Errorf("%d bindings were made, want 1", left)
		}
	})
}
