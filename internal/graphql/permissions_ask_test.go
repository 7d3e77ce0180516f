package graphql

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// send asks what the row asks.
func (p permission) send(w *world, schema *ast.Schema, variables vars) (answer, error) {
	if file, operation, named := strings.Cut(p.doc, "/"); named && !strings.Contains(file, "{") {
		return w.run(file, operation, variables), nil
	}
	text := p.doc
	if text == "" {
		var err error
		if text, err = p.document(schema, variables); err != nil {
			return answer{}, err
		}
	}
	if strings.Contains(text, "{*}") {
		way, err := p.way(schema)
		if err != nil {
			return answer{}, err
		}
		text = strings.Replace(text, "{*}", everything(schema, way[len(way)-1].def.Type, nil), 1)
	}
	return w.query(text, variables), nil
}

// document is the simplest one for a root field with these arguments.
func (p permission) document(schema *ast.Schema, variables vars) (string, error) {
	way, err := p.way(schema)
	if err != nil || len(way) != 1 {
		return "", fmt.Errorf("%s needs a doc: %w", p.field, err)
	}
	f := way[0].def
	var declared, passed []string
	for _, a := range f.Arguments {
		if _, given := variables[a.Name]; given {
			declared = append(declared, "$"+a.Name+":"+a.Type.String())
			passed = append(passed, a.Name+":$"+a.Name)
		}
	}
	if len(declared) != len(variables) {
		return "", fmt.Errorf("%s: the variables %v are not all arguments", p.field, variables)
	}
	list := ""
	if passed != nil {
		list = "(" + strings.Join(passed, ",") + ")"
	}
	text := "{" + f.Name + list + short(schema, f.Type) + "}"
	if way[0].typ == schema.Query && declared == nil {
		return text, nil
	}
	head := strings.ToLower(way[0].typ.Name)
	if declared != nil {
		head += "(" + strings.Join(declared, ",") + ")"
	}
	return head + text, nil
}

// short selects what tells one object from another.
func short(schema *ast.Schema, typ *ast.Type) string {
	def := schema.Types[typ.Name()]
	switch {
	case def.IsLeafType():
		return ""
	case def.Fields.ForName("id") != nil:
		return "{id}"
	case def.Fields.ForName("edges") != nil:
		edge := schema.Types[def.Fields.ForName("edges").Type.Name()]
		return "{edges{cursor node" + short(schema, edge.Fields.ForName("node").Type) + "}}"
	default:
		return "{__typename}"
	}
}

// everything selects all fields of a type that have no rule of their own, and
// of the objects without an id that they answer.
func everything(schema *ast.Schema, typ *ast.Type, within []string) string {
	def := schema.Types[typ.Name()]
	if def.IsLeafType() {
		return ""
	}
	parts := []string{"__typename"}
	for _, f := range def.Fields {
		own, _ := rulesOf(f)
		if isIntrospection(f.Name) || slices.ContainsFunc(own, func(r fieldRule) bool { return r.who != "PARENT" }) || needsArguments(f) {
			continue
		}
		if slices.Contains(within, f.Type.Name()) {
			continue
		}
		if isNode(schema, f.Type) {
			parts = append(parts, f.Name+"{id}")
			continue
		}
		parts = append(parts, f.Name+everything(schema, f.Type, append(slices.Clone(within), def.Name)))
	}
	for i, member := range def.Types { // of a union: their fields may differ under one name
		var fields []string
		for _, f := range schema.Types[member].Fields {
			fields = append(fields, fmt.Sprintf("of%d_%s:%s", i, f.Name, f.Name)+everything(schema, f.Type, append(slices.Clone(within), member)))
		}
		parts = append(parts, "... on "+member+"{"+strings.Join(fields, " ")+"}")
	}
	return "{" + strings.Join(parts, " ") + "}"
}

func needsArguments(f *ast.FieldDefinition) bool {
	return slices.ContainsFunc(f.Arguments, func(a *ast.ArgumentDefinition) bool { return a.Type.NonNull && a.DefaultValue == nil })
}

// read says what an answer means for the row.
func (p permission) read(a answer, o *object, rules []asked) (cell, error) {
	way := strings.Split(strings.TrimSuffix(p.field, ".*"), ".")
	lists := p.asList(rules)
	for _, e := range a.Errors {
		at := names(e.Path)
		code, _ := e.Extensions["code"].(string)
		if len(at) > len(way) && p.bare != 0 {
			at = at[:len(way)]
		}
		if len(at) > len(way) || len(at) == 0 || !slices.Equal(at, way[:len(at)]) {
			return "", fmt.Errorf("an error elsewhere: %s", a.raw)
		}
		switch code {
		case "FORBIDDEN":
			return no, nil
		case "NOT_FOUND":
			return hidden, nil
		default:
			return "", fmt.Errorf("neither allowed nor refused: %s", a.raw)
		}
	}
	value := at(a.Data, way)
	switch {
	case lists && o.find == "" && len(way) == 1:
		return "", fmt.Errorf("make names nothing to look for in the list; use o.shown")
	case lists && bare(element(value, o.find)):
		return nameOnly, nil
	case lists && value != nil && value != false && strings.Contains(text1(value), o.find):
		return listed, nil
	case lists && len(way) == 1 && value == nil:
		return hidden, nil
	case lists && at(a.Data, way[:1]) == nil:
		return hidden, nil
	case lists:
		return unlisted, nil
	case value == nil || len(way) > 1 && empty(value):
		return hidden, nil
	case bare(value):
		return nameOnly, nil
	default:
		return yes, nil
	}
}

// bare recognises a space of which only the name shows (R27).
func bare(value any) bool {
	space, _ := value.(vars)
	level, shown := space["accessLevel"]
	return shown && level == nil
}

// element is the object of a list that has an id.
func element(value any, id string) any {
	list, _ := value.([]any)
	for _, v := range list {
		if object, _ := v.(vars); object["id"] == id {
			return v
		}
	}
	return nil
}

func names(path []any) (out []string) {
	for _, p := range path {
		if s, ok := p.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

// at is the value at the end of a way, of lists on it the first element that
// has one.
func at(value any, way []string) any {
	if list, ok := value.([]any); ok && len(way) > 0 {
		for _, v := range list {
			if found := at(v, way); found != nil {
				return found
			}
		}
		return nil
	}
	if len(way) == 0 {
		return value
	}
	object, _ := value.(vars)
	return at(object[way[0]], way[1:])
}

func empty(v any) bool {
	list, isList := v.([]any)
	return v == "" || v == false || isList && len(list) == 0
}

func text1(v any) string {
	b, _ := json.Marshal(v) // what was read from JSON
	return string(b)
}
