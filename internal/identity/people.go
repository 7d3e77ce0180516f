package identity

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// peopleTx is what the use cases of users and groups need of a transaction.
type peopleTx interface {
	Role(ctx context.Context, id domain.RoleID) (domain.Role, error)
	Roles(ctx context.Context) ([]domain.Role, error)
	RoleBySlug(ctx context.Context, slug string) (domain.Role, error)
	Space(ctx context.Context, id domain.SpaceID) (domain.Space, error)
	BindingsOf(ctx context.Context, actor authz.ActorRef) ([]domain.Binding, error)
	BindingsOfKind(ctx context.Context, kind authz.ActorKind) ([]domain.Binding, error)
	InsertBinding(ctx context.Context, p access.Permit, b domain.Binding) error
	DeleteBinding(ctx context.Context, p access.Permit, id domain.BindingID) error

	User(ctx context.Context, id domain.UserID) (domain.User, error)
	Users(ctx context.Context) ([]domain.User, error)
	UserByUsername(ctx context.Context, username string) (domain.User, error)
	UserInvitedAt(ctx context.Context, email string) (domain.User, error)
	UserByInvitation(ctx context.Context, tokenHash []byte) (domain.User, error)
	InsertUser(ctx context.Context, p access.Permit, u domain.User) error
	UpdateUser(ctx context.Context, p access.Permit, u domain.User) error
	DeleteUser(ctx context.Context, p access.Permit, id domain.UserID) error

	UserGroup(ctx context.Context, id domain.UserGroupID) (domain.UserGroup, error)
	UserGroups(ctx context.Context) ([]domain.UserGroup, error)
	UserGroupByName(ctx context.Context, name string) (domain.UserGroup, error)
	ReportedGroups(ctx context.Context) ([]domain.ReportedGroup, error)
	InsertUserGroup(ctx context.Context, p access.Permit, g domain.UserGroup) error
	UpdateUserGroup(ctx context.Context, p access.Permit, g domain.UserGroup) error
	DeleteUserGroup(ctx context.Context, p access.Permit, id domain.UserGroupID) error
}

// Held is a binding of a user or a group with its role.
type Held struct {
	domain.Binding
	Of domain.Role
}

// RoleAt is a role that an invitation gives along.
type RoleAt struct {
	Role  domain.RoleID
	Space domain.SpaceID
}

// spacesOf counts the spaces that bindings name.
func spacesOf(held []Held) int {
	spaces := map[domain.SpaceID]bool{}
	for _, h := range held {
		spaces[h.Space] = true
	}
	return len(spaces)
}

// heldBy returns the bindings of one actor to spaces with their roles.
func heldBy(ctx context.Context, tx Tx, actor authz.ActorRef) ([]Held, error) {
	bindings, err := tx.BindingsOf(ctx, actor)
	if err != nil {
		return nil, err
	}
	by, err := withRoles(ctx, tx, bindings)
	return by[actor.ID], err
}

// heldByAll returns the bindings to spaces of all actors of a kind with their
// roles, by the actor's id, in a number of statements that does not grow.
func heldByAll(ctx context.Context, tx Tx, kind authz.ActorKind) (map[string][]Held, error) {
	bindings, err := tx.BindingsOfKind(ctx, kind)
	if err != nil {
		return nil, err
	}
	return withRoles(ctx, tx, bindings)
}

func withRoles(ctx context.Context, tx Tx, bindings []domain.Binding) (map[string][]Held, error) {
	if len(bindings) == 0 {
		return nil, nil
	}
	list, err := tx.Roles(ctx)
	if err != nil {
		return nil, err
	}
	roles := make(map[domain.RoleID]domain.Role, len(list))
	for _, r := range list {
		roles[r.ID] = r
	}
	out := map[string][]Held{}
	for _, b := range bindings {
		if b.Space == "" || b.Expired(tx.Now()) {
			continue // bound to an entity, which a list of spaces does not show, or no grant any more
		}
		out[b.Actor.ID] = append(out[b.Actor.ID], Held{Binding: b, Of: roles[b.Role]})
	}
	return out, nil
}

// giveRoles binds roles to somebody who has just been made. The caller is an
// admin of root, who holds whatever he gives (security rule G1).
func (s *Service) giveRoles(ctx context.Context, tx Tx, p access.Permit, actor authz.ActorRef, roles []RoleAt) error {
	if len(roles) > domain.MaxList {
		return domain.Invalid("roleBindings", "must not have more than %d entries", domain.MaxList)
	}
	for _, r := range roles {
		if _, err := tx.Role(ctx, r.Role); err != nil {
			return invalid("roleBindings", err)
		}
		if _, err := tx.Space(ctx, r.Space); err != nil {
			return invalid("roleBindings", err)
		}
		if err := tx.InsertBinding(ctx, p.For(access.KindRoleBinding), s.newBinding(ctx, actor, r, tx.Now())); err != nil {
			return err
		}
	}
	return nil
}

// replaceRules makes the access rules of an actor exactly these: bindings of
// the system roles (access model A48). Other bindings stay as they are.
func (s *Service) replaceRules(ctx context.Context, tx Tx, p access.Permit, actor authz.ActorRef, rules []domain.AccessRule) error {
	if err := domain.CheckAccessRules(rules); err != nil {
		return err
	}
	bindings, err := tx.BindingsOf(ctx, actor)
	if err != nil {
		return err
	}
	old := map[RoleAt]domain.BindingID{}
	for _, b := range bindings {
		if b.AccessRule {
			old[RoleAt{b.Role, b.Space}] = b.ID
		}
	}
	kept := map[RoleAt]bool{}
	var fresh []RoleAt
	for _, r := range rules {
		at, err := ruleRole(ctx, tx, r)
		if err != nil {
			return err
		}
		if _, there := old[at]; !there && !kept[at] {
			fresh = append(fresh, at)
		}
		kept[at] = true
	}
	for at, id := range old {
		if kept[at] {
			continue
		}
		if err := tx.DeleteBinding(ctx, p.For(access.KindRoleBinding), id); err != nil {
			return err
		}
	}
	for _, at := range fresh {
		b := s.newBinding(ctx, actor, at, tx.Now())
		b.AccessRule = true
		if err := tx.InsertBinding(ctx, p.For(access.KindRoleBinding), b); err != nil {
			return err
		}
	}
	return nil
}

// ruleRole is the role and space that an access rule stands for.
func ruleRole(ctx context.Context, tx Tx, r domain.AccessRule) (RoleAt, error) {
	if _, err := tx.Space(ctx, r.Space); err != nil {
		return RoleAt{}, invalid("accessRules", err)
	}
	role, err := tx.RoleBySlug(ctx, r.Level.Role())
	return RoleAt{role.ID, r.Space}, err
}

func (s *Service) newBinding(ctx context.Context, actor authz.ActorRef, at RoleAt, now time.Time) domain.Binding {
	return domain.Binding{
		ID: domain.BindingID(s.ids.ULID()), Actor: actor, Role: at.Role, Space: at.Space, CreatedAt: now, CreatedBy: access.Name(ctx),
	}
}

// maxRecorded bounds what a caller can make the audit trail name.
const maxRecorded = 100

// ruleSpaces are the spaces that a change of rules and roles names, for the
// audit trail.
func ruleSpaces(rules []domain.AccessRule, roles []RoleAt) []domain.SpaceID {
	var out []domain.SpaceID
	for _, r := range rules[:min(len(rules), maxRecorded)] {
		out = append(out, r.Space)
	}
	for _, r := range roles[:min(len(roles), maxRecorded)] {
		out = append(out, r.Space)
	}
	return out
}

// invalid blames an input field for naming what does not exist.
func invalid(field string, err error) error {
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return domain.Invalid(field, "%s", err.Error())
	}
	return err
}
