package access

import (
	"context"
	"fmt"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Moment is one state of the access world and the time that questions are
// asked at.
type Moment struct {
	Snapshot *authz.Snapshot
	Revision int64
	Time     time.Time
}

// Pulse is the little that tells which moment it is.
type Pulse struct {
	Revision int64
	Time     time.Time
}

// Present is a store that knows the present without a transaction.
type Present[T Reader] interface {
	// Pulse returns a committed revision of the access world that contains
	// every change acknowledged to anybody before the call, and the time.
	Pulse(ctx context.Context) (Pulse, error)
	View(ctx context.Context, fn func(T) error) error
}

// Current returns the present moment for questions that need nothing else
// from the database. As long as the access world does not change it costs no
// transaction.
func Current[T Reader](ctx context.Context, g *Gate, db Present[T]) (Moment, error) {
	p, err := db.Pulse(ctx)
	if err != nil {
		return Moment{}, err
	}
	if m, ok := g.At(p); ok {
		return m, nil
	}
	return catchUpWith(ctx, g, db)
}

// catchUpWith is Current for those that find the world changed: one of them
// catches up, the others wait for him.
func catchUpWith[T Reader](ctx context.Context, g *Gate, db Present[T]) (m Moment, err error) {
	g.catching.Lock()
	defer g.catching.Unlock()
	p, err := db.Pulse(ctx)
	if err != nil {
		return m, err
	}
	if m, ok := g.At(p); ok {
		return m, nil
	}
	err = db.View(ctx, func(tx T) error {
		m, err = g.Moment(ctx, tx)
		return err
	})
	return m, err
}

// At returns the moment of a pulse if its revision is the newest that was
// compiled.
func (g *Gate) At(p Pulse) (Moment, bool) {
	newest := g.snapshots.newest.Load()
	if newest == nil || newest.stamp != (Stamp{Revision: p.Revision}) {
		return Moment{}, false
	}
	return Moment{newest.snapshot, p.Revision, p.Time}, true
}

// Moment returns what a transaction sees.
func (g *Gate) Moment(ctx context.Context, tx Reader) (Moment, error) {
	snapshot, revision, err := g.snapshots.current(ctx, tx)
	if err != nil {
		return Moment{}, domain.Unavailable("the access model", fmt.Errorf("current moment: %w", err))
	}
	return Moment{snapshot, revision, tx.Now()}, nil
}

// Scope returns which objects of a kind a subject may list under an action,
// as far as they are in spaces within a set: for a caller who asks what
// somebody else may list.
func (m Moment) Scope(s authz.Subject, action authz.Action, kind authz.EntityKind, within authz.SpaceSet) Scope {
	return Scope{
		set: m.Snapshot.Spaces(s, action, m.Time).Intersect(within), kind: kind, of: m.Snapshot.Everywhere().Len(),
		entities: m.Snapshot.Entities(s, kind, action, m.Time), valid: true,
	}
}
