package domain

import (
	"net/mail"
	"time"
)

// User is a person whom the account knows. Username is who the identity
// provider says he is: exact, unique and fixed, so that another name is another
// user (access model A169).
type User struct {
	ID          UserID
	Username    string
	Name        string // for people to read; may be empty
	SlackID     string // empty for none (A170)
	State       UserState
	Invitation  Invitation // zero for a user who came without one (A159)
	Groups      []string   // names that the identity provider reported at the last login (A156)
	LoginMethod string     // of the last login
	LastLoginAt time.Time  // zero: never
	CreatedAt   time.Time
	CreatedBy   string // audit name
}

// UserState says how far a user is on the way in (access model A162).
type UserState string

// The states of a user.
const (
	UserQueued   UserState = "QUEUED"   // invited while login policies decide who may sign in
	UserPending  UserState = "PENDING"  // invited
	UserExpired  UserState = "EXPIRED"  // the invitation ran out; never stored, see StateAt
	UserActive   UserState = "ACTIVE"   // has signed in
	UserInactive UserState = "INACTIVE" // the identity provider has changed since
)

// Invitation lets one person in, for as long as it lives.
type Invitation struct {
	Email     string
	TokenHash []byte // SHA-256 of the token; the token itself is never stored
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// InvitationLife is how long an invitation can be accepted (access model A162).
const InvitationLife = 24 * time.Hour

// StateAt is the user's state at a time: an invitation that was not accepted
// in time has expired.
func (u User) StateAt(now time.Time) UserState {
	if u.State == UserPending && !now.Before(u.Invitation.ExpiresAt) {
		return UserExpired
	}
	return u.State
}

// Invited reports whether an invitation of the user's is open or has run out:
// it can be sent again, and its address is taken (access model A163, A164).
func (u User) Invited() bool { return u.State == UserPending || u.State == UserQueued }

// EmailKey is what two spellings of one address share.
func EmailKey(email string) string { return NameKey(email) }

// Check validates the fields that a caller may set.
func (u User) Check() error {
	if err := CheckName("username", u.Username); err != nil {
		return err
	}
	if err := CheckLine("name", u.Name); err != nil {
		return err
	}
	if err := CheckLine("slackMemberID", u.SlackID); err != nil {
		return err
	}
	if u.Invitation.Email == "" && !u.Invited() {
		return nil
	}
	return checkEmail("invitationEmail", u.Invitation.Email)
}

func checkEmail(field, email string) error {
	if err := CheckName(field, email); err != nil {
		return err
	}
	parsed, err := mail.ParseAddress(email)
	if err != nil || parsed.Address != email {
		return Invalid(field, "must be an e-mail address")
	}
	return nil
}
