package access

import (
	"context"
	"slices"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Scope is what one caller may list: the objects of a set of spaces, and the
// objects of one kind that bindings name by themselves (access model R24). Like
// a Permit, only a Gate makes one and the zero value lists nothing.
type Scope struct {
	set      authz.SpaceSet
	kind     authz.EntityKind
	entities []string // of that kind, sorted
	of       int      // spaces that there are
	valid    bool
}

// All reports whether the scope is every space, so that no filter is needed.
func (s Scope) All() bool { return s.valid && s.set.All }

// Empty reports whether there is nothing to list.
func (s Scope) Empty() bool { return !s.valid || s.set.Empty() && len(s.entities) == 0 }

// Part returns which part of all spaces is in the scope: 0 to 1.
func (s Scope) Part() float64 {
	if !s.valid || s.of == 0 {
		return 0
	}
	return float64(s.set.Len()) / float64(s.of)
}

// Spaces returns the ids of the spaces in the scope.
func (s Scope) Spaces() []string {
	if !s.valid {
		return nil
	}
	return s.set.IDs()
}

// Entities returns the ids of the objects of a kind that are in the scope by
// themselves, whatever space they live in; nil for another kind than the one
// that the scope was asked for.
func (s Scope) Entities(kind authz.EntityKind) []string {
	if !s.valid || s.kind != kind {
		return nil
	}
	return s.entities
}

// Shows reports whether an object that lives in a space may be listed.
func (s Scope) Shows(space domain.SpaceID, e authz.EntityRef) bool {
	if !s.valid {
		return false
	}
	if s.set.Contains(string(space)) {
		return true
	}
	_, bound := slices.BinarySearch(s.Entities(e.Kind), e.ID)
	return bound
}

// Scope returns which objects of a kind the caller may list under action.
func (g *Gate) Scope(ctx context.Context, tx Reader, action authz.Action, kind authz.EntityKind) (Scope, error) {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return Scope{}, err
	}
	return Scope{
		set: q.snapshot.Spaces(q.caller.Subject, action, tx.Now()), kind: kind, of: q.snapshot.Everywhere().Len(),
		entities: q.snapshot.Entities(q.caller.Subject, kind, action, tx.Now()), valid: true,
	}, nil
}

// Levels returns every space that the caller sees, the bare path included, in
// preorder, each with his level (access model A36, R27).
func (g *Gate) Levels(ctx context.Context, tx Reader) ([]authz.SpaceLevel, error) {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return nil, err
	}
	return q.snapshot.Tree(q.caller.Subject, tx.Now()), nil
}

// Level returns the caller's level in one space.
func (g *Gate) Level(ctx context.Context, tx Reader, space domain.SpaceID) (authz.Level, error) {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return authz.LevelNone, err
	}
	return q.snapshot.Level(q.caller.Subject, string(space), tx.Now()), nil
}
