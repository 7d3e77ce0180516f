package graphql

import (
	"fmt"
	"sort"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
)

// comparison walks the contract and collects what ours lacks or has wrong.
type comparison struct {
	ours    *ast.Schema
	missing []notYet
	wrong   []string
}

func compareSchemas(contract, ours *ast.Schema) (missing []notYet, wrong []string) {
	c := &comparison{ours: ours}
	for _, def := range contract.Types {
		if !def.BuiltIn && !strings.HasPrefix(def.Name, "__") {
			c.definition(def)
		}
	}
	sort.Slice(c.missing, func(i, j int) bool { return lessEntry(c.missing[i].what, c.missing[j].what) })
	sort.Strings(c.wrong)
	return c.missing, c.wrong
}

// lessEntry puts Query and Mutation first, whole types last.
func lessEntry(a, b string) bool {
	rank := func(s string) int {
		switch {
		case strings.HasPrefix(s, "Query."):
			return 0
		case strings.HasPrefix(s, "Mutation."):
			return 1
		case strings.Contains(s, " "):
			return 3
		default:
			return 2
		}
	}
	if rank(a) != rank(b) {
		return rank(a) < rank(b)
	}
	return a < b
}

func (c *comparison) lacks(what string, clients ...string) {
	c.missing = append(c.missing, notYet{what, clients})
}

func (c *comparison) complain(format string, args ...any) {
	c.wrong = append(c.wrong, fmt.Sprintf(format, args...))
}

func (c *comparison) definition(want *ast.Definition) {
	got := c.ours.Types[want.Name]
	if got == nil || got.Directives.ForName("notYet") != nil {
		c.lacks(kindWord(want.Kind) + " " + want.Name)
		return
	}
	if got.Kind != want.Kind {
		c.complain("%s is a %s, the contract has a %s", want.Name, got.Kind, want.Kind)
		return
	}
	for _, f := range want.Fields {
		c.field(want, f, got.Fields.ForName(f.Name))
	}
	for _, v := range want.EnumValues {
		if got.EnumValues.ForName(v.Name) == nil {
			c.lacks(want.Name + "." + v.Name)
		}
	}
	for _, member := range want.Types {
		if !strings.Contains(" "+strings.Join(got.Types, " ")+" ", " "+member+" ") {
			c.lacks(want.Name + "." + member)
		}
	}
	if want.Kind == ast.InputObject {
		for _, f := range got.Fields {
			if want.Fields.ForName(f.Name) == nil && f.Type.NonNull && f.DefaultValue == nil {
				c.complain("%s.%s is ours and required: clients do not send it", want.Name, f.Name)
			}
		}
	}
}

func kindWord(k ast.DefinitionKind) string {
	if k == ast.Object {
		return "type"
	}
	word, _, _ := strings.Cut(strings.ToLower(string(k)), "_")
	return word
}

func (c *comparison) field(def *ast.Definition, want, got *ast.FieldDefinition) {
	name := def.Name + "." + want.Name
	if got == nil {
		c.lacks(name, usedBy(want)...)
		return
	}
	if def.Kind == ast.InputObject {
		if !accepts(got.Type, want.Type) {
			c.complain("%s is %s, which does not accept the contract's %s", name, got.Type, want.Type)
		}
		return
	}
	if got.Directives.ForName("notYet") != nil {
		c.lacks(name, usedBy(want)...)
	}
	if !satisfies(got.Type, want.Type) {
		c.complain("%s is %s, which is not the contract's %s", name, got.Type, want.Type)
	}
	for _, arg := range want.Arguments {
		ours := got.Arguments.ForName(arg.Name)
		switch {
		case ours == nil:
			c.lacks(fmt.Sprintf("%s(%s)", name, arg.Name), usedBy(want)...)
		case !accepts(ours.Type, arg.Type):
			c.complain("%s(%s) is %s, which does not accept the contract's %s", name, arg.Name, ours.Type, arg.Type)
		}
	}
	for _, arg := range got.Arguments {
		if want.Arguments.ForName(arg.Name) == nil && arg.Type.NonNull && arg.DefaultValue == nil {
			c.complain("%s(%s) is ours and required: clients do not send it", name, arg.Name)
		}
	}
}

// satisfies reports whether an output of type got is what a reader of want
// expects: the same, or null less often.
func satisfies(got, want *ast.Type) bool {
	if want.NonNull && !got.NonNull {
		return false
	}
	if got.Elem != nil && want.Elem != nil {
		return satisfies(got.Elem, want.Elem)
	}
	return got.Elem == nil && want.Elem == nil && got.NamedType == want.NamedType
}

// accepts reports whether an input of type got takes all that a sender of
// want may send: the same, or null more often.
func accepts(got, want *ast.Type) bool {
	if got.NonNull && !want.NonNull {
		return false
	}
	if got.Elem != nil && want.Elem != nil {
		return accepts(got.Elem, want.Elem)
	}
	return got.Elem == nil && want.Elem == nil && got.NamedType == want.NamedType
}

// usedBy reads the clients from the comment above a field of the contract.
func usedBy(f *ast.FieldDefinition) []string {
	for _, group := range []*ast.CommentGroup{f.BeforeDescriptionComment, f.AfterDescriptionComment} {
		if group == nil {
			continue
		}
		for _, comment := range group.List {
			text := strings.TrimSpace(strings.TrimPrefix(comment.Value, "#"))
			if clients, ok := strings.CutPrefix(text, "used by: "); ok {
				return strings.Split(clients, ", ")
			}
		}
	}
	return nil
}

// The comparison itself is tried on schemas that break it: one that finds
// nothing proves nothing.
func TestCompareSchemas(t *testing.T) {
	const contract = `
type Query {
  # used by: provider, spacectl
  gone(id: ID!): Thing
  things(input: In!, more: [String!]): [Thing!]!
}
type Thing { id: ID!  name: String }
type Lost { id: ID! }
input In { a: String  b: [Int!]! }
enum Kind { ONE TWO }
`
	for name, tc := range map[string]struct{ ours, missing, wrong string }{
		"equal but for names": {
			`type Query { gone(id: ID): Thing  things(input: In, more: [String]): [Thing!]!  extra: Int }
			 type Thing { id: ID!  name: String! } type Lost { id: ID! } input In { a: String  b: [Int!] c: Int } enum Kind { ONE TWO THREE }`,
			"", "",
		},
		"missing": {
			`type Query { things(input: In!): [Thing!]! } type Thing { id: ID! } input In { b: [Int!]! } enum Kind { ONE }`,
			"Query.gone provider,spacectl; Query.things(more) ; In.a ; Kind.TWO ; Thing.name ; type Lost ", "",
		},
		"wrong": {
			`type Query { gone(id: String!, x: Int!): Thing  things(input: In!, more: [String!]!): [Thing]! }
			 type Thing { id: Int!  name: String } type Lost { id: ID! } input In { a: String!  b: [Int!]!  c: Int! } enum Kind { ONE TWO }`,
			"", "In.a is String!; In.c is ours; Query.gone(id) is String!; Query.gone(x) is ours; Query.things is [Thing]!; Query.things(more) is [String!]!; Thing.id is Int!",
		},
	} {
		t.Run(name, func(t *testing.T) {
			missing, wrong := compareSchemas(parse(t, contract), parse(t, tc.ours))
			var got []string
			for _, m := range missing {
				got = append(got, m.what+" "+strings.Join(m.clients, ","))
			}
			if s := strings.Join(got, "; "); s != tc.missing {
				t.Errorf("missing %q, want %q", s, tc.missing)
			}
			wants := strings.Split(tc.wrong, "; ")
			if tc.wrong == "" {
				wants = nil
			}
			if len(wrong) != len(wants) {
				t.Fatalf("got %q, want %q", wrong, wants)
			}
			for i := range wants {
				if !strings.HasPrefix(wrong[i], wants[i]) {
					t.Errorf("got %q, want %q", wrong[i], wants[i])
				}
			}
		})
	}
}

func parse(t *testing.T, schema string) *ast.Schema {
	t.Helper()
	s, err := gqlparser.LoadSchema(&ast.Source{Name: "test", Input: schema})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
