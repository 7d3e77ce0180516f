package store

import (
	"context"
	"fmt"
	"math"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// stackReferences are the columns that name stacks, with the condition that a
// row names one; the audit trail keeps the name that was. Values that are sealed
// for a stack are not here: resealForStack moves them.
var stackReferences = []struct{ table, column, when string }{
	{"runs", "stack_id", "true"},
	{"context_attachments", "stack_id", "true"},
	{"state_locks", "stack_id", "true"},
	{"refused_states", "stack_id", "true"},
	{"stack_outputs", "stack_id", "true"},
	{"local_workspaces", "stack_id", "true"},
	{"transfers", "stack_id", "true"},
	{"stack_dependencies", "stack_id", "true"},
	{"stack_dependencies", "depends_on", "true"},
	{"managed_entities", "stack_id", "true"},
	{"stack_stars", "stack_id", "true"},
	{"schedules", "stack_id", "true"},
	{"schedules", "author_id", "author_kind = 'stack'"},
	{"role_bindings", "actor_id", "actor_kind = 'stack'"},
	{"role_bindings", "entity_id", "entity_kind = 'stack'"},
	{"access_requests", "actor_id", "actor_kind = 'stack'"},
	{"access_requests", "entity_id", "entity_kind = 'stack'"},
}

// RenameStack gives a stack another id, everywhere at once. The caller holds
// the stack, and whoever changes access waits.
func (tx *Tx) RenameStack(ctx context.Context, p access.Permit, id, next domain.StackID) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	st, err := tx.Stack(ctx, id)
	if err != nil {
		return err
	}
	if err := tx.touchStackNames(ctx, id); err != nil {
		return err
	}
	// The new row comes first, for what refers to it; the ULID is unique.
	if err := tx.exec(ctx, `update stacks set ulid = $2 where id = $1`, id, "formerly "+st.ULID); err != nil {
		return err
	}
	st.ID = next
	if err := tx.InsertStack(ctx, p, st); err != nil {
		return err
	}
	for _, r := range stackReferences {
		q := fmt.Sprintf(`update %s set %s = $2 where %s = $1 and %s`, r.table, r.column, r.column, r.when)
		if err := tx.exec(ctx, q, id, next); err != nil {
			return fmt.Errorf("rename stack in %s: %w", r.table, err)
		}
	}
	if err := tx.resealForStack(ctx, p, id, next); err != nil {
		return err
	}
	if err := tx.exec(ctx, `delete from stacks where id = $1`, id); err != nil {
		return fmt.Errorf("rename stack: %w", err)
	}
	return tx.touchStackNames(ctx, next)
}

// touchStackNames marks whatever of the access world names a stack as changed.
func (tx *Tx) touchStackNames(ctx context.Context, id domain.StackID) error {
	bindings, err := many(ctx, tx, scanBinding, selectBinding+` where (actor_kind = $1 and actor_id = $2) or (entity_kind = $3 and entity_id = $2) order by id`,
		authz.ActorStack.String(), id, entityColumn(authz.EntityStack))
	if err != nil {
		return err
	}
	for _, b := range bindings {
		if err := tx.touchBinding(ctx, b); err != nil {
			return err
		}
	}
	return tx.touch(ctx, touched{part: domain.PartStack, id: string(id)})
}

// resealForStack moves what is encrypted for a stack by its name.
func (tx *Tx) resealForStack(ctx context.Context, p access.Permit, id, next domain.StackID) error {
	elements, err := tx.Config(ctx, access.KindStack, string(id))
	if err != nil {
		return err
	}
	for _, c := range elements {
		if err := tx.PutConfig(ctx, p, access.KindStack, string(next), c); err != nil {
			return err
		}
	}
	if err := tx.exec(ctx, `delete from config where owner_kind = $1 and owner_id = $2`, access.KindStack, id); err != nil {
		return err
	}
	versions, err := tx.StateVersions(ctx, id, math.MaxInt64, math.MaxInt32)
	if err != nil {
		return err
	}
	for _, v := range versions {
		kept, err := tx.StateStored(ctx, v)
		if err != nil {
			return err
		}
		if kept.Object != "" { // sealed for the stack's ULID
			if err := tx.exec(ctx, `update state_versions set stack_id = $2 where id = $1`, v.ID, next); err != nil {
				return err
			}
			continue
		}
		body, err := tx.store.Fetch(ctx, kept)
		if err != nil {
			return err
		}
		sealed, err := tx.seal(body, "state", string(next), string(v.ID))
		if err != nil {
			return err
		}
		if err := tx.exec(ctx, `update state_versions set stack_id = $2, sealed = $3 where id = $1`, v.ID, next, sealed); err != nil {
			return err
		}
	}
	return nil
}
