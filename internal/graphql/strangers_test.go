package graphql

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/airlock-project/airlock/internal/graphql/generated"
)

// TestNoRootFieldForStrangers asks every root field of the schema without credentials: all
// but the open ones refuse before they look anything up (no resolver is set
// here, so that one which did would fail otherwise), and the answer keeps to
// the rules of nullability.
func TestNoRootFieldForStrangers(t *testing.T) {
	stranger := newClient(t, &Resolver{}, DefaultLimits()).anonymous()
	schema := generated.NewExecutableSchema(generated.Config{Resolvers: &Resolver{}}).Schema()
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
		for _, f := range root.Fields {
			if open[f.Name] || isIntrospection(f.Name) {
				continue
			}
			t.Run(root.Name+"."+f.Name, func(t *testing.T) {
				document := strings.ToLower(root.Name) + "{" + f.Name + arguments(schema, f) + leaves(schema, f.Type) + "}"
				a := stranger.query(document, nil)
				if code, _ := a.failure(t); code != "UNAUTHENTICATED" {
					t.Fatalf("%s\n%s", document, a.raw)
				}
				if f.Type.NonNull != strings.Contains(a.raw, `"data":null`) {
					t.Errorf("%s: %s", f.Type, a.raw)
				}
			})
		}
	}
}

// arguments fills in the arguments that a field demands.
func arguments(schema *ast.Schema, f *ast.FieldDefinition) string {
	var parts []string
	for _, a := range f.Arguments {
		if a.Type.NonNull {
			parts = append(parts, a.Name+":"+literal(schema, a.Type))
		}
	}
	if parts == nil {
		return ""
	}
	return "(" + strings.Join(parts, ",") + ")"
}

func literal(schema *ast.Schema, typ *ast.Type) string {
	if typ.Elem != nil {
		return "[]"
	}
	def := schema.Types[typ.NamedType]
	switch {
	case def.Kind == ast.Enum:
		return def.EnumValues[0].Name
	case def.Kind == ast.InputObject:
		var parts []string
		for _, f := range def.Fields {
			if f.Type.NonNull {
				parts = append(parts, f.Name+":"+literal(schema, f.Type))
			}
		}
		return "{" + strings.Join(parts, ",") + "}"
	case def.Name == "Boolean":
		return "true"
	case def.Name == "Int":
		return "1"
	default:
		return fmt.Sprintf("%q", "x")
	}
}

func leaves(schema *ast.Schema, typ *ast.Type) string {
	if schema.Types[typ.Name()].IsLeafType() {
		return ""
	}
	return "{__typename}"
}
