package access

import (
	"context"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// Scope is the set of spaces whose objects one caller may list. Like a
// Permit, only a Gate makes one and the zero value lists nothing.
type Scope struct {
	set   authz.SpaceSet
	valid bool
}

// All reports whether the scope is every space, so that no filter is needed.
func (s Scope) All() bool { return s.valid && s.set.All }

// Spaces returns the ids of the spaces in the scope.
func (s Scope) Spaces() []string {
	if !s.valid {
		return nil
	}
	return s.set.IDs()
}

// Contains reports whether objects of the space may be listed.
func (s Scope) Contains(id domain.SpaceID) bool { return s.valid && s.set.Contains(string(id)) }

// Scope returns the spaces whose objects the caller may list under action.
func (g *Gate) Scope(ctx context.Context, tx Reader, action authz.Action) (Scope, error) {
	q, err := g.ask(ctx, tx)
	if err != nil {
		return Scope{}, err
	}
	return Scope{set: q.snapshot.Spaces(q.caller.Subject, action, tx.Now()), valid: true}, nil
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
