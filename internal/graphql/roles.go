package graphql

import (
	"context"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/roles"
)

func newRole(v roles.View) *view.Role {
	count := v.Bindings
	return &view.Role{Role: v.Role, Bindings: &count}
}

// roleBindingsCount counts what the caller may list: who reads or makes a
// binding is shown its role, and need not be able to view the account.
func (r *Resolver) roleBindingsCount(ctx context.Context, id domain.RoleID) (int, error) {
	v, err := r.Roles.Get(ctx, id)
	if domain.ErrorCode(err) == domain.CodeForbidden {
		return r.Bindings.Count(ctx, id)
	}
	return v.Bindings, err
}

func roleUpdate(in generated.RoleUpdateInput) roles.Input {
	actions := in.Actions
	if actions == nil {
		actions = in.CapitalActions
	}
	return roles.Input{Name: in.Name, Description: in.Description, Actions: actions}
}
