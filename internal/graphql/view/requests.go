package view

import (
	"github.com/airlock-project/airlock/internal/domain"
)

// AccessRequest is a request for access as the API shows it.
type AccessRequest struct {
	domain.AccessRequest
	Slug      string // of the role
	CanDecide bool
}

func (r *AccessRequest) ID() string             { return string(r.AccessRequest.ID) }
func (r *AccessRequest) RoleID() string         { return string(r.Role) }
func (r *AccessRequest) RoleSlug() *string      { return Optional(r.Slug) }
func (r *AccessRequest) SpaceID() *string       { return Optional(r.Space) }
func (r *AccessRequest) Duration() int          { return int(r.AccessRequest.Duration.Seconds()) }
func (r *AccessRequest) CreatedAt() int         { return Seconds(r.AccessRequest.CreatedAt) }
func (r *AccessRequest) ExpiresAt() int         { return Seconds(r.LapsesAt) }
func (r *AccessRequest) DecidedAt() *int        { return OptionalSeconds(r.AccessRequest.DecidedAt) }
func (r *AccessRequest) DecidedBy() *string     { return Optional(r.AccessRequest.DecidedBy) }
func (r *AccessRequest) Note() *string          { return Optional(r.AccessRequest.Note) }
func (r *AccessRequest) RoleBindingID() *string { return Optional(r.Binding) }

// Actor is who asks, under the name that the audit trail has for him.
func (r *AccessRequest) Actor() *RoleBindingActor {
	return &RoleBindingActor{ID: r.AccessRequest.Actor.ID, Kind: EnumOf(r.AccessRequest.Actor.Kind), Name: Optional(r.ActorName)}
}

// Entity is what the role is to be limited to, nil for a space.
func (r *AccessRequest) Entity() *RoleBindingEntity { return NewEntity(r.AccessRequest.Entity, "") }
