package graphql

import (
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// none reports whether the schema says of a field or a type that there is none of
// it.
func none(d ast.DirectiveList) bool { return d.ForName("empty") != nil || d.ForName("notYet") != nil }

// everyFieldHasARow fails for every field of the schema that the matrix does
// not ask: root fields, fields with a rule of their own, the circumstances that
// rules name, and the remaining fields of every type with an id.
func everyFieldHasARow(t *testing.T, schema *ast.Schema) {
	t.Helper()
	rows := map[string][]permission{}
	for _, p := range allPermissions {
		name := p.last(t, schema)
		if strings.HasSuffix(name, ".*") {
			name += " " + p.field
		}
		if slices.ContainsFunc(rows[name], func(q permission) bool { return q.title() == p.title() }) {
			t.Errorf("there are two rows %s", p.title())
		}
		rows[name] = append(rows[name], p)
		if strings.Contains(p.doc, "{*}") {
			way, _ := p.way(schema)
			whole := way[len(way)-1].def.Type.Name() + ".*"
			rows[whole] = append(rows[whole], p)
		}
	}
	reach := reachable(schema)
	for _, def := range objectTypes(schema) {
		if !reach[def.Name] || none(def.Directives) {
			continue
		}
		root := def == schema.Query || def == schema.Mutation
		if !root && isNode(schema, ast.NamedType(def.Name, nil)) && rows[def.Name+".*"] == nil {
			t.Errorf("type %s has no row %q: what is shown of it with it is asked by nobody (CONTRIBUTING.md, step 9)", def.Name, def.Name+".*")
		}
		for _, f := range def.Fields {
			name := def.Name + "." + f.Name
			list, _ := rulesOf(f) // a wrong one is reported elsewhere
			ownRule := slices.ContainsFunc(list, func(r fieldRule) bool { return r.who != "PARENT" })
			if (root || ownRule) && !isIntrospection(f.Name) && rows[name] == nil && !none(f.Directives) {
				t.Errorf("%s has no row in the matrix of permissions: add one to %s (CONTRIBUTING.md, step 9), for example\n\t%s",
					name, rowsFile(f), example(schema, root, f))
			}
			for _, r := range list {
				if r.when != "" && !slices.ContainsFunc(rows[name], func(p permission) bool { return slices.Contains(p.when, r.when) }) {
					t.Errorf("%s has a rule for when %q and no row with it: add one to %s", name, r.when, rowsFile(f))
				}
			}
		}
	}
}

func rowsFile(f *ast.FieldDefinition) string {
	return "internal/graphql/permissions_" + nounOf(f) + "_test.go"
}

// example is a row to begin with.
func example(schema *ast.Schema, root bool, f *ast.FieldDefinition) string {
	if !root {
		return `{field: "way.from.query.` + f.Name + `", doc: "query($id:ID!){…}", make: func(o *object) vars { return vars{…} }},`
	}
	var args []string
	for _, a := range f.Arguments {
		if a.Type.NonNull {
			args = append(args, `"`+a.Name+`": …`)
		}
	}
	return `{field: "` + f.Name + `", make: func(o *object) vars { return vars{` + strings.Join(args, ", ") + `} }},`
}

// reachable are the types that an answer can hold, which those are not that
// only fields lead to of which there is none.
func reachable(schema *ast.Schema) map[string]bool {
	found := map[string]bool{}
	var visit func(name string)
	visit = func(name string) {
		def := schema.Types[name]
		if def.IsLeafType() || found[name] {
			return
		}
		found[name] = true
		for _, f := range def.Fields {
			if !none(f.Directives) && !isIntrospection(f.Name) {
				visit(f.Type.Name())
			}
		}
		for _, member := range def.Types {
			visit(member)
		}
	}
	for _, root := range []*ast.Definition{schema.Query, schema.Mutation} {
		visit(root.Name)
	}
	return found
}

// waysFromStack are the shortest ways from a stack to an object of each type that
// single fields lead to.
func waysFromStack(schema *ast.Schema) map[string][]string {
	ways := map[string][]string{"Stack": {"stack"}}
	for next := []string{"Stack"}; len(next) > 0; next = next[1:] {
		for _, f := range schema.Types[next[0]].Fields {
			to := schema.Types[f.Type.Name()]
			if to.Kind == ast.Object && ways[to.Name] == nil && f.Type.Elem == nil && len(f.Arguments) == 0 && !none(f.Directives) {
				ways[to.Name] = append(slices.Clone(ways[next[0]]), f.Name)
				next = append(next, to.Name)
			}
		}
	}
	return ways
}

// TestPermissionsOfNothing holds that what the schema says there is none of is
// really empty, also for an admin of root: such a field says nothing that anybody
// could be denied.
func TestPermissionsOfNothing(t *testing.T) {
	schema := ourSchema()
	w := newWorld(t)
	stack := id(w.do("provider_stacks", "Create", vars{"input": with(stackInput("app", "legacy"), "vcsIntegrationId", "some"), "manageState": true}))
	ways, reach, asked := waysFromStack(schema), reachable(schema), 0
	ways[schema.Query.Name] = []string{}
	for _, def := range objectTypes(schema) {
		for _, f := range def.Fields {
			if !reach[def.Name] || none(def.Directives) || !none(f.Directives) {
				continue
			}
			asked++
			name, way := def.Name+"."+f.Name, ways[def.Name]
			if way == nil {
				t.Errorf("%s: no stack leads to it: this test does not know how to ask it", name)
				continue
			}
			selection := short(schema, f.Type)
			whole := append(slices.Clone(way), f.Name)
			for _, part := range slices.Backward(whole[1:]) {
				selection = "{" + part + selection + "}"
			}
			a := w.query("query($id:ID!){"+whole[0]+"(id:$id)"+selection+"}", vars{"id": stack})
			if a.Errors != nil || at(a.Data, way) == nil {
				t.Errorf("%s: %s", name, a.raw)
			}
			if got := at(a.Data, whole); got != nil && !empty(got) {
				t.Errorf("%s answers %v now: take the directive off it and give it a row in the matrix of permissions", name, got)
			}
		}
	}
	if asked == 0 {
		t.Error("there is nothing of which there is none")
	}
}
