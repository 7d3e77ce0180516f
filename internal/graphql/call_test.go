package graphql

import (
	"context"
	"os"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/identity"
	"github.com/airlock-project/airlock/internal/spaces"
)

func TestA265CallIsRecordedWithoutSecrets(t *testing.T) {
	var calls []access.Call
	c := newClient(t, &Resolver{
		Identity: fakeIdentity{exchange: func(ctx context.Context, _ domain.APIKeyID, secret string) (identity.Session, error) {
			calls = append(calls, access.CallFrom(ctx))
			return identity.Session{JWT: secret}, nil
		}},
		Spaces: fakeSpaces{made: func(ctx context.Context, in spaces.Input) (spaces.View, error) {
			calls = append(calls, access.CallFrom(ctx))
			return spaces.View{Space: domain.Space{ID: "x", Name: in.Name}}, nil
		}},
	}, DefaultLimits())

	a := c.query(`mutation($s:String!,$labels:[String!]){
		first:apiKeyUser(id:"01KEY",secret:$s){jwt}
		spaceCreate(input:{name:"dev",description:"",inheritEntities:true,parentSpace:"root",labels:$labels}){id}
	}`, map[string]any{"s": "hunter2", "labels": []string{"a", strings.Repeat("é", 2000)}})
	if a.Errors != nil || !strings.Contains(a.raw, "hunter2") {
		t.Fatalf("got %s", a.raw)
	}
	want := []access.Call{
		{Mutation: "apiKeyUser", Args: map[string]any{"id": "01KEY", "secret": "[redacted]"}, RequestID: "req-1", RemoteIP: "192.0.2.1"},
		{Mutation: "spaceCreate", Args: map[string]any{"input": map[string]any{
			"name": "dev", "description": "", "inheritEntities": true, "parentSpace": "root",
			"labels": []any{"a", strings.Repeat("é", 512) + "[more]"},
		}}, RequestID: "req-1", RemoteIP: "192.0.2.1"},
	}
	if diff := cmp.Diff(want, calls); diff != "" {
		t.Error(diff)
	}
}

func TestCleanArguments(t *testing.T) {
	schema := parse(t, `
directive @audited on ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION
scalar JSON
enum Kind { ONE }
input In { open: String @audited  closed: String  list: [In!]  any: JSON  kind: Kind  id: ID  n: Int }
type Query { a(in: In, open: [String!] @audited, closed: [String!]): Int }
`)
	c := callRecorder{schema: schema}
	args := schema.Query.Fields.ForName("a").Arguments
	in := map[string]any{"open": "o", "closed": "c", "any": map[string]any{"x": "y"}, "kind": "ONE", "id": "i", "n": int64(3), "unknown": "u"}
	want := map[string]any{"open": "o", "closed": redacted, "any": redacted, "kind": "ONE", "id": "i", "n": int64(3)}
	for name, tc := range map[string]struct{ given, want map[string]any }{
		"object":         {map[string]any{"in": in}, map[string]any{"in": want}},
		"nested":         {map[string]any{"in": map[string]any{"list": []any{in}}}, map[string]any{"in": map[string]any{"list": []any{want}}}},
		"one for a list": {map[string]any{"in": map[string]any{"list": in}, "open": "x"}, map[string]any{"in": map[string]any{"list": []any{want}}, "open": []any{"x"}}},
		"lists":          {map[string]any{"open": []any{"a"}, "closed": []any{"b"}}, map[string]any{"open": []any{"a"}, "closed": []any{redacted}}},
		"nulls":          {map[string]any{"in": nil, "closed": nil}, map[string]any{"in": nil, "closed": nil}},
		"no object":      {map[string]any{"in": "text"}, map[string]any{"in": redacted}},
		"unknown":        {map[string]any{"else": "x"}, map[string]any{}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, c.arguments(args, tc.given)); diff != "" {
				t.Error(diff)
			}
		})
	}
	many := c.cleanList(ast.NonNullNamedType("Int", nil), nil, make([]any, 500)).([]any)
	if len(many) != maxAuditItems+1 || many[maxAuditItems] != "[more]" {
		t.Errorf("a long list is kept as %d items", len(many))
	}
}

// TestRedactedArguments lists every argument of a mutation whose value the
// audit trail does not keep, so that a new one shows in review.
func TestRedactedArguments(t *testing.T) {
	schema := ourSchema()
	found := map[string]bool{}
	var walk func(path string, typ *ast.Type, marks ast.DirectiveList)
	walk = func(path string, typ *ast.Type, marks ast.DirectiveList) {
		def := schema.Types[typ.Name()]
		if def.Kind == ast.InputObject {
			for _, f := range def.Fields {
				walk(def.Name+"."+f.Name, f.Type, f.Directives)
			}
			return
		}
		if !isPlain(def) && marks.ForName("audited") == nil {
			found[path] = true
		}
	}
	for _, m := range schema.Mutation.Fields {
		for _, a := range m.Arguments {
			walk(m.Name+"("+a.Name+")", a.Type, a.Directives)
		}
	}
	got := make([]string, 0, len(found))
	for path := range found {
		got = append(got, path)
	}
	sort.Strings(got)
	text, err := os.ReadFile("testdata/redacted.txt")
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/redacted.txt", []byte(strings.Join(got, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(strings.Fields(string(text)), got); diff != "" {
		t.Errorf("testdata/redacted.txt (-listed +found):\n%s", diff)
	}
}
