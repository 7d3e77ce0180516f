package graphql

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// okapi is in the name of everything here that is for those who may view the
// account, and marker in what is hidden altogether.
const okapi = "okapi"

// askedAbout is a space that two keys read, and actors who may do things there
// and in another space, which is hidden from both.
type askedAbout struct {
	*world
	open, hidden, stack string
	actors              []vars
}

func newAskedAbout(t *testing.T) *askedAbout {
	w := &askedAbout{world: newWorld(t)}
	w.open, w.hidden = w.newSpace("open", "root", true), w.newSpace("other", "root", false)
	w.one(`mutation($s:ID!$i:SpaceInput!){spaceUpdate(space:$s,input:$i){id}}`, vars{"s": w.hidden, "i": vars{
		"name": marker, "parentSpace": "root", "inheritEntities": false, "description": "", "labels": []any{},
	}})
	stack := func(slug, name, space string) string {
		return id(w.one(`mutation($i:StackInput!$s:String){stackCreate(input:$i,manageState:true,slug:$s){id}}`, vars{"i": stackInput(name, space), "s": slug}))
	}
	w.stack = stack("zebra", marker+" stack", w.hidden)
	stack("seen", "seen", w.open)
	role := w.do("provider_roles", "Create", vars{"input": vars{"name": okapi + " role", "actions": []any{"SPACE_READ", "RUN_TRIGGER", "STACK_CREATE"}}})["slug"]
	key := w.newKey(okapi + " key")
	member := id(w.do("provider_apikeys", "Create", vars{"input": vars{"admin": false, "name": okapi + " member", "teams": []any{okapi + " group"}}}))
	group := id(w.one(`mutation{managedUserGroupCreate(input:{groupName:"`+okapi+` group",description:"",accessRules:[]}){id}}`, nil))
	w.actors = []vars{actorVar("API_KEY", key), actorVar("API_KEY", member), actorVar("GROUP", group), actorVar("STACK", w.stack), actorVar("API_KEY", "nope")}
	for _, holder := range []vars{w.actors[0], w.actors[2], w.actors[3]} {
		for _, space := range []string{w.open, w.hidden} {
			w.one(bindDocument, vars{"b": vars{"actor": holder, "role": role, "spaceId": space}})
		}
	}
	w.one(bindDocument, vars{"b": vars{"actor": w.actors[0], "role": "space-writer", "entity": vars{"kind": "STACK", "id": w.stack}}})
	return w
}

// asks are all questions about everybody there, and nobody.
func (w *askedAbout) asks(asker *world) (raw []string) {
	targets := []vars{{"kind": "SPACE", "id": w.open}, {"kind": "STACK", "id": "seen"}, {"kind": "SPACE", "id": "root"}, {"kind": "SPACE", "id": w.hidden}, {"kind": "STACK", "id": w.stack}}
	for _, target := range targets {
		for _, action := range []string{"SPACE_READ", "RUN_TRIGGER", "STACK_CREATE", "RUN_CONFIRM"} {
			raw = append(raw, asker.query(whoCanDocument, vars{"i": vars{"action": action, "target": target}}).raw)
			for _, actor := range append([]vars{nil}, w.actors...) {
				raw = append(raw, asker.query(explainDocument, vars{"i": vars{"actor": actor, "action": action, "target": target}}).raw)
			}
		}
		for _, actor := range append([]vars{nil}, w.actors...) {
			raw = append(raw, asker.query(effectiveDocument, vars{"i": vars{"actor": actor, "target": target}}).raw)
		}
	}
	for _, actor := range w.actors {
		raw = append(raw, asker.query(explainDocument, vars{"i": vars{"actor": actor}}).raw)
	}
	return raw
}

// TestR23ExplanationsTellNothing: whatever is asked, a reader is not told a
// name of anybody else or of a role of the account's own, nor an admin one of
// a space or a stack that he does not see. The admin of root is told all.
func TestR23ExplanationsTellNothing(t *testing.T) {
	w := newAskedAbout(t)
	reader, admin := w.newKey("reader"), w.newKey("admin")
	own := []string{w.bind(reader, "space-reader", inSpace(w.open))}
	w.bind(admin, "space-admin", inSpace(w.open))
	// Who may do something by name in the hidden space sees as little of it.
	half := id(w.do("provider_roles", "Create", vars{"input": vars{"name": "half", "actions": []any{"RUN_TRIGGER"}}}))
	own = append(own, w.bind(reader, half, inSpace(w.hidden)))
	for name, c := range map[string]struct {
		asker     *world
		never, at []string
	}{
		"the reader":       {w.as(reader), []string{marker, okapi}, nil},
		"an admin":         {w.as(admin), []string{marker}, []string{okapi + " key", okapi + " group", okapi + " role"}},
		"the admin of all": {w.world, nil, []string{marker, marker + " stack", okapi + " member"}},
	} {
		answers := w.asks(c.asker)
		for _, word := range c.never {
			for _, raw := range answers {
				if strings.Contains(raw, word) {
					t.Errorf("%s is told of %s: %s", name, word, raw)
				}
			}
		}
		for _, word := range c.at {
			if !slices.ContainsFunc(answers, func(raw string) bool { return strings.Contains(raw, word) }) {
				t.Errorf("%s is not told of %s", name, word)
			}
		}
		if name != "the reader" {
			continue
		}
		// Of all bindings he is told his own.
		told := map[string]bool{}
		for _, found := range regexp.MustCompile(`"bindingId":"([^"]+)"`).FindAllStringSubmatch(strings.Join(answers, ""), -1) {
			told[found[1]] = true
		}
		if len(told) != 2 || !told[own[0]] || !told[own[1]] {
			t.Errorf("the reader is told of the bindings %v, his own are %v", told, own)
		}
	}
}
