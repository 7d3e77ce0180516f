package view

import "github.com/airlock-project/airlock/internal/domain"

// APIKeyRoleBinding is a binding of an API key.
type APIKeyRoleBinding struct {
	domain.Binding
	Of domain.Role
}

func (b *APIKeyRoleBinding) APIKeyID() string { return b.Actor.ID }
func (b *APIKeyRoleBinding) SpaceID() string  { return string(b.Binding.Space) }
func (b *APIKeyRoleBinding) Role() *Role      { return &Role{Role: b.Of} }

// StackRoleBinding is a binding of a stack; its space is a resolver.
type StackRoleBinding struct {
	domain.Binding
	Of        domain.Role
	At        domain.Space
	StackName string
}

func (b *StackRoleBinding) StackID() string { return b.Actor.ID }
func (b *StackRoleBinding) Role() *Role     { return &Role{Role: b.Of} }

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

// UserGroupRoleBinding is a binding of a group, which is a resolver.
type UserGroupRoleBinding struct {
	domain.Binding
	Of        domain.Role
	GroupName string // empty where it is not known
}

func (b *UserGroupRoleBinding) RoleID() string  { return string(b.Binding.Role) }
func (b *UserGroupRoleBinding) SpaceID() string { return string(b.Binding.Space) }
func (b *UserGroupRoleBinding) Role() *Role     { return &Role{Role: b.Of} }
