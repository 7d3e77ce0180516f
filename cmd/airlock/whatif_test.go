package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// TestAccessWhatIf tries changes out on the command line against a real server.
func TestAccessWhatIf(t *testing.T) {
	admin, ci := startOperators(t)
	bind := "--bind=api_key:" + ci.id + ":space-writer:legacy"
	admin.says([]string{"what-if", bind, "--for=2d"}, "1 would gain, 0 would lose\n└─ ci gains space:read in root; gains everything of reader and writer in legacy\n")
	admin.says([]string{"what-if", "--inherit=legacy=false", bind, "--no-paths"}, "└─ ci gains everything of reader and writer in legacy\n")
	admin.says([]string{"what-if", "--inherit=legacy=false"}, "nobody gains or loses anything")
	var x struct {
		Possible bool
		Gaining  int
		Effects  []struct {
			Actor struct{ ID string }
			Parts []struct {
				Gained []string
				Tops   []struct{ SpaceID string }
			}
		}
	}
	if err := json.Unmarshal([]byte(admin.must("what-if", bind, "--json")), &x); err != nil || !x.Possible || x.Gaining != 1 ||
		x.Effects[0].Actor.ID != ci.id || x.Effects[0].Parts[1].Tops[0].SpaceID != "legacy" || len(x.Effects[0].Parts[1].Gained) < 30 {
		t.Errorf("as JSON: %+v, %v", x, err)
	}
	if out, status, _ := ci.access("what-if", bind); status != 2 || out != "you could not make 1 of these changes\n└─ change 1, createRoleBinding: space not found\n" {
		t.Errorf("without rights: status %d, %s", status, out)
	}
	admin.says([]string{"paths"}, "no path leads to the administration of the account")
	admin.says([]string{"paths", "--all"}, "1 actor has a path to the administration of the account; act-as mode WARN", "holds it in root", "role space-admin in root (binding ")
	admin.says([]string{"paths", "legacy", "--from=api_key:" + admin.id, "--all", "--mode=enforce"}, "act-as mode ENFORCE")
	ci.fails(2, "lacks space:admin in space root", "paths")

	bad := filepath.Join(t.TempDir(), "bad.json")
	if err := os.WriteFile(bad, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for want, args := range map[string][]string{
		"give at least one change":               {"what-if"},
		"is no JSON list of changes":             {"what-if", "--file=" + bad},
		"neither true nor false":                 {"what-if", "--inherit=legacy=maybe"},
		"is not ACTOR:ROLE:SPACE":                {"what-if", "--bind=user:x:role"},
		"--delete takes a space or a stack":      {"what-if", "--delete=context:x"},
		"there is no role nope":                  {"what-if", "--role=nope=run:trigger"},
		"give --role or --action, not both":      {"paths", "legacy", "--role=x", "--action=run:trigger"},
		"give a target with --role or --action":  {"paths", "--role=x"},
		`"run:fly" is no action that the server`: {"paths", "legacy", "--action=run:fly"},
	} {
		admin.fails(1, want, args...)
	}
}
