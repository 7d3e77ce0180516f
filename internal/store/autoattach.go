package store

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// AutoContexts returns the contexts that have a label to attach themselves by.
func (tx *Tx) AutoContexts(ctx context.Context) ([]domain.Context, error) {
	// A label stands in its list after a quotation mark.
	return many(ctx, tx, scanContext, selectContext+` where `+tx.store.dialect.contains("labels", 1)+` order by id`, `"`+domain.AutoAttachPrefix)
}

// StacksReaching returns the stacks that may use what lives in a space: its own
// and those of spaces that inherit from it (access model A114).
func (tx *Tx) StacksReaching(ctx context.Context, space domain.SpaceID) ([]domain.LabelledStack, error) {
	return many(ctx, tx, func(s scanner) (st domain.LabelledStack, err error) {
		var labels string
		if err := s.Scan(&st.ID, &st.Space, &st.Administrative, &labels, &st.Acts); err != nil {
			return st, err
		}
		return st, fromJSON(labels, &st.Labels)
	}, `select id, space_id, administrative, labels,
			administrative or id in (select actor_id from role_bindings where actor_kind = $2)
		from stacks where space_id in (with recursive heirs(id) as (
			select $1 union all select c.id from heirs join spaces c on c.parent = heirs.id where c.inherit) select id from heirs)
		order by id`, space, authz.ActorStack.String())
}

// ChangeAutoAttachments carries out what a change does to the attachments that
// labels make. The permit is that of the change. It is one for stacks.
func (tx *Tx) ChangeAutoAttachments(ctx context.Context, p access.Permit, change domain.AutoChange, ids domain.IDSource) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	for _, a := range change.Detach {
		if err := tx.DeleteContextAttachment(ctx, p, a.ID); err != nil {
			return err
		}
	}
	for _, pair := range change.Attach {
		a := domain.ContextAttachment{ID: domain.ContextAttachmentID(ids.ULID()), Context: pair.Context, Stack: pair.Stack.ID, Auto: true}
		if err := tx.InsertContextAttachment(ctx, p, a); err != nil {
			return err
		}
	}
	return nil
}
