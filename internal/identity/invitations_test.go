package identity_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// opens checks whether a token lets somebody in.
func (b bench) opens(t *testing.T, token string, id domain.UserID) {
	t.Helper()
	u, err := b.Invitee(t.Context(), token)
	if err != nil || u.ID != id || u.Invitation.TokenHash != nil {
		t.Errorf("the invitation is for %+v, %v; want %s", u, err, id)
	}
}

func (b bench) shut(t *testing.T, why, token string) {
	t.Helper()
	u, err := b.Invitee(t.Context(), token)
	if domain.ErrorCode(err) != domain.CodeNotFound || err.Error() != "invitation not found" || u.ID != "" {
		t.Errorf("%s: the invitation is for %q, %v", why, u.ID, err)
	}
}

// status reads a user's state as others see it.
func (b bench) status(t *testing.T, id domain.UserID) domain.UserState {
	t.Helper()
	v, err := b.User(b.As(t, "root-admin"), id)
	if err != nil {
		t.Fatal(err)
	}
	return v.Status
}

// TestA162Invitation lives for 24 hours, to the microsecond; its token is kept
// nowhere.
func TestA162Invitation(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		var made identity.UserView
		row := b.Allowed(t, func() (err error) {
			made, err = b.InviteUser(b.As(t, "root-admin"), identity.InviteInput{Username: "carol Ω", Name: "Carol", Email: "carol@example.com"})
			return err
		})
		if row.Event != "user.invite" || row.ObjectID != string(made.ID) || row.ObjectKind != "user" {
			t.Errorf("recorded %+v", row)
		}
		if !ulid.MatchString(string(made.ID)) || len(made.Token) != 64 || made.Status != domain.UserPending || made.CreatedBy != b.KeyID("root-admin").AuditName() {
			t.Errorf("made %+v", made)
		}
		for table, content := range b.Digest(t) {
			if strings.Contains(content, made.Token) {
				t.Errorf("the token is kept in %s", table)
			}
		}
		if strings.Contains(row.Args+row.Reason, made.Token) {
			t.Error("the token is in the audit trail")
		}
		b.opens(t, made.Token, made.ID)
		b.shut(t, "another token", strings.Repeat("0", 64))
		b.shut(t, "no token", "")
		b.Clock.Advance(24*time.Hour - time.Microsecond)
		b.opens(t, made.Token, made.ID)
		b.Clock.Advance(time.Microsecond)
		b.shut(t, "a day later", made.Token)
		if got := b.status(t, made.ID); got != domain.UserExpired {
			t.Errorf("now %s", got)
		}
	})
}

// TestA163Resend renews an invitation that is open or has expired, and no other.
func TestA163Resend(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		made := b.invite(t, identity.InviteInput{Username: "carol", Rules: []domain.AccessRule{{Space: "dev", Level: domain.AccessRead}}})
		old := made.Token
		for _, wait := range []time.Duration{time.Hour, 25 * time.Hour} {
			b.Clock.Advance(wait)
			var again identity.UserView
			row := b.Allowed(t, func() (err error) { again, err = b.ResendInvite(admin, made.ID); return err })
			if row.Event != "user.resend_invite" || row.ObjectID != string(made.ID) {
				t.Errorf("recorded %+v", row)
			}
			if again.Status != domain.UserPending || again.ID != made.ID || len(again.Roles) != 1 || !again.Invitation.ExpiresAt.Equal(b.Clock.Now().Add(24*time.Hour)) {
				t.Errorf("sent again: %+v", again)
			}
			b.shut(t, "replaced", old)
			b.opens(t, again.Token, made.ID)
			old = again.Token
		}
		for _, state := range []domain.UserState{domain.UserActive, domain.UserInactive, domain.UserQueued} {
			b.setState(t, made.ID, state)
			b.shut(t, string(state), old)
			b.Denied(t, domain.CodeConflict, func() error { _, err := b.ResendInvite(admin, made.ID); return err })
			if got := b.status(t, made.ID); got != state {
				t.Errorf("now %s, want %s", got, state)
			}
		}
	})
}

// setState does what a sign-in or a switch of strategy will do.
func (b bench) setState(t *testing.T, id domain.UserID, s domain.UserState) {
	t.Helper()
	b.Fill(t, func(ctx ctx, tx *store.Tx, p access.Permit) error {
		u, err := tx.User(ctx, id)
		u.State = s
		if err != nil {
			return err
		}
		return tx.UpdateUser(ctx, p.For(access.KindUser), u)
	})
}

// TestA164SecondInvite: an address has one invitation, a name one user.
func TestA164SecondInvite(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		second := func(username, email string) func() error {
			return func() error {
				_, err := b.InviteUser(admin, identity.InviteInput{Username: username, Email: email})
				return err
			}
		}
		made := b.invite(t, identity.InviteInput{Username: "carol"})
		b.Denied(t, domain.CodeConflict, second("other", "carol@example.com"))
		b.Denied(t, domain.CodeConflict, second("other", "Carol@Example.com"))
		b.Denied(t, domain.CodeConflict, second("carol", "other@example.com"))
		b.Clock.Advance(25 * time.Hour)
		b.Denied(t, domain.CodeConflict, second("other", "carol@example.com")) // expired
		b.setState(t, made.ID, domain.UserQueued)
		b.Denied(t, domain.CodeConflict, second("other", "carol@example.com"))
		b.setState(t, made.ID, domain.UserActive)
		b.Allowed(t, second("other", "carol@example.com"))
		b.Allowed(t, second("Carol", "third@example.com")) // names are exact
	})
}

// TestA165Revoke: a revoked invitation opens nothing; then a new one may be made.
func TestA165Revoke(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		made := b.invite(t, identity.InviteInput{Username: "carol"})
		b.Allowed(t, func() error { _, err := b.DeleteUser(b.As(t, "root-admin"), made.ID); return err })
		b.shut(t, "revoked", made.Token)
		again := b.invite(t, identity.InviteInput{Username: "carol"})
		b.shut(t, "revoked, then invited again", made.Token)
		b.opens(t, again.Token, again.ID)
	})
}

// TestA49A167InviteWithRoles: an invitation gives any role along, at once, all
// or nothing.
func TestA49A167InviteWithRoles(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin := b.As(t, "root-admin")
		var all []identity.RoleAt
		for _, slug := range []string{"space-reader", "space-writer", "space-admin", "worker-pool-controller", "operator"} {
			all = append(all, identity.RoleAt{Role: b.RoleID(slug), Space: "dev"})
		}
		var made identity.UserView
		row := b.Allowed(t, func() (err error) {
			made, err = b.InviteUser(admin, identity.InviteInput{
				Username: "carol", Email: "carol@example.com", Roles: all, Rules: []domain.AccessRule{{Space: "net", Level: domain.AccessRead}},
			})
			return err
		})
		if !cmp.Equal(row.Spaces, []domain.SpaceID{"root", "net", "dev"}) {
			t.Errorf("recorded spaces %v", row.Spaces)
		}
		if len(made.Roles) != 6 || len(made.Rules()) != 1 || made.Rules()[0].Space != "net" {
			t.Errorf("made %+v", made)
		}
		if !b.Holds(t, userActor(made.ID), authz.ActionWorkerPoolCreate, "dev") || b.Holds(t, userActor(made.ID), authz.ActionRunTrigger, "net") {
			t.Error("the roles do not count as given")
		}
		for field, in := range map[string]identity.InviteInput{
			"roleBindings": {Roles: []identity.RoleAt{all[0], {Role: "nope", Space: "dev"}}},
			"accessRules":  {Rules: []domain.AccessRule{{Space: "nope", Level: domain.AccessRead}}},
		} {
			in.Username, in.Email = "dave", "dave@example.com"
			b.Invalid(t, field, func() error { _, err := b.InviteUser(admin, in); return err })
		}
		many := identity.InviteInput{Username: "dave", Email: "dave@example.com", Roles: make([]identity.RoleAt, domain.MaxList+1)}
		b.Invalid(t, "roleBindings", func() error { _, err := b.InviteUser(admin, many); return err })
		b.Invalid(t, "roleBindings", func() error {
			in := identity.InviteInput{Username: "dave", Email: "dave@example.com", Roles: []identity.RoleAt{{Role: all[0].Role, Space: "nope"}}}
			_, err := b.InviteUser(admin, in)
			return err
		})
	})
}

func TestBadPeople(t *testing.T) {
	each(t, func(t *testing.T, b bench) {
		admin, carol, devops := b.As(t, "root-admin"), b.AddUser(t, "carol"), b.AddGroup(t, "DevOps")
		for name, bad := range storetest.Hostile() {
			t.Run(name, func(t *testing.T) {
				invite := func(in identity.InviteInput) func() error {
					return func() error { _, err := b.InviteUser(admin, in); return err }
				}
				b.Invalid(t, "username", invite(identity.InviteInput{Username: bad, Email: "x@example.com"}))
				b.Invalid(t, "invitationEmail", invite(identity.InviteInput{Username: "x", Email: bad}))
				b.Invalid(t, "groupName", func() error { _, err := b.CreateGroup(admin, identity.GroupInput{Name: bad}); return err })
				b.Denied(t, domain.CodeNotFound, func() error { _, err := b.DeleteUser(admin, domain.UserID(bad)); return err })
				b.Denied(t, domain.CodeNotFound, func() error { _, err := b.DeleteGroup(admin, domain.UserGroupID(bad)); return err })
				rules := []domain.AccessRule{{Space: domain.SpaceID(bad), Level: domain.AccessRead}}
				b.Invalid(t, "accessRules", func() error { _, err := b.UpdateUser(admin, carol, identity.UserUpdate{Rules: &rules}); return err })
				b.Invalid(t, "accessRules", func() error { _, err := b.UpdateGroup(admin, devops, identity.GroupInput{Rules: &rules}); return err })
				rules[0] = domain.AccessRule{Space: "dev", Level: domain.AccessLevel(bad)}
				b.Invalid(t, "accessRules", func() error { _, err := b.UpdateUser(admin, carol, identity.UserUpdate{Rules: &rules}); return err })
				b.shut(t, name, bad)
				if bad == "" {
					return
				}
				b.Invalid(t, "name", invite(identity.InviteInput{Username: "x", Email: "x@example.com", Name: bad}))
				b.Invalid(t, "name", func() error { _, err := b.UpdateUser(admin, carol, identity.UserUpdate{Name: &bad}); return err })
				b.Invalid(t, "slackMemberID", func() error { _, err := b.UpdateUser(admin, carol, identity.UserUpdate{SlackID: &bad}); return err })
			})
		}
		for _, bad := range []string{strings.Repeat("x", 10<<20), "\x00", "\xff"} {
			b.Invalid(t, "description", func() error {
				_, err := b.CreateGroup(admin, identity.GroupInput{Name: "x", Description: &bad})
				return err
			})
			b.Invalid(t, "description", func() error {
				_, err := b.UpdateGroup(admin, devops, identity.GroupInput{Description: &bad})
				return err
			})
		}
		many := make([]domain.AccessRule, 100_000)
		row := b.Denied(t, domain.CodeForbidden, func() error {
			_, err := b.UpdateUser(b.As(t, "nobody"), carol, identity.UserUpdate{Rules: &many})
			return err
		})
		if len(row.Spaces) > 200 {
			t.Errorf("a refusal names %d spaces", len(row.Spaces))
		}
	})
}
