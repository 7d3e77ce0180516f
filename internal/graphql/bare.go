package graphql

import (
	"context"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

// guardBareStack answers the fields of a stack that the caller may not read
// with what he lacks (access model R5, R26).
func guardBareStack(ctx context.Context, field *gqlgen.FieldContext) error {
	if field.Object != "Stack" {
		return nil
	}
	stack := parentStack(field)
	if stack == nil || !stack.Bare || view.BareStackFields[field.Field.Name] {
		return nil
	}
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return err
	}
	return access.Forbidden(caller.Name, authz.ActionSpaceRead, stack.Stack.Space)
}

// parentStack is the stack whose field is answered.
func parentStack(fc *gqlgen.FieldContext) *view.Stack {
	if fc.Parent == nil {
		return nil
	}
	switch parent := fc.Parent.Result.(type) {
	case *view.Stack:
		return parent
	case **view.Stack: // an element of a list
		return *parent
	default:
		return nil
	}
}
