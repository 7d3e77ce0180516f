package graphql

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
)

// page is docs/permissions.md, made of what the API answered.
type page struct {
	schema *ast.Schema
	mu     sync.Mutex
	nouns  map[string][]answers
}

func newPage(schema *ast.Schema) *page { return &page{schema: schema, nouns: map[string][]answers{}} }

func (p *page) add(noun string, a answers) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.nouns[noun] = append(p.nouns[noun], a)
}

// check compares the page with the one of the repository, or rewrites that.
func (p *page) check(t *testing.T, file string) {
	t.Helper()
	text := p.text(t)
	if *update {
		must(t, os.WriteFile(file, []byte(text), 0o644))
	}
	old, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(strings.Split(string(old), "\n"), strings.Split(text, "\n")); diff != "" {
		t.Errorf("%s is not what the API answers; go test ./internal/graphql -run Permissions -update rewrites it (-page +API):\n%s", file, diff)
	}
}

func (p *page) text(t *testing.T) string {
	head, err := os.ReadFile("testdata/permissions_head.md")
	must(t, err)
	var b strings.Builder
	b.Write(head)
	for _, noun := range slices.SortedFunc(maps.Keys(p.nouns), func(a, b string) int { return strings.Compare(nounTitle(a), nounTitle(b)) }) {
		columns := columnsOf(p.nouns[noun])
		fmt.Fprintf(&b, "\n## %s\n\n| Field | Rule | Role |", nounTitle(noun))
		for _, c := range columns {
			fmt.Fprintf(&b, " %s |", c.title)
		}
		b.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(columns)) + "\n")
		for _, a := range p.nouns[noun] {
			p.row(t, &b, a, columns)
		}
	}
	return b.String()
}

// column is a relation as the page shows it.
type column struct{ title, relation string }

// columnsOf are all relations, or two where things that belong to no space are
// answered alike in all but the last.
func columnsOf(list []answers) (out []column) {
	elsewhere, root := relations[0], relations[len(relations)-1]
	for _, a := range list {
		for _, cells := range a.cells {
			for _, r := range relations[:len(relations)-1] {
				if cells[r.name] != cells[elsewhere.name] {
					for _, r := range relations {
						out = append(out, column{strings.NewReplacer("=", "`=`", "-", "`-`").Replace(r.name), r.name})
					}
					return out
				}
			}
		}
	}
	return []column{{"elsewhere", elsewhere.name}, {"root", root.name}}
}

// row writes the cells of a field, roles that are answered alike together.
func (p *page) row(t *testing.T, b *strings.Builder, a answers, columns []column) {
	type group struct{ roles, cells []string }
	var groups []*group
	for _, role := range a.order() {
		var cells []string
		for _, c := range columns {
			cells = append(cells, a.cells[role][c.relation].shown())
		}
		i := slices.IndexFunc(groups, func(g *group) bool { return slices.Equal(g.cells, cells) })
		if i < 0 {
			groups = append(groups, &group{cells: cells})
			i = len(groups) - 1
		}
		groups[i].roles = append(groups[i].roles, role)
	}
	field, rule := p.head(t, a.permission)
	for _, g := range groups {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", field, rule, strings.Join(g.roles, "; "), strings.Join(g.cells, " | "))
		field, rule = "", ""
	}
}

// order is the roles from the strongest to none.
func (a answers) order() []string {
	strength := []string{"Admin", "Writer", "Reader", "Pool controller"}
	rank := func(role string) int {
		if i := slices.Index(strength, role); i >= 0 {
			return i
		}
		return len(strength)
	}
	rest := slices.DeleteFunc(slices.Clone(a.roles), func(r string) bool { return r == noRole })
	slices.SortStableFunc(rest, func(x, y string) int { return rank(x) - rank(y) })
	return append(rest, noRole)
}

func (c cell) shown() string {
	if c == yes || c == listed {
		return "**" + string(c) + "**"
	}
	return string(c)
}

// head names the field and says its rule.
func (p *page) head(t *testing.T, row permission) (field, rule string) {
	way, err := row.way(p.schema)
	must(t, err)
	last := row.last(t, p.schema)
	if typ, all := strings.CutSuffix(last, ".*"); all {
		rule := "whoever is shown it"
		if row.bare != 0 {
			rule += " by `space:read` or `" + row.bare.String() + "`"
		}
		return "`" + typ + "`: all other fields", rule
	}
	field = "`" + strings.TrimPrefix(strings.TrimPrefix(last, "Query."), "Mutation.") + "`"
	for i, w := range append(slices.Clone(row.when), row.note) {
		switch {
		case w == "":
		case i < len(row.when):
			field += ", when " + w
		default:
			field += ", where " + w
		}
	}
	list, err := rulesOf(way[len(way)-1].def)
	must(t, err)
	var parts []string
	for _, r := range list {
		if (r.when == "" || slices.Contains(row.when, r.when)) && !row.leavesOut(r) {
			parts = append(parts, r.sentence())
		}
	}
	return field, strings.Join(parts, "; ")
}

// nounTitle is the heading of a schema file's fields.
func nounTitle(noun string) string {
	titles := map[string]string{
		"apikeys": "API keys", "audit": "Audit trail", "bindings": "Role bindings of one kind of actor", "config": "Variables and files",
		"grants": "Role bindings of any actor", "identity": "Signing in", "workers": "Worker pools", "groups": "Group mappings",
		"requests": "Requests for access", "insight_paths": "Escalation paths", "insight_preview": "Previews", "previews": "Local previews", "repos": "Built-in repositories",
		"pushhooks": "Push hooks", "gitcredentials": "Git credentials",
	}
	if title := titles[noun]; title != "" {
		return title
	}
	return strings.ToUpper(noun[:1]) + noun[1:]
}
