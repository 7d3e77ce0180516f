package graphql

import (
	"context"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

// guardBareStacks answers the fields of a stack that the caller may not read
// with what he lacks (access model R5, R26).
func guardBareStacks(ctx context.Context, next gqlgen.Resolver) (any, error) {
	fc := gqlgen.GetFieldContext(ctx)
	if fc.Object != "Stack" || view.BareStackFields[fc.Field.Name] {
		return next(ctx)
	}
	stack := parentStack(fc)
	if stack == nil || !stack.Bare {
		return next(ctx)
	}
	caller, err := access.CallerFrom(ctx)
	if err != nil {
		return nil, err
	}
	return nil, access.Forbidden(caller.Name, authz.ActionSpaceRead, stack.Stack.Space)
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
