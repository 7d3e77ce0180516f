package graphql

import (
	"context"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/bindings"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/roles"
	"github.com/airlock-project/airlock/internal/spaces"
)

// Resolver holds what the resolvers call: one use case a noun.
type Resolver struct {
	AccountName string

	Spaces   Spaces
	Roles    Roles
	Bindings Bindings
	Identity Identity
}

// NewSchema returns the executable schema over a resolver.
func NewSchema(r *Resolver) gqlgen.ExecutableSchema {
	return generated.NewExecutableSchema(generated.Config{Resolvers: r})
}

// Spaces are the use cases of spaces.
type Spaces interface {
	Get(ctx context.Context, id domain.SpaceID) (spaces.View, error)
	List(ctx context.Context) ([]spaces.View, error)
	Create(ctx context.Context, in spaces.Input) (spaces.View, error)
	Update(ctx context.Context, id domain.SpaceID, in spaces.Input) (spaces.View, error)
	Delete(ctx context.Context, id domain.SpaceID) (spaces.View, error)
}

// Roles are the use cases of roles.
type Roles interface {
	Get(ctx context.Context, id domain.RoleID) (roles.View, error)
	List(ctx context.Context) ([]roles.View, error)
	Create(ctx context.Context, in roles.Input) (roles.View, error)
	Update(ctx context.Context, id domain.RoleID, in roles.Input) (roles.View, error)
	Delete(ctx context.Context, id domain.RoleID) (roles.View, error)
}

// Bindings are the use cases of role bindings.
type Bindings interface {
	Get(ctx context.Context, kind authz.ActorKind, id domain.BindingID) (bindings.View, error)
	Of(ctx context.Context, actor authz.ActorRef) ([]bindings.View, error)
	Create(ctx context.Context, actor authz.ActorRef, grants ...bindings.Input) ([]bindings.View, error)
	Update(ctx context.Context, kind authz.ActorKind, id domain.BindingID, in bindings.Input) (bindings.View, error)
	Delete(ctx context.Context, kind authz.ActorKind, id domain.BindingID) (bindings.View, error)
}

// Identity are the use cases of API keys and sign-in.
type Identity interface {
	Key(ctx context.Context, id domain.APIKeyID) (identity.KeyView, error)
	Keys(ctx context.Context) ([]identity.KeyView, error)
	CreateKey(ctx context.Context, in identity.KeyInput) (identity.KeyView, error)
	UpdateKey(ctx context.Context, id domain.APIKeyID, in identity.KeyUpdate) (identity.KeyView, error)
	DeleteKey(ctx context.Context, id domain.APIKeyID) (identity.KeyView, error)
	Exchange(ctx context.Context, id domain.APIKeyID, secret string) (identity.Session, error)
	Viewer(ctx context.Context) (identity.User, error)
}

// orNull answers what is missing, or hidden, with null where the contract
// reads null.
func orNull[T any](v *T, err error) (*T, error) {
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return nil, nil
	}
	return v, err
}

// each translates a list.
func each[A, B any](list []A, err error, translate func(A) *B) ([]*B, error) {
	if err != nil {
		return nil, err
	}
	out := make([]*B, len(list))
	for i, v := range list {
		out[i] = translate(v)
	}
	return out, nil
}

// one translates a single value.
func one[A, B any](v A, err error, translate func(A) *B) (*B, error) {
	if err != nil {
		return nil, err
	}
	return translate(v), nil
}

// text is an optional text input; absent is empty.
func text[S ~string](s *S) string {
	if s == nil {
		return ""
	}
	return string(*s)
}

// isTrue is an optional flag; absent is false.
func isTrue(b *bool) bool { return b != nil && *b }
