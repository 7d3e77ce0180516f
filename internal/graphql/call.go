package graphql

import (
	"context"
	"regexp"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/ast"

	gqlgen "github.com/99designs/gqlgen/graphql"

	"github.com/airlock-project/airlock/internal/access"
)

// What the audit trail keeps of one argument.
const (
	redacted      = "[redacted]"
	maxAuditText  = 1024
	maxAuditItems = 100
)

// callRecorder tells the gate which mutation is called with which arguments.
//
// Arguments are safe by default: numbers, booleans, ids and enum values are
// kept, every other value is redacted unless the schema marks it @audited. A
// new argument is therefore redacted until somebody decides otherwise.
type callRecorder struct{ schema *ast.Schema }

// aroundRoot is a root field interceptor of the engine.
func (c callRecorder) aroundRoot(ctx context.Context, next gqlgen.RootResolver) gqlgen.Marshaler {
	field := gqlgen.GetRootFieldContext(ctx).Field
	if field.Field == nil || field.ObjectDefinition == nil || field.ObjectDefinition != c.schema.Mutation {
		return next(ctx)
	}
	variables := gqlgen.GetOperationContext(ctx).Variables
	args := c.arguments(field.Definition.Arguments, field.ArgumentMap(variables))
	if _, err := access.CallerFrom(ctx); err != nil {
		args = ofStranger(args)
	}
	return next(access.WithCall(ctx, access.Call{Mutation: field.Name, Args: args}))
}

var likeAnID = regexp.MustCompile(`^[0-9A-Za-z_.:-]{1,64}$`)

// ofStranger keeps only what looks like an id: nobody writes texts of his own
// into the audit trail without credentials.
func ofStranger(args map[string]any) map[string]any {
	for name, v := range args {
		if s, ok := v.(string); !ok || !likeAnID.MatchString(s) {
			args[name] = redacted
		}
	}
	return args
}

// open are the root fields that answer without credentials: the exchange of a
// key, and what clients ask before they have signed in.
var open = map[string]bool{"apiKeyUser": true, "viewer": true, "debugInfo": true, "logout": true}

// needsCaller refuses every other root field before anything is looked up, so
// that nobody learns without credentials whether an object exists.
func needsCaller(ctx context.Context, field *gqlgen.FieldContext) error {
	root := field.Object == "Query" || field.Object == "Mutation"
	if root && !open[field.Field.Name] && !isIntrospection(field.Field.Name) {
		_, err := access.CallerFrom(ctx)
		return err
	}
	return nil
}

func (c callRecorder) arguments(defs ast.ArgumentDefinitionList, values map[string]any) map[string]any {
	out := make(map[string]any, len(values))
	for _, def := range defs {
		if v, given := values[def.Name]; given {
			out[def.Name] = c.clean(def.Type, def.Directives, v)
		}
	}
	return out
}

// clean returns what may be kept of a value of the given type. marks are the
// directives of the argument or input field that carries it.
func (c callRecorder) clean(typ *ast.Type, marks ast.DirectiveList, value any) any {
	if value == nil {
		return nil
	}
	if typ.Elem != nil {
		return c.cleanList(typ.Elem, marks, value)
	}
	def := c.schema.Types[typ.NamedType]
	if def.Kind == ast.InputObject {
		return c.cleanObject(def, value)
	}
	if !isPlain(def) && marks.ForName("audited") == nil {
		return redacted
	}
	if text, ok := value.(string); ok {
		return clipText(text)
	}
	return value
}

func (c callRecorder) cleanList(elem *ast.Type, marks ast.DirectiveList, value any) any {
	list, ok := value.([]any)
	if !ok { // a single value stands for a list of one
		return []any{c.clean(elem, marks, value)}
	}
	out := make([]any, 0, min(len(list), maxAuditItems))
	for i, v := range list {
		if i == maxAuditItems {
			return append(out, "[more]")
		}
		out = append(out, c.clean(elem, marks, v))
	}
	return out
}

func (c callRecorder) cleanObject(def *ast.Definition, value any) any {
	object, ok := value.(map[string]any)
	if !ok {
		return redacted
	}
	out := make(map[string]any, len(object))
	for name, v := range object {
		if field := def.Fields.ForName(name); field != nil {
			out[name] = c.clean(field.Type, field.Directives, v)
		}
	}
	return out
}

// isPlain reports whether values of a type cannot hold a secret.
func isPlain(def *ast.Definition) bool {
	switch def.Name {
	case "ID", "Int", "Float", "Boolean":
		return true
	default:
		return def.Kind == ast.Enum
	}
}

func clipText(s string) string {
	if len(s) <= maxAuditText {
		return s
	}
	cut := maxAuditText
	for cut > 0 && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return s[:cut] + "[more]"
}
