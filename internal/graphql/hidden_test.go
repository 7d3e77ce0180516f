package graphql

import (
	"fmt"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/store/storetest"
)

// marker is in every text of what is hidden in this file.
const marker = "quagga"

// hiddenWorld is a space that a caller reads beside one that he does not, with
// one thing of each kind in the second and everything that can lead there.
type hiddenWorld struct {
	*object
	seen   map[string]string // ids in the space that he reads, by type
	hidden map[string]string // ids in the other
}

func newHiddenWorld(t *testing.T, url string) *hiddenWorld {
	t.Helper()
	sibling := relations[5]
	s := newScene(t, url, []relation{sibling})
	wide := DefaultLimits() // so that one document can ask for everything
	wide.Cost, wide.Selected = math.MaxInt, math.MaxInt
	s.admin.handler = NewHandler(NewSchema(realResolver(t, s.kit.Store, s.kit.Gate, s.kit.IDs, s.kit.Clock.Now)), wide, slog.New(slog.DiscardHandler))
	b := s.branch(sibling)
	w := &hiddenWorld{object: &object{scene: s, branch: b}, seen: map[string]string{}, hidden: map[string]string{}}
	w.fill(w.seen, b.ids[sibling.holder], "plain")
	w.fill(w.hidden, b.ids[sibling.object], marker)
	w.space = b.ids["above"] // both inherit from it: what is there is seen
	shared := w.context()
	w.attach(shared, w.seen["Stack"])
	w.hidden["ContextAttachment"] = w.attach(shared, w.hidden["Stack"])
	w.seen["Context of both"] = shared
	w.seen["Context of the hidden"] = w.context()
	w.attach(w.seen["Context of the hidden"], w.hidden["Stack"])
	return w
}

// fill makes one thing of each kind in a space, with a word in every text.
func (w *hiddenWorld) fill(ids map[string]string, space, word string) {
	w.space = space
	ids["Space"] = space
	named := func(in vars) vars {
		in["name"], in["description"], in["labels"] = w.name(word), word, []any{word}
		return in
	}
	if word == marker { // so that its id, which bindings show, does not have the word
		w.admin.do("provider_spaces", "Update", vars{"space": space, "input": named(w.sameSpace(nil))})
	}
	ids["Stack"] = id(w.admin.do("provider_stacks", "Create", vars{"input": named(stackInput("", space)), "manageState": true}))
	ids["Context"] = id(w.admin.do("provider_contexts", "Create", vars{"input": named(contextInputOf("", space))}))
	pool := poolInputOf(w.t, "", space)
	ids["WorkerPool"] = id(w.admin.do("provider_workers", "Create", named(pool)))
	w.attach(ids["Context"], ids["Stack"])
	ids["ConfigElement"] = w.admin.do("provider_contexts", "AddToStack", vars{"stack": ids["Stack"], "config": with(w.variable(), "id", strings.ToUpper(word))})["id"].(string)
	w.admin.do("provider_contexts", "AddToContext", vars{"context": ids["Context"], "config": with(w.variable(), "value", word)})
	ids["Run"] = w.run(ids["Stack"], domain.RunTracked, domain.RunUnconfirmed)
	ids["StackRoleBinding"] = w.bind("CreateOfStack", vars{"stackID": ids["Stack"], "roleID": w.reader(), "spaceID": space})
	ids["ApiKeyRoleBinding"] = w.bind("CreateOfKey", vars{"apiKeyID": w.key(), "roleID": w.reader(), "spaceID": space})
	ids["AccessRequest"] = w.ask(w.admin.as(w.key()))["id"].(string)
}

// leaks are what an answer tells of the hidden space.
func (w *hiddenWorld) leaks(a answer) (out []string) {
	if strings.Contains(strings.ToLower(a.raw), marker) {
		out = append(out, marker)
	}
	for kind, id := range w.hidden {
		if strings.Contains(a.raw, id) {
			out = append(out, kind)
		}
	}
	return out
}

// TestCase114NothingOfHiddenSpaces asks everything that the schema has, as deep
// as documents may be, of what a caller sees: nothing in the answers comes from
// a space that he does not. Then he asks with the ids and names of what is
// there, and learns no more than with invented ones.
func TestCase114NothingOfHiddenSpaces(t *testing.T) {
	schema := ourSchema()
	for _, d := range storetest.Databases {
		t.Run(d.Name, func(t *testing.T) {
			t.Parallel()
			w := newHiddenWorld(t, d.URL(t))
			all := w.askEverything(t, schema, w.admin)
			for kind := range w.hidden { // else the documents would not reach it
				if all[kind] == nil {
					t.Errorf("an admin of root is shown no hidden %s", kind)
				}
			}
			finer := []authz.Action{authz.ActionRunTrigger, authz.ActionRunRead, authz.ActionStackRead, authz.ActionContextRead}
			slices.Sort(finer)
			for _, actions := range [][]authz.Action{systemRoles[1].actions, finer, nil} {
				caller, _ := w.scene.caller(w.branch, actions)
				name := "holder of " + actionNames(actions)
				for kind, by := range w.askEverything(t, schema, caller) {
					t.Errorf("%s: %v show a hidden %s", name, by, kind)
				}
				w.askByID(t, schema, caller, name)
				w.search(t, caller, name)
			}
			reader, _ := w.scene.caller(w.branch, systemRoles[1].actions)
			w.counts(t, reader)
		})
	}
}

// askEverything asks every query for everything of the objects that are seen,
// and returns which of them showed what is hidden, by its type.
func (w *hiddenWorld) askEverything(t *testing.T, schema *ast.Schema, caller *world) map[string][]string {
	found := map[string][]string{}
	for _, f := range schema.Query.Fields {
		if isIntrospection(f.Name) {
			continue
		}
		for _, kind := range append([]string{""}, sortedKeys(w.seen)...) {
			if kind == "" == needsArguments(f) {
				continue
			}
			d := deep{schema: schema, ids: w.hidden}
			text := "{" + f.Name + d.arguments(f, w.seen[kind]) + d.set(f.Type, 4) + "}"
			a := caller.query(text, nil)
			if code(a) == "INVALID" {
				t.Fatalf("%s cannot be asked: %.500s\n%s", f.Name, a.raw, text)
			}
			for _, leak := range w.leaks(a) {
				found[leak] = append(found[leak], f.Name)
			}
		}
	}
	return found
}

// askByID asks every query that takes an id for each hidden thing.
func (w *hiddenWorld) askByID(t *testing.T, schema *ast.Schema, caller *world, name string) {
	const invented = "01J99999999999999999999999"
	for _, f := range schema.Query.Fields {
		if !needsArguments(f) || isIntrospection(f.Name) {
			continue
		}
		ask := func(id string) string {
			d := deep{schema: schema, ids: map[string]string{}}
			return caller.query("{"+f.Name+d.arguments(f, id)+short(schema, f.Type)+"}", nil).raw
		}
		missing := ask(invented)
		for kind, id := range w.hidden {
			if got := ask(id); strings.ReplaceAll(got, id, invented) != missing {
				t.Errorf("%s: %s of a hidden %s answers %s, of none %s", name, f.Name, kind, got, missing)
			}
		}
	}
}

// search looks for what is hidden by its texts and ids: as for what nobody has.
func (w *hiddenWorld) search(t *testing.T, caller *world, name string) {
	for _, field := range []string{"searchStacks", "searchContexts", "searchWorkerPools"} {
		ask := func(in string) string {
			return caller.query("{"+field+"(input:{"+in+"}){edges{cursor node{id}} pageInfo{endCursor hasNextPage hasPreviousPage}}}", nil).raw
		}
		for kind, id := range w.hidden {
			for _, with := range []string{
				`first:1 fullTextSearch:"%s"`, `first:1 predicates:[{field:"id" constraint:{stringMatches:["%s"]}}]`,
				`first:1 predicates:[{field:"space" constraint:{stringMatches:["%s"]}}]`,
			} {
				if got, none := ask(fmt.Sprintf(with, id)), ask(fmt.Sprintf(with, "nobody-has-this")); got != none {
					t.Errorf("%s: %s for a hidden %s answers %s, for nothing %s", name, field, kind, got, none)
				}
			}
		}
		if got, none := ask(`fullTextSearch:"`+marker+`"`), ask(`fullTextSearch:"nobody-has-this"`); got != none {
			t.Errorf("%s: %s for a hidden word answers %s", name, field, got)
		}
	}
}

// counts asks what is counted: hidden things do not count.
func (w *hiddenWorld) counts(t *testing.T, reader *world) {
	for context, want := range map[string]bool{"Context of both": true, "Context of the hidden": false} {
		a := reader.query(`query($id:ID!){context(id:$id){hasAttachedStacks attachedStacks{id}}}`, vars{"id": w.seen[context]})
		got, _ := a.Data["context"].(vars)
		if list, _ := got["attachedStacks"].([]any); got["hasAttachedStacks"] != want || len(list) > 1 {
			t.Errorf("%s: %s", context, a.raw)
		}
	}
	a := reader.query(`query($id:ID!){stackRoleBinding(id:$id){role{roleBindingsCount}}}`, vars{"id": w.seen["StackRoleBinding"]})
	if !strings.Contains(a.raw, `"roleBindingsCount":1}`) { // three more have the same role
		t.Errorf("bindings of a role: %s", a.raw)
	}
	a = reader.query(`{spaces{id} stacks{id} contexts{id} workerPools{id} roleBindings(input:{first:100}){edges{node{id}}}}`, nil)
	for field, want := range map[string]int{"spaces": 3, "stacks": 1, "contexts": 3, "workerPools": 1} {
		if list, _ := a.Data[field].([]any); len(list) != want {
			t.Errorf("%s: %d, want %d: %s", field, len(list), want, a.raw)
		}
	}
}
