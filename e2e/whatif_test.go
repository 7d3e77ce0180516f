package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestWhatIf tries a grant out on the command line, makes it, and finds what
// was foretold: the actions gained, and the path that it opens.
func TestWhatIf(t *testing.T) {
	for name, url := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newAskedWorld(t, start(t, url(t), "--workers", "0"))
			before := w.effective(t, "eve", "vault")
			bind := "--bind=" + w.ref["eve"] + ":space-writer:" + w.space["vault"]
			out, status := w.airlock(t, w.admin, "what-if", bind)
			const path = "eve, by E1 task:create acts through stack factory, which holds it in dev"
			for _, want := range []string{
				"1 would gain, 0 would lose\n├─ eve gains everything of reader and writer in vault\n",
				"opens 1 escalation path to all of Space writer on space dev\n", path,
			} {
				if status != 0 || !strings.Contains(out, want) {
					t.Errorf("status %d, no %q in\n%s", status, want, out)
				}
			}
			var foretold struct {
				Effects []struct{ Parts []struct{ Gained []string } }
			}
			out, _ = w.airlock(t, w.admin, "what-if", bind, "--json", "--no-paths")
			if err := json.Unmarshal([]byte(out), &foretold); err != nil || len(foretold.Effects) != 1 {
				t.Fatalf("%v: %s", err, out)
			}
			if out, status := w.airlock(t, w.admin, "paths", w.space["dev"], "--role=space-writer"); status != 0 || strings.Contains(out, path) {
				t.Errorf("there is a path before the grant is made: %s", out)
			}

			w.admin.must(t, `mutation($b:CreateRoleBindingInput!){createRoleBinding(input:$b){id}}`, vars{"b": vars{
				"actor": vars{"kind": "API_KEY", "id": strings.TrimPrefix(w.ref["eve"], "api_key:")}, "role": "space-writer", "spaceId": w.space["vault"],
			}}, nil)
			gained := slices.DeleteFunc(w.effective(t, "eve", "vault"), func(a string) bool { return slices.Contains(before, a) })
			if diff := cmp.Diff(gained, foretold.Effects[0].Parts[0].Gained); diff != "" {
				t.Errorf("gained and foretold differ:\n%s", diff)
			}
			out, status = w.airlock(t, w.admin, "paths", w.space["dev"], "--role=space-writer")
			for _, want := range []string{"1 actor has a path to space-writer on space ", path, "→ stack:factory, by E1: Run a command with the stack's token; ENFORCE would refuse it", "role space-writer in vault (binding "} {
				if status != 0 || !strings.Contains(out, want) {
					t.Errorf("status %d, no %q in\n%s", status, want, out)
				}
			}
			w.refusedPreviews(t)
		})
	}
}

// refusedPreviews asks as somebody who lacks what the changes take.
func (w *askedWorld) refusedPreviews(t *testing.T) {
	file := filepath.Join(t.TempDir(), "change.json")
	if err := os.WriteFile(file, []byte(`[{"deleteSpace": "`+w.space["dev"]+`"}, {"moveSpace": {"spaceId": "`+w.space["prod"]+`", "parentSpaceId": "root"}}]`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		who  *client
		args []string
		want string
	}{
		{w.eve, []string{"--move-space=" + w.space["dev"] + ":root"}, "you could not make 1 of these changes\n└─ change 1, moveSpace: forbidden: "},
		{w.eve, []string{"--file=" + file}, "change 2, moveSpace: space not found"},
		{w.admin, []string{"--delete=" + w.space["apps"]}, "is not empty: it holds 2 spaces"},
	} {
		if out, status := w.airlock(t, tc.who, append([]string{"what-if"}, tc.args...)...); status != 2 || !strings.Contains(out, tc.want) {
			t.Errorf("%v: status %d, no %q in\n%s", tc.args, status, tc.want, out)
		}
	}
	if out, status := w.airlock(t, w.eve, "paths"); status != 2 || out != "" {
		t.Errorf("eve asks for paths: status %d, %s", status, out)
	}
}

// effective lists what an actor may do in a space, in the order of the catalogue.
func (w *askedWorld) effective(t *testing.T, actor, space string) []string {
	t.Helper()
	var out struct {
		EffectiveAccess struct{ Actions []struct{ Action string } }
	}
	kind, id, _ := strings.Cut(w.ref[actor], ":")
	w.admin.must(t, `query($i:EffectiveAccessInput!){effectiveAccess(input:$i){actions{action}}}`, vars{"i": vars{
		"actor": vars{"kind": strings.ToUpper(kind), "id": id}, "target": vars{"kind": "SPACE", "id": w.space[space]},
	}}, &out)
	var names []string
	for _, a := range out.EffectiveAccess.Actions {
		names = append(names, a.Action)
	}
	return names
}
