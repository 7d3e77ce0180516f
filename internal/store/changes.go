package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// touched names one row of the access world that a transaction changes.
// Changes are kept as names only: whoever catches up reads what the row is by
// then, so that a change can be read twice and in any order.
type touched struct {
	part  domain.WorldPart
	id    string
	kind  string // of the actor or entity
	owner string // the actor of a binding, or the actor itself
}

// How long the names of changed rows are kept, in revisions, and how many of
// them are worth following before reading everything anew is cheaper.
const (
	keptRevisions = 10_000
	mostTouched   = 2_000
)

// touch marks a row of the access world as changed by this transaction. The
// first one of a transaction gives it a revision of its own.
func (tx *Tx) touch(ctx context.Context, t touched) error {
	if len(tx.touched) == 0 {
		if err := tx.advance(ctx); err != nil {
			return err
		}
	}
	tx.touched = append(tx.touched, t)
	return tx.exec(ctx, `insert into access_changes (revision, part, part_id, kind, owner) values ($1, $2, $3, $4, $5)`,
		tx.revision, t.part, t.id, t.kind, t.owner)
}

func (tx *Tx) touchBinding(ctx context.Context, b domain.Binding) error {
	err := tx.touch(ctx, touched{part: domain.PartBinding, id: string(b.ID), kind: b.Actor.Kind.String(), owner: b.Actor.ID})
	if err == nil && b.Actor.Kind == authz.ActorStack {
		// Its first binding makes a stack an actor.
		err = tx.touch(ctx, touched{part: domain.PartStack, id: b.Actor.ID})
	}
	if err != nil || b.Entity == (authz.EntityRef{}) {
		return err
	}
	return tx.touchEntity(ctx, b.Entity)
}

// touchEntity marks that an entity has become, or is no longer, one that
// bindings name, or that it has moved.
func (tx *Tx) touchEntity(ctx context.Context, e authz.EntityRef) error {
	if e.Kind == authz.EntityStack {
		return tx.touch(ctx, touched{part: domain.PartStack, id: e.ID})
	}
	return tx.touch(ctx, touched{part: domain.PartEntity, id: e.ID, kind: e.Kind.String()})
}

func (tx *Tx) touchActor(ctx context.Context, kind authz.ActorKind, id string) error {
	return tx.touch(ctx, touched{part: domain.PartActor, id: id, kind: kind.String(), owner: id})
}

func (tx *Tx) advance(ctx context.Context) error {
	if err := tx.exec(ctx, `update account set revision = revision + 1 where id = 1`); err != nil {
		return err
	}
	n, err := one(ctx, tx, "account", scanInt, `select revision from account where id = 1`)
	if err != nil {
		return err
	}
	tx.revision = n
	return tx.exec(ctx, `delete from access_changes where revision <= $1`, n-keptRevisions)
}

// Delta implements access.Reader.
func (tx *Tx) Delta(ctx context.Context, since access.Stamp) (d domain.WorldDelta, ok bool, err error) {
	rows, ok, err := tx.touchedSince(ctx, since)
	if err != nil || !ok || len(rows) > mostTouched {
		return d, false, err
	}
	for part, rows := range byPart(rows) {
		if err := tx.follow(ctx, &d, part, rows); err != nil {
			return d, false, fmt.Errorf("follow changes of %s: %w", part, err)
		}
	}
	return d, true, nil
}

// touchedSince names the rows that changed. ok is false if that is not known.
func (tx *Tx) touchedSince(ctx context.Context, since access.Stamp) (rows []touched, ok bool, err error) {
	if own := tx.touched; len(own) > 0 && since.Revision == tx.revision {
		return own[since.Touches:], true, nil
	}
	oldest, err := one(ctx, tx, "access change", scanInt, `select coalesce(min(revision), 0) from access_changes`)
	if err != nil || oldest == 0 || since.Revision < oldest-1 {
		return nil, false, err
	}
	rows, err = many(ctx, tx, scanTouched,
		`select part, part_id, kind, owner from access_changes where revision > $1 limit $2`, since.Revision, mostTouched+1)
	return rows, true, err
}

func scanTouched(s scanner) (t touched, err error) {
	return t, s.Scan(&t.part, &t.id, &t.kind, &t.owner)
}

// byPart groups rows, each once.
func byPart(rows []touched) map[domain.WorldPart][]touched {
	out, seen := map[domain.WorldPart][]touched{}, map[touched]bool{}
	for _, t := range rows {
		if !seen[t] {
			seen[t] = true
			out[t.part] = append(out[t.part], t)
		}
	}
	return out
}

// follow reads the rows of one part as they are now.
func (tx *Tx) follow(ctx context.Context, d *domain.WorldDelta, part domain.WorldPart, rows []touched) (err error) {
	ids := make([]string, len(rows))
	for i, t := range rows {
		ids[i] = t.id
	}
	among := ` where ` + tx.store.dialect.in("id", 1)
	found := map[string]bool{}
	switch part {
	case domain.PartSpace:
		d.Put.Spaces, err = many(ctx, tx, scanSpace, selectSpace+among, toJSON(ids))
		for _, s := range d.Put.Spaces {
			found[string(s.ID)] = true
		}
	case domain.PartRole:
		d.Put.Roles, err = many(ctx, tx, scanRole, selectRole+among, toJSON(ids))
		for _, r := range d.Put.Roles {
			found[string(r.ID)] = true
		}
	case domain.PartBinding:
		d.Put.Bindings, err = many(ctx, tx, scanBinding, selectBinding+among, toJSON(ids))
		for _, b := range d.Put.Bindings {
			found[string(b.ID)+"/"+b.Actor.ID] = true // an update keeps the id (R28)
		}
	case domain.PartStack:
		d.Put.Stacks, err = many(ctx, tx, scanStackActor, selectActing+` and `+tx.store.dialect.in("id", 2), authz.ActorStack.String(), toJSON(ids))
		for _, s := range d.Put.Stacks {
			found[string(s.ID)] = true
		}
	case domain.PartGroup:
		d.Put.Groups, err = many(ctx, tx, scanGroup, selectGroup+among, toJSON(ids))
		for _, g := range d.Put.Groups {
			found[g.ID] = true
		}
	case domain.PartActor:
		d.Put.Actors, err = many(ctx, tx, scanActor, selectActor+among, toJSON(ids))
		for _, a := range d.Put.Actors {
			found[a.Ref.ID] = true
		}
	case domain.PartEntity:
		return tx.followEntities(ctx, d, rows)
	default:
		return errors.New("unknown part of the access world")
	}
	for _, t := range rows {
		key := t.id
		if part == domain.PartBinding {
			key += "/" + t.owner
		}
		if !found[key] {
			g, kindErr := gone(t)
			d.Gone, err = append(d.Gone, g), errors.Join(err, kindErr)
		}
	}
	return err
}

func gone(t touched) (g domain.WorldGone, err error) {
	g = domain.WorldGone{Part: t.part, ID: t.id}
	if t.part == domain.PartBinding || t.part == domain.PartActor {
		g.Actor.ID = t.owner
		g.Actor.Kind, err = actorKind(t.kind)
	}
	return g, err
}
