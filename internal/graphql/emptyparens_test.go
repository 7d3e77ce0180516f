package graphql

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

func TestDropEmptyParens(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"arguments":            {`{contexts(){id,name}}`, `{contexts  {id,name}}`},
		"variables":            {`query GetStacks () { stacks { id } }`, `query GetStacks    { stacks { id } }`},
		"several":              {`{a(){id} b( , ){id}}`, `{a  {id} b  ,  {id}}`},
		"lines and comments":   {"{a(\n # none )\n){id}}", "{a \n # none )\n {id}}"},
		"directive":            {`{a @x(){id}}`, `{a @x  {id}}`},
		"real arguments":       {`{a(id:"x"){id}}`, `{a(id:"x"){id}}`},
		"in a string":          {`{a(x:"()"){id}}`, `{a(x:"()"){id}}`},
		"after an escape":      {`{a(x:"\"()"){id}}`, `{a(x:"\"()"){id}}`},
		"in a block string":    {`{a(x:"""()"""){id}}`, `{a(x:"""()"""){id}}`},
		"after a block escape": {`{a(x:"""\"""()"""){id}}`, `{a(x:"""\"""()"""){id}}`},
		"empty strings":        {`{a(x:"" y:"""""") b()}`, `{a(x:"" y:"""""") b  }`},
		"string as argument":   {`{a("")}`, `{a("")}`},
		"in a comment":         {"# a()\n{a}", "# a()\n{a}"},
		"open string":          {"{a(x:\"()\n b()}", "{a(x:\"()\n b  }"},
		"open block string":    {`{a(x:"""() b()`, `{a(x:"""() b()`},
		"nested":               {`{a(())}`, `{a(  )}`},
		"unbalanced":           {`)({a}`, `)({a}`},
		"nothing":              {``, ``},
	} {
		t.Run(name, func(t *testing.T) {
			if got := dropEmptyParens(tc.in); got != tc.want {
				t.Errorf("got  %q\nwant %q", got, tc.want)
			}
		})
	}
}

// FuzzDropEmptyParens states the two promises: a document that parses is not
// touched, and nothing but parentheses is ever changed.
func FuzzDropEmptyParens(f *testing.F) {
	for _, seed := range []string{
		`{a(){id}}`, `query Q($a:String="()"){b(c:$a,d:"""()\""" ()"""){e}}`, "{a#()\n(,)}", `{a(x:"\\()")}`, `"""" ()`, `{a(x:"""a""""())}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		out := dropEmptyParens(document)
		if len(out) != len(document) {
			t.Fatalf("length changed: %q -> %q", document, out)
		}
		for i := range len(out) {
			if out[i] != document[i] && (out[i] != ' ' || !strings.ContainsRune("()", rune(document[i]))) {
				t.Fatalf("byte %d changed: %q -> %q", i, document, out)
			}
		}
		if _, err := parser.ParseQuery(&ast.Source{Input: document}); err == nil && out != document {
			t.Fatalf("a valid document changed: %q -> %q", document, out)
		}
	})
}
