package domain

import "time"

// UserGroup maps a group of the identity provider, so that roles can be bound
// to it. It carries roles to its members and is no actor of its own (access
// model A8).
type UserGroup struct {
	ID          UserGroupID
	Name        string // exactly as the identity provider reports it: case and white space count (A157)
	Description string
	CreatedAt   time.Time
	CreatedBy   string // audit name
}

// Check validates the fields that a caller may set.
func (g UserGroup) Check() error {
	if err := CheckName("groupName", g.Name); err != nil {
		return err
	}
	return CheckText("description", g.Description)
}

// ReportedGroup is a group as the identity provider reported it for users at
// their last logins.
type ReportedGroup struct {
	Name        string
	Members     int
	LastLoginAt time.Time
}
