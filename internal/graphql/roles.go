package graphql

import (
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
	"github.com/airlock-project/airlock/internal/roles"
)

func newRole(v roles.View) *view.Role {
	count := v.Bindings
	return &view.Role{Role: v.Role, Bindings: &count}
}

func roleUpdate(in generated.RoleUpdateInput) roles.Input {
	actions := in.Actions
	if actions == nil {
		actions = in.CapitalActions
	}
	return roles.Input{Name: in.Name, Description: in.Description, Actions: actions}
}
