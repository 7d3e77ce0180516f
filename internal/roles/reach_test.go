package roles_test

import (
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/roles"
)

func (b bench) force(t *testing.T, who string, id domain.RoleID) func() error {
	return func() error { _, err := b.Delete(b.As(t, who), id, true); return err }
}

// TestR15Force: role and bindings go in one transaction, with one row in the
// audit trail that says how many.
func TestR15Force(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.RoleID("operator")
		b.Context(t, "c", "net")
		b.Bind(t, "nobody", "operator", "vault")
		b.BindActor(t, authz.ActorRef{Kind: authz.ActorStack, ID: "k"}, "operator", "platform")
		b.BindEntity(t, "rita", "operator", authz.EntityRef{Kind: authz.EntityContext, ID: "c"})
		for _, who := range []string{"ann", "will", "nobody"} {
			b.Denied(t, domain.CodeForbidden, b.force(t, who, id))
		}
		row := b.Denied(t, domain.CodeConflict, b.remove(t, "root-admin", id))
		if !strings.Contains(row.Reason, "4 role bindings") {
			t.Errorf("recorded %q", row.Reason)
		}
		row = b.Allowed(t, b.force(t, "root-admin", id))
		// dev; vault and vault-x; platform and net: 5 spaces, in dev one stack.
		if row.Event != "role.delete" || row.ObjectKind != "role" || row.ObjectID != string(id) ||
			row.Reason != "removes 4 role bindings, which count in 5 spaces and for 1 stacks" {
			t.Errorf("recorded %+v", row)
		}
		for _, name := range []string{"ops", "nobody"} {
			if b.Holds(t, b.Actor(name), authz.ActionSpaceRead, "dev") || b.Holds(t, b.Actor(name), authz.ActionSpaceRead, "vault") {
				t.Errorf("%s holds the role still", name)
			}
		}
		if left := b.Rows(t, `select count(*) from role_bindings`); left[0][0].(int64) != 4 { // the system roles'
			t.Errorf("%v bindings are left", left[0][0])
		}
		b.Denied(t, domain.CodeNotFound, b.force(t, "root-admin", id))
		b.Denied(t, domain.CodeConflict, b.force(t, "root-admin", b.RoleID("space-reader"))) // A42
	})
}

// TestI11ForceKeepsTheLastAdmin: what would leave nobody to administer the
// account is refused, and changes nothing.
func TestI11ForceKeepsTheLastAdmin(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.Role(t, "boss", authz.ActionSpaceRead, authz.ActionSpaceAdmin)
		b.AddKey(t, "boss")
		b.Bind(t, "boss", "boss", "root")
		if err := b.Exec(t, `delete from role_bindings where actor_id = $1`, b.Actor("root-admin").ID); err != nil {
			t.Fatal(err)
		}
		b.Denied(t, domain.CodeConflict, func() error {
			_, err := b.Delete(b.As(t, "boss"), id, true)
			return err
		})
	})
}

// TestCase12BlastRadius: the trail names how many bindings, spaces and stacks
// a change of a role affects.
func TestCase12BlastRadius(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.RoleID("operator")
		for _, step := range []struct{ name, want string }{
			{"dev", "affects 1 role bindings, which count in 1 spaces and for 1 stacks"},
			{"the space above", "affects 2 role bindings, which count in 3 spaces and for 2 stacks"},
			{"one stack of another space", "affects 3 role bindings, which count in 3 spaces and for 3 stacks"},
			{"one that has expired", "affects 3 role bindings, which count in 3 spaces and for 3 stacks"},
		} {
			switch step.name {
			case "the space above":
				b.Bind(t, "nobody", "operator", "apps")
			case "one stack of another space":
				b.BindEntity(t, "nobody", "operator", authz.EntityRef{Kind: authz.EntityStack, ID: "r0"})
			case "one that has expired":
				b.AddBinding(t, "operator", domain.Binding{Actor: b.Actor("rita"), Space: "root", NotAfter: b.Clock.Now().Add(time.Second)})
				b.Clock.Advance(time.Minute)
			}
			row := b.Allowed(t, b.update(t, "root-admin", id, roles.Input{Description: text(step.name)}))
			if row.Reason != step.want {
				t.Errorf("%s: recorded %q, want %q", step.name, row.Reason, step.want)
			}
		}
	})
}

// TestR24ExpiredBindingsBindNoRole: they neither count nor keep a role.
func TestR24ExpiredBindingsBindNoRole(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		id := b.Role(t, "short", authz.ActionSpaceRead)
		b.AddBinding(t, "short", domain.Binding{Actor: b.Actor("nobody"), Space: "dev", NotAfter: b.Clock.Now().Add(time.Hour)})
		b.Denied(t, domain.CodeConflict, b.remove(t, "root-admin", id))
		b.Clock.Advance(time.Hour + time.Second)
		if v, err := b.Get(b.As(t, "ann"), id); err != nil || v.Bindings != 0 {
			t.Errorf("%d bindings, %v", v.Bindings, err)
		}
		b.Allowed(t, b.remove(t, "root-admin", id))
	})
}
