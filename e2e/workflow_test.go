package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestOwnToolAndState: a stack that brings its own commands, and keeps its state
// in a backend of its own, is planned, applied, shown and destroyed.
func TestOwnToolAndState(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		// The state lies on the machine, which a sandbox would hide.
		s := &story{top: t, server: start(t, database, "--sandbox", "none"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		tofu, err := exec.LookPath("tofu")
		if err != nil {
			t.Fatal(err)
		}
		kept := filepath.Join(s.dir, "own.tfstate")
		url, _ := repository(t, map[string]string{
			"infra/main.tf": fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\nresource \"terraform_data\" \"net\" {\n  input = %q\n}\n", kept, canary),
			".airlock/workflow.yml": strings.ReplaceAll(`init: iac init -input=false
workspaceSelect: iac workspace select {{ .WorkspaceName }}
workspaceNew: iac workspace new {{ .WorkspaceName }}
plan: iac plan -input=false -lock={{ .Lock }} -out={{ .PlanFileName }}{{ range .Targets }} -target='{{ . }}'{{ end }}
showState: iac show -json
showPlan: iac show -json {{ .PlanFileName }}
getOutputs: iac output -json
apply: echo by-own-command; iac apply -input=false {{ .PlanFileName }}
destroy: iac destroy -auto-approve -input=false
`, "iac ", tofu+" "),
		})
		create := func(name, tool string, managed bool) string {
			return s.admin.id(t, stackCreate, vars{"manageState": managed, "input": vars{
				"name": name, "space": "legacy", "provider": "GIT", "repository": name, "repositoryURL": url, "branch": "main", "projectRoot": "infra",
				"administrative": false, "autodeploy": false, "vendorConfig": vars{"terraform": vars{"workflowTool": tool, "useSmartSanitization": true}},
			}})
		}
		stack := create("own", "CUSTOM", false)
		run := s.admin.id(t, runTrigger, vars{"stack": stack})
		s.admin.reaches(t, stack, run, "UNCONFIRMED")
		s.admin.must(t, runConfirm, vars{"stack": stack, "run": run}, nil)
		s.admin.reaches(t, stack, run, "FINISHED")
		if log := s.admin.wholeLog(t, stack, run); !strings.Contains(log, "by-own-command") {
			t.Error(log)
		}
		var out struct {
			Stack struct {
				Entities []struct {
					ID      string
					Updater struct{ ID string }
				}
				EntityCount               int
				EffectiveTerraformVersion *string
			}
		}
		const shown = `query($id:ID!){stack(id:$id){entities{id,updater{id}},entityCount,effectiveTerraformVersion}}`
		s.admin.must(t, shown, vars{"id": stack}, &out)
		if e := out.Stack.Entities; len(e) != 1 || e[0].ID != "own/terraform_data.net" || e[0].Updater.ID != run {
			t.Errorf("it has made %+v", out.Stack)
		}
		if v := out.Stack.EffectiveTerraformVersion; v != nil {
			t.Errorf("the version of a tool that it brings is %s", *v)
		}
		s.admin.must(t, shown, vars{"id": create("usual", "OPEN_TOFU", true)}, &out)
		if v := out.Stack.EffectiveTerraformVersion; v == nil || !strings.HasPrefix(*v, "1.") || out.Stack.EntityCount != 0 {
			t.Errorf("of a stack without runs: %+v", out.Stack)
		}

		s.admin.must(t, stackDelete, vars{"id": stack, "destroy": true}, nil)
		await(t, "the stack to be deleted", time.Minute, func() bool { return s.admin.life(t, stack) == nil })
		if state, err := os.ReadFile(kept); err != nil || strings.Contains(string(state), "terraform_data") {
			t.Errorf("%v: the state has kept %s", err, state)
		}
	})
}
