package graphql

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/identity"
)

// noMail is what the answer to an invitation says besides.
const noMail = "no e-mail was sent, and nobody can sign in yet: the invitation is only recorded; the user's roles are in place for the day he can"

func newManagedUser(v identity.UserView) *view.ManagedUser {
	out := &view.ManagedUser{
		User: v.User, Now: v.Status, GroupCount: v.GroupCount, SpaceCount: v.SpaceCount, AccessRules: ruleLevels(v.Rules()),
		RoleBindings: make([]*view.UserRoleBinding, len(v.Roles)),
	}
	for i, h := range v.Roles {
		out.RoleBindings[i] = &view.UserRoleBinding{Binding: h.Binding, Of: h.Of, Username: v.Username}
	}
	return out
}

// ruleLevels shows bindings that were made as access rules as the levels that
// they were made from.
func ruleLevels(rules []identity.Held) []*view.SpaceAccessRule {
	out := make([]*view.SpaceAccessRule, len(rules))
	for i, h := range rules {
		out[i] = &view.SpaceAccessRule{Space: string(h.Space), SpaceAccessLevel: roleLevel(h.Of)}
	}
	return out
}

// accessRuleInput is nil for an absent list, which is not an empty one.
func accessRuleInput(in []*generated.SpaceAccessRuleInput) *[]domain.AccessRule {
	if in == nil {
		return nil
	}
	out := make([]domain.AccessRule, len(in))
	for i, r := range in {
		out[i] = domain.AccessRule{Space: domain.SpaceID(r.Space), Level: domain.AccessLevel(r.SpaceAccessLevel)}
	}
	return &out
}

func inviteInput(in generated.ManagedUserInviteInput) identity.InviteInput {
	out := identity.InviteInput{Username: in.Username, Name: text(in.Name), Email: text(in.InvitationEmail)}
	if rules := accessRuleInput(in.AccessRules); rules != nil {
		out.Rules = *rules
	}
	return out
}

func inviteInputV2(in generated.ManagedUserInviteInputV2) identity.InviteInput {
	out := identity.InviteInput{Username: text(in.Username), Name: text(in.Name), Email: text(in.Email)}
	for _, r := range in.RoleBindings {
		out.Roles = append(out.Roles, identity.RoleAt{Role: domain.RoleID(r.RoleID), Space: domain.SpaceID(r.SpaceID)})
	}
	return out
}

func (r *Resolver) invite(ctx context.Context, in identity.InviteInput) (*view.ManagedUser, error) {
	v, err := r.Identity.InviteUser(ctx, in)
	if err == nil {
		AddWarning(ctx, noMail)
	}
	return one(v, err, newManagedUser)
}

// userOf is the user of a binding. Who may bind roles but not view the account
// gets what he has bound: id and username.
func (r *Resolver) userOf(ctx context.Context, b *view.UserRoleBinding) (*view.ManagedUser, error) {
	id := domain.UserID(b.Actor.ID)
	v, err := r.Identity.User(ctx, id)
	if domain.ErrorCode(err) == domain.CodeForbidden {
		return &view.ManagedUser{User: domain.User{ID: id, Username: b.Username}}, nil
	}
	return one(v, err, newManagedUser)
}

func userActor(id string) authz.ActorRef { return authz.ActorRef{Kind: authz.ActorUser, ID: id} }
