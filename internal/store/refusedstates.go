package store

import (
	"context"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectRefusedState = `select id, stack_id, run_id, sent_by, reason, serial, lineage, size, checksum, imported_as, created_at from refused_states`

func scanRefusedState(s scanner) (r domain.RefusedState, err error) {
	var head domain.StateHead
	var created int64
	err = s.Scan(&r.ID, &r.StackID, &r.RunID, &r.SentBy, &r.Reason, &head.Serial, &head.Lineage, &r.Size, &r.Checksum, &r.ImportedAs, &created)
	r.CreatedAt = fromMicros(created)
	if head.Serial >= 0 {
		r.Head = &head
	}
	return r, err
}

// RefusedState returns one refused state.
func (tx *Tx) RefusedState(ctx context.Context, id domain.RefusedStateID) (domain.RefusedState, error) {
	return one(ctx, tx, "refused state", scanRefusedState, selectRefusedState+` where id = $1`, id)
}

// RefusedStates returns up to limit refused states of a stack, newest first.
func (tx *Tx) RefusedStates(ctx context.Context, id domain.StackID, limit int) ([]domain.RefusedState, error) {
	return many(ctx, tx, scanRefusedState, selectRefusedState+` where stack_id = $1 order by id desc limit $2`, id, limit)
}

// RefusedStatesOfRun returns the refused states of a run, newest first.
func (tx *Tx) RefusedStatesOfRun(ctx context.Context, id domain.RunID) ([]domain.RefusedState, error) {
	return many(ctx, tx, scanRefusedState, selectRefusedState+` where run_id = $1 order by id desc`, id)
}

// StageRefusedState seals the body of a refused state, and puts it into object
// storage where there is one, before the transaction that keeps its row.
func (s *Store) StageRefusedState(ctx context.Context, id domain.RefusedStateID, body []byte) (domain.Stored, error) {
	return s.stage(ctx, "refused", body, "refused-state", string(id))
}

// StageRefusedState implements what the use cases of states ask of a store.
func (b Bound[T]) StageRefusedState(ctx context.Context, id domain.RefusedStateID, body []byte) (domain.Stored, error) {
	return b.store.StageRefusedState(ctx, id, body)
}

// RefusedStored returns where the bytes of a refused state are.
func (tx *Tx) RefusedStored(ctx context.Context, id domain.RefusedStateID) (domain.Stored, error) {
	return one(ctx, tx, "refused state", scanStored("refused-state", string(id)), `select sealed, object from refused_states where id = $1`, id)
}

// InsertRefusedState keeps a refused state, whose body is staged.
func (tx *Tx) InsertRefusedState(ctx context.Context, p access.Permit, r domain.RefusedState, kept domain.Stored) error {
	if err := tx.use(p, access.KindState); err != nil {
		return err
	}
	head := domain.StateHead{Serial: -1}
	if r.Head != nil {
		head = *r.Head
	}
	return tx.exec(ctx, `insert into refused_states (id, stack_id, run_id, sent_by, reason, serial, lineage, size, checksum, imported_as, sealed, object, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		r.ID, r.StackID, r.RunID, r.SentBy, r.Reason, head.Serial, head.Lineage, r.Size, r.Checksum, r.ImportedAs, kept.Sealed, kept.Object, micros(r.CreatedAt))
}

// SetRefusedImported notes which version a refused state has become.
func (tx *Tx) SetRefusedImported(ctx context.Context, p access.Permit, id domain.RefusedStateID, as domain.StateVersionID) error {
	if err := tx.use(p, access.KindState); err != nil {
		return err
	}
	return tx.exec(ctx, `update refused_states set imported_as = $2 where id = $1`, id, as)
}

// DropRefusedState forgets one refused state.
func (tx *Tx) DropRefusedState(ctx context.Context, p access.Permit, id domain.RefusedStateID) error {
	if err := tx.use(p, access.KindState); err != nil {
		return err
	}
	gone, err := many(ctx, tx, scanString, `delete from refused_states where id = $1 returning object`, id)
	tx.forget(gone...)
	return err
}

// DropRefusedStates forgets up to limit refused states that came before a time,
// and returns how many. Those of a stack with an open run stay.
func (tx *Tx) DropRefusedStates(ctx context.Context, p access.Permit, before time.Time, limit int) (int, error) {
	if err := tx.use(p, access.KindAccount); err != nil {
		return 0, err
	}
	gone, err := many(ctx, tx, scanString, `delete from refused_states where id in (select f.id from refused_states f where f.created_at < $1
		and not exists (select 1 from runs r where r.stack_id = f.stack_id and r.state in `+open+`)
		order by f.created_at, f.id limit $2) returning object`, micros(before), limit)
	tx.forget(gone...)
	return len(gone), err
}
