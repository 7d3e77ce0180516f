package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestReviewedRoleIsEnough lets a key work with too wide a role, gives it the
// role that a review proposes, and lets it work on.
func TestReviewedRoleIsEnough(t *testing.T) {
	for name, url := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newAskedWorld(t, start(t, url(t), "--workers", "0"))
			dev, eve := w.space["dev"], w.ref["eve"]
			_, id, _ := strings.Cut(eve, ":")
			bind := func(role string) string {
				return w.admin.id(t, `mutation($b:CreateRoleBindingInput!){createRoleBinding(input:$b){id}}`, vars{"b": vars{
					"actor": vars{"kind": "API_KEY", "id": id}, "role": role, "spaceId": dev,
				}})
			}
			work := func(name string) {
				w.eve.must(t, `mutation($i:ContextInput!){contextCreateV2(input:$i){id}}`, vars{"i": vars{"name": name, "space": dev}}, nil)
			}
			wide := bind("space-admin")
			work("one")
			work("two")

			found := w.review(t, eve, "space-admin")
			if found.Finding != "TOO_WIDE" || len(found.Used) != 1 || found.Used[0].Done != 2 || len(found.Unused) < 50 || !found.Young {
				t.Fatalf("reviewed: %+v", found)
			}
			if w.review(t, w.ref["DevOps"], "").Finding != "UNUSED" {
				t.Error("what nobody used was used")
			}
			if _, status := w.airlock(t, w.eve, "review"); status != 2 {
				t.Errorf("asked by the key: status %d", status)
			}

			w.admin.must(t, roleCreate, vars{"input": vars{"name": "Context maker", "actions": found.Enough}}, nil)
			bind("context-maker")
			w.admin.must(t, `mutation($id:ID!){deleteRoleBinding(input:{id:$id}){id}}`, vars{"id": wide}, nil)
			work("three")
			w.eve.refused(t, `mutation{contextDelete(id:"one"){id}}`, nil, "FORBIDDEN", "lacks context:delete in space "+dev)
			if found := w.review(t, eve, "context-maker"); len(found.Used) != 1 || strings.Join(found.Enough, " ") != "space:read context:create" {
				t.Errorf("reviewed again: %+v", found)
			}
		})
	}
}

// reviewed is one review as the command line prints it.
type reviewed struct {
	Finding        string
	Young          bool
	Enough, Unused []string
	Used           []struct {
		Action string
		Done   int
	}
}

// review is the review of the only binding of an actor with a role.
func (w *askedWorld) review(t *testing.T, actor, role string) reviewed {
	t.Helper()
	out, _ := w.airlock(t, w.admin, "review", "--json", "--actor="+actor, "--role="+role, "--space="+w.space["dev"])
	var answer struct{ Reviews []reviewed }
	if err := json.Unmarshal([]byte(out), &answer); err != nil || len(answer.Reviews) != 1 {
		t.Fatalf("%v: %s", err, out)
	}
	return answer.Reviews[0]
}
