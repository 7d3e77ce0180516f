package bindings_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

type bench struct {
	*storetest.Kit
	*bindings.Service
}

func service(s *store.Store, k *storetest.Kit) *bindings.Service {
	return bindings.New(store.Bind[bindings.Tx](s), access.NewGate(), k.IDs)
}

// each runs a test on both databases with the access model's fixture.
func each(t *testing.T, test func(t *testing.T, b bench)) {
	t.Helper()
	storetest.Each(t, func(t *testing.T, k *storetest.Kit) {
		storetest.World(t, k)
		test(t, bench{k, service(k.Store, k)})
	})
}

func stackActor(id string) authz.ActorRef { return authz.ActorRef{Kind: authz.ActorStack, ID: id} }

// create grants one role.
func grant(actor authz.ActorRef, role domain.RoleID, space domain.SpaceID) bindings.Grant {
	return bindings.Grant{Actor: actor, Input: bindings.Input{Role: role, Space: space}}
}

func (b bench) create(t *testing.T, who string, actor authz.ActorRef, role string, space domain.SpaceID) func() error {
	return func() error {
		_, err := b.Create(b.As(t, who), grant(actor, b.RoleID(role), space))
		return err
	}
}

func (b bench) remove(t *testing.T, who string, kind authz.ActorKind, id domain.BindingID) func() error {
	return func() error { _, err := b.Delete(b.As(t, who), kind, id); return err }
}

// check runs ask and expects the code, empty for allowed.
func (b bench) check(t *testing.T, want domain.Code, ask func() error) domain.AuditEntry {
	t.Helper()
	if want == "" {
		return b.Allowed(t, ask)
	}
	return b.Denied(t, want, ask)
}

// TestA79A89Create grants to a key as everybody, at many spaces.
func TestA79A89Create(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, c := range []struct {
			who, role string
			space     domain.SpaceID
			want      domain.Code
		}{
			{"ann", "space-writer", "prod", ""}, // A79
			{"ann", "space-admin", "prod", ""},  // A89
			{"ann", "operator", "apps", ""},     // a custom role
			{"ann", "space-writer", "platform", domain.CodeNotFound},
			{"ann", "space-reader", "root", domain.CodeForbidden}, // A91: she only reads it
			{"root-admin", "space-admin", "root", ""},
			{"root-admin", "worker-pool-controller", "vault-x", ""},
			{"will", "space-reader", "dev", domain.CodeForbidden},
			{"rita", "space-reader", "prod", domain.CodeForbidden},
			{"ops", "operator", "dev", domain.CodeForbidden},
			{"nobody", "space-reader", "dev", domain.CodeNotFound},
			{"root-admin", "space-reader", "nope", domain.CodeNotFound}, // A15
			{"ann", "space-reader", "nope", domain.CodeNotFound},
		} {
			t.Run(fmt.Sprintf("%s %s@%s", c.who, c.role, c.space), func(t *testing.T) {
				row := b.check(t, c.want, b.create(t, c.who, b.Actor("nobody"), c.role, c.space))
				want := []domain.SpaceID{c.space}
				if diff := cmp.Diff(want, row.Spaces); diff != "" || row.Event != "role_binding.create" || row.Actor != b.KeyID(c.who).AuditName() {
					t.Errorf("recorded %+v", row)
				}
			})
			b.dropAll(t, "nobody")
		}
	})
}

func (b bench) dropAll(t *testing.T, name string) {
	t.Helper()
	if err := b.Exec(t, `delete from role_bindings where actor_id = $1`, b.Actor(name).ID); err != nil {
		t.Fatal(err)
	}
	b.Role(t, "bump"+b.IDs.ULID(), authz.ActionSpaceRead) // the world changed behind the store's back
}

// TestCreateWritesWhatWasAsked reads a binding back, by all ways.
func TestCreateWritesWhatWasAsked(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		ann := b.As(t, "ann")
		got, err := b.Create(ann,
			grant(b.Actor("nobody"), b.RoleID("space-reader"), "dev"), grant(b.Actor("nobody"), b.RoleID("operator"), "prod"))
		if err != nil || len(got) != 2 {
			t.Fatalf("%d bindings, %v", len(got), err)
		}
		of, err := b.Of(ann, b.Actor("nobody"))
		if diff := cmp.Diff(got, of); diff != "" || err != nil {
			t.Errorf("created and read differ:\n%s%v", diff, err)
		}
		one := got[1]
		if one.CreatedBy != b.KeyID("ann").AuditName() || one.Role.Slug != "operator" || one.Space != "prod" || !one.CreatedAt.Equal(b.Clock.Now()) {
			t.Errorf("made %+v", one)
		}
		again, err := b.Get(ann, authz.ActorAPIKey, one.ID)
		if diff := cmp.Diff(one, again); diff != "" || err != nil {
			t.Errorf("created and read differ:\n%s%v", diff, err)
		}
		_, err = b.Get(ann, authz.ActorStack, one.ID)
		wantCode(t, err, domain.CodeNotFound)
		if row := last(b.Audit(t)); !cmp.Equal(row.Spaces, []domain.SpaceID{"dev", "prod"}) {
			t.Errorf("recorded spaces %v", row.Spaces)
		}
		// All or none.
		before := b.Digest(t)
		_, err = b.Create(ann, grant(b.Actor("will"), b.RoleID("space-reader"), "prod"), grant(b.Actor("will"), b.RoleID("space-reader"), "net"))
		wantCode(t, err, domain.CodeNotFound)
		if diff := cmp.Diff(before, b.Digest(t)); diff != "" {
			t.Errorf("half of a grant was kept:\n%s", diff)
		}
		wantCode(t, b.create(t, "ann", b.Actor("nobody"), "space-reader", "dev")(), domain.CodeConflict)
	})
}

func last[T any](list []T) T { return list[len(list)-1] }

func wantCode(t *testing.T, err error, want domain.Code) {
	t.Helper()
	if err == nil || domain.ErrorCode(err) != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestA90A91Delete takes roles away, also those that others gave.
func TestA90A91Delete(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		rootBinding := b.bindingOf(t, "root-admin")
		rita := b.bindingOf(t, "rita")
		b.AddKey(t, "platform-user")
		hidden := b.Bind(t, "platform-user", "space-reader", "platform")
		b.Denied(t, domain.CodeForbidden, b.remove(t, "ann", authz.ActorAPIKey, rootBinding)) // she reads root
		b.Denied(t, domain.CodeForbidden, b.remove(t, "rita", authz.ActorAPIKey, rita))
		missing := b.remove(t, "ann", authz.ActorAPIKey, "missing")
		concealed := b.remove(t, "ann", authz.ActorAPIKey, hidden)
		b.Denied(t, domain.CodeNotFound, missing)
		b.Denied(t, domain.CodeNotFound, concealed)
		if one, other := missing().Error(), concealed().Error(); one != other {
			t.Errorf("R23: missing answers %q, hidden %q", one, other)
		}
		b.Denied(t, domain.CodeNotFound, b.remove(t, "ann", authz.ActorStack, rita)) // of another kind
		b.Allowed(t, b.remove(t, "ann", authz.ActorAPIKey, rita))
		b.Denied(t, domain.CodeNotFound, b.remove(t, "ann", authz.ActorAPIKey, rita))
	})
}

func (b bench) bindingOf(t *testing.T, name string) (id domain.BindingID) {
	t.Helper()
	b.View(t, func(tx *store.Tx) error {
		list, err := tx.BindingsOf(t.Context(), b.Actor(name))
		if len(list) != 1 {
			t.Fatalf("%s has %d bindings", name, len(list))
		}
		id = list[0].ID
		return err
	})
	return id
}

// TestG1Case7Case8Case9HoldToGrant: a binder gives nobody what he lacks, by no
// way.
func TestG1Case7Case8Case9HoldToGrant(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Role(t, "binder", authz.ActionSpaceRead, authz.ActionRoleBindingManage)
		b.AddKey(t, "bob")
		b.Bind(t, "bob", "binder", "apps")
		b.AddUser(t, "carol")
		b.AddGroup(t, "devops")
		for name, actor := range map[string]authz.ActorRef{
			"himself": b.Actor("bob"), "a key": b.Actor("nobody"),
			"a user": b.Actor("carol"), "a group": b.Actor("devops"),
		} {
			for _, role := range []string{"space-admin", "space-writer", "operator", "worker-pool-controller"} {
				row := b.Denied(t, domain.CodeForbidden, b.create(t, "bob", actor, role, "apps"))
				if !strings.Contains(row.Reason, "grant what he does not hold") {
					t.Errorf("%s, %s: %q", name, role, row.Reason)
				}
			}
		}
		b.Denied(t, domain.CodeForbidden, b.create(t, "bob", stackActor("k"), "space-reader", "apps"))
		b.Allowed(t, b.create(t, "bob", b.Actor("nobody"), "space-reader", "dev"))
		b.Allowed(t, b.create(t, "bob", b.Actor("nobody"), "binder", "dev"))
		b.Denied(t, domain.CodeNotFound, b.create(t, "bob", b.Actor("nobody"), "space-reader", "platform"))

		// Case 9: the update is a grant too (R28).
		b.Bind(t, "carol", "space-reader", "prod")
		b.Bind(t, "devops", "space-reader", "prod")
		for _, name := range []string{"rita", "carol", "devops"} {
			b.Denied(t, domain.CodeForbidden, func() error {
				_, err := b.Update(b.As(t, "bob"), authz.ActorRef{Kind: b.Actor(name).Kind}, b.bindingOf(t, name), bindings.Input{Role: b.RoleID("space-admin"), Space: "prod"})
				return err
			})
		}
	})
}

// TestR28Update is a deletion and a creation under the rules of both; the id
// stays.
func TestR28Update(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.bindingOf(t, "rita")
		update := func(who, role string, space domain.SpaceID) func() error {
			return func() error {
				_, err := b.Update(b.As(t, who), authz.ActorRef{Kind: authz.ActorAPIKey}, id, bindings.Input{Role: b.RoleID(role), Space: space})
				return err
			}
		}
		b.Denied(t, domain.CodeNotFound, update("ann", "space-reader", "platform")) // not hers: the new end
		b.Denied(t, domain.CodeNotFound, update("will", "space-reader", "dev"))     // not his: neither
		row := b.Allowed(t, update("ann", "space-writer", "dev"))
		if !cmp.Equal(row.Spaces, []domain.SpaceID{"prod", "dev"}) || row.ObjectID != string(id) || row.Event != "role_binding.update" {
			t.Errorf("recorded %+v", row)
		}
		v, err := b.Get(b.As(t, "ann"), authz.ActorAPIKey, id)
		if err != nil || v.ID != id || v.Role.Slug != "space-writer" || v.Space != "dev" {
			t.Errorf("now %+v, %v", v, err)
		}
		b.Allowed(t, func() error {
			_, err := b.Update(b.As(t, "root-admin"), authz.ActorRef{Kind: authz.ActorAPIKey}, id, bindings.Input{Role: b.RoleID("space-writer"), Space: "platform"})
			return err
		})
		b.Denied(t, domain.CodeNotFound, update("ann", "space-writer", "dev")) // not hers: the old end
		b.Invalid(t, "roleID", func() error {
			_, err := b.Update(b.As(t, "root-admin"), authz.ActorRef{Kind: authz.ActorAPIKey}, id, bindings.Input{Role: "nope", Space: "dev"})
			return err
		})
	})
}

// TestBadBindings changes nothing.
func TestBadBindings(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		b.Invalid(t, "input", func() error { _, err := b.Create(admin); return err })
		b.Invalid(t, "roleID", func() error {
			_, err := b.Create(admin, grant(b.Actor("nobody"), "x\x00", "dev"))
			return err
		})
		b.Invalid(t, "apiKeyID", b.create(t, "root-admin", authz.ActorRef{Kind: authz.ActorAPIKey, ID: "missing"}, "space-reader", "dev"))
		for name, bad := range storetest.Hostile() {
			t.Run(name, func(t *testing.T) {
				b.Invalid(t, "userGroupID", b.create(t, "root-admin", authz.ActorRef{Kind: authz.ActorGroup, ID: bad}, "space-reader", "dev"))
				b.Invalid(t, "userID", b.create(t, "root-admin", authz.ActorRef{Kind: authz.ActorUser, ID: bad}, "space-reader", "dev"))
				b.Denied(t, domain.CodeNotFound, b.create(t, "root-admin", b.Actor("nobody"), "space-reader", domain.SpaceID(bad)))
				b.Denied(t, domain.CodeNotFound, b.create(t, "root-admin", stackActor(bad), "space-reader", "dev"))
				b.Denied(t, domain.CodeNotFound, b.remove(t, "root-admin", authz.ActorAPIKey, domain.BindingID(bad)))
			})
		}
	})
}

// TestI11LastRootAdmin is security case 28: two servers remove the last two
// root admins at once, and one stays.
func TestI11LastRootAdmin(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddKey(t, "second")
		ids := map[string]domain.BindingID{"root-admin": b.bindingOf(t, "root-admin"), "second": b.Bind(t, "second", "space-admin", "root")}
		b.AddGroup(t, "admins")
		b.Bind(t, "admins", "space-admin", "root") // may be empty
		b.AddUser(t, "carol", "admins")
		b.Bind(t, "carol", "space-admin", "root")               // cannot sign in yet
		b.BindActor(t, stackActor("r0"), "space-admin", "root") // runs only while it may
		other := service(b.Open(t), b.Kit)
		errs := make([]error, 2)
		var both sync.WaitGroup
		remove := func(i int, s *bindings.Service, ctx context.Context, id domain.BindingID) {
			_, errs[i] = s.Delete(ctx, authz.ActorAPIKey, id)
		}
		first, second := b.As(t, "root-admin"), b.As(t, "second")
		both.Go(func() { remove(0, b.Service, first, ids["root-admin"]) })
		both.Go(func() { remove(1, other, second, ids["second"]) })
		both.Wait()
		if (errs[0] == nil) == (errs[1] == nil) {
			t.Fatalf("got %v and %v, want exactly one success", errs[0], errs[1])
		}
		name := "root-admin"
		if errs[0] == nil {
			name = "second"
		}
		row := b.Denied(t, domain.CodeConflict, b.remove(t, name, authz.ActorAPIKey, ids[name]))
		if !cmp.Equal(row.ActorRoles, []string{"space-admin"}) {
			t.Errorf("recorded roles %v", row.ActorRoles)
		}
		b.Denied(t, domain.CodeConflict, func() error {
			_, err := b.Update(b.As(t, name), authz.ActorRef{Kind: authz.ActorAPIKey}, ids[name], bindings.Input{Role: b.RoleID("space-admin"), Space: "apps"})
			return err
		})
	})
}
