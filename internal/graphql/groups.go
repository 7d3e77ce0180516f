package graphql

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/identity"
)

func newManagedUserGroup(v identity.GroupView) *view.ManagedUserGroup {
	out := &view.ManagedUserGroup{
		UserGroup: v.UserGroup, LastLogin: view.OptionalSeconds(v.LastLoginAt), MemberCount: v.Members, SpaceCount: v.SpaceCount,
		AccessRules: ruleLevels(v.Rules()), RoleBindings: make([]*view.UserGroupRoleBinding, len(v.Roles)),
	}
	for i, h := range v.Roles {
		out.RoleBindings[i] = &view.UserGroupRoleBinding{Binding: h.Binding, Of: h.Of, GroupName: v.Name}
	}
	return out
}

func groupInput(in generated.ManagedUserGroupCreateInput) identity.GroupInput {
	return identity.GroupInput{Name: in.GroupName, Description: &in.Description, Rules: accessRuleInput(in.AccessRules)}
}

// groupOf is the group of a binding; see userOf.
func (r *Resolver) groupOf(ctx context.Context, b *view.UserGroupRoleBinding) (*view.ManagedUserGroup, error) {
	id := domain.UserGroupID(b.Actor.ID)
	v, err := r.Identity.Group(ctx, id)
	if domain.ErrorCode(err) == domain.CodeForbidden {
		return &view.ManagedUserGroup{UserGroup: domain.UserGroup{ID: id, Name: b.GroupName}}, nil
	}
	return one(v, err, newManagedUserGroup)
}

func groupActor(id string) authz.ActorRef { return authz.ActorRef{Kind: authz.ActorGroup, ID: id} }
