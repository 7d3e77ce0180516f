package view

import "github.com/airlock-project/airlock/internal/domain"

// SpaceAccessRule is access to one space as a coarse level.
type SpaceAccessRule struct{ Space, SpaceAccessLevel string }

// ManagedUser is a user as the API shows him.
type ManagedUser struct {
	domain.User
	Now          domain.UserState // his state at the time of the answer
	GroupCount   int
	SpaceCount   int
	AccessRules  []*SpaceAccessRule
	RoleBindings []*UserRoleBinding
}

func (u *ManagedUser) CreatedAt() int            { return Seconds(u.User.CreatedAt) }
func (u *ManagedUser) Creator() string           { return u.CreatedBy }
func (u *ManagedUser) InvitationEmail() string   { return u.Invitation.Email }
func (u *ManagedUser) InvitationExpiresAt() *int { return OptionalSeconds(u.Invitation.ExpiresAt) }
func (u *ManagedUser) LastLoginTime() *int       { return OptionalSeconds(u.LastLoginAt) }
func (u *ManagedUser) LoginMethod() *string      { return Optional(u.User.LoginMethod) }
func (u *ManagedUser) SlackMemberID() *string    { return Optional(u.SlackID) }
func (u *ManagedUser) Status() *string           { return Optional(u.Now) }

// ManagedUserGroup is a group mapping as the API shows it.
type ManagedUserGroup struct {
	domain.UserGroup
	LastLogin    *int
	MemberCount  int
	SpaceCount   int
	AccessRules  []*SpaceAccessRule
	RoleBindings []*UserGroupRoleBinding
}

func (g *ManagedUserGroup) CreatedAt() int            { return Seconds(g.UserGroup.CreatedAt) }
func (g *ManagedUserGroup) Creator() string           { return g.CreatedBy }
func (g *ManagedUserGroup) GroupName() string         { return g.Name }
func (g *ManagedUserGroup) IdentityProvider() *string { return nil }
func (g *ManagedUserGroup) LastLoginTime() *int       { return g.LastLogin }
func (g *ManagedUserGroup) Status() *string           { return Optional("ACTIVE") }
