package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// module is the path of this module; every import below it is ours.
const module = "github.com/airlock-project/airlock"

// pkg is one folder with Go files.
type pkg struct {
	folder string
	files  []file
}

// file is what the rules look at in one Go file.
type file struct {
	path      string // slashes, relative to the module
	name      string // of the package
	imports   []string
	test      bool
	generated bool
	doc       string // package comment
	lines     int
	functions []function
}

// function is one function or method with its length in lines.
type function struct {
	name  string
	line  int
	lines int
}

// scan reads every Go file of the module in fsys, other modules inside it and
// what the go command ignores left out.
func scan(fsys fs.FS) ([]pkg, error) {
	found := map[string]*pkg{}
	err := fs.WalkDir(fsys, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return enter(fsys, name)
		}
		if path.Ext(name) != ".go" || strings.HasPrefix(path.Base(name), "_") {
			return nil
		}
		f, err := read(fsys, name)
		if err != nil {
			return err
		}
		folder := path.Dir(name)
		if found[folder] == nil {
			found[folder] = &pkg{folder: folder}
		}
		found[folder].files = append(found[folder].files, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	var pkgs []pkg
	for _, p := range found {
		pkgs = append(pkgs, *p)
	}
	slices.SortFunc(pkgs, func(a, b pkg) int { return strings.Compare(a.folder, b.folder) })
	return pkgs, nil
}

// enter returns fs.SkipDir for a folder that holds none of our packages.
func enter(fsys fs.FS, folder string) error {
	if folder == "." {
		return nil
	}
	base := path.Base(folder)
	if base == "testdata" || base == "node_modules" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return fs.SkipDir
	}
	if _, err := fs.Stat(fsys, path.Join(folder, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}

// read parses one file; of a generated one only the head, which is all that
// the rules ask of it.
func read(fsys fs.FS, name string) (file, error) {
	source, err := fs.ReadFile(fsys, name)
	if err != nil {
		return file{}, err
	}
	set := token.NewFileSet()
	head, err := parser.ParseFile(set, name, source, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return file{}, err
	}
	f := file{
		path: name, name: head.Name.Name, test: strings.HasSuffix(name, "_test.go"),
		generated: ast.IsGenerated(head), doc: head.Doc.Text(), lines: bytes.Count(source, []byte("\n")),
	}
	for _, spec := range head.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return file{}, fmt.Errorf("%s: import %s: %w", name, spec.Path.Value, err)
		}
		f.imports = append(f.imports, target)
	}
	if f.generated {
		return f, nil
	}
	body, err := parser.ParseFile(set, name, source, parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	for _, declaration := range body.Decls {
		if fn, ok := declaration.(*ast.FuncDecl); ok {
			from, to := set.Position(fn.Pos()).Line, set.Position(fn.End()).Line
			f.functions = append(f.functions, function{name: fn.Name.Name, line: from, lines: to - from + 1})
		}
	}
	return f, nil
}
