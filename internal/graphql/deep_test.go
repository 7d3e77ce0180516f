package graphql

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// deep makes documents that select everything, as far down as they may.
type deep struct {
	schema *ast.Schema
	ids    map[string]string // what nested fields are asked for, by type; an invented id for others
	fields int
}

// most is how many fields one document selects.
const most = 3000

// set selects all fields of a type, so many levels of objects deep.
func (d *deep) set(typ *ast.Type, levels int) string {
	def := d.schema.Types[typ.Name()]
	if def.IsLeafType() {
		return ""
	}
	parts := []string{"__typename"}
	for _, f := range def.Fields {
		leaf := d.schema.Types[f.Type.Name()].IsLeafType()
		if isIntrospection(f.Name) || !leaf && levels == 0 || d.fields > most {
			continue
		}
		d.fields++
		parts = append(parts, f.Name+d.arguments(f, d.ids[f.Type.Name()])+d.set(f.Type, levels-1))
	}
	for i, member := range def.Types {
		var fields []string
		for _, f := range d.schema.Types[member].Fields {
			if !d.schema.Types[f.Type.Name()].IsLeafType() && levels <= 0 {
				continue
			}
			d.fields++
			fields = append(fields, fmt.Sprintf("of%d_%s:%s", i, f.Name, f.Name)+d.set(f.Type, levels-1))
		}
		if fields == nil {
			continue
		}
		parts = append(parts, "... on "+member+"{"+strings.Join(fields, " ")+"}")
	}
	return "{" + strings.Join(parts, " ") + "}"
}

// arguments fills in what a field demands; every id is the given one.
func (d *deep) arguments(f *ast.FieldDefinition, id string) string {
	var parts []string
	for _, a := range f.Arguments {
		switch {
		case strings.HasSuffix(strings.ToLower(a.Name), "constraints"):
			parts = append(parts, a.Name+`:">= 0"`) // of versions: no id
		case a.Type.NonNull:
			parts = append(parts, a.Name+":"+d.literal(a.Type, id))
		}
	}
	if parts == nil {
		return ""
	}
	return "(" + strings.Join(parts, ",") + ")"
}

func (d *deep) literal(typ *ast.Type, id string) string {
	def := d.schema.Types[typ.NamedType]
	switch {
	case typ.Elem != nil:
		return "[" + d.literal(typ.Elem, id) + "]"
	case def.Kind == ast.Enum:
		return def.EnumValues[len(def.EnumValues)-1].Name
	case def.Kind == ast.InputObject:
		var parts []string
		for _, f := range def.Fields {
			if f.Type.NonNull {
				parts = append(parts, f.Name+":"+d.literal(f.Type, id))
			}
		}
		return "{" + strings.Join(parts, ",") + "}"
	case def.Name == "Boolean":
		return "true"
	case def.Name == "Int":
		return "1"
	case id == "":
		return `"invented"`
	default:
		return fmt.Sprintf("%q", id)
	}
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// code is the code of the first error, empty for none.
func code(a answer) string {
	if len(a.Errors) == 0 {
		return ""
	}
	c, _ := a.Errors[0].Extensions["code"].(string)
	return c
}
