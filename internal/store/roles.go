package store

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectRole = `select id, slug, name, description, is_system, actions, created_at from roles`

func scanRole(s scanner) (r domain.Role, err error) {
	var actions string
	var created int64
	if err := s.Scan(&r.ID, &r.Slug, &r.Name, &r.Description, &r.System, &actions, &created); err != nil {
		return r, err
	}
	r.CreatedAt = fromMicros(created)
	var names []string
	if err := fromJSON(actions, &names); err != nil {
		return r, err
	}
	r.Actions, err = domain.ParseActions("actions", names)
	return r, err
}

// Role returns one role.
func (tx *Tx) Role(ctx context.Context, id domain.RoleID) (domain.Role, error) {
	return one(ctx, tx, "role", scanRole, selectRole+` where id = $1`, id)
}

// RoleBySlug returns the role with a slug.
func (tx *Tx) RoleBySlug(ctx context.Context, slug string) (domain.Role, error) {
	return one(ctx, tx, "role", scanRole, selectRole+` where slug = $1`, slug)
}

// Roles returns every role, system roles first, then oldest first.
func (tx *Tx) Roles(ctx context.Context) ([]domain.Role, error) {
	return many(ctx, tx, scanRole, selectRole+` order by is_system desc, created_at, id`)
}

// RoleBindingCounts returns how many bindings that have not expired each bound
// role has.
func (tx *Tx) RoleBindingCounts(ctx context.Context) (map[domain.RoleID]int, error) {
	type row struct {
		id domain.RoleID
		n  int
	}
	rows, err := many(ctx, tx, func(s scanner) (r row, err error) { return r, s.Scan(&r.id, &r.n) },
		`select role_id, count(*) from role_bindings where not_after = 0 or not_after >= $1 group by role_id order by role_id`, micros(tx.now))
	out := make(map[domain.RoleID]int, len(rows))
	for _, r := range rows {
		out[r.id] = r.n
	}
	return out, err
}

// InsertRole creates a role.
func (tx *Tx) InsertRole(ctx context.Context, p access.Permit, r domain.Role) error {
	if err := tx.use(p, access.KindRole); err != nil {
		return err
	}
	if err := tx.touch(ctx, touched{part: domain.PartRole, id: string(r.ID)}); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into roles (id, slug, name, description, is_system, actions, created_at)
		values ($1, $2, $3, $4, $5, $6, $7)`,
		r.ID, r.Slug, r.Name, r.Description, r.System, toJSON(actionNames(r.Actions)), micros(r.CreatedAt))
}

// UpdateRole changes name, description and actions.
func (tx *Tx) UpdateRole(ctx context.Context, p access.Permit, r domain.Role) error {
	if err := tx.use(p, access.KindRole); err != nil {
		return err
	}
	if err := tx.touch(ctx, touched{part: domain.PartRole, id: string(r.ID)}); err != nil {
		return err
	}
	return tx.exec(ctx, `update roles set name = $2, description = $3, actions = $4 where id = $1`,
		r.ID, r.Name, r.Description, toJSON(actionNames(r.Actions)))
}

// RoleReach counts what a role reaches through its bindings that count.
func (tx *Tx) RoleReach(ctx context.Context, id domain.RoleID) (domain.RoleReach, error) {
	return one(ctx, tx, "role", func(s scanner) (r domain.RoleReach, err error) {
		return r, s.Scan(&r.Bindings, &r.Spaces, &r.Stacks)
	}, `with recursive bound as (
			select * from role_bindings where role_id = $1 and (not_after = 0 or not_after >= $2)),
		reach(id) as (select space_id from bound where space_id is not null
			union select c.id from reach join spaces c on c.parent = reach.id)
		select (select count(*) from bound), (select count(*) from reach), (select count(*) from stacks
			where space_id in (select id from reach) or id in (select entity_id from bound where entity_kind = $3))`,
		id, micros(tx.now), authz.EntityStack.String())
}

// DeleteRole removes a role that no binding uses but those that have expired,
// which go with it.
func (tx *Tx) DeleteRole(ctx context.Context, p access.Permit, id domain.RoleID) error {
	return tx.deleteRole(ctx, p, id, `role_id = $1 and not_after > 0 and not_after < $2`, id, micros(tx.now))
}

// DeleteRoleAndBindings removes a role and every binding of it.
func (tx *Tx) DeleteRoleAndBindings(ctx context.Context, p access.Permit, id domain.RoleID) error {
	return tx.deleteRole(ctx, p, id, `role_id = $1`, id)
}

// deleteRole removes a role and the bindings that a condition selects.
func (tx *Tx) deleteRole(ctx context.Context, p access.Permit, id domain.RoleID, bindings string, args ...any) error {
	if err := tx.use(p, access.KindRole); err != nil {
		return err
	}
	if err := tx.deleteBindings(ctx, bindings, args...); err != nil {
		return err
	}
	if err := tx.touch(ctx, touched{part: domain.PartRole, id: string(id)}); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from roles where id = $1`, id)
}

func actionNames(actions []authz.Action) []string {
	out := make([]string, len(actions))
	for i, a := range actions {
		out[i] = a.String()
	}
	return out
}
