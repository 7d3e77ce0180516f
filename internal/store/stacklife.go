package store

import (
	"context"
	"errors"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// lifeColumns hold domain.StackLife, in the order of lifeRow and lifeArgs.
const lifeColumns = `disabled, locked, destroyer, tracked, head, drift`

// lifeRow is what is read of them.
type lifeRow struct {
	disabled              bool
	locked, tracked, head string // JSON objects, empty for none
	drift                 string // another
	destroyer             domain.RunID
}

func (l *lifeRow) dest() []any {
	return []any{&l.disabled, &l.locked, &l.destroyer, &l.tracked, &l.head, &l.drift}
}

// lockColumn is domain.StackLock as it is kept: kinds of actors by name.
type lockColumn struct {
	ID, Kind, Actor, By, Note string
	At                        time.Time
}

func (l lifeRow) life() (out domain.StackLife, err error) {
	out = domain.StackLife{Disabled: l.disabled, Destroyer: l.destroyer}
	if l.locked != "" {
		var c lockColumn
		if err := fromJSON(l.locked, &c); err != nil {
			return out, err
		}
		out.Lock = &domain.StackLock{ID: c.ID, Owner: authz.ActorRef{ID: c.Actor}, By: c.By, Note: c.Note, At: c.At}
		if out.Lock.Owner.Kind, err = actorKind(c.Kind); err != nil {
			return out, err
		}
	}
	return out, errors.Join(fromJSON(l.tracked, &out.Tracked), fromJSON(l.head, &out.Head), fromJSON(l.drift, &out.Drift))
}

func lifeArgs(l domain.StackLife) []any {
	var locked, tracked, head, drift string
	if k := l.Lock; k != nil {
		locked = toJSON(lockColumn{ID: k.ID, Kind: k.Owner.Kind.String(), Actor: k.Owner.ID, By: k.By, Note: k.Note, At: k.At})
	}
	if l.Tracked != nil {
		tracked = toJSON(l.Tracked)
	}
	if l.Head != nil {
		head = toJSON(l.Head)
	}
	if l.Drift != nil {
		drift = toJSON(l.Drift)
	}
	return []any{l.Disabled, locked, l.Destroyer, tracked, head, drift}
}

// SetStackLife stores what a stack is beside its settings. The caller holds
// the stack.
func (tx *Tx) SetStackLife(ctx context.Context, p access.Permit, id domain.StackID, l domain.StackLife) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	return tx.exec(ctx, `update stacks set disabled = $2, locked = $3, destroyer = $4, tracked = $5, head = $6, drift = $7 where id = $1`,
		append([]any{id}, lifeArgs(l)...)...)
}

// DestroyedStacks returns the stacks whose run has destroyed what they had
// made, so that nothing keeps them any longer.
func (tx *Tx) DestroyedStacks(ctx context.Context) ([]domain.Stack, error) {
	return many(ctx, tx, scanStack, selectStack+` where destroyer <> ''
		and destroyer in (select id from runs where state = 'FINISHED') order by id`)
}
