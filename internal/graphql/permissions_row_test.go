package graphql

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/airlock-project/airlock/authz"
)

// permission is a row of the matrix: a field of the API, and how to ask for it.
// Who may is not said here but by @rule in the schema.
type permission struct {
	// field is the way to it from Query or Mutation, for example "stackUpdate"
	// or "stack.run.logs". A last step "*" stands for all fields of the type
	// before it that have no rule of their own.
	field string
	// when are the circumstances of this row, as rules name them.
	when []string
	// note is what else is special about this row.
	note string
	// doc is "file/Operation" of testdata/documents, or a document. Without it
	// one is made from the names of the variables. In a document for "*" the
	// text {*} is replaced by the selection.
	doc string
	// make makes what the field is asked about and returns the variables. After
	// a change that was let through it is asked again.
	make func(o *object) vars
	// at says, for each place that the rules name, which space of the branch it
	// is; a place that is not here is where the object is.
	at map[string]string
	// gives are the actions of the role that is given away.
	gives []authz.Action
	// named are further roles without space:read to ask with, beside those that
	// consist of what the rules name.
	named [][]authz.Action
	// lists is set where a list is answered though no rule says so.
	lists bool
	// bare is the action beside space:read without which the object may be shown
	// and its fields are refused.
	bare authz.Action
	// own is set where make asks as the caller of the cell, who is o.caller.
	own bool
	// spends is set where the object is the branch's own space and does not
	// survive the change.
	spends bool
}

// nowhere is a place that a row does not have: its rule is not asked.
const nowhere = ""

// anySpace is the place of a rule that any space at all satisfies.
const anySpace = "any space"

// object is what one row makes in one branch.
type object struct {
	*scene
	*branch
	space string // where the object is, or is to be created
	find  string // what a list is searched for

	caller *world // of a row with own
	older  string // version of a state
}

// id remembers what a list is to show, and returns it.
func (o *object) shown(id string) string { o.find = id; return id }

// title is how the document calls a row.
func (p permission) title() string {
	parts := append([]string{p.field}, p.when...)
	if p.note != "" {
		parts = append(parts, p.note)
	}
	return strings.Join(parts, ", ")
}

// step is one field on the way of a row.
type step struct {
	typ *ast.Definition
	def *ast.FieldDefinition
}

// way is the fields from the root to the row's own. For "*" the last step is
// the field whose type is meant.
func (p permission) way(schema *ast.Schema) (out []step, err error) {
	typ := schema.Query
	names := strings.Split(strings.TrimSuffix(p.field, ".*"), ".")
	if schema.Mutation.Fields.ForName(names[0]) != nil {
		typ = schema.Mutation
	}
	for _, name := range names {
		def := typ.Fields.ForName(name)
		if def == nil {
			return nil, fmt.Errorf("%s: %s has no field %s", p.field, typ.Name, name)
		}
		out = append(out, step{typ, def})
		typ = schema.Types[def.Type.Name()]
	}
	return out, nil
}

// rules are those of all fields on the way, as far as they are asked in this
// row; nested tells which are of fields of an object.
func (p permission) rules(schema *ast.Schema) (out []fieldRule, nested []bool, err error) {
	way, err := p.way(schema)
	if err != nil {
		return nil, nil, err
	}
	for i, s := range way {
		list, err := rulesOf(s.def)
		if err != nil {
			return nil, nil, err
		}
		for _, r := range list {
			if r.when == "" || slices.Contains(p.when, r.when) {
				out, nested = append(out, r), append(nested, i > 0)
			}
		}
	}
	return out, nested, nil
}

// last is the row's own field, as Type.field.
func (p permission) last(t *testing.T, schema *ast.Schema) string {
	t.Helper()
	way, err := p.way(schema)
	must(t, err)
	end := way[len(way)-1]
	if strings.HasSuffix(p.field, ".*") {
		return end.def.Type.Name() + ".*"
	}
	return end.typ.Name + "." + end.def.Name
}

// asList reports whether the answer is a list, or tells of one, that is
// searched for one object.
func (p permission) asList(rules []asked) bool {
	return p.lists || slices.ContainsFunc(rules, func(r asked) bool { return r.list != 0 })
}

// expected is what the rules give a holder, in the form that the row answers.
func (p permission) expected(t tree, h holder, rules []asked) cell {
	c := t.expect(h, rules)
	switch {
	case p.lists && c == yes:
		return listed
	case p.lists && c != nameOnly:
		return unlisted
	default:
		return c
	}
}

// leavesOut reports whether a rule is about a place that the row does not have.
func (p permission) leavesOut(r fieldRule) bool {
	at, known := p.at[r.at]
	return known && at == nowhere
}

// asks binds the rules of a row to the spaces of a branch.
func (p permission) asks(b *branch, schema *ast.Schema) ([]asked, error) {
	list, nested, err := p.rules(schema)
	var out []asked
	for i, r := range list {
		here := b.ids[b.object]
		at, known := p.at[r.at]
		space := here
		switch {
		case r.at == "space root":
			space = "root"
		case p.leavesOut(r):
			continue
		case known:
			space = b.ids[at]
		}
		out = append(out, asked{fieldRule: r, space: space, own: here, gives: p.gives, of: nested[i], self: p.own})
	}
	if p.bare != 0 {
		here := b.ids[b.object]
		out = append(out, asked{fieldRule: fieldRule{see: []authz.Action{p.bare}}, space: here, own: here, of: true})
	}
	return out, err
}

// namedRoles are the roles without a tier that a row is asked with: what its
// rules name, one rule more at a time.
func (p permission) namedRoles(schema *ast.Schema) (out [][]authz.Action, err error) {
	list, _, err := p.rules(schema)
	var sum []authz.Action
	for _, r := range list {
		alternatives := namedBy(r)
		for _, a := range alternatives {
			out = append(out, plusAction(sum, a))
		}
		if len(alternatives) > 0 {
			sum = plusAction(sum, alternatives[0])
		}
		if r.who == "GRANTOR" {
			sum = plusAction(sum, p.gives...)
			out = append(out, sum)
		}
	}
	seen := map[string]bool{}
	for _, r := range systemRoles {
		seen[actionNames(r.actions)] = true
	}
	out = slices.DeleteFunc(append(out, p.named...), func(a []authz.Action) bool {
		key := actionNames(a)
		again := seen[key]
		seen[key] = true
		return again
	})
	return out, err
}

// namedBy are the actions that could satisfy a rule by name, and for other
// rules one that might be mistaken for enough.
func namedBy(r fieldRule) []authz.Action {
	switch {
	case r.do != 0:
		return []authz.Action{r.do}
	case r.list != 0:
		return []authz.Action{authz.ActionRunTrigger} // A21
	case r.who == "ACCOUNT_VIEWER" || r.who == "ROOT_ADMIN" || r.who == "PATH":
		return []authz.Action{authz.ActionSpaceAdmin}
	default:
		return slices.DeleteFunc(slices.Clone(r.see), func(a authz.Action) bool { return a == authz.ActionSpaceRead })
	}
}

func plusAction(set []authz.Action, more ...authz.Action) []authz.Action {
	out := append(slices.Clone(set), more...)
	slices.Sort(out)
	return slices.Compact(out)
}
