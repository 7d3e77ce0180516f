package graphql

import (
	"fmt"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/airlock-project/airlock/internal/graphql/view"
)

// TestEverythingIsDescribed asks for a sentence on every type, field,
// argument and enum value.
func TestEverythingIsDescribed(t *testing.T) {
	describe := func(what, description string) {
		if strings.TrimSpace(description) == "" {
			t.Errorf("%s has no description", what)
		}
	}
	for _, def := range ourSchema().Types {
		if def.BuiltIn {
			continue
		}
		describe(def.Name, def.Description)
		for _, v := range def.EnumValues {
			describe(def.Name+"."+v.Name, v.Description)
		}
		for _, f := range def.Fields {
			if isIntrospection(f.Name) {
				continue
			}
			describe(def.Name+"."+f.Name, f.Description)
			for _, a := range f.Arguments {
				describe(fmt.Sprintf("%s.%s(%s)", def.Name, f.Name, a.Name), a.Description)
			}
		}
	}
}

// TestBareStackRefusesEveryOtherField walks the schema, so that a new field of
// a stack is refused where the stack is bare without anybody thinking of it.
func TestBareStackRefusesEveryOtherField(t *testing.T) {
	w := newWorld(t)
	stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true}))
	deployer := w.as(w.key("legacy", "RUN_READ"))
	schema := ourSchema()
	for _, f := range schema.Types["Stack"].Fields {
		if view.BareStackFields[f.Name] {
			continue
		}
		a := deployer.query(`query($s:ID!){stack(id:$s){`+selection(schema, f)+`}}`, vars{"s": stack})
		if code, message := a.failure(t); code != "FORBIDDEN" || !strings.Contains(message, "lacks space:read") {
			t.Errorf("%s: %s", f.Name, a.raw)
		}
	}
}

// selection selects a field with any arguments that it requires.
func selection(schema *ast.Schema, f *ast.FieldDefinition) string {
	s := f.Name
	for _, a := range f.Arguments {
		if a.Type.NonNull {
			s += fmt.Sprintf("(%s:%q)", a.Name, "x")
		}
	}
	if def := schema.Types[f.Type.Name()]; !def.IsLeafType() {
		s += "{__typename}"
	}
	return s
}
