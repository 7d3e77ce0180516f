package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// TestAccessReview reviews what was done a moment ago by the command line
// against a real server.
func TestAccessReview(t *testing.T) {
	admin, ci := startOperators(t)
	first := ci.must("request", "--role=space-admin", "--space=legacy", "--for=1h", "--reason=INC-1")
	admin.must("grant", strings.Fields(first)[0])
	second := admin.must("request", "--role=space-reader", "--space=legacy", "--for=1h", "--reason=try")
	ci.must("refuse", strings.Fields(second)[0])

	admin.says([]string{"review"}, "2 role bindings, and the uses of 90 days.", "Reading is not recorded", "The audit trail tells uses since",
		"space-admin for api_key:"+admin.id+" (root admin) at root: fits", "done once", "space:admin: ", "held once to grant it or to act through a stack",
		"space-admin for api_key:"+ci.id+" (ci) at legacy: wider than needed", "young: made or changed ")
	admin.says([]string{"review", "--actor=api_key:" + ci.id, "--space=legacy", "--role=space-admin", "--days=7"},
		"1 role binding, and the uses of 7 days.", "role-binding:manage: done once, last ", "not used for ", ", which --json shows",
		"no smaller role would have been enough", "exactly: space:read, role-binding:manage", "would not see the account's roles")
	var got struct {
		From, Since int64
		Notes       []string
		Reviews     []struct {
			Finding        string
			Enough, Unused []string
			Used           []struct {
				Action     string
				Done, Held int
			}
		}
	}
	out := admin.must("review", "--actor=api_key:"+ci.id, "--json")
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(got.Reviews) != 1 || got.Reviews[0].Finding != "TOO_WIDE" ||
		strings.Join(got.Reviews[0].Enough, " ") != "space:read role-binding:manage" || got.Since < got.From || len(got.Notes) != 2 {
		t.Errorf("as JSON: %v\n%s", err, out)
	}
	admin.says([]string{"review", "--unused"}, "0 role bindings")
	admin.says([]string{"review", "--on=stack:none"}, "0 role bindings")

	ci.fails(2, "forbidden: api::"+ci.id+" lacks space:admin in space root", "review")
	admin.fails(1, "days: must be between 1 and 400", "review", "--days=401")
	admin.fails(1, "--limit must be at least 1", "review", "--limit=0")
	admin.fails(1, "there is no group nobody", "review", "--actor=group:nobody")
}
