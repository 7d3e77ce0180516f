package roles_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/roles"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

type bench struct {
	*storetest.Kit
	*roles.Service
}

// each runs a test on both databases with the access model's fixture.
func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		test(t, bench{k, roles.New(store.Bind[roles.Tx](k.Store), k.Gate, k.IDs)})
	})
}

func wantCode(t *testing.T, err error, want domain.Code) {
	t.Helper()
	if err == nil || domain.ErrorCode(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func text(s string) *string { return &s }

func objectIn(space domain.SpaceID) access.Object { return access.Object{Space: space} }

func (b bench) create(t *testing.T, who, name string, actions ...string) func() error {
	return func() error {
		_, err := b.Create(b.As(t, who), roles.Input{Name: &name, Actions: actions})
		return err
	}
}

func (b bench) update(t *testing.T, who string, id domain.RoleID, in roles.Input) func() error {
	return func() error { _, err := b.Update(b.As(t, who), id, in); return err }
}

func (b bench) remove(t *testing.T, who string, id domain.RoleID) func() error {
	return func() error { _, err := b.Delete(b.As(t, who), id, false); return err }
}

// TestA42Case13Case14SystemRoles can be neither changed nor deleted, nor imitated
// (security cases 13 and 14).
func TestA42Case13Case14SystemRoles(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, s := range domain.SystemRoles() {
			id := b.RoleID(s.Slug)
			b.Denied(t, domain.CodeConflict, b.update(t, "root-admin", id, roles.Input{Description: text("x")}))
			b.Denied(t, domain.CodeConflict, b.remove(t, "root-admin", id))
			for _, other := range []domain.RoleID{domain.RoleID(s.Slug), domain.RoleID(strings.ToLower(string(id))), domain.RoleID(strings.ToUpper(s.Slug))} {
				b.Denied(t, domain.CodeNotFound, b.remove(t, "root-admin", other))
			}
		}
		for _, name := range []string{
			"Space admin", "Space  Admin", "spa\u0441e-admin", "SPACE-ADMIN", "space-admin/", "space_admin", "Ｓｐａｃｅ ａｄｍｉｎ", " space writer ",
			"space\u2011reader", "Worker pool contr0ller", "spaceadmin",
		} {
			b.Invalid(t, "name", b.create(t, "root-admin", name, "space:read"))
		}
		b.Allowed(t, b.create(t, "root-admin", "Space admins", "space:read"))
		b.Invalid(t, "name", b.update(t, "root-admin", b.RoleID("operator"), roles.Input{Name: text("Space Reader")}))
		list, err := b.List(b.As(t, "root-admin"))
		if err != nil || len(list) != 6 || !list[3].System || list[4].System || list[4].Slug != "operator" || list[4].Bindings != 1 {
			t.Errorf("listed %+v, %v", list, err)
		}
	})
}

// TestA50A76A78Case11Rights: only admins of root change roles, admins of any space view
// them (A76, A78, security cases 11, 16, 18).
func TestA50A76A78Case11Rights(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		operator := b.RoleID("operator")
		for _, who := range []string{"ann", "will", "rita", "ops", "nobody"} {
			b.Denied(t, domain.CodeForbidden, b.create(t, who, "x", "space:read"))
			b.Denied(t, domain.CodeForbidden, b.update(t, who, operator, roles.Input{Actions: []string{"space:admin"}}))
			b.Denied(t, domain.CodeForbidden, b.remove(t, who, operator))
			b.Denied(t, domain.CodeForbidden, b.remove(t, who, "missing"))
			_, one := b.Get(b.As(t, who), operator)
			_, all := b.List(b.As(t, who))
			if who == "ann" {
				if one != nil || all != nil {
					t.Errorf("ann views: %v, %v", one, all)
				}
				continue
			}
			wantCode(t, one, domain.CodeForbidden)
			wantCode(t, all, domain.CodeForbidden)
		}
		wantCode(t, b.create(t, "", "x", "space:read")(), domain.CodeUnauthenticated)
	})
}

// TestA51ToA57Custom makes, changes and deletes a role.
func TestA51ToA57Custom(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		made, err := b.Create(admin, roles.Input{Name: text("Deployer Ω"), Description: text("d"), Actions: []string{"RUN_TRIGGER", "space:read", "run:trigger"}})
		if err != nil || made.Slug != "deployer" {
			t.Fatalf("made %+v, %v", made, err)
		}
		want := []authz.Action{authz.ActionSpaceRead, authz.ActionRunTrigger}
		if diff := cmp.Diff(want, made.Actions); diff != "" { // A56
			t.Errorf("actions (-want +got):\n%s", diff)
		}
		got, err := b.Get(admin, made.ID)
		if diff := cmp.Diff(made, got); diff != "" || err != nil {
			t.Errorf("made and read differ:\n%s%v", diff, err)
		}
		for n := 2; n <= 3; n++ { // A54
			again, err := b.Create(admin, roles.Input{Name: text("deployer"), Actions: []string{"space:read"}})
			if want := fmt.Sprintf("deployer-%d", n); err != nil || again.Slug != want {
				t.Errorf("made %s, %v; want %s", again.Slug, err, want)
			}
		}
		changed, err := b.Update(admin, made.ID, roles.Input{Name: text("Bar"), Description: text("")}) // A52, A53
		if err != nil || changed.Slug != "deployer" || changed.Name != "Bar" || changed.Description != "" || !cmp.Equal(changed.Actions, want) {
			t.Errorf("changed %+v, %v", changed, err)
		}
		if warning := made.BaselineWarning(); warning != "" {
			t.Errorf("warned: %s", warning)
		}
		blind, err := b.Create(admin, roles.Input{Name: text("blind"), Actions: []string{"run:trigger"}})
		if err != nil || blind.BaselineWarning() == "" { // R5
			t.Errorf("no warning: %v", err)
		}
		b.Allowed(t, b.remove(t, "root-admin", made.ID))
		b.Denied(t, domain.CodeNotFound, b.remove(t, "root-admin", made.ID))
		b.Invalid(t, "actions", b.create(t, "root-admin", "x"))
		b.Invalid(t, "actions", b.create(t, "root-admin", "x", "space:read", "INVALID"))
		b.Invalid(t, "actions", b.create(t, "root-admin", "x", strings.Repeat("x", 10<<20)))
		b.Invalid(t, "actions", b.update(t, "root-admin", blind.ID, roles.Input{Actions: []string{}}))
	})
}

// TestA38A55Bound: a change acts at once on all bindings, and a bound role is
// not deleted (R15, security case 22).
func TestA38A55Bound(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.RoleID("operator")
		trigger := func() (ok bool) {
			b.View(t, func(tx *store.Tx) (err error) {
				ok, err = b.Gate.Holds(b.As(t, "ops"), tx, authz.ActionRunTrigger, objectIn("dev"))
				return err
			})
			return ok
		}
		if !trigger() {
			t.Fatal("ops may not trigger")
		}
		b.Allowed(t, b.update(t, "root-admin", id, roles.Input{Actions: []string{"space:read"}}))
		if trigger() {
			t.Error("A38: ops may still trigger")
		}
		if row := b.Denied(t, domain.CodeConflict, b.remove(t, "root-admin", id)); !strings.Contains(row.Reason, "1 role binding") {
			t.Errorf("recorded %q", row.Reason)
		}
	})
}

// TestA10Role: a role has a name, at least one action, and an id and a slug
// that stay.
func TestA10Role(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		for _, actions := range [][]string{nil, {}} {
			b.Invalid(t, "actions", func() error {
				_, err := b.Create(admin, roles.Input{Name: text("empty"), Actions: actions})
				return err
			})
		}
		made, err := b.Create(admin, roles.Input{Name: text("Deployer"), Actions: []string{"space:read"}})
		if err != nil || len(made.ID) != 26 || made.Slug != "deployer" {
			t.Fatalf("made %+v, %v", made, err)
		}
		changed, err := b.Update(admin, made.ID, roles.Input{Name: text("Other"), Actions: []string{"run:trigger"}})
		if err != nil || changed.ID != made.ID || changed.Slug != made.Slug {
			t.Errorf("changed to %+v, %v", changed, err)
		}
	})
}

// TestR15Case22BoundToPeople: a role that users and groups hold is not deleted;
// one that is made later under the slug of a deleted role brings nothing back.
func TestR15Case22BoundToPeople(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.Role(t, "dev", authz.ActionSpaceRead)
		b.AddUser(t, "carol")
		b.AddGroup(t, "DevOps")
		user, group := b.Bind(t, "carol", "dev", "apps"), b.Bind(t, "DevOps", "dev", "apps")
		row := b.Denied(t, domain.CodeConflict, b.remove(t, "root-admin", id))
		if !strings.Contains(row.Reason, "2 role bindings") {
			t.Errorf("recorded %q", row.Reason)
		}
		b.Unbind(t, user)
		b.Denied(t, domain.CodeConflict, b.remove(t, "root-admin", id))
		b.Unbind(t, group)
		b.Allowed(t, b.remove(t, "root-admin", id))
		again, err := b.Create(b.As(t, "root-admin"), roles.Input{Name: text("dev"), Actions: []string{"space:read"}})
		if err != nil || again.Slug != "dev" || again.ID == id || again.Bindings != 0 {
			t.Errorf("made again: %+v, %v", again, err)
		}
		if b.Holds(t, b.Actor("carol"), authz.ActionSpaceRead, "apps") || b.Holds(t, b.Actor("DevOps"), authz.ActionSpaceRead, "apps") {
			t.Error("a new role of an old slug revives bindings")
		}
	})
}

// TestI11LastAdminRole: a role that the last admin of root holds keeps what
// makes him one.
func TestI11LastAdminRole(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.Role(t, "boss", authz.ActionSpaceRead, authz.ActionSpaceAdmin)
		b.AddKey(t, "boss")
		b.Bind(t, "boss", "boss", "root")
		if err := b.Exec(t, `delete from role_bindings where actor_id = $1`, b.Actor("root-admin").ID); err != nil {
			t.Fatal(err)
		}
		if err := b.Exec(t, `update account set revision = revision + 1`); err != nil {
			t.Fatal(err)
		}
		b.Denied(t, domain.CodeConflict, b.update(t, "boss", id, roles.Input{Actions: []string{"space:read"}}))
		b.Denied(t, domain.CodeConflict, b.update(t, "boss", id, roles.Input{Actions: []string{"space:admin"}}))
		b.Allowed(t, b.update(t, "boss", id, roles.Input{Actions: []string{"space:read", "space:admin", "run:trigger"}}))
	})
}

func TestBadRoles(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for name, bad := range storetest.Hostile() {
			t.Run(name, func(t *testing.T) {
				b.Invalid(t, "name", b.create(t, "root-admin", bad, "space:read"))
				b.Invalid(t, "name", b.update(t, "root-admin", b.RoleID("operator"), roles.Input{Name: &bad}))
				b.Denied(t, domain.CodeNotFound, b.remove(t, "root-admin", domain.RoleID(bad)))
			})
		}
		b.Invalid(t, "name", func() error {
			_, err := b.Create(b.As(t, "root-admin"), roles.Input{Actions: []string{"space:read"}})
			return err
		})
		for _, bad := range []string{strings.Repeat("x", 10<<20), "\x00", "\xff"} {
			b.Invalid(t, "description", b.update(t, "root-admin", b.RoleID("operator"), roles.Input{Description: &bad}))
		}
	})
}
