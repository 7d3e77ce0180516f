package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// importedStates are stacks that begin with a state: one in the code, one in a file.
const importedStates = `
terraform {
  required_providers {
    spacelift = { source = "spacelift-io/spacelift" }
  }
}
resource "spacelift_stack" "inline" {
  name         = "Inline"
  space_id     = "legacy"
  repository   = "code"
  branch       = "main"
  import_state = %[2]q
  manage_state = %[4]t
  raw_git {
    namespace = "local"
    url       = %[1]q
  }
  opentofu {}
}
resource "spacelift_stack" "file" {
  name              = "File"
  space_id          = "legacy"
  repository        = "code"
  branch            = "main"
  import_state_file = %[3]q
  raw_git {
    namespace = "local"
    url       = %[1]q
  }
  opentofu {}
}
`

// TestProviderImportState lets stacks begin with a state by the arguments
// import_state and import_state_file of the public provider, and not with what
// is none.
func TestProviderImportState(t *testing.T) {
	t.Parallel()
	provider := clientBinary(t, providerVariable, "the public Terraform provider")
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database, "--workers", "0"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		url, _ := repository(t, map[string]string{"main.tf": ""})
		code, write, env := s.withProvider(t, provider)
		state := filepath.Join(s.dir, "net.tfstate")
		tofu := func(args ...string) (string, error) {
			return s.command(t, code, "tofu", env, append(args, "-no-color")...)
		}
		use := func(inline string, managed bool) {
			write(filepath.Join(code, "main.tf"), fmt.Sprintf(importedStates, url, inline, state, managed))
		}
		write(state, netState)
		use(`{"version":4,"serial":`, true)
		if out, err := tofu("apply", "-auto-approve"); err == nil {
			t.Errorf("what is no state was taken: %s", out)
		}
		use(netState, false)
		if out, err := tofu("apply", "-auto-approve"); err == nil || !strings.Contains(out, "requires") {
			t.Errorf("a state for a stack that keeps it elsewhere: %v %s", err, out)
		}
		use(netState, true)
		if out, err := tofu("apply", "-auto-approve"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, id := range []string{"inline", "file"} {
			var out struct {
				Stack struct {
					Outputs      []struct{ ID, Value string }
					StateHistory []struct {
						Serial, Lineage string
						Imported        bool
					}
				}
			}
			s.admin.must(t, `query($id:ID!){stack(id:$id){outputs{id,value} stateHistory{serial,lineage,imported}}}`, vars{"id": id}, &out)
			st := out.Stack
			if len(st.Outputs) != 1 || st.Outputs[0].Value != `"10.0.0.0/16"` || len(st.StateHistory) != 1 || st.StateHistory[0].Serial != "3" || !st.StateHistory[0].Imported {
				t.Errorf("stack %s begins with %+v", id, st)
			}
		}
		if out, err := tofu("plan", "-detailed-exitcode"); err != nil {
			t.Errorf("a second plan: %v %s", err, out)
		}
	})
}
