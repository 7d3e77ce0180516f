package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// answers is a door that gives a field of GraphQL the same answer always, and
// remembers the input that it was asked with.
func answers(t *testing.T, field, value string) (s *session, out *bytes.Buffer, input *map[string]any) {
	t.Helper()
	input = new(map[string]any)
	s, _ = door(t, func(w http.ResponseWriter, r *http.Request) {
		var q struct {
			Variables struct{ Input map[string]any }
		}
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		*input = q.Variables.Input
		status(200, `{"data":{"`+field+`":`+value+`}}`)(w, r)
	})
	return s, s.out.(*bytes.Buffer), input
}

const (
	nothing    = `"by":null,"baseline":null,"lapsed":null,"nearest":[],"hiddenEvidence":0,"roles":[],"hiddenRoles":0,"way":[]`
	someTarget = `"actor":{"kind":"USER","id":"u1","name":null},"action":"RUN_TRIGGER","target":{"kind":"STACK","targetId":"k","name":"web","spaceId":"dev-1","spaceName":"dev"},"step":7`
	ofGroup    = `{"kind":"BINDING","relation":"ABOVE","bindingId":"b1","roleId":"r1","roleSlug":"space-writer","roleName":"Space writer","spaceId":"apps-1","spaceName":"apps","entity":null,"groupId":"g1","groupName":"DevOps","notAfter":1767225600,"expired":false}`
	onEntity   = `{"kind":"BINDING","relation":"ENTITY","bindingId":"b2","roleId":"r2","roleSlug":"reader","roleName":"R","spaceId":null,"spaceName":null,"entity":{"kind":"STACK","id":"k"},"groupId":null,"groupName":null,"notAfter":null,"expired":false}`
	hiddenFlag = `{"kind":"FLAG","relation":"SIDEWAYS","bindingId":null,"roleId":"r3","roleSlug":"space-admin","roleName":"A","spaceId":null,"spaceName":null,"entity":null,"groupId":null,"groupName":null,"notAfter":null,"expired":false}`
)

// TestExplanations: the sentence, what it rests on, and what is hidden.
func TestExplanations(t *testing.T) {
	allowed := `{"sentence":"yes\u001b[2J","outcome":"ALLOWED","reason":"GRANTED_BY_TIER",` + someTarget + `,"fallback":"WRITER","held":"WRITER",
		"by":` + ofGroup + `,"baseline":` + onEntity + `,"lapsed":null,"nearest":[],"hiddenEvidence":0,"roles":[],"hiddenRoles":0,
		"way":[{"spaceId":"apps-1","spaceName":"apps","inherits":true},{"spaceId":null,"spaceName":null,"inherits":true},{"spaceId":"dev-1","spaceName":null,"inherits":false}]}`
	denied := `{"sentence":"no","outcome":"FORBIDDEN","reason":"EXPIRED",` + someTarget + `,"fallback":"WRITER","held":"NONE",
		"by":null,"baseline":null,"lapsed":` + strings.Replace(ofGroup, `"expired":false`, `"expired":true`, 1) + `,"nearest":[` + hiddenFlag + `,` + onEntity + `],"hiddenEvidence":2,
		"roles":[{"roleId":"r1","slug":"space-writer","name":"W","byName":false},{"roleId":"r4","slug":"op","name":"O","byName":true}],"hiddenRoles":1,"way":[]}`
	for name, c := range map[string]struct {
		answer, want string
		status       int
	}{
		"allowed": {allowed, `yes�[2J
├─ allowed by role space-writer in apps, of group DevOps, until 2026-01-01 00:00 UTC (binding b1)
│  └─ on the way apps → a hidden space → dev-1
├─ space:read by role reader on stack:k (binding b2)
├─ tier held: writer; tier that covers the action: writer
└─ decided in step 7: granted by tier
`, exitOK},
		"denied": {denied, `no
├─ would have been allowed by role space-writer in apps, of group DevOps, ended 2026-01-01 00:00 UTC (binding b1)
├─ what comes closest
│  ├─ the administrative flag of the stack, which stands for role space-admin in a hidden space: sideways
│  └─ role reader on stack:k (binding b2): on the target itself
├─ 2 bindings that you may not see
├─ roles that would do, bound to the target
│  ├─ space-writer, by its tier
│  ├─ op, which names the action
│  └─ 1 further role that you may not see
└─ decided in step 7: expired
`, exitDenied},
		"hidden": {`{"sentence":"no","outcome":"HIDDEN","reason":"NOT_FOUND",` + someTarget + `,"fallback":"NONE","held":"NONE",` + nothing + `}`,
			"no\n└─ decided in step 7: not found\n", exitDenied},
	} {
		t.Run(name, func(t *testing.T) {
			s, out, input := answers(t, "explainAccess", c.answer)
			cmd := explainCmd{Actor: somebody{actor{"user", "u1"}}, Action: "run:trigger", Target: place{"stack", "k"}, Plan: true}
			if err := cmd.Run(s); ExitStatus(err) != c.status || (err != nil && err.Error() != "") {
				t.Errorf("%v, want status %d", err, c.status)
			}
			if diff := cmp.Diff(c.want, out.String()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(map[string]any{
				"actor": map[string]any{"kind": "USER", "id": "u1"}, "action": "RUN_TRIGGER", "target": map[string]any{"kind": "STACK", "id": "k"}, "plan": true,
			}, *input); diff != "" {
				t.Errorf("asked %s", diff)
			}
			out.Reset()
			s.connection.JSON = true
			var want, got any
			if err := cmd.Run(s); ExitStatus(err) != c.status {
				t.Errorf("as JSON: %v", err)
			}
			if json.Unmarshal([]byte(c.answer), &want) != nil || json.Unmarshal(out.Bytes(), &got) != nil || !cmp.Equal(want, plain(got)) {
				t.Errorf("as JSON: %s", cmp.Diff(want, plain(got)))
			}
		})
	}
	s, _, input := answers(t, "explainAccess", allowed)
	if err := (&explainCmd{}).Run(s); err != nil || !cmp.Equal(*input, map[string]any{"actor": nil, "plan": false}) {
		t.Errorf("about the account: %v, asked %v", err, *input)
	}
	for _, c := range []explainCmd{{Action: "run:trigger"}, {Target: place{"space", "dev"}}} {
		if err := c.Run(s); err == nil || ExitStatus(err) != exitError {
			t.Errorf("half a question: %v", err)
		}
	}
}

// plain leaves out of an answer what the canned ones lack: names that are null.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for name, member := range v {
			v[name] = plain(member)
		}
		if v["kind"] == "USER" && v["name"] == nil {
			v["name"] = nil
		}
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	}
	return v
}

// TestEffectiveTree puts actions below what allows them.
func TestEffectiveTree(t *testing.T) {
	action := func(name, reason, by string) string {
		return `{"action":"X","name":"` + name + `","reason":"` + reason + `","by":` + by + `}`
	}
	head := `{"actor":{"kind":"API_KEY","id":"k1","name":"ci"},"target":{"kind":"SPACE","targetId":"dev-1","name":"dev","spaceId":"dev-1","spaceName":"dev"},"accessLevel":null,`
	for name, c := range map[string]struct{ answer, want string }{
		"much": {head + `"tier":"WRITER","actions":[` + strings.Join([]string{
			action("space:read", "GRANTED_BY_NAME", onEntity), action("run:trigger", "GRANTED_BY_TIER", ofGroup), action("stack:lock", "GRANTED_BY_TIER", ofGroup),
			action("run:confirm", "GRANTED_BY_TIER", ofGroup), action("run:stop", "GRANTED_BY_NAME", ofGroup), action("run:read", "GRANTED_BY_NAME", "null"),
		}, ",") + `]}`, `api_key:k1 (ci) on space dev: 6 actions, tier writer
├─ role reader on stack:k (binding b2)
│  └─ granted by name
│     └─ space: read
├─ role space-writer in apps, of group DevOps, until 2026-01-01 00:00 UTC (binding b1)
│  ├─ granted by tier
│  │  ├─ run: trigger, confirm
│  │  └─ stack: lock
│  └─ granted by name
│     └─ run: stop
└─ by what you may not see
   └─ granted by name
      └─ run: read
`},
		"nothing": {head + `"tier":"NONE","actions":[]}`, "api_key:k1 (ci) may do nothing on space dev\n"},
	} {
		s, out, _ := answers(t, "effectiveAccess", c.answer)
		if err := (&effectiveCmd{Target: place{"space", "dev-1"}}).Run(s); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.want, out.String()); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestWhoCanTable counts those who are not shown.
func TestWhoCanTable(t *testing.T) {
	head := `{"action":"RUN_TRIGGER","target":{"kind":"WORKER_POOL","targetId":"p","name":null,"spaceId":"dev-1","spaceName":null},"pageInfo":{"endCursor":null,"hasNextPage":false},`
	for want, answer := range map[string]string{
		"nobody may run:trigger on worker pool p of dev-1\n": head + `"totalCount":0,"hiddenCount":0,"edges":[]}`,
		`3 actors may run:trigger on worker pool p of dev-1; 1 of them you may not see
ACTOR               WHY              BY
user:u1             granted by name  you may not see it
group:g1 (Dev Ops)  granted by tier  role space-writer in apps, of group DevOps, until 2026-01-01 00:00 UTC (binding b1)
`: head + `"totalCount":3,"hiddenCount":1,"edges":[{"node":{"actor":{"kind":"USER","id":"u1","name":null},"reason":"GRANTED_BY_NAME","by":null}},
			{"node":{"actor":{"kind":"GROUP","id":"g1","name":"Dev\nOps"},"reason":"GRANTED_BY_TIER","by":` + ofGroup + `}}]}`,
	} {
		s, out, input := answers(t, "whoCan", answer)
		if err := (&whoCanCmd{Action: "run:trigger", Target: place{"worker_pool", "p"}, Kind: []string{"user", "group"}, Limit: 7}).Run(s); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, out.String()); diff != "" {
			t.Error(diff)
		}
		if !cmp.Equal((*input)["kinds"], any([]any{"USER", "GROUP"})) || (*input)["first"] != 7.0 {
			t.Errorf("asked %v", *input)
		}
	}
}

// TestGroupsByName: who may not look a group up is told so, and that is no
// answer to his question.
func TestGroupsByName(t *testing.T) {
	devops := somebody{actor{"group", "DevOps"}}
	s, _, _ := answers(t, "managedUserGroups", `[{"id":"01J0000000000000000000000A","groupName":"Dev"},{"id":"01J0000000000000000000000B","groupName":"DevOps"}]`)
	if who, err := s.who(devops); err != nil || !cmp.Equal(who, any(map[string]any{"kind": "GROUP", "id": "01J0000000000000000000000B"})) {
		t.Errorf("%v, %v", who, err)
	}
	if who, err := s.who(somebody{actor{"group", "devops"}}); err == nil {
		t.Errorf("another spelling is %v", who)
	}
	s, asked := door(t, status(200, `{"data":null,"errors":[{"message":"forbidden: x lacks y","extensions":{"code":"FORBIDDEN"}}]}`))
	who, err := s.who(devops)
	if err == nil || ExitStatus(err) != exitError || !strings.Contains(err.Error(), "forbidden: x lacks y") {
		t.Errorf("%v, %v", who, err)
	}
	*asked = 0
	for _, a := range []somebody{{}, {actor{"user", "DevOps"}}, {actor{"group", "01J0000000000000000000000A"}}} {
		if who, err := s.who(a); err != nil || (who == nil) != (a.kind == "") || *asked != 0 {
			t.Errorf("%v: %v, %v", a, who, err)
		}
	}
}

func TestQuestionArguments(t *testing.T) {
	var a somebody
	for text, want := range map[string]somebody{"me": {}, "group:Dev Ops": {actor{"group", "Dev Ops"}}, "user:u": {actor{"user", "u"}}} {
		if err := a.UnmarshalText([]byte(text)); err != nil || a != want {
			t.Errorf("%s: %+v, %v", text, a, err)
		}
	}
	for _, text := range []string{"", "you", "me:x", "space:x", "user:"} {
		if err := a.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, a)
		}
	}
	var p place
	for text, want := range map[string]place{"dev": {"space", "dev"}, "space:dev": {"space", "dev"}, "run:r": {"run", "r"}, "worker_pool:p": {"worker_pool", "p"}} {
		if err := p.UnmarshalText([]byte(text)); err != nil || p != want {
			t.Errorf("%s: %+v, %v", text, p, err)
		}
	}
	for _, text := range []string{"", "space:", "user:x", ":x"} {
		if err := p.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is %+v", text, p)
		}
	}
	for name, want := range map[string]string{"run:trigger": "RUN_TRIGGER", "worker-pool:create": "WORKER_POOL_CREATE", "RUN_TRIGGER": "RUN_TRIGGER"} {
		if got := actionEnum(name); got != want {
			t.Errorf("%s is %s", name, got)
		}
	}
	other := errors.New("other")
	if aboutAction("x", other) != other || !strings.Contains(aboutAction("run:nope", &refusal{field: "input.action"}).Error(), `"run:nope" is no action`) {
		t.Error("refusals of actions")
	}
}
