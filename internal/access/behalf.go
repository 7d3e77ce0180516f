package access

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// OnBehalf returns a context in which something that somebody has left behind
// acts by itself, under a name of its own: the gate decides as it would for him
// now, by his own roles and those of his groups (security path E29). What a
// session alone would give him does not count.
func OnBehalf(ctx context.Context, who authz.ActorRef, name string) context.Context {
	c := Caller{Subject: authz.Subject{Actor: who}, Name: name}
	if who.Kind == authz.ActorStack {
		c.Stack = domain.StackID(who.ID)
	}
	return WithCaller(ctx, c)
}

// Here reports whether an actor may still come and do something himself: a key
// that has expired, or is deleted, may not, nor may a user who is gone. A stack
// is what its bindings are.
func (g *Gate) Here(ctx context.Context, tx Reader, who authz.ActorRef) (bool, error) {
	if who.Kind == authz.ActorStack {
		return true, nil
	}
	snapshot, _, err := g.snapshots.current(ctx, tx)
	if err != nil {
		return false, domain.Unavailable("the access model", err)
	}
	known, alive := snapshot.Alive(who, tx.Now())
	return known && alive, nil
}

// SystemRefused is System for writing down, in the same transaction, that
// something was refused: the audit row is that of the refusal.
func (g *Gate) SystemRefused(who System, kind Kind, id string, d *Denial) (Permit, error) {
	p, err := g.System(who, kind, id)
	if err != nil {
		return p, err
	}
	p.record, p.silent = d.record, false
	p.record.ObjectKind, p.record.ObjectID = kind, id
	return p, nil
}
