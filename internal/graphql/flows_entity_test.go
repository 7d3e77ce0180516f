package graphql

import (
	"strings"
	"testing"
)

// bind gives a key a role by our own form of a binding.
func (w *world) bind(key, role string, target vars) string {
	w.t.Helper()
	target["actor"], target["role"] = actorVar("API_KEY", key), role
	return id(w.one(bindDocument, vars{"b": target}))
}

func inSpace(id string) vars { return vars{"spaceId": id} }

func on(kind, id string) vars { return vars{"entity": vars{"kind": kind, "id": id}} }

func (w *world) newSpace(name, parent string, inherit bool) string {
	w.t.Helper()
	return id(w.do("provider_spaces", "Create", vars{"input": vars{
		"name": name, "inheritEntities": inherit, "parentSpace": parent, "description": "", "labels": []any{}}}))
}

// code sends a document and returns the code of its refusal, empty for none.
func (w *world) code(document string, variables vars) string {
	w.t.Helper()
	a := w.query(document, variables)
	if a.Errors == nil {
		return ""
	}
	code, _ := a.failure(w.t.(*testing.T))
	return code
}

// TestR24NoLevelInTheSpace: Space admin on one object is no admin of its space,
// whatever follows from the object.
func TestR24NoLevelInTheSpace(t *testing.T) {
	w := newWorld(t)
	space, elsewhere := w.newSpace("Dev", "root", true), w.newSpace("Elsewhere", "root", true)
	w.do("provider_stacks", "Create", vars{"input": stackInput("app", space), "manageState": true})
	shared := id(w.do("provider_contexts", "Create", vars{"input": vars{"name": "Shared", "space": space}}))
	key := w.newKey("boss")
	w.bind(key, "space-admin", on("STACK", "app"))
	w.bind(key, "space-admin", on("CONTEXT", shared))
	boss := w.as(key)

	update := func(change vars) string {
		input := stackInput("app", space)
		for k, v := range change {
			input[k] = v
		}
		a := boss.run("provider_stacks", "Update", vars{"id": "app", "input": input})
		if a.Errors == nil {
			return ""
		}
		code, _ := a.failure(t)
		return code
	}
	for name, c := range map[string]struct{ got, want string }{
		"change the stack":            {update(vars{"branch": "other"}), ""},
		"make it administrative (R1)": {update(vars{"administrative": true}), "FORBIDDEN"},
		"move it (R18)":               {update(vars{"space": elsewhere}), "NOT_FOUND"},
		"change the context":          {boss.code(`mutation($i:ID!){contextUpdate(id:$i,name:"other"){id}}`, vars{"i": shared}), ""},
		"move the context (R18)":      {boss.code(`mutation($i:ID!,$s:ID!){contextUpdateV2(id:$i,replaceConfigElements:false,input:{name:"other",space:$s}){id}}`, vars{"i": shared, "s": elsewhere}), "NOT_FOUND"},
		"attach one to the other":     {boss.code(`mutation($i:ID!){contextAttach(id:$i,stack:"app",priority:0){id}}`, vars{"i": shared}), ""},
		"bind on the stack":           {boss.code(bindDocument, vars{"b": vars{"actor": actorVar("API_KEY", key), "role": "space-reader", "entity": vars{"kind": "STACK", "id": "app"}}}), ""},
		"bind in the space (A92)":     {boss.code(bindDocument, vars{"b": vars{"actor": actorVar("API_KEY", key), "role": "space-reader", "spaceId": space}}), "NOT_FOUND"},
		"bind the stack (R11)":        {boss.code(bindDocument, vars{"b": vars{"actor": actorVar("STACK", "app"), "role": "space-reader", "entity": vars{"kind": "STACK", "id": "app"}}}), "FORBIDDEN"},
		"make a context beside it":    {boss.code(`mutation($s:ID!){contextCreateV2(input:{name:"x",space:$s}){id}}`, vars{"s": space}), "NOT_FOUND"},
		"view roles (A78)":            {boss.code(`{roles{id}}`, nil), "FORBIDDEN"},
		"view keys (A78)":             {boss.code(`{apiKeys{id}}`, nil), "FORBIDDEN"},
		"edit the space":              {boss.code(`mutation($s:ID!){spaceUpdate(space:$s,input:{name:"x",inheritEntities:true,parentSpace:"root",description:"",labels:[]}){id}}`, vars{"s": space}), "NOT_FOUND"},
	} {
		if c.got != c.want {
			t.Errorf("%s: %q, want %q", name, c.got, c.want)
		}
	}
	a := boss.query(`{spaces{id accessLevel}}`, nil)
	if strings.Contains(a.raw, "READ") || strings.Contains(a.raw, "ADMIN") || strings.Contains(a.raw, elsewhere) || strings.Count(a.raw, `"id"`) != 2 {
		t.Errorf("he sees %s", a.raw)
	}
}

// TestCase23DeletedEntity: a new object of an old id is nobody's.
func TestCase23DeletedEntity(t *testing.T) {
	w := newWorld(t)
	key := w.newKey("guest")
	guest := w.as(key)
	create := func() {
		w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true})
		w.do("provider_contexts", "Create", vars{"input": vars{"name": "Shared", "space": "legacy"}})
	}
	create()
	binding := w.bind(key, "space-admin", on("STACK", "app"))
	w.bind(key, "space-admin", on("CONTEXT", "shared"))
	if a := guest.query(`{stacks{id} contexts{id}}`, nil); body(a) != `{"data":{"stacks":[{"id":"app"}],"contexts":[{"id":"shared"}]}}` {
		t.Fatalf("before: %s", a.raw)
	}
	w.do("provider_contexts", "Delete", vars{"id": "shared"})
	w.do("spacectl_stacks", "Delete", vars{"id": "app", "destroyResources": false})
	create()
	if a := guest.query(`{stacks{id} contexts{id}}`, nil); body(a) != `{"data":{"stacks":[],"contexts":[]}}` {
		t.Errorf("afterwards: %s", a.raw)
	}
	if a := w.query(`query($i:ID!){roleBinding(id:$i){id}}`, vars{"i": binding}); body(a) != `{"data":{"roleBinding":null}}` {
		t.Errorf("the binding: %s", a.raw)
	}
	if a := w.query(`query($k:ID!){roleBindings(input:{actor:{kind:API_KEY,id:$k}}){edges{node{id}}}}`, vars{"k": key}); strings.Contains(a.raw, `"node"`) {
		t.Errorf("left: %s", a.raw)
	}
}

// TestCase24Baseline: without space:read nothing is seen, listed or found, in
// a space and on one object alike; what the role names works on a known id.
func TestCase24Baseline(t *testing.T) {
	for name, target := range map[string]func(space string) vars{
		"in the space": inSpace,
		"on the stack": func(string) vars { return on("STACK", "app") },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			space, other := w.newSpace("A", "root", true), w.newSpace("B", "root", true)
			for id, in := range map[string]string{"app": space, "b": other} {
				w.do("provider_stacks", "Create", vars{"input": stackInput(id, in), "manageState": true})
			}
			w.do("provider_roles", "Create", vars{"input": vars{"name": "Manager", "actions": []any{"STACK_MANAGE"}}})
			key := w.newKey("k")
			w.bind(key, "manager", target(space))
			k := w.as(key)
			a := k.query(`{stacks{id} searchStacks(input:{fullTextSearch:"app"}){edges{cursor} pageInfo{hasNextPage}} spaces{id} stack(id:"app"){id}}`, nil)
			if body(a) != `{"data":{"stacks":[],"searchStacks":{"edges":[],"pageInfo":{"hasNextPage":false}},"spaces":[],"stack":null}}` {
				t.Errorf("he sees %s", a.raw)
			}
			update := func(id, space string) answer {
				return k.query(`mutation($i:ID!,$s:StackInput!){stackUpdate(id:$i,input:$s){id branch}}`, vars{"i": id, "s": with(stackInput(id, space), "branch", "next")})
			}
			if a := update("app", space); body(a) != `{"data":{"stackUpdate":{"id":"app","branch":"next"}}}` {
				t.Errorf("known id: %s", a.raw)
			}
			hidden, message := update("b", other).failure(t)
			missing, other := update("nope", other).failure(t)
			if hidden != "NOT_FOUND" || hidden != missing || message != other {
				t.Errorf("hidden %s %q, missing %s %q", hidden, message, missing, other)
			}
		})
	}
}

// TestCase26Case27Inheritance: nothing is read above a space that does not
// inherit, and a role reaches below it all the same.
func TestCase26Case27Inheritance(t *testing.T) {
	w := newWorld(t)
	a := w.newSpace("A", "root", true)
	a2 := w.newSpace("A2", a, false)
	for id, in := range map[string]string{"above": a, "below": a2} {
		w.do("provider_stacks", "Create", vars{"input": stackInput(id, in), "manageState": true})
	}
	reader, admin := w.newKey("reader"), w.newKey("admin")
	w.bind(reader, "space-reader", inSpace(a2))
	w.bind(admin, "space-admin", inSpace(a))
	got := w.as(reader).query(`query($a:ID!){above:stack(id:"above"){id} below:stack(id:"below"){id} space(id:$a){accessLevel labels}}`, vars{"a": a})
	if body(got) != `{"data":{"above":null,"below":{"id":"below"},"space":{"accessLevel":null,"labels":[]}}}` {
		t.Errorf("case 26: %s", got.raw)
	}
	if code := w.as(admin).code(`mutation($i:StackInput!){stackUpdate(id:"below",input:$i){id}}`, vars{"i": with(stackInput("below", a2), "branch", "x")}); code != "" {
		t.Errorf("case 27: %s", code)
	}
	if code := w.as(admin).code(bindDocument, vars{"b": vars{"actor": actorVar("API_KEY", reader), "role": "space-admin", "entity": vars{"kind": "STACK", "id": "below"}}}); code != "" {
		t.Errorf("case 27, a binding: %s", code)
	}
}

// TestR24MoveTakesBindingsAlong: what is bound to an object stays so where it
// goes, and its new space is on the path.
func TestR24MoveTakesBindingsAlong(t *testing.T) {
	w := newWorld(t)
	to := w.newSpace("Elsewhere", "root", false)
	w.do("provider_stacks", "Create", vars{"input": stackInput("app", "legacy"), "manageState": true})
	shared := id(w.do("provider_contexts", "Create", vars{"input": vars{"name": "Shared", "space": "legacy"}}))
	key := w.newKey("guest")
	w.bind(key, "space-writer", on("STACK", "app"))
	w.bind(key, "space-reader", on("CONTEXT", shared))
	sees := func(space string) {
		t.Helper()
		a := w.as(key).query(`{stacks{id} contexts{id} spaces{id}}`, nil)
		if want := `{"data":{"stacks":[{"id":"app"}],"contexts":[{"id":"shared"}],"spaces":[{"id":"root"},{"id":"` + space + `"}]}}`; body(a) != want {
			t.Errorf("the guest sees %s, want %s", a.raw, want)
		}
	}
	sees("legacy")
	w.do("provider_stacks", "Update", vars{"id": "app", "input": stackInput("app", to)})
	w.one(`mutation($i:ID!,$s:ID!){contextUpdateV2(id:$i,replaceConfigElements:false,input:{name:"Shared",space:$s}){id}}`, vars{"i": shared, "s": to})
	sees(to)
	w.as(key).trigger("app")
}
