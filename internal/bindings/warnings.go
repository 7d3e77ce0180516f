package bindings

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// warnings says what is allowed and perhaps not meant: a role of a stack that
// acts by its administrative flag instead (access model A143, A144), and an
// admin of root who will end.
func warnings(ctx context.Context, tx Tx, v View) (out []string, err error) {
	if v.Actor.Kind == authz.ActorStack {
		stack, err := tx.Stack(ctx, domain.StackID(v.Actor.ID))
		if err != nil {
			return nil, err
		}
		if stack.Administrative {
			out = append(out, fmt.Sprintf("stack %s is administrative: as long as it is, no role that is bound to it has any effect; convertAdministrativeStack replaces the flag by a role", stack.ID))
		}
	}
	if v.Space == domain.RootSpace && !v.NotAfter.IsZero() && administers(v.Role) {
		out = append(out, fmt.Sprintf("this admin of root ends at %s and does not count as one who administers the account for good",
			v.NotAfter.UTC().Format(time.RFC3339)))
	}
	return out, nil
}

func administers(r domain.Role) bool {
	return slices.Contains(r.Actions, authz.ActionSpaceRead) && slices.Contains(r.Actions, authz.ActionSpaceAdmin)
}
