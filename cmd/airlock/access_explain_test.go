package main

import (
	"encoding/json"
	"strings"
	"testing"
)

// answers is says for a command that ends with a status of its own.
func (o *operator) answers(status int, args []string, words ...string) {
	o.t.Helper()
	out, got, message := o.access(args...)
	if got != status || message != "" {
		o.t.Errorf("%v: status %d, %q; want %d", args, got, message, status)
	}
	for _, w := range words {
		if !strings.Contains(out, w) {
			o.t.Errorf("%v: no %q in\n%s", args, w, out)
		}
	}
}

// TestAccessExplain asks a real server why, what and who.
func TestAccessExplain(t *testing.T) {
	admin, ci := startOperators(t)
	asked := ci.must("request", "--role=space-reader", "--space=legacy", "--for=1h", "--reason=to look")
	admin.must("grant", strings.Fields(asked)[0])
	key := "api_key:" + ci.id

	admin.answers(0, []string{"explain", key, "space:read", "legacy"}, "ci MAY space:read in legacy: role Space reader, bound to ci in legacy", "names it", ", until ")
	admin.answers(2, []string{"explain", key, "run:trigger", "space:legacy"}, "ci MAY NOT run:trigger in legacy: ", "what comes closest", "space-writer, by its tier", "tier held: reader")
	ci.answers(0, []string{"explain", "me", "run:comment", "legacy"}, "covers it by tier reader")
	ci.answers(2, []string{"explain", "me", "run:comment", "stack:nope"}, "there is no such stack, or it is hidden")
	ci.answers(2, []string{"explain", "me"}, "ci MAY NOT administer the account")
	admin.answers(0, []string{"explain", "me"}, "MAY administer the account")
	var decision struct{ Outcome, Reason string }
	if out, status, _ := admin.access("explain", key, "RUN_TRIGGER", "legacy", "--json"); status != 2 || json.Unmarshal([]byte(out), &decision) != nil || decision.Outcome != "FORBIDDEN" {
		t.Errorf("as JSON, status %d: %s", status, out)
	}

	ci.says([]string{"effective", "me", "legacy"}, key+" (ci) on space legacy", "tier reader", "space: read", "comment")
	admin.says([]string{"who-can", "space:read", "legacy"}, "2 actors may space:read on space legacy", key+" (ci)", "api_key:"+admin.id, "role space-admin in root")
	ci.says([]string{"who-can", "space:read", "legacy", "--kind=api_key"}, "2 actors may", "api_key:"+admin.id+"  ", "you may not see it", "role space-reader in legacy")
	ci.says([]string{"who-can", "run:trigger", "legacy", "--kind=group", "--kind=stack"}, "nobody may run:trigger on space legacy")

	admin.fails(1, "space not found", "explain", key, "space:read", "nope")
	admin.fails(1, "api key not found", "explain", "api_key:nope", "space:read", "legacy")
	admin.fails(1, "there is no group devops", "effective", "group:devops", "legacy")
	ci.fails(1, "you may not look up the group devops by its name", "explain", "group:devops", "space:read", "legacy")
	ci.fails(1, "stack not found", "who-can", "run:trigger", "stack:nope")
	admin.fails(1, `"run:nope" is no action that the server knows`, "explain", key, "run:nope", "legacy")
	admin.fails(1, `"run:nope" is no action that the server knows`, "who-can", "run:nope", "legacy")
	admin.fails(1, "give an action and a target, or neither", "explain", key, "run:trigger")
	admin.fails(1, "none of user:ID, api_key:ID, group:ID, stack:ID, and not me", "explain", "ci", "run:trigger", "legacy")
	admin.fails(1, "--kind", "who-can", "run:trigger", "legacy", "--kind=robot")
}
