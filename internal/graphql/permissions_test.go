package graphql

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// TestPermissions is security case 113: it asks the API, over a real database,
// every field of the schema as every system role in every relation of spaces,
// compares the answers with what the access model says of the field's @rule,
// and docs/permissions.md with the answers. With -update it rewrites the page.
//
// SQLite answers all cells, PostgreSQL those of three relations.
func TestPermissions(t *testing.T) {
	schema := ourSchema()
	everyFieldHasARow(t, schema)
	all := newPage(schema)
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			d.URL(t) // skips without the database
			page, asked := all, relations
			if d.Name != "sqlite" {
				page, asked = newPage(schema), []relation{relations[0], relations[3], relations[5]}
			}
			// A database for each noun stays small.
			for noun, rows := range permissionsByNoun(t, schema) {
				t.Run(noun, func(t *testing.T) {
					t.Parallel()
					s := newScene(t, d.URL(t), asked)
					for _, p := range rows {
						page.add(noun, s.ask(p, schema))
					}
				})
			}
		})
	}
	if !t.Failed() && len(all.nouns) == len(permissionsByNoun(t, schema)) { // not of a part that -run names
		all.check(t, "../../docs/permissions.md")
	}
}

// permissionsByNoun groups the rows by the schema file that has the field.
func permissionsByNoun(t *testing.T, schema *ast.Schema) map[string][]permission {
	out := map[string][]permission{}
	for _, p := range allPermissions {
		way, err := p.way(schema)
		must(t, err)
		out[nounOf(way[len(way)-1].def)] = append(out[nounOf(way[len(way)-1].def)], p)
	}
	return out
}

func nounOf(f *ast.FieldDefinition) string {
	file := f.Position.Src.Name
	return strings.TrimSuffix(file[strings.LastIndexByte(file, '/')+1:], ".graphqls")
}

// question is one cell before it is asked.
type question struct {
	role     string
	actions  []authz.Action
	relation relation
	caller   *world
	object   *object
	vars     vars
	rules    []asked
	want     cell
}

// answers are the cells of one row, by role and relation.
type answers struct {
	permission
	roles []string // in the order in which they were asked
	cells map[string]map[string]cell
}

// ask asks one row in every relation as every role: first what is to be
// refused, all of it about the same objects, and looks whether anything
// changed; then what is to be allowed, each time about a fresh object.
func (s *scene) ask(p permission, schema *ast.Schema) answers {
	out := answers{permission: p, cells: map[string]map[string]cell{}}
	way, err := p.way(schema)
	must(s.t, err)
	changes := way[0].typ == schema.Mutation
	var refused, allowed []question
	for _, q := range s.questions(p, schema, &out) {
		if changes && q.want == yes {
			allowed = append(allowed, q)
		} else {
			refused = append(refused, q)
		}
	}
	unchanged := func() {}
	if changes {
		unchanged = s.watch(p, len(refused))
	}
	for _, q := range refused {
		s.put(&out, q, s.one(p, schema, q))
	}
	unchanged()
	s.compareWithNothing(p, schema, refused)
	for _, q := range allowed {
		if p.spends {
			delete(s.branches, q.relation.name)
		}
		s.prepare(p, schema, &q)
		s.put(&out, q, s.one(p, schema, q))
		if p.spends {
			delete(s.branches, q.relation.name)
		}
	}
	if s.toggled {
		s.delegate(false)
	}
	return out
}

// questions are all cells of a row, with the objects that they are about.
func (s *scene) questions(p permission, schema *ast.Schema, out *answers) (list []question) {
	type asker struct {
		role    string
		actions []authz.Action
	}
	var askers []asker
	for _, r := range systemRoles {
		askers = append(askers, asker{r.label, r.actions})
	}
	named, err := p.namedRoles(schema)
	must(s.t, err)
	for _, actions := range named {
		askers = append(askers, asker{"only `" + strings.ReplaceAll(actionNames(actions), ", ", "`, `") + "`", actions})
	}
	for _, r := range s.relations {
		shared := question{relation: r}
		s.prepare(p, schema, &shared) // for a row with own only the rules count
		for _, a := range askers {
			q := shared
			q.role, q.actions = a.role, a.actions
			caller, h := s.caller(s.branch(r), a.actions)
			q.caller, q.want = caller, p.expected(s.tree, h, q.rules)
			if p.own {
				s.prepare(p, schema, &q)
			}
			list = append(list, q)
		}
	}
	for _, a := range askers {
		out.roles = append(out.roles, a.role)
	}
	return list
}

// prepare makes the object of a question.
func (s *scene) prepare(p permission, schema *ast.Schema, q *question) {
	b := s.branch(q.relation)
	if q.caller != nil { // the branch may be a new one
		q.caller, _ = s.caller(b, q.actions)
	}
	q.object = &object{scene: s, branch: b, space: b.ids[b.object], caller: q.caller}
	if p.make != nil && (q.caller != nil || !p.own) {
		q.vars = p.make(q.object)
	}
	var err error
	q.rules, err = p.asks(b, schema)
	must(s.t, err)
}

func (s *scene) one(p permission, schema *ast.Schema, q question) cell {
	what := fmt.Sprintf("%s as %s, %s", p.title(), q.role, q.relation.name)
	if s.wrong > 20 {
		s.t.Fatal("and more")
	}
	a, err := p.send(q.caller, schema, q.vars)
	must(s.t, err)
	got, err := p.read(a, q.object, q.rules)
	switch {
	case err != nil:
		s.wrong++
		s.t.Errorf("%s: %v", what, err)
	case got != q.want:
		s.wrong++
		s.t.Errorf("%s: %s, and the rule says %s\n%.600s", what, got, q.want, a.raw)
	}
	return got
}

var likeAnIDHere = regexp.MustCompile(`^([a-z]+-\d+|01J\d{23})$`)

// compareWithNothing asks some of what is hidden again with ids that nothing
// has: the answer is the same to the byte (R23, security case 114).
func (s *scene) compareWithNothing(p permission, schema *ast.Schema, list []question) {
	for _, q := range list {
		if q.want != hidden || q.relation.name != "sibling" || q.role != "Reader" && q.role != noRole {
			continue
		}
		there, err := p.send(q.caller, schema, q.vars)
		must(s.t, err)
		invented, _ := replaceIDs(q.vars).(vars)
		nowhere, err := p.send(q.caller, schema, invented)
		must(s.t, err)
		if there.raw != nowhere.raw {
			s.t.Errorf("%s as %s: hidden is answered by %s, missing by %s", p.title(), q.role, there.raw, nowhere.raw)
		}
	}
}

func replaceIDs(v any) any {
	switch v := v.(type) {
	case string:
		if likeAnIDHere.MatchString(v) {
			return "01J99999999999999999999999"
		}
		return v
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = replaceIDs(e)
		}
		return out
	case vars:
		out := make(vars, len(v))
		for k, e := range v {
			out[k] = replaceIDs(e)
		}
		return out
	default:
		return v
	}
}

func (s *scene) put(out *answers, q question, c cell) {
	if out.cells[q.role] == nil {
		out.cells[q.role] = map[string]cell{}
	}
	out.cells[q.role][q.relation.name] = c
}

// watch returns a check that nothing has changed since but for so many
// refusals in the audit trail.
func (s *scene) watch(p permission, refusals int) func() {
	denied := func() int { return len(s.kit.Rows(s.t, "select 1 from audit_log where outcome = 'denied'")) }
	before, trail := s.kit.Digest(s.t), denied()
	return func() {
		if diff := cmp.Diff(before, s.kit.Digest(s.t)); diff != "" {
			s.t.Errorf("%s: a refused call changed the database (-before +after):\n%s", p.title(), diff)
		}
		if n := denied() - trail; n != refusals {
			s.t.Errorf("%s: %d refused calls left %d rows in the audit trail", p.title(), refusals, n)
		}
	}
}
