package stacks_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/stacks"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

func stackActor(id string) authz.ActorRef { return authz.ActorRef{Kind: authz.ActorStack, ID: id} }

// manager makes mia, who manages the stacks of dev and administers nothing.
func (b bench) manager(t *testing.T) {
	t.Helper()
	b.Role(t, "manager", authz.ActionSpaceRead, authz.ActionStackManage)
	b.AddKey(t, "mia")
	b.Bind(t, "mia", "manager", "dev")
}

// acts checks in which spaces a run of a stack may create stacks.
func (b bench) acts(t *testing.T, stack domain.StackID, want map[domain.SpaceID]bool) {
	t.Helper()
	run := b.AsStack(t, domain.Run{ID: "run", StackID: stack, State: domain.RunApplying})
	undo := errors.New("undo")
	for space, may := range want {
		var allowed bool
		err := b.Store.ChangeAccess(run, func(tx *store.Tx) error {
			o := access.Object{Kind: access.KindStack, Noun: "space", Space: space}
			_, err := b.Gate.Permit(run, tx, access.Op{Event: "x", Action: authz.ActionStackCreate, See: authz.ActionSpaceRead, Object: o})
			allowed = err == nil
			return undo
		})
		if !errors.Is(err, undo) || allowed != may {
			t.Errorf("%s in %s: allowed %v, want %v (%v)", stack, space, allowed, may, err)
		}
	}
}

// TestR1Case19Flag: setting the flag equals granting Space admin, and needs it.
func TestR1Case19Flag(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.manager(t)
		admin := storetest.Settings("x", "dev")
		admin.Administrative = true
		b.Denied(t, domain.CodeForbidden, b.create(t, "mia", stacks.CreateInput{StackSettings: admin}))
		b.Denied(t, domain.CodeForbidden, b.update(t, "mia", "k2", flag(true)))
		b.Denied(t, domain.CodeForbidden, b.update(t, "will", "k2", flag(true)))
		b.Allowed(t, b.update(t, "ann", "k2", flag(true)))
		b.Allowed(t, b.update(t, "mia", "k2", branch("other"))) // the flag stays as it is
		b.Denied(t, domain.CodeForbidden, b.update(t, "mia", "k2", flag(false)))
		b.Allowed(t, b.create(t, "ann", stacks.CreateInput{StackSettings: admin}))
		// R24: Space admin on the stack alone does not reach as far as the flag.
		b.AddKey(t, "sue")
		b.BindEntity(t, "sue", "space-admin", authz.EntityRef{Kind: authz.EntityStack, ID: "k2"})
		b.Denied(t, domain.CodeForbidden, b.update(t, "sue", "k2", flag(false)))
	})
}

// TestCase21Regain: who lost Space admin does not get it back by the flag.
func TestCase21Regain(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.manager(t)
		id := b.Bind(t, "mia", "space-admin", "dev")
		b.Allowed(t, b.update(t, "mia", "k2", flag(true)))
		b.Unbind(t, id)
		b.Denied(t, domain.CodeForbidden, b.update(t, "mia", "k2", flag(false)))
		b.Allowed(t, b.update(t, "ann", "k2", flag(false)))
		b.Denied(t, domain.CodeForbidden, b.update(t, "mia", "k2", flag(true)))
	})
}

// TestA142A143Flag: the flag is Space admin of the stack's own space and below,
// follows the stack, and keeps bound roles from counting.
func TestA142A143Flag(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.BindActor(t, stackActor("k"), "space-admin", "platform")
		b.Allowed(t, b.update(t, "ann", "k", flag(true)))
		b.acts(t, "k", map[domain.SpaceID]bool{"apps": true, "dev": true, "prod": true, "platform": false, "root": false, "sandbox": false})
		b.Denied(t, domain.CodeNotFound, b.update(t, "ann", "k", space("sandbox")))
		b.AddKey(t, "mover") // may create stacks there, and not administer
		b.Role(t, "creator", authz.ActionSpaceRead, authz.ActionStackCreate, authz.ActionStackUpdate)
		b.Bind(t, "mover", "creator", "sandbox")
		b.Bind(t, "mover", "creator", "apps")
		b.Denied(t, domain.CodeForbidden, b.update(t, "mover", "k", space("sandbox"))) // the flag would go along
		b.Allowed(t, b.update(t, "root-admin", "k", space("sandbox")))
		b.acts(t, "k", map[domain.SpaceID]bool{"apps": false, "dev": false, "platform": false, "sandbox": true})
	})
}

// TestA145Convert: the flag becomes a binding in one change; the rights stay,
// also other bindings wake up, and a rollback is the flag again (A146).
func TestA145A146Convert(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.manager(t)
		convert := func(who string, id domain.StackID) func() error {
			return func() error { _, err := b.ConvertAdministrative(b.As(t, who), id); return err }
		}
		b.Denied(t, domain.CodeConflict, convert("ann", "k2")) // has no flag
		b.Allowed(t, b.update(t, "ann", "k2", flag(true)))
		b.BindActor(t, stackActor("k2"), "space-reader", "platform")
		before := map[domain.SpaceID]bool{"dev": true, "apps": false, "platform": false}
		b.acts(t, "k2", before)
		b.Denied(t, domain.CodeForbidden, convert("mia", "k2"))
		b.Denied(t, domain.CodeForbidden, convert("will", "k2"))
		b.Denied(t, domain.CodeNotFound, convert("rita", "k2"))
		b.Denied(t, domain.CodeNotFound, convert("ann", "missing"))
		b.BindEntity(t, "will", "space-admin", authz.EntityRef{Kind: authz.EntityStack, ID: "k2"})
		b.Denied(t, domain.CodeForbidden, convert("will", "k2")) // R24

		var done stacks.Converted
		row := b.Allowed(t, func() (err error) { done, err = b.ConvertAdministrative(b.As(t, "ann"), "k2"); return err })
		if row.Event != "stack.convert_administrative" || row.ObjectID != "k2" || !cmp.Equal(row.Spaces, []domain.SpaceID{"dev"}) ||
			row.Reason != "the flag became role binding "+string(done.Binding) {
			t.Errorf("recorded %+v", row)
		}
		if done.Administrative || done.Awakened != 1 {
			t.Errorf("converted to %+v", done)
		}
		b.View(t, func(tx *store.Tx) error {
			got, err := tx.Binding(t.Context(), done.Binding)
			want := domain.Binding{ID: done.Binding, Actor: stackActor("k2"), Role: b.RoleID("space-admin"), Space: "dev",
				CreatedAt: got.CreatedAt, CreatedBy: b.KeyID("ann").AuditName()}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			return err
		})
		b.acts(t, "k2", before) // the same power

		b.Allowed(t, b.update(t, "ann", "k2", flag(true))) // A146
		b.acts(t, "k2", before)
		row = b.Allowed(t, func() (err error) { done, err = b.ConvertAdministrative(b.As(t, "root-admin"), "k2"); return err })
		if row.Reason != "the flag became role binding "+string(done.Binding) || done.Awakened != 1 {
			t.Errorf("again: %+v, %+v", row, done) // by the binding that is there
		}

		// A147: now the rights stay where they are.
		b.Allowed(t, b.update(t, "root-admin", "k2", space("sandbox")))
		b.acts(t, "k2", map[domain.SpaceID]bool{"dev": true, "sandbox": false})
	})
}

// TestA145ConvertAtRoot: a stack in root keeps administering the account, also
// by its own hand; a binding with an end is no substitute for the flag.
func TestA145ConvertAtRoot(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		convert := func(who string, id domain.StackID) func() error {
			return func() error { _, err := b.ConvertAdministrative(b.As(t, who), id); return err }
		}
		b.Allowed(t, b.update(t, "root-admin", "r0", flag(true)))
		b.Denied(t, domain.CodeForbidden, convert("ann", "r0"))
		run := b.AsStack(t, domain.Run{ID: "run", StackID: "r0", State: domain.RunApplying})
		b.Allowed(t, func() error { _, err := b.ConvertAdministrative(run, "r0"); return err })
		b.acts(t, "r0", map[domain.SpaceID]bool{"root": true, "vault-x": true})
		b.Denied(t, domain.CodeConflict, b.update(t, "root-admin", "r0", space("apps"))) // A141

		b.Allowed(t, b.update(t, "ann", "k", flag(true)))
		b.AddBinding(t, "space-admin", domain.Binding{Actor: stackActor("k"), Space: "apps", NotAfter: b.Clock.Now().Add(time.Hour)})
		row := b.Denied(t, domain.CodeConflict, convert("ann", "k"))
		if row.Action != "space:admin" {
			t.Errorf("recorded %+v", row)
		}
	})
}
