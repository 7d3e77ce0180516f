package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"strings"
	"testing"
	"testing/fstest"
)

// TestWritesTakeAPermit holds up the promise that a forgotten check does not
// compile. The compiler only knows that a Permit cannot be made elsewhere;
// that every write asks for one is known here.
func TestWritesTakeAPermit(t *testing.T) {
	functions, err := parseFunctions(os.DirFS("../.."), "internal/store")
	if err != nil {
		t.Fatal(err)
	}
	if len(functions) == 0 {
		t.Fatal("internal/store has no functions: this test looks in the wrong place")
	}
	report(t, permitViolations(functions))
}

func TestPermitViolations(t *testing.T) {
	for name, tc := range map[string]struct{ method, want string }{
		"reads":        {`Read() { tx.many("select") }`, ""},
		"asks":         {`Write(p access.Permit) { tx.use(p, "x"); tx.exec("insert") }`, ""},
		"not exported": {`write() { tx.exec("insert") }`, ""},
		"forgets":      {`Write() { tx.exec("insert") }`, "Write writes without a Permit"},
		"goes round":   {`Write() { tx.raw.ExecContext("insert") }`, "Write writes without a Permit"},
		"by a helper":  {`Write() { tx.helper() }; func (tx *Tx) helper() { tx.execN("insert") }`, "Write writes without a Permit"},
		"ignores it":   {`Write(p access.Permit) { tx.exec("insert") }`, "Write has a Permit and never uses it"},
	} {
		t.Run(name, func(t *testing.T) {
			source := "package store\nfunc (tx *Tx) " + tc.method
			functions, err := parseFunctions(fstest.MapFS{"store/a.go": {Data: []byte(source)}}, "store")
			if err != nil {
				t.Fatal(err)
			}
			expect(t, permitViolations(functions), tc.want)
		})
	}
}

// declared is a function of the store and what it calls, by bare names: the
// package is small enough for them to be unambiguous.
type declared struct {
	path, name string
	ofTx       bool
	permit     bool
	calls      map[string]bool
}

func parseFunctions(fsys fs.FS, folder string) ([]declared, error) {
	names, err := fs.Glob(fsys, path.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	var found []declared
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := fs.ReadFile(fsys, name)
		if err != nil {
			return nil, err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, source, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range parsed.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Body != nil {
				found = append(found, declare(name, fn))
			}
		}
	}
	return found, nil
}

func declare(path string, fn *ast.FuncDecl) declared {
	d := declared{path: path, name: fn.Name.Name, calls: map[string]bool{}}
	if fn.Recv != nil {
		pointer, _ := fn.Recv.List[0].Type.(*ast.StarExpr)
		if pointer != nil {
			base, _ := pointer.X.(*ast.Ident)
			d.ofTx = base != nil && base.Name == "Tx"
		}
	}
	for _, parameter := range fn.Type.Params.List {
		if s, ok := parameter.Type.(*ast.SelectorExpr); ok && s.Sel.Name == "Permit" {
			d.permit = true
		}
	}
	ast.Inspect(fn.Body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			switch f := call.Fun.(type) {
			case *ast.Ident:
				d.calls[f.Name] = true
			case *ast.SelectorExpr:
				d.calls[f.Sel.Name] = true
			}
		}
		return true
	})
	return d
}

// permitViolations looks at the exported methods of Tx, which are all that a
// use case can reach.
func permitViolations(functions []declared) []string {
	writes := map[string]bool{"ExecContext": true, "Exec": true, "exec": true, "execN": true}
	for grown := true; grown; {
		grown = false
		for _, d := range functions {
			if !writes[d.name] && callsAny(d, writes) {
				writes[d.name], grown = true, true
			}
		}
	}
	var found []string
	for _, d := range functions {
		switch {
		case !d.ofTx || !ast.IsExported(d.name) || !callsAny(d, writes):
		case !d.permit:
			found = append(found, fmt.Sprintf("%s: %s writes without a Permit; take one from the use case, which gets it from the gate", d.path, d.name))
		case !callsUse(d, functions):
			found = append(found, fmt.Sprintf("%s: %s has a Permit and never uses it; begin with tx.use", d.path, d.name))
		}
	}
	return found
}

func callsAny(d declared, names map[string]bool) bool {
	for name := range d.calls {
		if names[name] {
			return true
		}
	}
	return false
}

// callsUse accepts a helper that takes the Permit along.
func callsUse(d declared, functions []declared) bool {
	if d.calls["use"] {
		return true
	}
	for _, other := range functions {
		if d.calls[other.name] && other.permit && other.calls["use"] {
			return true
		}
	}
	return false
}
