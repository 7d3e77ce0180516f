package identity_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
)

// TestA157A158Groups: a mapping's name is exact and unique.
func TestA157A158Groups(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		about := "who is on call"
		create := func(name string) func() error {
			return func() error {
				_, err := b.CreateGroup(admin, identity.GroupInput{Name: name, Description: &about})
				return err
			}
		}
		row := b.Allowed(t, create("DevOps"))
		if row.Event != "user_group.create" || row.ObjectKind != "user_group" {
			t.Errorf("recorded %+v", row)
		}
		b.Denied(t, domain.CodeConflict, create("DevOps"))
		b.Allowed(t, create("DevOps "))
		groups, err := b.Groups(admin)
		if err != nil || len(groups) != 2 || groups[0].Description != about || !ulid.MatchString(string(groups[0].ID)) || groups[0].CreatedBy != b.KeyID("root-admin").AuditName() {
			t.Fatalf("mapped %+v, %v", groups, err)
		}
		b.BindActor(t, groupActor(groups[0].ID), "space-writer", "dev")
		for claim, want := range map[string]bool{"DevOps": true, "devops": false, "DevOps ": false, " DevOps": false, "DEVOPS": false} {
			user := b.AddUser(t, "user "+claim, claim)
			key, err := b.CreateKey(admin, identity.KeyInput{Name: "key", Groups: []string{claim}})
			if err != nil {
				t.Fatal(err)
			}
			for _, actor := range []authz.ActorRef{userActor(user), {Kind: authz.ActorAPIKey, ID: string(key.ID)}} {
				if got := b.Holds(t, actor, authz.ActionRunTrigger, "dev"); got != want {
					t.Errorf("a claim %q gives %v the group's role: %v", claim, actor.Kind, got)
				}
			}
		}
		if g, err := b.Group(admin, groups[0].ID); err != nil || g.Members != 1 {
			t.Errorf("members %+v, %v", g, err)
		}
		none := ""
		changed, err := b.UpdateGroup(admin, groups[0].ID, identity.GroupInput{Name: "ignored", Description: &none})
		want := groups[0]
		want.Description, want.Members, want.LastLoginAt, want.SpaceCount, want.Roles = "", 1, b.Clock.Now(), 1, changed.Roles
		if diff := cmp.Diff(want, changed); diff != "" || err != nil {
			t.Errorf("changed (-want +got):\n%s%v", diff, err)
		}
	})
}

// TestA8UnmappedGroup: a group carries roles only when it is mapped, and is
// nobody by itself.
func TestA8UnmappedGroup(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		carol := b.AddUser(t, "carol", "team")
		b.BindActor(t, groupActor("team"), "space-admin", "dev") // by name, as if that were an id
		if b.Holds(t, userActor(carol), authz.ActionSpaceRead, "dev") {
			t.Error("a role reaches the members of a group that is not mapped")
		}
		b.AddGroup(t, "team")
		if b.Holds(t, userActor(carol), authz.ActionSpaceRead, "dev") {
			t.Error("mapping a group revives what was bound to its name")
		}
		b.Bind(t, "team", "space-reader", "dev")
		if !b.Holds(t, userActor(carol), authz.ActionSpaceRead, "dev") {
			t.Error("a mapped group carries nothing")
		}
	})
}

// TestA19A20A154Sources: a user has his own roles and those of all his groups;
// the lesser one takes nothing away.
func TestA19A20A154Sources(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		for _, g := range []struct{ name, role string }{{"readers", "space-reader"}, {"writers", "space-writer"}} {
			b.AddGroup(t, g.name)
			b.Bind(t, g.name, g.role, "dev")
		}
		for _, c := range []struct {
			name             string
			own              string
			groups           []string
			reads, runs, new bool
		}{
			{"nothing", "", nil, false, false, false},
			{"own", "space-admin", nil, true, true, true},
			{"own and a lesser group", "space-admin", []string{"readers"}, true, true, true},
			{"two groups", "", []string{"readers", "writers"}, true, true, false},
			{"lesser group", "", []string{"readers"}, true, false, false},
			{"own and a higher group", "space-reader", []string{"writers", "unmapped"}, true, true, false},
		} {
			id := b.AddUser(t, c.name, c.groups...)
			if c.own != "" {
				b.Bind(t, c.name, c.own, "dev")
			}
			for action, want := range map[authz.Action]bool{
				authz.ActionSpaceRead: c.reads, authz.ActionRunTrigger: c.runs, authz.ActionStackCreate: c.new,
			} {
				if got := b.Holds(t, userActor(id), action, "dev"); got != want {
					t.Errorf("%s: %s is %v, want %v", c.name, action, got, want)
				}
			}
		}
	})
}

// TestA156LastLogin: groups are those of the last sign-in, until the next.
func TestA156LastLogin(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.AddGroup(t, "DevOps")
		b.Bind(t, "DevOps", "space-writer", "dev")
		carol := b.AddUser(t, "carol", "DevOps")
		b.Clock.Advance(365 * 24 * time.Hour)
		if !b.Holds(t, userActor(carol), authz.ActionRunTrigger, "dev") {
			t.Error("time alone takes a member out of a group")
		}
		b.Report(t, carol, "other")
		if b.Holds(t, userActor(carol), authz.ActionRunTrigger, "dev") {
			t.Error("the groups of an earlier sign-in still count")
		}
		b.Report(t, carol, "DevOps", "other")
		if !b.Holds(t, userActor(carol), authz.ActionRunTrigger, "dev") {
			t.Error("the groups of the last sign-in do not count")
		}
		b.BindActor(t, groupActor(b.AddGroup(t, "other")), "space-admin", "dev") // mapped after the sign-in
		if !b.Holds(t, userActor(carol), authz.ActionStackCreate, "dev") {
			t.Error("a group that was mapped after the sign-in does not count")
		}
	})
}
