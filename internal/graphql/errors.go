package graphql

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// fieldError marks what a resolver returned, so that it can be told from what
// the engine says of the document and its variables.
type fieldError struct{ err error }

func (e *fieldError) Error() string { return e.err.Error() }
func (e *fieldError) Unwrap() error { return e.err }

// aroundField stands before every field. What refuses one is asked first, and
// whatever error comes back is marked. It is one function, because each more
// would cost a tenth of a large answer.
func aroundField(ctx context.Context, next gqlgen.Resolver) (res any, err error) {
	field := gqlgen.GetFieldContext(ctx)
	if err = needsCaller(ctx, field); err == nil {
		err = guardBareStack(ctx, field)
	}
	if err == nil {
		res, err = next(ctx)
	}
	if err != nil {
		return nil, &fieldError{err}
	}
	return res, nil
}

// presenter is the one mapping from errors to the wire (access model R26).
type presenter struct{ log *slog.Logger }

func (p presenter) present(ctx context.Context, err error) *gqlerror.Error {
	shown := &gqlerror.Error{}
	if e := (*gqlerror.Error)(nil); errors.As(err, &e) {
		shown.Path, shown.Locations = e.Path, e.Locations
	}
	var field *fieldError
	switch {
	case errors.As(err, &field):
		p.presentField(ctx, shown, field.err)
	case isEngineFault(err):
		p.presentInternal(ctx, shown, err)
	default:
		shown.Message = engineMessage(err)
		shown.Extensions = map[string]any{"code": wireCode(domain.CodeInvalid)}
		if name, ok := variable(shown.Path); ok {
			shown.Message, shown.Extensions["field"] = name+": "+shown.Message, name
		}
	}
	return shown
}

func (p presenter) presentField(ctx context.Context, shown *gqlerror.Error, err error) {
	var known *domain.Error
	if !errors.As(err, &known) {
		if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
			p.presentInternal(ctx, shown, err)
			return
		}
		known = domain.Unavailable("the answer", err)
	}
	shown.Message = known.Error() // names the field: some clients print nothing else
	shown.Extensions = map[string]any{}
	maps.Copy(shown.Extensions, known.Details)
	shown.Extensions["code"] = wireCode(known.Code)
	if known.Field != "" {
		shown.Extensions["field"] = known.Field
	}
	if known.Code == domain.CodeUnavailable {
		p.log.WarnContext(ctx, "unavailable", "requestId", access.CallFrom(ctx).RequestID, "path", shown.Path.String(), "error", err)
	}
}

func (p presenter) presentInternal(ctx context.Context, shown *gqlerror.Error, err error) {
	id := access.CallFrom(ctx).RequestID
	p.log.ErrorContext(ctx, "internal error", "requestId", id, "path", shown.Path.String(), "error", err)
	shown.Message = "internal error"
	shown.Extensions = map[string]any{"code": "INTERNAL", "requestId": id}
}

// recovered turns a panic of a resolver into an internal error.
func (p presenter) recovered(ctx context.Context, cause any) error {
	p.log.ErrorContext(ctx, "panic", "requestId", access.CallFrom(ctx).RequestID, "cause", cause, "stack", string(debug.Stack()))
	return &fieldError{fmt.Errorf("panic: %v", cause)}
}

func wireCode(c domain.Code) string { return strings.ToUpper(string(c)) }

// isEngineFault reports whether the engine complains of us, not of the caller.
func isEngineFault(err error) bool {
	message := engineMessage(err)
	return message == "must not be null" || strings.HasPrefix(message, "unexpected type ")
}

// variable returns the name of the input field that an error of the engine is
// about, such as "input.labels[2]".
func variable(path ast.Path) (string, bool) {
	if len(path) < 2 || path[0] != ast.PathName("variable") {
		return "", false
	}
	return path[1:].String(), true
}

func engineMessage(err error) string {
	var e *gqlerror.Error
	if errors.As(err, &e) {
		return e.Message
	}
	return err.Error()
}
