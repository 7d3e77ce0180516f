package graphql

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func rule(space, level string) vars { return vars{"space": space, "spaceAccessLevel": level} }

// TestPeopleFlow is what the provider does with users and group mappings.
func TestPeopleFlow(t *testing.T) {
	w := newWorld(t)
	reader := w.role("space-reader")
	for _, c := range []struct {
		create, read, list, update, remove string // operations
		bind, bound, unbind                string
		made, changed                      vars
		of, all                            string
		input                              func(id string) vars
	}{
		{
			"Invite", "User", "Users", "UpdateUser", "DeleteUser", "CreateOfUser", "ReadOfUser", "DeleteOfUser",
			vars{"invitationEmail": "carol@example.com", "username": "carol", "accessRules": []any{rule("legacy", "WRITE"), rule("root", "READ")}},
			vars{"accessRules": []any{rule("legacy", "ADMIN")}},
			"user", "managedUsers",
			func(id string) vars {
				return vars{"bindings": []any{vars{"userID": id, "roleID": reader, "spaceID": "legacy"}}}
			},
		},
		{
			"CreateGroup", "Group", "Groups", "UpdateGroup", "DeleteGroup", "CreateOfGroup", "ReadOfGroup", "DeleteOfGroup",
			vars{"groupName": "DevOps", "description": "on call", "accessRules": []any{rule("legacy", "WRITE")}},
			vars{"description": "", "accessRules": []any{}},
			"userGroup", "managedUserGroups",
			func(id string) vars { return vars{"userGroupID": id, "roleID": reader, "spaceID": "legacy"} },
		},
	} {
		made := w.do("provider_people", c.create, vars{"input": c.made})
		want := with(vars{"id": made["id"]}, "accessRules", c.made["accessRules"])
		for k, v := range c.made {
			want[k] = v
		}
		if diff := cmp.Diff(want, made); diff != "" || len(id(made)) != 26 {
			t.Errorf("%s: %s", c.create, diff)
		}
		a := w.run("provider_bindings", c.bind, vars{"input": c.input(id(made))})
		for _, v := range a.Data {
			binding, _ := v.(vars)
			if list, ok := v.([]any); ok {
				binding, _ = list[0].(vars)
			}
			got := w.do("provider_bindings", c.bound, vars{"id": id(binding)})
			if diff := cmp.Diff(binding, got); diff != "" || got["roleID"] != reader || got["spaceID"] != "legacy" || id(got[c.of].(vars)) != id(made) {
				t.Errorf("%s: %s%s", c.bind, a.raw, diff)
			}
			// An attachment must not show as an access rule: the provider would remove it.
			if diff := cmp.Diff(made, w.do("provider_people", c.read, vars{"id": id(made)})); diff != "" {
				t.Errorf("%s after a binding: %s", c.read, diff)
			}
			changed := w.do("provider_people", c.update, vars{"input": with(c.changed, "id", id(made))})
			if diff := cmp.Diff(c.changed["accessRules"], changed["accessRules"]); diff != "" {
				t.Errorf("%s: %s", c.update, diff)
			}
			if again := w.do("provider_bindings", c.bound, vars{"id": id(binding)}); again == nil {
				t.Errorf("%s took a binding away that it did not make", c.update)
			}
			if list := w.run("provider_people", c.list, nil); len(list.Data[c.all].([]any)) != 1 {
				t.Errorf("%s: %s", c.list, list.raw)
			}
			w.do("provider_bindings", c.unbind, vars{"id": id(binding)})
			if _, message := w.run("provider_bindings", c.unbind, vars{"id": id(binding)}).failure(t); !strings.Contains(message, "not found") {
				t.Errorf("%s twice: %q", c.unbind, message)
			}
		}
		if len(a.Data) != 1 || a.Errors != nil {
			t.Fatalf("%s: %s", c.bind, a.raw)
		}
		w.do("provider_people", c.remove, vars{"id": id(made)})
		if got := w.do("provider_people", c.read, vars{"id": id(made)}); got != nil {
			t.Errorf("still there: %v", got)
		}
		if code, message := w.run("provider_people", c.remove, vars{"id": id(made)}).failure(t); code != "NOT_FOUND" || !strings.Contains(message, "not found") {
			t.Errorf("%s twice: %s %q", c.remove, code, message)
		}
	}
}

const personFields = `id username name invitationEmail invitationExpiresAt status groupCount spaceCount groups lastLoginTime loginMethod slackMemberID
	createdAt creator accessRules{space spaceAccessLevel} roleBindings{id roleID spaceID userID role{slug} user{username}}`

// TestInvitationFlow invites with roles, and says that no e-mail was sent.
func TestInvitationFlow(t *testing.T) {
	w := newWorld(t)
	reader, controller := w.role("space-reader"), w.role("worker-pool-controller")
	const invite = `mutation($i:ManagedUserInviteInputV2!){managedUserInviteV2(input:$i){` + personFields + `}}`
	a := w.query(invite, vars{"i": vars{"email": "carol@example.com", "username": "carol", "roleBindings": []any{
		vars{"roleID": reader, "spaceID": "legacy"}, vars{"roleID": controller, "spaceID": "legacy"}, vars{"roleID": reader, "spaceID": "root"},
	}}})
	made, _ := a.Data["managedUserInviteV2"].(vars)
	if a.Errors != nil || made["status"] != "PENDING" || made["spaceCount"] != 2.0 || len(made["accessRules"].([]any)) != 0 || made["invitationExpiresAt"] == nil {
		t.Fatalf("invited %s", a.raw)
	}
	if list := made["roleBindings"].([]any); len(list) != 3 || list[1].(vars)["role"].(vars)["slug"] != "worker-pool-controller" || list[0].(vars)["user"].(vars)["username"] != "carol" {
		t.Errorf("roles %v", list)
	}
	if diff := cmp.Diff([]any{}, made["groups"]); diff != "" || made["lastLoginTime"] != nil || made["loginMethod"] != nil {
		t.Errorf("never signed in: %v", made)
	}
	if warned, _ := a.Extensions["warnings"].([]any); len(warned) != 1 || !strings.Contains(warned[0].(string), "no e-mail was sent") {
		t.Errorf("warnings %v", a.Extensions)
	}
	for field, i := range map[string]vars{
		"username": {"email": "x@example.com"}, "invitationEmail": {"username": "x"},
		"roleBindings": {"email": "x@example.com", "username": "x", "roleBindings": []any{vars{"roleID": "nope", "spaceID": "root"}}},
	} {
		a := w.query(invite, vars{"i": i})
		if code, _ := a.failure(t); code != "INVALID" || a.Errors[0].Extensions["field"] != field {
			t.Errorf("%s: %s", field, a.raw)
		}
	}
	if code, _ := w.query(invite, vars{"i": vars{"email": "Carol@example.com", "username": "other"}}).failure(t); code != "CONFLICT" { // A164
		t.Errorf("invited twice: %s", code)
	}
	a = w.query(`mutation($id:ID!){managedUserResendInvite(id:$id){id status}}`, vars{"id": id(made)})
	if warned, _ := a.Extensions["warnings"].([]any); a.Errors != nil || len(warned) != 1 {
		t.Errorf("sent again: %s", a.raw)
	}
	// Only what is named changes.
	a = w.query(`mutation($i:ManagedUserUpdateInput!){managedUserUpdate(input:$i){slackMemberID name roleBindings{id}}}`,
		vars{"i": vars{"id": id(made), "slackMemberID": "U0123"}})
	if got, _ := a.Data["managedUserUpdate"].(vars); a.Errors != nil || got["slackMemberID"] != "U0123" || len(got["roleBindings"].([]any)) != 3 {
		t.Errorf("changed %s", a.raw)
	}
	trail := w.run("spacectl_access", "Audit", vars{"input": vars{"first": 1}})
	if !strings.Contains(trail.raw, "U0123") || !strings.Contains(trail.raw, "user.update") {
		t.Errorf("recorded %s", trail.raw)
	}
}

// TestA11UserAndGroupBindings are those that the provider does not send.
func TestA11UserAndGroupBindings(t *testing.T) {
	w := newWorld(t)
	reader, writer := w.role("space-reader"), w.role("space-writer")
	a := w.query(`mutation{u:managedUserInviteV2(input:{email:"carol@example.com",username:"carol"}){id}
		g:managedUserGroupCreateV2(input:{groupName:"DevOps"}){id status memberCount description identityProvider lastLoginTime}}`, nil)
	if a.Errors != nil {
		t.Fatal(a.raw)
	}
	user, group := id(a.Data["u"].(vars)), id(a.Data["g"].(vars))
	if diff := cmp.Diff(vars{"id": group, "status": "ACTIVE", "memberCount": 0.0, "description": "", "identityProvider": nil, "lastLoginTime": nil}, a.Data["g"]); diff != "" {
		t.Error(diff)
	}
	for _, c := range []struct{ noun, input, id string }{{"user", "UserRoleBinding", user}, {"userGroup", "UserGroupRoleBinding", group}} {
		input := func(role, space string) vars { return vars{c.noun + "ID": c.id, "roleID": role, "spaceID": space} }
		mutation := func(verb, argument, fields string) string {
			return `mutation($x:` + argument + `!){b:` + c.noun + `RoleBinding` + verb + `{` + fields + `}}`
		}
		a := w.query(mutation("Create(input:$x)", c.input+"Input", "id roleID"), vars{"x": input(reader, "legacy")})
		if a.Errors != nil || a.Data["b"].(vars)["roleID"] != reader {
			t.Fatal(a.raw)
		}
		binding := id(a.Data["b"].(vars))
		a = w.query(`mutation($id:ID!,$x:`+c.input+`Input!){b:`+c.noun+`RoleBindingUpdate(id:$id,input:$x){id roleID spaceID}}`, vars{"id": binding, "x": input(writer, "root")})
		if diff := cmp.Diff(vars{"id": binding, "roleID": writer, "spaceID": "root"}, a.Data["b"]); diff != "" {
			t.Errorf("%s%s", a.raw, diff)
		}
		a = w.query(mutation("BatchCreate(input:$x)", c.input+"BatchInput", "id"), vars{"x": vars{"bindings": []any{input(reader, "legacy"), input(reader, "nope")}}})
		if code, _ := a.failure(t); code != "NOT_FOUND" {
			t.Errorf("half a batch: %s", a.raw)
		}
		a = w.query(mutation("BatchCreate(input:$x)", c.input+"BatchInput", "id"), vars{"x": vars{"bindings": []any{input(reader, "legacy"), input(reader, "root")}}})
		if list, _ := a.Data["b"].([]any); len(list) != 2 {
			t.Errorf("batch: %s", a.raw)
		}
		// A11: one kind of actor.
		a = w.query(mutation("Create(input:$x)", c.input+"Input", "id"), vars{"x": with(input(reader, "legacy"), "stackID", "x")})
		if code, _ := a.failure(t); code != "INVALID" {
			t.Errorf("A11: %s", a.raw)
		}
		read := w.query(`query($id:ID!){b:`+c.noun+`RoleBinding(id:$id){roleID} other:`+map[string]string{"user": "userGroup", "userGroup": "user"}[c.noun]+`RoleBinding(id:$id){id}}`, vars{"id": binding})
		if read.Errors != nil || read.Data["b"].(vars)["roleID"] != writer || read.Data["other"] != nil {
			t.Errorf("read %s", read.raw)
		}
	}
	groups := w.query(`{managedUserGroups{spaceCount roleBindings{spaceID role{slug} userGroup{groupName}} createdAt creator} availableUserGroups}`, nil)
	g, _ := groups.Data["managedUserGroups"].([]any)
	if groups.Errors != nil || len(g) != 1 || len(g[0].(vars)["roleBindings"].([]any)) != 3 || g[0].(vars)["spaceCount"] != 2.0 {
		t.Errorf("groups %s", groups.raw)
	}
	if diff := cmp.Diff([]any{}, groups.Data["availableUserGroups"]); diff != "" {
		t.Error(diff)
	}
	a = w.query(`mutation($i:ManagedUserGroupUpdateInputV2!){managedUserGroupUpdateV2(input:$i){description roleBindings{id}}}`, vars{"i": vars{"id": group, "description": "d"}})
	if got, _ := a.Data["managedUserGroupUpdateV2"].(vars); a.Errors != nil || got["description"] != "d" || len(got["roleBindings"].([]any)) != 3 {
		t.Errorf("changed %s", a.raw)
	}
}

// TestBinderSeesWhatHeBinds: who may bind but not view the account is answered
// with the actor's id and name, not with an error after the fact.
func TestBinderSeesWhatHeBinds(t *testing.T) {
	w := newWorld(t)
	a := w.query(`mutation{u:managedUserInviteV2(input:{email:"carol@example.com",username:"carol"}){id} g:managedUserGroupCreateV2(input:{groupName:"DevOps",description:"d"}){id}}`, nil)
	user, group := id(a.Data["u"].(vars)), id(a.Data["g"].(vars))
	binder := w.as(w.key("legacy", "SPACE_READ", "ROLE_BINDING_MANAGE"))
	reader := w.role("space-reader")
	a = binder.query(`mutation($u:UserRoleBindingInput!,$g:UserGroupRoleBindingInput!){
		u:userRoleBindingCreate(input:$u){user{id username invitationEmail groups accessRules{space} roleBindings{id}}}
		g:userGroupRoleBindingCreate(input:$g){userGroup{id groupName description accessRules{space} roleBindings{id}}}}`,
		vars{"u": vars{"userID": user, "roleID": reader, "spaceID": "legacy"}, "g": vars{"userGroupID": group, "roleID": reader, "spaceID": "legacy"}})
	want := map[string]any{
		"u": vars{"user": vars{"id": user, "username": "carol", "invitationEmail": "", "groups": nil, "accessRules": []any{}, "roleBindings": []any{}}},
		"g": vars{"userGroup": vars{"id": group, "groupName": "DevOps", "description": "", "accessRules": []any{}, "roleBindings": []any{}}},
	}
	if diff := cmp.Diff(want, a.Data); diff != "" || a.Errors != nil {
		t.Errorf("%s%s", a.raw, diff)
	}
	for _, field := range []string{"managedUsers{id}", "managedUserGroups{id}", "availableUserGroups", `managedUser(id:"x"){id}`, `managedUserGroup(id:"x"){id}`} {
		if code, _ := binder.query("{"+field+"}", nil).failure(t); code != "FORBIDDEN" {
			t.Errorf("%s: %s", field, code)
		}
	}
}

// TestCase18ViewsShowNoSecrets asks, as a Space admin who is not one of root,
// for every field of what A78 lets him view.
func TestCase18ViewsShowNoSecrets(t *testing.T) {
	w := newWorld(t)
	made := w.do("provider_apikeys", "Create", vars{"input": vars{"admin": true, "name": "secret key", "teams": []any{"team-a"}}})
	secret, _ := made["secret"].(string)
	w.do("provider_people", "Invite", vars{"input": vars{"invitationEmail": "carol@example.com", "username": "carol", "accessRules": []any{}}})
	w.do("provider_people", "CreateGroup", vars{"input": vars{"groupName": "DevOps", "description": "", "accessRules": []any{}}})
	admin := w.as(w.key("legacy", "SPACE_READ", "SPACE_ADMIN"))
	schema := ourSchema()
	for root, typ := range map[string]string{"apiKeys": "ApiKey", "managedUsers": "ManagedUser", "managedUserGroups": "ManagedUserGroup", "roles": "Role"} {
		var fields []string
		for _, f := range schema.Types[typ].Fields {
			name := strings.ToLower(f.Name)
			for _, word := range []string{"hash", "token", "session", "mfa", "password"} {
				if strings.Contains(name, word) {
					t.Errorf("%s.%s looks like a secret", typ, f.Name)
				}
			}
			if schema.Types[f.Type.Name()].IsLeafType() && !strings.HasPrefix(f.Name, "__") {
				fields = append(fields, f.Name)
			}
		}
		a := admin.query("{"+root+"{"+strings.Join(fields, " ")+"}}", nil)
		list, _ := a.Data[root].([]any)
		if a.Errors != nil || len(list) == 0 {
			t.Fatalf("%s: %s", root, a.raw)
		}
		if strings.Contains(a.raw, secret) {
			t.Errorf("%s shows the secret", root)
		}
		for _, v := range list {
			if o := v.(vars); (typ == "ApiKey" && o["secret"] != "") || (typ == "ManagedUser" && o["groups"] != nil) {
				t.Errorf("%s shows %v", root, o)
			}
		}
	}
	if code, _ := admin.query(`{availableUserGroups}`, nil).failure(t); code != "FORBIDDEN" {
		t.Errorf("availableUserGroups: %s", code)
	}
}
