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

// grant is one binding that a batch asks for.
type grant struct {
	actor authz.ActorRef
	bindings.Input
}

func newGrant(actor authz.ActorRef, role, space string) grant {
	return grant{actor, bindings.Input{Role: domain.RoleID(role), Space: domain.SpaceID(space)}}
}

// createBindings binds all or none, which the use case promises for one actor.
func (r *Resolver) createBindings(ctx context.Context, grants []grant) ([]bindings.View, error) {
	if len(grants) == 0 {
		return nil, domain.Invalid("bindings", "must name at least one binding")
	}
	inputs := make([]bindings.Input, len(grants))
	for i, g := range grants {
		if g.actor != grants[0].actor {
			return nil, domain.Invalid("bindings", "must all be for the same actor")
		}
		inputs[i] = g.Input
	}
	return r.Bindings.Create(ctx, grants[0].actor, inputs...)
}

// createBinding binds one role.
func (r *Resolver) createBinding(ctx context.Context, g grant) (bindings.View, error) {
	views, err := r.createBindings(ctx, []grant{g})
	if err != nil {
		return bindings.View{}, err
	}
	return views[0], nil
}

// updateBinding replaces a binding; what next leaves empty stays.
func (r *Resolver) updateBinding(ctx context.Context, id string, next grant) (bindings.View, error) {
	return r.Bindings.Update(ctx, next.actor, domain.BindingID(id), next.Input)
}
