package graphql

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/graphql/generated"
)

// fieldRule is one @rule of the schema; exactly one of do, see, list and who is
// set.
type fieldRule struct {
	do       authz.Action
	see      []authz.Action // beside space:read
	or       authz.Action   // beside see
	list     authz.Action
	who      string
	at, when string
	silent   bool
}

// rulesOf reads the rules of a field, in the order in which they are asked.
func rulesOf(f *ast.FieldDefinition) (out []fieldRule, err error) {
	for _, d := range f.Directives.ForNames("rule") {
		r, forms := fieldRule{}, 0
		for _, a := range d.Arguments {
			switch a.Name {
			case "do":
				r.do, forms = ruleAction(a.Value), forms+1
			case "list":
				r.list, forms = ruleAction(a.Value), forms+1
			case "who":
				r.who, forms = a.Value.Raw, forms+1
			case "see":
				r.see, forms = ruleActions(a.Value), forms+1
			case "or":
				r.or = ruleAction(a.Value)
			case "at":
				r.at = a.Value.Raw
			case "when":
				r.when = a.Value.Raw
			case "silent":
				r.silent = a.Value.Raw == "true"
			}
		}
		if forms != 1 {
			return nil, fmt.Errorf("a rule has %d of do, see, list and who; it is to have one", forms)
		}
		out = append(out, r)
	}
	return out, nil
}

func ruleAction(v *ast.Value) authz.Action {
	a, _ := authz.ParseAction(v.Raw) // the schema lets only actions through
	return a
}

func ruleActions(v *ast.Value) (out []authz.Action) {
	if v.Kind != ast.ListValue {
		return []authz.Action{ruleAction(v)}
	}
	for _, c := range v.Children {
		out = append(out, ruleAction(c.Value))
	}
	return out
}

// TestCase113EveryFieldHasARule walks the schema: every root field, and every
// other field that answers an object with an id or has a resolver of its own,
// says who may use it. The permission matrix then asks the API.
func TestCase113EveryFieldHasARule(t *testing.T) {
	schema, looksUp := ourSchema(), resolved()
	for _, def := range objectTypes(schema) {
		root := def == schema.Query || def == schema.Mutation || def == schema.Subscription
		for _, f := range def.Fields {
			name := def.Name + "." + f.Name
			if isIntrospection(f.Name) {
				continue
			}
			list, err := rulesOf(f)
			switch {
			case err != nil:
				t.Errorf("%s: %v", name, err)
			case len(list) > 0:
			case root:
				t.Errorf("%s has no @rule: say in the schema who may use it (CONTRIBUTING.md, step 7)", name)
			case looksUp[strings.ToLower(name)]:
				t.Errorf("%s looks something up and has no @rule: say in the schema who is answered; who: PARENT if it is whoever sees the %s", name, def.Name)
			case isNode(schema, f.Type):
				t.Errorf("%s answers a %s and has no @rule: say in the schema who is answered; who: PARENT if it is whoever sees the %s", name, f.Type.Name(), def.Name)
			}
		}
	}
}

// objectTypes are the types of the schema that have fields, by name.
func objectTypes(schema *ast.Schema) (out []*ast.Definition) {
	for _, name := range slices.Sorted(maps.Keys(schema.Types)) {
		if def := schema.Types[name]; def.Kind == ast.Object && !def.BuiltIn {
			out = append(out, def)
		}
	}
	return out
}

// isNode reports whether values of a type are things with an id, or may be.
func isNode(schema *ast.Schema, typ *ast.Type) bool {
	for _, def := range schema.GetPossibleTypes(schema.Types[typ.Name()]) {
		if id := def.Fields.ForName("id"); id != nil && id.Type.Name() == "ID" {
			return true
		}
	}
	return false
}

// resolved are the fields that have a resolver of their own, as type.field in
// lower case: they look something up beyond the object that they belong to.
func resolved() map[string]bool {
	out := map[string]bool{}
	root := reflect.TypeFor[generated.ResolverRoot]()
	for i := range root.NumMethod() {
		typ := root.Method(i).Type.Out(0)
		for j := range typ.NumMethod() {
			out[strings.ToLower(root.Method(i).Name+"."+typ.Method(j).Name)] = true
		}
	}
	return out
}
