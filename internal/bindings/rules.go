package bindings

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// permit decides who may grant or take away at the binding's space.
func (s *Service) permit(ctx context.Context, tx Tx, op access.Op, b domain.Binding) (access.Permit, error) {
	if b.Actor.Kind == authz.ActorStack {
		return s.permitStack(ctx, tx, op, b)
	}
	permit, err := s.gate.Permit(ctx, tx, op)
	if err != nil {
		return permit, err
	}
	_, err = actorName(ctx, tx, b.Actor)
	return permit, invalid(actorFields[b.Actor.Kind], err)
}

// actorFields are the input fields that name an actor.
var actorFields = map[authz.ActorKind]string{
	authz.ActorUser: "userID", authz.ActorAPIKey: "apiKeyID", authz.ActorGroup: "userGroupID", authz.ActorStack: "stackID",
}

// actorName returns the name of an actor, or that it does not exist.
func actorName(ctx context.Context, tx Tx, actor authz.ActorRef) (string, error) {
	switch actor.Kind {
	case authz.ActorUser:
		u, err := tx.User(ctx, domain.UserID(actor.ID))
		return u.Username, err
	case authz.ActorGroup:
		g, err := tx.UserGroup(ctx, domain.UserGroupID(actor.ID))
		return g.Name, err
	case authz.ActorStack:
		st, err := tx.Stack(ctx, domain.StackID(actor.ID))
		return st.Name, err
	default:
		k, err := tx.APIKey(ctx, domain.APIKeyID(actor.ID))
		return k.Name, err
	}
}

// permitStack asks for both ends: Space admin where the role will act, and
// stack:manage where the stack lives (access model R11, A132).
func (s *Service) permitStack(ctx context.Context, tx Tx, op access.Op, b domain.Binding) (access.Permit, error) {
	stack, missing := tx.Stack(ctx, domain.StackID(b.Actor.ID))
	if missing != nil && domain.ErrorCode(missing) != domain.CodeNotFound {
		return access.Permit{}, missing
	}
	there := op
	there.Action, there.SpaceWide = authz.ActionSpaceAdmin, true
	if missing == nil {
		op.With = []domain.SpaceID{stack.Space}
		there.With = op.With
	}
	permit, err := s.gate.Permit(ctx, tx, there)
	if err != nil {
		return permit, err
	}
	here := op
	here.Action, here.See, here.With = authz.ActionStackManage, authz.ActionStackRead, []domain.SpaceID{op.Object.Space}
	here.Object = stackObject(stack)
	if op.Object.Noun == "role binding" {
		here.Object.Noun = op.Object.Noun // what is hidden is the binding that was named
	}
	if missing != nil {
		here.Object.ID, here.Object.Space, here.With = b.Actor.ID, "", nil
		return permit, s.gate.Missing(ctx, tx, here)
	}
	both, err := s.gate.Permit(ctx, tx, here)
	if err != nil {
		return permit, err
	}
	tx.Also(both.For(access.KindRoleBinding))
	if b.Space == domain.RootSpace && stack.Space != domain.RootSpace && op.Event != "role_binding.delete" {
		return permit, s.gate.Refuse(ctx, tx, op, domain.Conflict(
			"a role can be bound to a stack at space root only if the stack itself is in root; %s is in %s", stack.ID, stack.Space))
	}
	return permit, nil
}

// holdToGrant refuses a grant of more than the grantor holds himself (G1).
func (s *Service) holdToGrant(ctx context.Context, tx Tx, op access.Op, p access.Permit, role domain.Role) (access.Permit, error) {
	held, missing, err := s.gate.Hold(ctx, tx, p, op.Object, role.Actions...)
	if err != nil || missing == 0 {
		return held, err
	}
	refusal := access.Forbidden(access.Name(ctx), missing, op.Object.Space)
	refusal.Message += ": nobody can grant what he does not hold"
	return p, s.gate.Refuse(ctx, tx, op, refusal)
}
