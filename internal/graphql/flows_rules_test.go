package graphql

import (
	"strings"
	"testing"
)

// TestA6A7OneSpace: what is made in a space is in that space alone. A move is
// the only way to another, and takes it along.
func TestA6A7OneSpace(t *testing.T) {
	w := newWorld(t)
	dev, prod := w.newSpace("Dev", "root", true), w.newSpace("Prod", "root", true)
	stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput("app", dev), "manageState": true}))
	shared := id(w.do("provider_contexts", "Create", vars{"input": vars{"name": "Shared", "space": dev}}))
	in := map[string]*world{dev: w.as(w.key(dev, "SPACE_READ")), prod: w.as(w.key(prod, "SPACE_READ"))}
	lives := func(where string) {
		t.Helper()
		for space, reader := range in {
			for _, list := range []string{`{stacks{id space}}`, `{contexts{id space}}`} {
				raw := reader.query(list, nil).raw
				if shows := strings.Contains(raw, stack) || strings.Contains(raw, shared); shows != (space == where) {
					t.Errorf("a reader of %s, while they live in %s: %s", space, where, raw)
				}
			}
		}
	}
	lives(dev)
	input := stackInput("app", prod)
	w.do("provider_stacks", "Update", vars{"id": stack, "input": input})
	w.one(`mutation($i:ID!,$s:ID!){contextUpdateV2(id:$i,replaceConfigElements:false,input:{name:"Shared",space:$s}){id}}`, vars{"i": shared, "s": prod})
	lives(prod)
}

// TestA85A86Viewing: who has any tier in a space sees its stacks and the space;
// nobody else does, and who only passes it on the way down sees its name.
func TestA85A86Viewing(t *testing.T) {
	w := newWorld(t)
	dev := w.newSpace("Dev", "root", false)
	below := w.newSpace("Below", dev, false)
	stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput("app", dev), "manageState": true}))
	for _, c := range []struct {
		space  string
		action []any
		stack  bool
		level  string // of the space
	}{
		{"root", []any{"SPACE_READ", "SPACE_ADMIN"}, true, `"ADMIN"`},
		{dev, []any{"SPACE_READ", "SPACE_WRITE", "SPACE_ADMIN"}, true, `"ADMIN"`},
		{dev, []any{"SPACE_READ", "SPACE_WRITE"}, true, `"WRITE"`},
		{dev, []any{"SPACE_READ"}, true, `"READ"`},
		{below, []any{"SPACE_READ"}, false, `null`},
		{"legacy", []any{"SPACE_READ"}, false, ""},
		{dev, []any{"RUN_TRIGGER"}, false, ""},
	} {
		reader := w.as(w.key(c.space, c.action...))
		list, one := reader.query(`{stacks{id}}`, nil), reader.query(`query($i:ID!){stack(id:$i){id}}`, vars{"i": stack})
		if strings.Contains(list.raw, stack) != c.stack || strings.Contains(one.raw, `"stack":null`) == c.stack {
			t.Errorf("%v in %s: %s, %s", c.action, c.space, list.raw, one.raw)
		}
		spaces := reader.query(`{spaces{id accessLevel}}`, nil)
		want := `{"id":"` + dev + `","accessLevel":` + c.level
		if c.level == "" && strings.Contains(spaces.raw, dev) || c.level != "" && !strings.Contains(spaces.raw, want) {
			t.Errorf("%v in %s: %s, want %q", c.action, c.space, spaces.raw, want)
		}
	}
}

// TestR7InheritIsExplicit: nobody makes a space that inherits by leaving
// something out.
func TestR7InheritIsExplicit(t *testing.T) {
	w := newWorld(t)
	create := `mutation($i:SpaceInput!){spaceCreate(input:$i){id inheritEntities}}`
	if code := w.code(create, vars{"i": vars{"name": "x", "parentSpace": "root", "description": ""}}); code == "" {
		t.Error("a space was made without saying whether it inherits")
	}
	for _, inherit := range []bool{false, true} {
		made := w.one(create, vars{"i": vars{"name": "y", "parentSpace": "root", "description": "", "inheritEntities": inherit}})
		if made["inheritEntities"] != inherit {
			t.Errorf("asked for %v, made %v", inherit, made)
		}
		w.one(`mutation($i:ID!){spaceDelete(space:$i){id}}`, vars{"i": made["id"]})
	}
}

// TestCase119MassAssignment: an input takes nothing that it does not describe,
// and what it describes has the rule of its own that it needs.
func TestCase119MassAssignment(t *testing.T) {
	w := newWorld(t)
	dev := w.newSpace("Dev", "root", false)
	other := w.newSpace("Other", "root", false)
	stack := id(w.do("provider_stacks", "Create", vars{"input": stackInput("app", dev), "manageState": true}))
	manager := w.as(w.key(dev, "SPACE_READ", "STACK_MANAGE"))
	update := `mutation($i:ID!,$s:StackInput!){stackUpdate(id:$i,input:$s){id}}`
	with := func(field string, value any) vars {
		input := stackInput("app", dev)
		input[field] = value
		return vars{"i": stack, "s": input}
	}
	if code := manager.code(update, with("branch", "other")); code != "" {
		t.Fatalf("a manager of stacks cannot change one: %s", code)
	}
	before := w.query(`query($i:ID!){stack(id:$i){id space administrative branch createdAt}}`, vars{"i": stack}).raw
	for field, want := range map[string]string{"administrative": "FORBIDDEN", "space": "NOT_FOUND"} {
		value := map[string]any{"administrative": true, "space": other}[field]
		if code := manager.code(update, with(field, value)); code != want {
			t.Errorf("%s: %q, want %s", field, code, want)
		}
	}
	for _, field := range []string{"spaceId", "managedBy", "createdBy", "createdAt", "id", "ulid", "state", "stateSetBy", "managesStateFile", "roles"} {
		if code := w.code(update, with(field, "x")); code != "INVALID" && !strings.HasPrefix(code, "GRAPHQL_") {
			t.Errorf("stackUpdate with %s: %q", field, code)
		}
	}
	for document, input := range map[string]vars{
		`mutation($i:RoleInput!){roleCreate(input:$i){id}}`:                           {"name": "x", "actions": []any{"SPACE_READ"}, "isSystem": true},
		`mutation($i:ApiKeyInput!){apiKeyCreate(input:$i){id}}`:                       {"name": "x", "admin": false, "teams": []any{}, "creator": "api::root"},
		`mutation($i:SpaceInput!){spaceCreate(input:$i){id}}`:                         {"name": "x", "parentSpace": "root", "inheritEntities": true, "description": "", "accessLevel": "ADMIN"},
		`mutation($i:CreateRoleBindingInput!){createRoleBinding(input:$i){id}}`:       {"actor": actorVar("API_KEY", "x"), "role": "space-reader", "spaceId": dev, "createdBy": "api::root"},
		`mutation($i:ContextInput!){contextCreateV2(input:$i){id}}`:                   {"name": "x", "space": dev, "createdAt": 1},
		`mutation($i:ApiKeyRoleBindingInput!){apiKeyRoleBindingCreate(input:$i){id}}`: {"apiKeyID": "x", "roleID": "x", "spaceID": dev, "id": "mine"},
	} {
		if code := w.code(document, vars{"i": input}); code != "INVALID" && !strings.HasPrefix(code, "GRAPHQL_") {
			t.Errorf("%s with %v: %q", document, input, code)
		}
	}
	if after := w.query(`query($i:ID!){stack(id:$i){id space administrative branch createdAt}}`, vars{"i": stack}).raw; after != before {
		t.Errorf("it was %s, and is %s", before, after)
	}
}
