package domain

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestA162States: an invitation that nobody accepts expires to the moment.
func TestA162States(t *testing.T) {
	end := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		stored UserState
		at     time.Duration // from the end of the invitation
		want   UserState
		open   bool
	}{
		{UserPending, -InvitationLife, UserPending, true},
		{UserPending, -time.Nanosecond, UserPending, true},
		{UserPending, 0, UserExpired, true},
		{UserPending, time.Hour, UserExpired, true},
		{UserQueued, time.Hour, UserQueued, true},
		{UserActive, time.Hour, UserActive, false},
		{UserInactive, time.Hour, UserInactive, false},
	} {
		u := User{State: c.stored, Invitation: Invitation{ExpiresAt: end}}
		if got := u.StateAt(end.Add(c.at)); got != c.want || u.Invited() != c.open {
			t.Errorf("%s at %s: %s, invited %v; want %s, %v", c.stored, c.at, got, u.Invited(), c.want, c.open)
		}
	}
}

func TestUserCheck(t *testing.T) {
	good := User{Username: "Carol ", Name: "Carol Ω", SlackID: "U123", State: UserPending, Invitation: Invitation{Email: "carol+x@example.com"}}
	if err := good.Check(); err != nil {
		t.Error(err)
	}
	came := User{Username: "c", State: UserActive} // without an invitation (A159)
	if err := came.Check(); err != nil {
		t.Error(err)
	}
	for field, spoil := range map[string]func(*User){
		"username":      func(u *User) { u.Username = " " },
		"name":          func(u *User) { u.Name = "a\nb" },
		"slackMemberID": func(u *User) { u.SlackID = "a\x00" },
	} {
		u := good
		spoil(&u)
		wantField(t, field, u.Check())
	}
	for _, email := range []string{
		"", " ", "carol", "carol@", "@example.com", "Carol <carol@example.com>", "<carol@example.com>", " carol@example.com", "carol@example.com ",
		"a@example.com, b@example.com", "a@b@example.com", "carol@example.com\r\nBcc: x@example.com", strings.Repeat("x", 250) + "@example.com",
	} {
		u := good
		u.Invitation.Email = email
		wantField(t, "invitationEmail", u.Check())
	}
	if EmailKey("Carol@Example.COM") != EmailKey("carol@example.com") || EmailKey("a@example.com") == EmailKey("b@example.com") {
		t.Error("addresses are compared wrongly")
	}
}

func wantField(t *testing.T, field string, err error) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Code != CodeInvalid || e.Field != field {
		t.Errorf("got %v, want a fault of %s", err, field)
	}
}

// TestA48RuleLevels: each level stands for one system role.
func TestA48RuleLevels(t *testing.T) {
	for level, role := range map[AccessLevel]string{
		AccessRead: RoleSpaceReader, AccessWrite: RoleSpaceWriter, AccessAdmin: RoleSpaceAdmin, "": "", "NONE": "", "read": "",
	} {
		if got := level.Role(); got != role {
			t.Errorf("%q stands for %q, want %q", level, got, role)
		}
		err := CheckAccessRules([]AccessRule{{Space: RootSpace, Level: level}})
		if (err == nil) != (role != "") {
			t.Errorf("%q: %v", level, err)
		}
	}
	wantField(t, "accessRules", CheckAccessRules(make([]AccessRule, MaxList+1)))
}
