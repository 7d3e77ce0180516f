package archtest

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the tests that there are into the table of rules of docs/access-model.md")

const rulesPage = "../../docs/access-model.md"

// Every rule of the access model, its rulings, the rules of security and its
// cases about grants, acting as, moves and the API.
var everyRule = slices.Concat(
	numbered("A", 1, 286), numbered("R", 1, 28), numbered("G", 1, 6),
	named("case ", 1, 2, 3, 4, 6, 7, 8, 9, 11, 12, 13, 14, 16, 17, 18, 19, 21, 22, 23, 24, 26, 27, 28, 29, 31, 32, 33, 34, 36, 37, 38, 39,
		41, 42, 43, 44, 46, 47, 48, 49, 51, 52, 53, 54, 56, 57, 58, 59, 61, 62, 63, 64, 66, 67, 68, 69, 71, 72, 73, 74, 113, 114, 116, 117, 119),
)

// TestRulesAreTested holds the table of rules in docs/access-model.md to the
// tests: every rule has one that is named after it, or says why not yet; both
// where a part is missing. With -update it writes the names of the tests into the rows that there are.
func TestRulesAreTested(t *testing.T) {
	page, err := os.ReadFile(rulesPage)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := testsByRule("../..")
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		page = []byte(withTests(string(page), tests))
		if err := os.WriteFile(rulesPage, page, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	report(t, ruleViolations(string(page), tests, everyRule))
}

func TestRuleViolations(t *testing.T) {
	tests := map[string][]string{"A1": {"A1A2Root"}, "A2": {"A1A2Root"}, "case 7": {"Case7"}}
	rules := []string{"A1", "A2", "A3", "case 7"}
	table := "## Rules and their tests\n| A1, A2 | root | `A1A2Root` |\n| case 7 | x | `Case7` |\nNot yet:\n| A3 | no cats |\n"
	for name, tc := range map[string]struct{ old, replacement, want string }{
		"as it should be":     {"", "", ""},
		"no row":              {"| A3 | no cats |\n", "", "A3: neither a test nor a reason"},
		"no such test":        {"`Case7`", "`Case7`, `Case8`", "case 7: tests `Case7`, `Case8`, there are `Case7`"},
		"a test is missing":   {"`A1A2Root`", "", "A1, A2: tests , there are `A1A2Root`"},
		"no reason":           {"no cats", "", "A3: not yet, and no reason"},
		"tested after all":    {"| A1, A2 |", "| A1 |", "A2: tested by A1A2Root, and has no row"},
		"in part":             {"| A3 |", "| A3, A2 |", ""},
		"what is A9":          {"| A3 |", "| A3, A9 |", "A9: no such rule"},
		"untested in a range": {"| A1, A2 |", "| A1 to A3 |", "A3: no test is named after it"},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, ruleViolations(strings.Replace(table, tc.old, tc.replacement, 1), tests, rules), tc.want)
		})
	}
}

// ruleViolations compares the table with the tests.
func ruleViolations(page string, tests map[string][]string, rules []string) (found []string) {
	said, excused := map[string]bool{}, map[string]bool{}
	for _, r := range rowsOfRules(page) {
		var want []string
		for _, rule := range r.rules {
			said[rule], excused[rule] = said[rule] || !r.notYet, excused[rule] || r.notYet
			want = append(want, tests[rule]...)
			switch {
			case !slices.Contains(rules, rule):
				found = append(found, rule+": no such rule")
			case r.notYet && r.last == "":
				found = append(found, rule+": not yet, and no reason")
			case !r.notYet && len(tests[rule]) == 0:
				found = append(found, rule+": no test is named after it")
			}
		}
		if got := quoted(want); !r.notYet && got != r.last {
			found = append(found, fmt.Sprintf("%s: tests %s, there are %s; go test ./internal/archtest -run RulesAreTested -update writes them", r.first, r.last, got))
		}
	}
	for _, rule := range rules {
		switch {
		case !said[rule] && len(tests[rule]) > 0:
			found = append(found, fmt.Sprintf("%s: tested by %s, and has no row in docs/access-model.md", rule, strings.Join(tests[rule], ", ")))
		case !said[rule] && !excused[rule]:
			found = append(found, rule+": neither a test nor a reason in docs/access-model.md")
		}
	}
	return found
}

// quoted lists names, each once.
func quoted(names []string) string {
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return "`" + strings.Join(slices.Compact(names), "`, `") + "`"
}

// ruleRow is one row of either table.
type ruleRow struct {
	line        int
	first, last string // the first cell and the last
	rules       []string
	notYet      bool
}

// rowsOfRules reads both tables of the page.
func rowsOfRules(page string) (rows []ruleRow) {
	in, notYet := false, false
	for i, line := range strings.Split(page, "\n") {
		if strings.HasPrefix(line, "## ") {
			in = line == "## Rules and their tests"
		}
		notYet = notYet || in && strings.HasPrefix(line, "Not yet")
		cells := strings.Split(strings.Trim(line, "| "), "|")
		if rules := rulesIn(cells[0]); in && strings.HasPrefix(line, "|") && len(rules) > 0 {
			last := ""
			if want := map[bool]int{false: 3, true: 2}[notYet]; len(cells) == want {
				last = strings.TrimSpace(cells[want-1])
			}
			rows = append(rows, ruleRow{i, strings.TrimSpace(cells[0]), last, rules, notYet})
		}
	}
	return rows
}

var ruleName = regexp.MustCompile(`^(A|R|G|cases? )?(\d+)$`)

// rulesIn reads "A1, A3 to A5, cases 7 to 9, 12".
func rulesIn(cell string) (rules []string) {
	prefix := ""
	one := func(text string) int {
		m := ruleName.FindStringSubmatch(strings.TrimSpace(text))
		if m == nil {
			return 0
		}
		if m[1] != "" {
			prefix = strings.Replace(m[1], "cases", "case", 1)
		}
		n, _ := strconv.Atoi(m[2])
		return n
	}
	for _, item := range strings.Split(cell, ",") {
		from, to, isRange := strings.Cut(item, " to ")
		low := one(from)
		high := low
		if isRange {
			high = one(to)
		}
		if low == 0 || high == 0 {
			return nil
		}
		for n := low; n <= high; n++ {
			if name := prefix + strconv.Itoa(n); prefix != "case " || !isRange || slices.Contains(everyRule, name) {
				rules = append(rules, name)
			}
		}
	}
	return rules
}

// withTests is the page with the tests that there are in each row.
func withTests(page string, tests map[string][]string) string {
	lines := strings.Split(page, "\n")
	for _, r := range rowsOfRules(page) {
		if r.notYet {
			continue
		}
		var names []string
		for _, rule := range r.rules {
			names = append(names, tests[rule]...)
		}
		cells := strings.Split(strings.Trim(lines[r.line], "| "), "|")
		lines[r.line] = fmt.Sprintf("| %s | %s | %s |", r.first, strings.TrimSpace(cells[1]), quoted(names))
	}
	return strings.Join(lines, "\n")
}

var (
	testFunction = regexp.MustCompile(`(?m)^func Test([A-Za-z0-9_]+)\(`)
	ruleInName   = regexp.MustCompile(`(A|R|G|Case)(\d+)(?:To(?:A|R|G|Case)(\d+))?`)
)

// testsByRule finds the tests of the module by the rules that their names
// begin with or hold: TestA70ToA77Case17Rights.
func testsByRule(root string) (map[string][]string, error) {
	tests := map[string][]string{}
	return tests, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range testFunction.FindAllSubmatch(source, -1) {
			for _, rule := range rulesOf(string(m[1])) {
				if !slices.Contains(tests[rule], string(m[1])) {
					tests[rule] = append(tests[rule], string(m[1]))
				}
			}
		}
		return err
	})
}

func rulesOf(test string) (rules []string) {
	for _, m := range ruleInName.FindAllStringSubmatch(test, -1) {
		low, _ := strconv.Atoi(m[2])
		high := low
		if m[3] != "" {
			high, _ = strconv.Atoi(m[3])
		}
		rules = append(rules, numbered(strings.Replace(m[1], "Case", "case ", 1), low, high)...)
	}
	return rules
}

func numbered(prefix string, low, high int) (rules []string) {
	for n := low; n <= high; n++ {
		rules = append(rules, prefix+strconv.Itoa(n))
	}
	return rules
}

func named(prefix string, numbers ...int) (rules []string) {
	for _, n := range numbers {
		rules = append(rules, prefix+strconv.Itoa(n))
	}
	return rules
}
