package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/spaces"
)

func newSpace(v spaces.View) *view.Space {
	return &view.Space{
		AccessLevel:     view.AccessLevel(v.Level),
		Description:     v.Description,
		ID:              string(v.ID),
		InheritEntities: v.Inherit,
		Labels:          v.Labels,
		Name:            v.Name,
		ParentSpace:     view.Optional(v.Parent),
	}
}

func spaceInput(in generated.SpaceInput) spaces.Input {
	return spaces.Input{
		Name:        in.Name,
		Description: in.Description,
		Labels:      in.Labels,
		Parent:      domain.SpaceID(in.ParentSpace),
		Inherit:     in.InheritEntities,
	}
}

// bareSpace is a space of which the caller sees no more than that it is named.
func bareSpace(id domain.SpaceID) *view.Space {
	return &view.Space{ID: string(id), Name: string(id)}
}

// spaceOrBare is a space that something visible lies in or points to. The
// space itself may be hidden: then only its id shows.
func (r *Resolver) spaceOrBare(ctx context.Context, id domain.SpaceID) (*view.Space, error) {
	v, err := r.Spaces.Get(ctx, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return bareSpace(id), nil
	}
	return one(v, err, newSpace)
}
