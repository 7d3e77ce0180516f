package archtest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestImports(t *testing.T) {
	report(t, importViolations(ourPackages(t), table))
}

// importViolations checks every file against the row of its folder.
func importViolations(pkgs []pkg, rows []row) []string {
	var found []string
	for _, p := range pkgs {
		own, ok := rowOf(rows, p.folder)
		if !ok {
			found = append(found, fmt.Sprintf("%s: the architecture does not know this folder; "+
				"add a row to internal/archtest/table_test.go that says what it may import and why, and show it in docs/architecture.md", p.folder))
			continue
		}
		for _, f := range p.files {
			for _, target := range f.imports {
				if reason := refused(rows, own, f, target); reason != "" {
					found = append(found, fmt.Sprintf("%s imports %s: %s", f.path, strings.TrimPrefix(target, module+"/"), reason))
				}
			}
		}
	}
	return found
}

// refused returns why the file may not import target, or nothing if it may.
func refused(rows []row, own row, f file, target string) string {
	for library, why := range bannedLibraries {
		if within(target, library) {
			return why
		}
	}
	if f.test || own.testOnly {
		return "" // tests wire what they need
	}
	for library, r := range reserved {
		if within(target, library) && !within(own.folder, r.folder) && !slices.Contains(own.libraries, anything) {
			return r.why
		}
	}
	folder, ours := strings.CutPrefix(target, module+"/")
	switch {
	case target == "testing" || strings.HasPrefix(target, "testing/"):
		return "the product does not import testing; mark the folder testOnly if it is a test"
	case !ours:
		if standard(target) || allows(own.libraries, target) {
			return ""
		}
		return own.why + " (a library is allowed by adding it to the row of " + own.folder + ")"
	case within(folder, own.folder) && !hasOtherRow(rows, own, folder):
		return ""
	}
	if other, ok := rowOf(rows, folder); ok && other.testOnly && own.folder != "tools" {
		return "only tests may: " + other.why
	}
	if allows(own.own, folder) {
		return ""
	}
	return own.why
}

// rowOf returns the row of the longest folder that contains folder.
func rowOf(rows []row, folder string) (row, bool) {
	var best row
	for _, r := range rows {
		if within(folder, r.folder) && len(r.folder) > len(best.folder) {
			best = r
		}
	}
	return best, best.folder != ""
}

// hasOtherRow tells whether folder, inside own, follows a row of its own.
func hasOtherRow(rows []row, own row, folder string) bool {
	other, _ := rowOf(rows, folder)
	return other.folder != own.folder
}

func allows(list []string, target string) bool {
	return slices.ContainsFunc(list, func(entry string) bool { return entry == anything || within(target, entry) })
}

// within tells whether target is folder or lies below it.
func within(target, folder string) bool {
	return target == folder || strings.HasPrefix(target, folder+"/")
}

// standard tells the standard library from modules, whose first element has
// a dot in it.
func standard(target string) bool {
	first, _, _ := strings.Cut(target, "/")
	return !strings.Contains(first, ".")
}
