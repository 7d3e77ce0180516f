package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

// effectiveVersion is the newest version of a tool that the caller's workers
// have and that meets constraints, nil for none; field is the argument that
// they are in.
func (r *Resolver) effectiveVersion(ctx context.Context, field string, tool domain.Tool, constraints string) (*string, error) {
	list, err := r.Workers.Versions(ctx, tool)
	if err != nil {
		return nil, err
	}
	found, err := domain.NewestVersion(field, list, constraints)
	return view.Optional(found), err
}
