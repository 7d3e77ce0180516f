package access

import (
	"context"
	"fmt"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// KeepDependents refuses op if other stacks depend on the stack that it takes
// away. Those that the caller cannot see are only counted.
func (g *Gate) KeepDependents(ctx context.Context, tx Reader, op Op, dependents []domain.Stack) error {
	if len(dependents) == 0 {
		return nil
	}
	scope, err := g.Scope(ctx, tx, authz.ActionSpaceRead, authz.EntityStack)
	if err != nil {
		return err
	}
	var names []string
	hidden := 0
	for _, s := range dependents {
		if scope.Shows(s.Space, authz.EntityRef{Kind: authz.EntityStack, ID: string(s.ID)}) {
			names = append(names, string(s.ID))
		} else {
			hidden++
		}
	}
	if hidden > 0 {
		names = append(names, fmt.Sprintf("%d that you cannot see", hidden))
	}
	return g.Refuse(ctx, tx, op, domain.Conflict("other stacks depend on this one: %s; remove these dependencies first", strings.Join(names, ", ")))
}
