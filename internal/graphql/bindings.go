package graphql

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

func newKeyBinding(v bindings.View) *view.APIKeyRoleBinding {
	return &view.APIKeyRoleBinding{Binding: v.Binding, Of: v.Role}
}

func newStackBinding(v bindings.View) *view.StackRoleBinding {
	return &view.StackRoleBinding{Binding: v.Binding, Of: v.Role, StackName: v.ActorName}
}

func newUserBinding(v bindings.View) *view.UserRoleBinding {
	return &view.UserRoleBinding{Binding: v.Binding, Of: v.Role, Username: v.ActorName}
}

func newGroupBinding(v bindings.View) *view.UserGroupRoleBinding {
	return &view.UserGroupRoleBinding{Binding: v.Binding, Of: v.Role, GroupName: v.ActorName}
}

func stackActor(id string) authz.ActorRef { return authz.ActorRef{Kind: authz.ActorStack, ID: id} }

func newGrant(actor authz.ActorRef, role, space string, notAfter *int) bindings.Grant {
	return bindings.Grant{Actor: actor, Input: bindings.Input{
		Role: domain.RoleID(role), Space: domain.SpaceID(space), NotAfter: moment(notAfter),
	}}
}

// createBindings binds roles, all or none.
func (r *Resolver) createBindings(ctx context.Context, grants []bindings.Grant) ([]bindings.View, error) {
	views, err := r.Bindings.Create(ctx, grants...)
	warnOf(ctx, views...)
	return views, err
}

// createBinding binds one role.
func (r *Resolver) createBinding(ctx context.Context, g bindings.Grant) (bindings.View, error) {
	views, err := r.createBindings(ctx, []bindings.Grant{g})
	if err != nil {
		return bindings.View{}, err
	}
	return views[0], nil
}

// updateBinding replaces a binding; what next leaves empty stays.
func (r *Resolver) updateBinding(ctx context.Context, id string, next bindings.Grant) (bindings.View, error) {
	v, err := r.Bindings.Update(ctx, next.Actor, domain.BindingID(id), next.Input)
	warnOf(ctx, v)
	return v, err
}
