package identity_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
)

// invite invites somebody as the root admin.
func (b bench) invite(t *testing.T, in identity.InviteInput) identity.UserView {
	t.Helper()
	if in.Email == "" {
		in.Email = in.Username + "@example.com"
	}
	v, err := b.InviteUser(b.As(t, "root-admin"), in)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func userActor(id domain.UserID) authz.ActorRef {
	return authz.ActorRef{Kind: authz.ActorUser, ID: string(id)}
}

func groupActor(id domain.UserGroupID) authz.ActorRef {
	return authz.ActorRef{Kind: authz.ActorGroup, ID: string(id)}
}

// TestA75A77Case16Case17PeopleRights: only admins of root invite, change and delete
// people and mappings; an admin elsewhere, by whatever role, does not (security
// cases 16 and 17), and the token of a run never does (R25).
func TestA75A77Case16Case17PeopleRights(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		b.Role(t, "local-boss", authz.ActionSpaceRead, authz.ActionSpaceAdmin)
		b.AddKey(t, "boss")
		b.Bind(t, "boss", "local-boss", "apps")
		user, group := b.AddUser(t, "carol"), b.AddGroup(t, "DevOps")
		rules := []domain.AccessRule{{Space: "dev", Level: domain.AccessRead}}
		changes := func(ctx ctx) map[string]func() error {
			return map[string]func() error{
				"user.invite": func() error {
					_, err := b.InviteUser(ctx, identity.InviteInput{Username: "x", Email: "x@example.com", Rules: rules})
					return err
				},
				"user.resend_invite": func() error { _, err := b.ResendInvite(ctx, user); return err },
				"user.update":        func() error { _, err := b.UpdateUser(ctx, user, identity.UserUpdate{Rules: &rules}); return err },
				"user.delete":        func() error { _, err := b.DeleteUser(ctx, user); return err },
				"user_group.create":  func() error { _, err := b.CreateGroup(ctx, identity.GroupInput{Name: "x"}); return err },
				"user_group.update":  func() error { _, err := b.UpdateGroup(ctx, group, identity.GroupInput{Rules: &rules}); return err },
				"user_group.delete":  func() error { _, err := b.DeleteGroup(ctx, group); return err },
			}
		}
		for _, who := range []string{"ann", "boss", "will", "rita", "ops", "nobody"} {
			for event, change := range changes(b.As(t, who)) {
				row := b.Denied(t, domain.CodeForbidden, change)
				if row.Event != event || row.Actor != b.KeyID(who).AuditName() {
					t.Errorf("%s by %s: recorded %+v", event, who, row)
				}
			}
			_, missing := b.DeleteUser(b.As(t, who), "missing")
			_, alike := b.DeleteGroup(b.As(t, who), "missing")
			wantCode(t, missing, domain.CodeForbidden)
			wantCode(t, alike, domain.CodeForbidden)
		}
		b.BindActor(t, b.stackActor("r0"), "space-admin", "root")
		run := b.AsStack(t, domain.Run{ID: "run", StackID: "r0", State: domain.RunApplying})
		for event, change := range changes(run) {
			if row := b.Denied(t, domain.CodeForbidden, change); !strings.Contains(row.Reason, "run's token") {
				t.Errorf("R25, %s: recorded %q", event, row.Reason)
			}
		}
		admin := b.As(t, "root-admin")
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.UpdateUser(admin, "missing", identity.UserUpdate{}); return err })
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.DeleteUser(admin, "missing"); return err })
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.ResendInvite(admin, "missing"); return err })
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.UpdateGroup(admin, "missing", identity.GroupInput{}); return err })
		b.Denied(t, domain.CodeNotFound, func() error { _, err := b.DeleteGroup(admin, "missing"); return err })
		stranger := changes(t.Context())
		for event, change := range stranger {
			if err := change(); domain.ErrorCode(err) != domain.CodeUnauthenticated {
				t.Errorf("%s without credentials: %v", event, err)
			}
		}
	})
}

// TestA78Case18PeopleViews: admins of any space view people and mappings, but
// not what the identity provider reported of anybody; nobody sees a hash.
func TestA78Case18PeopleViews(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		carol, devops := b.AddUser(t, "carol", "DevOps", "payroll"), b.AddGroup(t, "DevOps")
		dave := b.invite(t, identity.InviteInput{Username: "dave"})
		b.Bind(t, "carol", "space-writer", "dev")
		b.Bind(t, "carol", "operator", "dev")
		b.Bind(t, "carol", "space-reader", "prod")
		b.Bind(t, "DevOps", "space-reader", "net")
		for _, who := range []string{"will", "rita", "ops", "nobody", "ann", "root-admin"} {
			ctx := b.As(t, who)
			user, errUser := b.User(ctx, carol)
			users, errUsers := b.Users(ctx)
			group, errGroup := b.Group(ctx, devops)
			groups, errGroups := b.Groups(ctx)
			reported, errReported := b.ReportedGroups(ctx)
			if who != "ann" && who != "root-admin" {
				for _, err := range []error{errUser, errUsers, errGroup, errGroups, errReported} {
					wantCode(t, err, domain.CodeForbidden)
				}
				continue
			}
			for _, err := range []error{errUser, errUsers, errGroup, errGroups} {
				if err != nil {
					t.Fatalf("%s: %v", who, err)
				}
			}
			if len(users) != 2 || len(groups) != 1 || !cmp.Equal(users[0], user) || !cmp.Equal(groups[0], group) || users[1].ID != dave.ID {
				t.Errorf("%s sees %+v and %+v", who, users, groups)
			}
			if user.GroupCount != 2 || user.SpaceCount != 2 || len(user.Roles) != 3 || user.Roles[1].Of.Slug != "operator" || user.Status != domain.UserActive {
				t.Errorf("%s sees %+v", who, user)
			}
			if group.Members != 1 || group.SpaceCount != 1 || len(group.Roles) != 1 || !group.LastLoginAt.Equal(b.Clock.Now()) {
				t.Errorf("%s sees %+v", who, group)
			}
			if users[1].Invitation.TokenHash != nil || users[1].Token != "" {
				t.Errorf("%s sees a token: %+v", who, users[1])
			}
			if who == "ann" {
				wantCode(t, errReported, domain.CodeForbidden)
				if user.Groups != nil {
					t.Errorf("ann sees the groups %v", user.Groups)
				}
				continue
			}
			if !cmp.Equal(user.Groups, []string{"DevOps", "payroll"}) || !cmp.Equal(reported, user.Groups) || errReported != nil {
				t.Errorf("the root admin sees %v and %v, %v", user.Groups, reported, errReported)
			}
		}
		_, err := b.User(b.As(t, "ann"), "missing")
		wantCode(t, err, domain.CodeNotFound)
		_, err = b.Group(b.As(t, "ann"), "missing")
		wantCode(t, err, domain.CodeNotFound)
	})
}

// TestA48AccessRules: the older lists are bindings of the system roles, and
// replace only what such a list made.
func TestA48AccessRules(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		read := func(space domain.SpaceID) domain.AccessRule {
			return domain.AccessRule{Space: space, Level: domain.AccessRead}
		}
		write := domain.AccessRule{Space: "dev", Level: domain.AccessWrite}
		carol := b.invite(t, identity.InviteInput{Username: "carol", Rules: []domain.AccessRule{read("dev"), write, read("dev"), {Space: "prod", Level: domain.AccessAdmin}}})
		group, err := b.CreateGroup(admin, identity.GroupInput{Name: "DevOps", Rules: &[]domain.AccessRule{read("dev"), write}})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []struct {
			actor  authz.ActorRef
			held   []identity.Held
			update func(rules *[]domain.AccessRule) ([]identity.Held, []identity.Held, error)
		}{
			{userActor(carol.ID), carol.Rules()[:2], func(r *[]domain.AccessRule) ([]identity.Held, []identity.Held, error) {
				v, err := b.UpdateUser(admin, carol.ID, identity.UserUpdate{Rules: r})
				return v.Roles, v.Rules(), err
			}},
			{groupActor(group.ID), group.Rules(), func(r *[]domain.AccessRule) ([]identity.Held, []identity.Held, error) {
				v, err := b.UpdateGroup(admin, group.ID, identity.GroupInput{Rules: r})
				return v.Roles, v.Rules(), err
			}},
		} {
			if len(p.held) != 2 || p.held[0].Of.Slug != "space-reader" || p.held[1].Of.Slug != "space-writer" || p.held[1].Space != "dev" {
				t.Fatalf("%v holds %+v", p.actor, p.held)
			}
			b.BindActor(t, p.actor, "operator", "dev")
			all, rules, err := p.update(&[]domain.AccessRule{write, read("net")})
			if err != nil || len(rules) != 2 || len(all) != 3 || rules[0].ID != p.held[1].ID || rules[1].Space != "net" {
				t.Errorf("%v: replaced by %+v of %+v, %v", p.actor, rules, all, err)
			}
			if !b.Holds(t, p.actor, authz.ActionSpaceRead, "net") || b.Holds(t, p.actor, authz.ActionSpaceRead, "prod") {
				t.Errorf("%v does not hold what the rules say", p.actor)
			}
			if all, _, err := p.update(nil); err != nil || len(all) != 3 {
				t.Errorf("%v: an absent list changed %+v, %v", p.actor, all, err)
			}
			before := b.Digest(t)
			for _, bad := range []domain.AccessRule{read("nope"), {Space: "dev", Level: "OWNER"}} { // A15
				b.Invalid(t, "accessRules", func() error { _, _, err := p.update(&[]domain.AccessRule{read("prod"), bad}); return err })
			}
			if diff := cmp.Diff(before, b.Digest(t)); diff != "" {
				t.Error(diff)
			}
			if all, rules, err := p.update(&[]domain.AccessRule{}); err != nil || len(all) != 1 || len(rules) != 0 || all[0].Of.Slug != "operator" {
				t.Errorf("%v: emptied to %+v, %v", p.actor, all, err)
			}
		}
	})
}

// TestA166Case69RevokedUser: whoever is deleted may do nothing from then on, on
// every server, and is in no group any more.
func TestA166Case69RevokedUser(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		other := *b.Kit
		other.Store, other.Gate = b.Open(t), access.NewGate()
		b.AddGroup(t, "DevOps")
		b.Bind(t, "DevOps", "space-writer", "net")
		carol := b.AddUser(t, "carol", "DevOps")
		b.Bind(t, "carol", "space-admin", "dev")
		may := func(want bool) {
			t.Helper()
			for name, k := range map[string]interface {
				Holds(*testing.T, authz.ActorRef, authz.Action, domain.SpaceID) bool
			}{"this server": b.Kit, "the other": &other} {
				if got := k.Holds(t, userActor(carol), authz.ActionStackCreate, "dev"); got != want {
					t.Errorf("%s: his own role counts: %v", name, got)
				}
				if got := k.Holds(t, userActor(carol), authz.ActionRunTrigger, "net"); got != want {
					t.Errorf("%s: his group's role counts: %v", name, got)
				}
			}
		}
		may(true)
		row := b.Allowed(t, func() error { _, err := b.DeleteUser(b.As(t, "root-admin"), carol); return err })
		if row.Event != "user.delete" || row.ObjectID != string(carol) || row.ObjectKind != "user" {
			t.Errorf("recorded %+v", row)
		}
		may(false)
	})
}

// TestA169Case23NewUser: the same name, or another one, is another user, who
// inherits nothing; the same holds for a mapping.
func TestA169Case23NewUser(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		first := b.invite(t, identity.InviteInput{Username: "carol", Rules: []domain.AccessRule{{Space: "dev", Level: domain.AccessAdmin}}})
		renamed := b.invite(t, identity.InviteInput{Username: "carol.new", Email: "other@example.com"})
		if renamed.ID == first.ID || len(renamed.Roles) != 0 {
			t.Errorf("a new name is %+v", renamed)
		}
		if _, err := b.DeleteUser(admin, first.ID); err != nil {
			t.Fatal(err)
		}
		again := b.invite(t, identity.InviteInput{Username: "carol"})
		if again.ID == first.ID || len(again.Roles) != 0 || b.Holds(t, userActor(again.ID), authz.ActionSpaceRead, "dev") {
			t.Errorf("a new user of an old name is %+v", again)
		}

		member := b.AddUser(t, "member", "DevOps")
		group, err := b.CreateGroup(admin, identity.GroupInput{Name: "DevOps", Rules: &[]domain.AccessRule{{Space: "dev", Level: domain.AccessAdmin}}})
		if err != nil || !b.Holds(t, userActor(member), authz.ActionStackCreate, "dev") {
			t.Fatalf("the group's role does not count: %v", err)
		}
		row := b.Allowed(t, func() error { _, err := b.DeleteGroup(admin, group.ID); return err })
		if row.ObjectID != string(group.ID) || row.Event != "user_group.delete" || row.ObjectKind != "user_group" {
			t.Errorf("recorded %+v", row)
		}
		if b.Holds(t, userActor(member), authz.ActionStackCreate, "dev") {
			t.Error("a deleted mapping still carries its role")
		}
		mapped, err := b.CreateGroup(admin, identity.GroupInput{Name: "DevOps"})
		if err != nil || mapped.ID == group.ID || len(mapped.Roles) != 0 || b.Holds(t, userActor(member), authz.ActionSpaceRead, "dev") {
			t.Errorf("a new mapping of an old name is %+v, %v", mapped, err)
		}
	})
}

// TestUserUpdate changes what a caller may set and nothing else.
func TestUserUpdate(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		made := b.invite(t, identity.InviteInput{Username: "carol", Name: "Carol"})
		name, slack := "Carol Ω", "U0123"
		row := b.Allowed(t, func() error {
			_, err := b.UpdateUser(admin, made.ID, identity.UserUpdate{Name: &name, SlackID: &slack})
			return err
		})
		if row.Event != "user.update" || row.ObjectID != string(made.ID) {
			t.Errorf("recorded %+v", row)
		}
		want := made
		want.Name, want.SlackID, want.Token = name, slack, ""
		got, err := b.User(admin, made.ID)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("(-want +got):\n%s%v", diff, err)
		}
	})
}
