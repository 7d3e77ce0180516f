package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectBinding = `select id, actor_kind, actor_id, role_id, coalesce(space_id, ''), entity_kind, entity_id,
	not_after, created_at, created_by, access_rule from role_bindings`

func scanBinding(s scanner) (b domain.Binding, err error) {
	var kind, entity string
	var notAfter, created int64
	err = s.Scan(&b.ID, &kind, &b.Actor.ID, &b.Role, &b.Space, &entity, &b.Entity.ID, &notAfter, &created, &b.CreatedBy, &b.AccessRule)
	if err != nil {
		return b, err
	}
	b.NotAfter, b.CreatedAt = fromMicros(notAfter), fromMicros(created)
	if b.Entity.Kind, err = entityKind(entity); err != nil {
		return b, err
	}
	b.Actor.Kind, err = actorKind(kind)
	return b, err
}

func actorKind(name string) (authz.ActorKind, error) {
	for _, k := range []authz.ActorKind{authz.ActorUser, authz.ActorAPIKey, authz.ActorGroup, authz.ActorStack} {
		if k.String() == name {
			return k, nil
		}
	}
	return 0, fmt.Errorf("unknown actor kind %q in the database", name)
}

// Binding returns one role binding.
func (tx *Tx) Binding(ctx context.Context, id domain.BindingID) (domain.Binding, error) {
	return one(ctx, tx, "role binding", scanBinding, selectBinding+` where id = $1`, id)
}

// BindingsOf returns the bindings of one actor, oldest first.
func (tx *Tx) BindingsOf(ctx context.Context, actor authz.ActorRef) ([]domain.Binding, error) {
	return many(ctx, tx, scanBinding,
		selectBinding+` where actor_kind = $1 and actor_id = $2 order by created_at, id`, actor.Kind.String(), actor.ID)
}

// BindingsOfKind returns the bindings of all actors of one kind, oldest first.
func (tx *Tx) BindingsOfKind(ctx context.Context, kind authz.ActorKind) ([]domain.Binding, error) {
	return many(ctx, tx, scanBinding, selectBinding+` where actor_kind = $1 order by created_at, id`, kind.String())
}

// ExpiredBindings returns up to limit bindings that ended before a time.
func (tx *Tx) ExpiredBindings(ctx context.Context, before time.Time, limit int) ([]domain.Binding, error) {
	return many(ctx, tx, scanBinding, selectBinding+` where not_after > 0 and not_after < $1 order by not_after, id limit $2`, micros(before), limit)
}

// RootAdmins implements access.AdminReader. Users and OIDC keys cannot sign in
// yet.
func (tx *Tx) RootAdmins(ctx context.Context) (int, error) {
	roles, err := many(ctx, tx, scanString, `select role_id from role_bindings b where space_id = 'root' and not_after = 0 and actor_kind = $1
		and exists (select 1 from api_keys k where k.id = b.actor_id and k.type = $2 and k.expires_at = 0)`,
		authz.ActorAPIKey.String(), domain.APIKeySecret)
	n := 0
	for _, id := range roles {
		r, err := tx.Role(ctx, domain.RoleID(id))
		if err != nil {
			return 0, err
		}
		if slices.Contains(r.Actions, authz.ActionSpaceRead) && slices.Contains(r.Actions, authz.ActionSpaceAdmin) {
			n++
		}
	}
	return n, err
}

// InsertBinding creates a role binding. The same actor and role twice in one
// space, or on one entity, is a conflict, unless the first has expired: then it
// makes room.
func (tx *Tx) InsertBinding(ctx context.Context, p access.Permit, b domain.Binding) error {
	if err := tx.use(p, access.KindRoleBinding); err != nil {
		return err
	}
	if err := tx.touchBinding(ctx, b); err != nil {
		return err
	}
	entity := entityColumn(b.Entity.Kind)
	err := tx.deleteBindings(ctx, `actor_kind = $1 and actor_id = $2 and role_id = $3 and coalesce(space_id, '') = $4
		and entity_kind = $5 and entity_id = $6 and not_after > 0 and not_after < $7`,
		b.Actor.Kind.String(), b.Actor.ID, b.Role, b.Space, entity, b.Entity.ID, micros(tx.now))
	if err != nil {
		return err
	}
	err = tx.exec(ctx, `insert into role_bindings (id, actor_kind, actor_id, role_id, space_id, entity_kind, entity_id,
		not_after, created_at, created_by, access_rule) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		b.ID, b.Actor.Kind.String(), b.Actor.ID, b.Role, nullable(b.Space), entity, b.Entity.ID,
		micros(b.NotAfter), micros(b.CreatedAt), b.CreatedBy, b.AccessRule)
	switch {
	case isUnique(err, "role_bindings_once_on_entity", "role_bindings.entity_kind"):
		return domain.Conflict("this actor holds this role on this %s already", b.Entity.Kind)
	case isUnique(err, "role_bindings_once", "role_bindings.space_id"):
		return domain.Conflict("this actor holds this role in this space already")
	}
	return err
}

// DeleteBinding removes a role binding.
func (tx *Tx) DeleteBinding(ctx context.Context, p access.Permit, id domain.BindingID) error {
	if err := tx.use(p, access.KindRoleBinding); err != nil {
		return err
	}
	return tx.deleteBindings(ctx, `id = $1`, id)
}

// deleteBindingsOn removes the bindings to an entity that is being deleted, so
// that a later one of the same id is not theirs (access model R24). The access
// revision grows even if there are none: as long as it stays, nothing leaves
// the place where it was found.
func (tx *Tx) deleteBindingsOn(ctx context.Context, kind authz.EntityKind, id string) error {
	if err := tx.touchEntity(ctx, authz.EntityRef{Kind: kind, ID: id}); err != nil {
		return err
	}
	return tx.deleteBindings(ctx, `entity_kind = $1 and entity_id = $2`, entityColumn(kind), id)
}

// deleteBindingsOf removes the bindings of an actor that is being deleted, so
// that a later actor of the same name inherits nothing (security case 23).
func (tx *Tx) deleteBindingsOf(ctx context.Context, kind authz.ActorKind, id string) error {
	return tx.deleteBindings(ctx, `actor_kind = $1 and actor_id = $2`, kind.String(), id)
}

// deleteBindings removes the bindings that a condition selects.
func (tx *Tx) deleteBindings(ctx context.Context, where string, args ...any) error {
	gone, err := many(ctx, tx, scanBinding, selectBinding+` where `+where+` order by id`, args...)
	if err != nil || len(gone) == 0 {
		return err
	}
	ids := make([]domain.BindingID, len(gone))
	for i, b := range gone {
		ids[i] = b.ID
		if err := tx.touchBinding(ctx, b); err != nil {
			return err
		}
	}
	if err := tx.exec(ctx, `delete from binding_uses where `+tx.store.dialect.in("binding_id", 1), toJSON(list(ids))); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from role_bindings where `+where, args...)
}
