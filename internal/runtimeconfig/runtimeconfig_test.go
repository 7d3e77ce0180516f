package runtimeconfig

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
)

const file = `version: "2"
stack_defaults:
  environment:
    REGION: eu
    COUNT: 010
  before_plan:
    - echo all
  terraform_version: 1.9.0
stacks:
  web:
    environment: {REGION: us}
    before_plan: [echo web, "echo twice"]
    project_root: app/
  other:
    runner_image: example.com/image
`

func TestReadFile(t *testing.T) {
	root := "app/"
	for stack, want := range map[domain.StackID]domain.RuntimeConfig{
		"web": {
			Env:   []domain.EnvOverride{{Name: "REGION", Value: "eu"}, {Name: "COUNT", Value: "010"}, {Name: "REGION", Value: "us"}},
			Hooks: domain.Hooks{BeforePlan: []string{"echo web", "echo twice"}}, ProjectRoot: &root, Version: "1.9.0",
		},
		"nameless": {
			Env:   []domain.EnvOverride{{Name: "REGION", Value: "eu"}, {Name: "COUNT", Value: "010"}},
			Hooks: domain.Hooks{BeforePlan: []string{"echo all"}}, Version: "1.9.0",
		},
	} {
		got, err := ReadFile([]byte(file), stack)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s: %s", stack, d)
		}
	}
	for _, nothing := range []string{"", "# nothing\n", "version: 1\n", "stacks:\nstack_defaults:\n", "version: 2\ntests: [{name: x}]\n"} {
		if got, err := ReadFile([]byte(nothing), "web"); err != nil || !got.Empty() {
			t.Errorf("%q: %+v, %v", nothing, got, err)
		}
	}
}

// TestWrongFilesSayWhere: line and setting are named, also of other stacks.
func TestWrongFilesSayWhere(t *testing.T) {
	for text, want := range map[string]string{
		"version: 3\n":     "line 1: version must be 1 or 2",
		"version: 1\nx: 1": "line 2: x is no setting of a configuration file",
		"stacks:\n  other:\n    autodeploy: true\n":                                    "line 3: autodeploy cannot be set by a runtime configuration",
		"stack_defaults:\n  environment:\n    A: 1\n    A: 2\n":                        "line 4: A stands here twice",
		"stack_defaults:\n  environment:\n    A: [1]\n":                                "line 3: A must be one text",
		"stack_defaults:\n  environment:\n    LD_PRELOAD: x\n":                         "line 3: LD_PRELOAD is a variable that nobody may set",
		"stack_defaults:\n  environment:\n    SPACELIFT_API_TOKEN: x\n":                "line 3: SPACELIFT_API_TOKEN is a variable that nobody may set",
		"stack_defaults:\n  environment:\n    wo_LD_PRELOAD: x\n":                      "line 2: environment wo_LD_PRELOAD",
		"stack_defaults:\n  before_plan: echo\n":                                       "line 2: before_plan must be a list of commands",
		"stack_defaults:\n  terraform_workflow_tool: MAKE\n":                           "line 2: terraform_workflow_tool must be OPEN_TOFU, TERRAFORM_FOSS or CUSTOM",
		"stack_defaults: &x\n  before_plan: [a]\nstacks:\n  web:\n    <<: *x\n":        "line 5: this must be a name; references are not followed",
		"stack_defaults: &x\n  before_plan: [a]\nstacks:\n  web: *x\n":                 "line 4: this must be a mapping of names to values, without references",
		"stack_defaults: [a]\n":                                                        "line 1: this must be a mapping",
		"- a\n":                                                                        "line 1: this must be a mapping",
		"stack_defaults:\n\tx: 1\n":                                                    "line 2: found character that cannot start any token",
		"stack_defaults:\n  before_plan: [" + strings.Repeat("a,", 101) + "]\n":        "line 2: before_plan must not have more than 100 commands",
		"a: &a [x,x]\nb: &b [*a,*a,*a]\nc: &c [*b,*b,*b]\nstack_defaults: {x: [*c]}\n": "line 1: a is no setting",
		strings.Repeat("#", MaxBytes+1):                                                "must not be larger",
	} {
		if _, err := ReadFile([]byte(text), "web"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.80q: %v, want %q", text, err, want)
		}
	}
}

// TestProtectedSettings are what a runtime configuration has no words for.
func TestProtectedSettings(t *testing.T) {
	for _, name := range []string{
		"autodeploy", "administrative", "space", "labels", "worker_pool", "roles", "role", "manage_state", "state", "branch", "repository", "autoretry",
		"enable_local_preview", "protect_from_deletion", "external_state_access_enabled", "commit", "targets", "force_apply", "command", "stack_id",
	} {
		if _, err := Read([]byte(name + ": true\n")); err == nil || !strings.Contains(err.Error(), "line 1: "+name+" cannot be set") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(file))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ReadFile(text, "web")
		if err == nil && c.Check() != nil {
			for _, e := range c.Env {
				if domain.ReservedVariable(e.Name) {
					t.Errorf("%q sets %s", text, e.Name)
				}
			}
		}
	})
}
