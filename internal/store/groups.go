package store

import (
	"context"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectUserGroup = `select id, name, description, created_at, created_by from user_groups`

func scanUserGroup(s scanner) (g domain.UserGroup, err error) {
	var created int64
	err = s.Scan(&g.ID, &g.Name, &g.Description, &created, &g.CreatedBy)
	g.CreatedAt = fromMicros(created)
	return g, err
}

// UserGroup returns one group mapping.
func (tx *Tx) UserGroup(ctx context.Context, id domain.UserGroupID) (domain.UserGroup, error) {
	return one(ctx, tx, "user group", scanUserGroup, selectUserGroup+` where id = $1`, id)
}

// UserGroupByName returns the mapping of exactly this name (access model A157).
func (tx *Tx) UserGroupByName(ctx context.Context, name string) (domain.UserGroup, error) {
	return one(ctx, tx, "user group", scanUserGroup, selectUserGroup+` where name = $1`, name)
}

// UserGroups returns every group mapping, oldest first.
func (tx *Tx) UserGroups(ctx context.Context) ([]domain.UserGroup, error) {
	return many(ctx, tx, scanUserGroup, selectUserGroup+` order by created_at, id`)
}

// ReportedGroups returns the groups that users had at their last logins, by name.
func (tx *Tx) ReportedGroups(ctx context.Context) ([]domain.ReportedGroup, error) {
	out, err := many(ctx, tx, func(s scanner) (g domain.ReportedGroup, err error) {
		var last int64
		err = s.Scan(&g.Name, &g.Members, &last)
		g.LastLoginAt = fromMicros(last)
		return g, err
	}, `select value, count(distinct users.id), max(last_login_at) from users, `+tx.store.dialect.elements("users.teams")+` group by value`)
	// Sorted here: the databases do not agree on an order of texts.
	slices.SortFunc(out, func(a, b domain.ReportedGroup) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// InsertUserGroup creates a group mapping. A taken name is a conflict.
func (tx *Tx) InsertUserGroup(ctx context.Context, p access.Permit, g domain.UserGroup) error {
	if err := tx.use(p, access.KindUserGroup); err != nil {
		return err
	}
	if err := tx.touch(ctx, touched{part: domain.PartGroup, id: string(g.ID)}); err != nil {
		return err
	}
	err := tx.exec(ctx, `insert into user_groups (id, name, description, created_at, created_by) values ($1, $2, $3, $4, $5)`,
		g.ID, g.Name, g.Description, micros(g.CreatedAt), g.CreatedBy)
	if isUnique(err, "user_groups_name", "user_groups.name") {
		return domain.Conflict("this group is mapped already")
	}
	return err
}

// UpdateUserGroup changes the description.
func (tx *Tx) UpdateUserGroup(ctx context.Context, p access.Permit, g domain.UserGroup) error {
	if err := tx.use(p, access.KindUserGroup); err != nil {
		return err
	}
	return tx.exec(ctx, `update user_groups set description = $2 where id = $1`, g.ID, g.Description)
}

// DeleteUserGroup removes a group mapping with its bindings.
func (tx *Tx) DeleteUserGroup(ctx context.Context, p access.Permit, id domain.UserGroupID) error {
	if err := tx.use(p, access.KindUserGroup); err != nil {
		return err
	}
	if err := tx.touch(ctx, touched{part: domain.PartGroup, id: string(id)}); err != nil {
		return err
	}
	if err := tx.deleteBindingsOf(ctx, authz.ActorGroup, string(id)); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from user_groups where id = $1`, id)
}
