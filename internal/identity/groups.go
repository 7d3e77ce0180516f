package identity

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// GroupInput is what a caller sets of a group mapping; in an update nil
// members stay, and the name cannot be changed.
type GroupInput struct {
	Name        string
	Description *string
	Rules       *[]domain.AccessRule // all of them; other role bindings stay
}

// GroupView is a group mapping with what it carries and to how many.
type GroupView struct {
	domain.UserGroup
	Members     int       // users who had the group at their last login
	LastLoginAt time.Time // of any of them; zero: never
	SpaceCount  int
	Roles       []Held
}

// Rules are the access rules among the group's bindings.
func (v GroupView) Rules() []Held { return rulesAmong(v.Roles) }

// Group returns one mapping to whoever may view the account (access model A78).
func (s *Service) Group(ctx context.Context, id domain.UserGroupID) (v GroupView, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.gate.AccountView(ctx, tx); err != nil {
			return err
		}
		g, err := tx.UserGroup(ctx, id)
		if err != nil {
			return err
		}
		v, err = groupView(ctx, tx, g)
		return err
	})
	return v, err
}

// Groups returns every mapping, oldest first.
func (s *Service) Groups(ctx context.Context) (out []GroupView, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.gate.AccountView(ctx, tx); err != nil {
			return err
		}
		groups, err := tx.UserGroups(ctx)
		if err != nil {
			return err
		}
		held, err := heldByAll(ctx, tx, authz.ActorGroup)
		if err != nil {
			return err
		}
		reported, err := reports(ctx, tx)
		for _, g := range groups {
			out = append(out, newGroupView(g, held[string(g.ID)], reported[g.Name]))
		}
		return err
	})
	return out, err
}

// ReportedGroups returns the names of the groups that the identity provider
// reported of anybody at his last login, mapped or not. They are claims about
// people, so that only admins of root see them (security case 18).
func (s *Service) ReportedGroups(ctx context.Context) (names []string, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		if err := s.gate.AccountRead(ctx, tx, access.KindUserGroup); err != nil {
			return err
		}
		list, err := tx.ReportedGroups(ctx)
		names = make([]string, 0, len(list))
		for _, g := range list {
			names = append(names, g.Name)
		}
		return err
	})
	return names, err
}

func groupView(ctx context.Context, tx Tx, g domain.UserGroup) (GroupView, error) {
	held, err := heldBy(ctx, tx, groupActor(g.ID))
	if err != nil {
		return GroupView{}, err
	}
	reported, err := reports(ctx, tx)
	return newGroupView(g, held, reported[g.Name]), err
}

func newGroupView(g domain.UserGroup, held []Held, r domain.ReportedGroup) GroupView {
	return GroupView{UserGroup: g, Members: r.Members, LastLoginAt: r.LastLoginAt, SpaceCount: spacesOf(held), Roles: held}
}

// reports finds what was reported by the exact name of the group (A157).
func reports(ctx context.Context, tx Tx) (map[string]domain.ReportedGroup, error) {
	list, err := tx.ReportedGroups(ctx)
	out := make(map[string]domain.ReportedGroup, len(list))
	for _, g := range list {
		out[g.Name] = g
	}
	return out, err
}

func groupActor(id domain.UserGroupID) authz.ActorRef {
	return authz.ActorRef{Kind: authz.ActorGroup, ID: string(id)}
}

// CreateGroup maps a group of the identity provider (access model A77, A158).
func (s *Service) CreateGroup(ctx context.Context, in GroupInput) (v GroupView, err error) {
	op := groupOperation("user_group.create", "", in)
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, err := s.gate.Account(ctx, tx, op)
		if err != nil {
			return err
		}
		g := domain.UserGroup{ID: domain.UserGroupID(s.ids.ULID()), Name: in.Name, CreatedAt: tx.Now(), CreatedBy: access.Name(ctx)}
		if in.Description != nil {
			g.Description = *in.Description
		}
		if err := g.Check(); err != nil {
			return err
		}
		_, err = tx.UserGroupByName(ctx, g.Name)
		if err == nil {
			return s.gate.Refuse(ctx, tx, op, domain.Conflict("this group is mapped already"))
		}
		if domain.ErrorCode(err) != domain.CodeNotFound {
			return err
		}
		permit = permit.About(string(g.ID))
		if err := tx.InsertUserGroup(ctx, permit, g); err != nil {
			return err
		}
		v, err = s.keepRules(ctx, tx, permit, g, in)
		return err
	})
	return v, err
}

// UpdateGroup changes the description and replaces the access rules.
func (s *Service) UpdateGroup(ctx context.Context, id domain.UserGroupID, in GroupInput) (v GroupView, err error) {
	op := groupOperation("user_group.update", id, in)
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, g, err := s.permitGroup(ctx, tx, op, id)
		if err != nil {
			return err
		}
		if in.Description != nil {
			g.Description = *in.Description
		}
		if err := g.Check(); err != nil {
			return err
		}
		if err := tx.UpdateUserGroup(ctx, permit, g); err != nil {
			return err
		}
		v, err = s.keepRules(ctx, tx, permit, g, in)
		return err
	})
	return v, err
}

func (s *Service) keepRules(ctx context.Context, tx Tx, p access.Permit, g domain.UserGroup, in GroupInput) (GroupView, error) {
	if in.Rules != nil {
		if err := s.replaceRules(ctx, tx, p, groupActor(g.ID), *in.Rules); err != nil {
			return GroupView{}, err
		}
	}
	return groupView(ctx, tx, g)
}

// DeleteGroup removes a mapping: its roles end for all members at once, and a
// later mapping of the same name inherits nothing (security case 23).
func (s *Service) DeleteGroup(ctx context.Context, id domain.UserGroupID) (v GroupView, err error) {
	op := groupOperation("user_group.delete", id, GroupInput{})
	err = s.db.ChangeAccess(ctx, func(tx Tx) error {
		permit, g, err := s.permitGroup(ctx, tx, op, id)
		if err != nil {
			return err
		}
		if v, err = groupView(ctx, tx, g); err != nil {
			return err
		}
		return tx.DeleteUserGroup(ctx, permit, id)
	})
	return v, err
}

func (s *Service) permitGroup(ctx context.Context, tx Tx, op access.Op, id domain.UserGroupID) (access.Permit, domain.UserGroup, error) {
	permit, err := s.gate.Account(ctx, tx, op)
	if err != nil {
		return permit, domain.UserGroup{}, err
	}
	g, err := tx.UserGroup(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return permit, g, s.gate.Missing(ctx, tx, op)
	}
	return permit, g, err
}

func groupOperation(event string, id domain.UserGroupID, in GroupInput) access.Op {
	op := access.Op{Event: event, Object: access.Object{Kind: access.KindUserGroup, ID: string(id), Noun: "user group"}}
	if in.Rules != nil {
		op.With = ruleSpaces(*in.Rules, nil)
	}
	return op
}
