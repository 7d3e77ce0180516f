package store

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectContext = `select id, space_id, name, description, labels, hooks, created_at, updated_at from contexts`

func scanContext(s scanner) (c domain.Context, err error) {
	var labels, hooks string
	var created, updated int64
	if err := s.Scan(&c.ID, &c.Space, &c.Name, &c.Description, &labels, &hooks, &created, &updated); err != nil {
		return c, err
	}
	c.CreatedAt, c.UpdatedAt = fromMicros(created), fromMicros(updated)
	if err := fromJSON(labels, &c.Labels); err != nil {
		return c, err
	}
	return c, fromJSON(hooks, &c.Hooks)
}

// Context returns one context.
func (tx *Tx) Context(ctx context.Context, id domain.ContextID) (domain.Context, error) {
	return one(ctx, tx, "context", scanContext, selectContext+` where id = $1`, id)
}

// LockContext returns one context and holds it until the commit.
func (tx *Tx) LockContext(ctx context.Context, id domain.ContextID) (domain.Context, error) {
	return one(ctx, tx, "context", scanContext, selectContext+` where id = $1`+tx.store.dialect.forUpdate(), id)
}

// ContextIDTaken reports whether a slug is in use.
func (tx *Tx) ContextIDTaken(ctx context.Context, id domain.ContextID) (bool, error) {
	n, err := one(ctx, tx, "context", scanInt, `select count(*) from contexts where id = $1`, id)
	return n > 0, err
}

// Contexts returns the contexts of the scope, oldest first.
func (tx *Tx) Contexts(ctx context.Context, scope access.Scope) ([]domain.Context, error) {
	where, args := tx.inScope(scope, authz.EntityContext)
	return many(ctx, tx, scanContext, selectContext+where+` order by created_at, id`, args...)
}

// InsertContext creates a context.
func (tx *Tx) InsertContext(ctx context.Context, p access.Permit, c domain.Context) error {
	if err := tx.use(p, access.KindContext); err != nil {
		return err
	}
	err := tx.exec(ctx, `insert into contexts (id, space_id, name, description, labels, hooks, created_at, updated_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8)`,
		c.ID, c.Space, c.Name, c.Description, toJSON(list(c.Labels)), toJSON(c.Hooks), micros(c.CreatedAt), micros(c.UpdatedAt))
	if isUnique(err, "contexts_pkey", "contexts.id") {
		return domain.Conflict("the slug %s is taken", c.ID)
	}
	return err
}

// UpdateContext changes what a caller may set.
func (tx *Tx) UpdateContext(ctx context.Context, p access.Permit, c domain.Context) error {
	if err := tx.use(p, access.KindContext); err != nil {
		return err
	}
	if err := tx.touchIfMoved(ctx, authz.EntityRef{Kind: authz.EntityContext, ID: string(c.ID)}, c.Space); err != nil {
		return err
	}
	return tx.exec(ctx, `update contexts set space_id = $2, name = $3, description = $4, labels = $5, hooks = $6, updated_at = $7 where id = $1`,
		c.ID, c.Space, c.Name, c.Description, toJSON(list(c.Labels)), toJSON(c.Hooks), micros(c.UpdatedAt))
}

// DeleteContext removes a context with its configuration, attachments and the
// bindings to it.
func (tx *Tx) DeleteContext(ctx context.Context, p access.Permit, id domain.ContextID) error {
	if err := tx.use(p, access.KindContext); err != nil {
		return err
	}
	if err := tx.exec(ctx, `delete from config where owner_kind = 'context' and owner_id = $1`, id); err != nil {
		return err
	}
	if err := tx.deleteBindingsOn(ctx, authz.EntityContext, string(id)); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from contexts where id = $1`, id)
}

const selectAttachment = `select id, context_id, stack_id, priority, auto from context_attachments`

func scanAttachment(s scanner) (a domain.ContextAttachment, err error) {
	return a, s.Scan(&a.ID, &a.Context, &a.Stack, &a.Priority, &a.Auto)
}

// ContextAttachment returns one attachment.
func (tx *Tx) ContextAttachment(ctx context.Context, id domain.ContextAttachmentID) (domain.ContextAttachment, error) {
	return one(ctx, tx, "context attachment", scanAttachment, selectAttachment+` where id = $1`, id)
}

// AttachmentsOfStack returns what is attached to a stack, strongest first: by
// hand before by label.
func (tx *Tx) AttachmentsOfStack(ctx context.Context, id domain.StackID) ([]domain.ContextAttachment, error) {
	return many(ctx, tx, scanAttachment, selectAttachment+` where stack_id = $1 order by auto, priority, case when auto then context_id else id end`, id)
}

// AttachmentsOfContext returns where a context is attached.
func (tx *Tx) AttachmentsOfContext(ctx context.Context, id domain.ContextID) ([]domain.ContextAttachment, error) {
	return many(ctx, tx, scanAttachment, selectAttachment+` where context_id = $1 order by priority, id`, id)
}

// InsertContextAttachment attaches a context to a stack.
func (tx *Tx) InsertContextAttachment(ctx context.Context, p access.Permit, a domain.ContextAttachment) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	if err := tx.touchUse(ctx, a.Stack); err != nil {
		return err
	}
	err := tx.exec(ctx, `insert into context_attachments (id, context_id, stack_id, priority, auto) values ($1, $2, $3, $4, $5)`,
		a.ID, a.Context, a.Stack, a.Priority, a.Auto)
	if isUnique(err, "context_attachments_once", "context_attachments.context_id") {
		return domain.Conflict("context %s is attached to stack %s already", a.Context, a.Stack)
	}
	return err
}

// DeleteContextAttachment detaches a context from a stack.
func (tx *Tx) DeleteContextAttachment(ctx context.Context, p access.Permit, id domain.ContextAttachmentID) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	a, err := tx.ContextAttachment(ctx, id)
	if err != nil {
		return err
	}
	if err := tx.touchUse(ctx, a.Stack); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from context_attachments where id = $1`, id)
}

// touchUse marks that a stack uses something else than before: who can make it
// act depends on that.
func (tx *Tx) touchUse(ctx context.Context, id domain.StackID) error {
	return tx.touch(ctx, touched{part: domain.PartStack, id: string(id)})
}
