package archtest

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"
)

// The largest sizes. Half of these is where a second look begins.
const (
	maxFileLines     = 500
	maxFunctionLines = 80
)

// allowed lists what was larger when the limits came, with the size it may
// have at most. Entries are removed or lowered, never added or raised: split
// the file instead. The key is a path, or a path and a function.
var allowed = map[string]int{}

func TestNames(t *testing.T)           { report(t, nameViolations(ourPackages(t))) }
func TestPackageComments(t *testing.T) { report(t, commentViolations(ourPackages(t))) }
func TestSizes(t *testing.T)           { report(t, sizeViolations(ourPackages(t), allowed)) }

func nameViolations(pkgs []pkg) []string {
	var found []string
	for _, p := range pkgs {
		for _, element := range strings.Split(p.folder, "/") {
			if slices.Contains(bannedNames, element) {
				found = append(found, fmt.Sprintf("%s: a folder called %s says nothing of what is in it; "+
					"put the helper beside its only user or give it a name", p.folder, element))
			}
		}
		for _, f := range p.files {
			if slices.Contains(bannedNames, strings.TrimSuffix(f.name, "_test")) {
				found = append(found, fmt.Sprintf("%s: a package called %s says nothing of what is in it", f.path, f.name))
			}
		}
	}
	return found
}

// commentViolations asks each package for one comment that says what it is
// for. A folder of tests alone may have it in a test file.
func commentViolations(pkgs []pkg) []string {
	var found []string
	for _, p := range pkgs {
		testsOnly := !slices.ContainsFunc(p.files, func(f file) bool { return !f.test })
		var documented []string
		for _, f := range p.files {
			// A generated file's comment is about the generator.
			if f.generated || f.doc == "" || (f.test && !testsOnly) {
				continue
			}
			documented = append(documented, f.path)
			opening := "Package " + f.name + " "
			if f.name == "main" {
				opening = "Command " + path.Base(p.folder) + " "
			}
			if !strings.HasPrefix(f.doc, opening) {
				found = append(found, fmt.Sprintf("%s: the package comment begins with %q, as go doc expects", f.path, opening))
			}
		}
		switch {
		case len(documented) == 0 && slices.ContainsFunc(p.files, func(f file) bool { return !f.generated }):
			found = append(found, p.folder+": no package comment; say what the package is for and what it must not do")
		case len(documented) > 1:
			found = append(found, fmt.Sprintf("%s: package comments in %s; keep one", p.folder, strings.Join(documented, " and ")))
		}
	}
	return found
}

func sizeViolations(pkgs []pkg, allowed map[string]int) []string {
	var found []string
	used := map[string]bool{}
	check := func(what string, lines, limit int, advice string) {
		if most, ok := allowed[what]; ok {
			used[what] = lines > limit
			limit = max(limit, most)
		}
		if lines > limit {
			found = append(found, fmt.Sprintf("%s: %d lines, at most %d; %s", what, lines, limit, advice))
		}
	}
	for _, p := range pkgs {
		for _, f := range p.files {
			if f.generated {
				continue
			}
			check(f.path, f.lines, maxFileLines, "split it by noun")
			for _, fn := range f.functions {
				check(f.path+" "+fn.name, fn.lines, maxFunctionLines, "name its steps")
			}
		}
	}
	for what := range allowed {
		if !used[what] {
			found = append(found, what+": no longer too large; remove it from the list of what is allowed")
		}
	}
	return found
}
