package view

import (
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// APIKeyRoleBinding is a binding of an API key.
type APIKeyRoleBinding struct {
	domain.Binding
	Of domain.Role
}

func (b *APIKeyRoleBinding) APIKeyID() string { return b.Actor.ID }
func (b *APIKeyRoleBinding) SpaceID() string  { return string(b.Binding.Space) }
func (b *APIKeyRoleBinding) Role() *Role      { return &Role{Role: b.Of} }
func (b *APIKeyRoleBinding) NotAfter() *int   { return OptionalSeconds(b.Binding.NotAfter) }

// StackRoleBinding is a binding of a stack; its space is a resolver.
type StackRoleBinding struct {
	domain.Binding
	Of        domain.Role
	At        domain.Space
	StackName string
}

func (b *StackRoleBinding) StackID() string { return b.Actor.ID }
func (b *StackRoleBinding) Role() *Role     { return &Role{Role: b.Of} }
func (b *StackRoleBinding) NotAfter() *int  { return OptionalSeconds(b.Binding.NotAfter) }

// UserRoleBinding is a binding of a user, who is a resolver.
type UserRoleBinding struct {
	domain.Binding
	Of       domain.Role
	Username string // empty where it is not known
}

func (b *UserRoleBinding) UserID() string  { return b.Actor.ID }
func (b *UserRoleBinding) RoleID() string  { return string(b.Binding.Role) }
func (b *UserRoleBinding) SpaceID() string { return string(b.Binding.Space) }
func (b *UserRoleBinding) Role() *Role     { return &Role{Role: b.Of} }
func (b *UserRoleBinding) NotAfter() *int  { return OptionalSeconds(b.Binding.NotAfter) }

// UserGroupRoleBinding is a binding of a group, which is a resolver.
type UserGroupRoleBinding struct {
	domain.Binding
	Of        domain.Role
	GroupName string // empty where it is not known
}

func (b *UserGroupRoleBinding) RoleID() string  { return string(b.Binding.Role) }
func (b *UserGroupRoleBinding) SpaceID() string { return string(b.Binding.Space) }
func (b *UserGroupRoleBinding) Role() *Role     { return &Role{Role: b.Of} }
func (b *UserGroupRoleBinding) NotAfter() *int  { return OptionalSeconds(b.Binding.NotAfter) }

// RoleBinding is a binding of any actor to a space or an entity; its space is
// a resolver.
type RoleBinding struct {
	domain.BindingRow
	Of      domain.Role
	Expired bool
}

func (b *RoleBinding) Role() *Role    { return &Role{Role: b.Of} }
func (b *RoleBinding) NotAfter() *int { return OptionalSeconds(b.Binding.NotAfter) }
func (b *RoleBinding) CreatedAt() int { return Seconds(b.Binding.CreatedAt) }

// Actor is who holds the role.
func (b *RoleBinding) Actor() *RoleBindingActor {
	return &RoleBindingActor{ID: b.Binding.Actor.ID, Kind: EnumOf(b.Binding.Actor.Kind), Name: Optional(b.ActorName)}
}

// Entity is what the role is limited to, nil for a binding in a space.
func (b *RoleBinding) Entity() *RoleBindingEntity { return NewEntity(b.Binding.Entity, b.EntityName) }

// RoleBindingActor is who holds a role.
type RoleBindingActor struct {
	Kind, ID string
	Name     *string
}

// RoleBindingEntity is what a role is limited to.
type RoleBindingEntity struct {
	Kind, ID string
	Name     *string
}

// NewEntity shows an entity, nil for none.
func NewEntity(e authz.EntityRef, name string) *RoleBindingEntity {
	if e == (authz.EntityRef{}) {
		return nil
	}
	return &RoleBindingEntity{Kind: EnumOf(e.Kind), ID: e.ID, Name: Optional(name)}
}

// EnumOf is how the API spells a kind.
func EnumOf(kind interface{ String() string }) string { return strings.ToUpper(kind.String()) }
