package runner

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

func TestFailures(t *testing.T) {
	good := map[string]string{"main.tf": oneResource}
	var (
		preparing    = []domain.RunState{domain.RunReady, domain.RunPreparing, domain.RunFailed}
		initializing = []domain.RunState{domain.RunReady, domain.RunPreparing, domain.RunInitializing, domain.RunFailed}
		planning     = then(planPath, domain.RunFailed)
	)
	for _, c := range []struct {
		name  string
		files map[string]string
		set   func(j *workerapi.Job)
		note  string
		log   string
		path  []domain.RunState
	}{
		{"reason", good, func(j *workerapi.Job) { j.FailReason = "GitHub is not connected yet" }, "GitHub is not connected yet", "", preparing},
		{"run type", good, func(j *workerapi.Job) { j.RunType = domain.RunTesting }, "cannot carry out runs of type TESTING", "", preparing},
		{"provider", good, func(j *workerapi.Job) { j.Source.Provider = "GITLAB" }, "cannot check out sources of GITLAB", "", preparing},
		{"repository", good, func(j *workerapi.Job) { j.Source.URL = "/does/not/exist" }, "repository /does/not/exist does not exist", "", preparing},
		{"branch", good, func(j *workerapi.Job) { j.Source.Branch = "nope" }, "branch nope does not exist", "", preparing},
		{"commit", good, func(j *workerapi.Job) { j.Source.Commit = strings.Repeat("ab", 20) }, "does not exist in repository", "", preparing},
		{"scheme", good, func(j *workerapi.Job) { j.Source.Schemes = []string{"https"} }, `"file" is not allowed`, "", preparing},
		{"root", good, func(j *workerapi.Job) { j.ProjectRoot = "none" }, `project root "none" is not a directory`, "", preparing},
		{"traversal", good, func(j *workerapi.Job) { j.Files = []workerapi.File{{Path: "../x"}} }, "must stay inside", "", preparing},
		{"tool version", good, func(j *workerapi.Job) { j.ToolVersion = "0.0.1" }, "asks for OpenTofu 0.0.1", "", preparing},
		{"env", good, func(j *workerapi.Job) { j.Env = []workerapi.EnvVar{{Name: "A=B"}} }, `"A=B" cannot be set`, "", preparing},
		{"hook", good, func(j *workerapi.Job) { j.Hooks.BeforeInit = []string{"true", "false\necho no", "echo no"} },
			"before_init hook 2 failed with exit code 1", "$ false", initializing},
		{"hcl", map[string]string{"main.tf": "resource {"}, func(*workerapi.Job) {}, "tofu init failed with exit code 1", "Unclosed configuration block", initializing},
		{"unknown provider", map[string]string{"main.tf": "terraform {\n required_providers {\n x = { source = \"localhost:1/none/none\" }\n}\n}\nresource \"x_y\" \"z\" {\n provider = x\n}\n"},
			func(*workerapi.Job) {}, "tofu init failed with exit code 1", "localhost:1/none/none", initializing},
		{"backend replaced", map[string]string{"main.tf": oneResource, "zz_override.tf": "terraform {\n backend \"local\" {}\n}\n"},
			func(*workerapi.Job) {}, "replaces the run's state backend", "", initializing},
		{"plan", map[string]string{"main.tf": "output \"x\" {\n value = file(\"none\")\n}\n"}, func(*workerapi.Job) {},
			"tofu plan failed with exit code 1", "Invalid function argument", planning},
		{"secret in note", good, func(j *workerapi.Job) {
			j.Env = []workerapi.EnvVar{{Name: "S", Value: "nope-canary", Secret: true}}
			j.Source.Branch = "nope-canary"
		}, "branch *** does not exist", "", preparing},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t)
			job := b.job(gitRepo(t, c.files))
			c.set(job)
			if err := b.execute(t.Context(), job); err == nil {
				t.Error("no error")
			}
			checkPath(t, b.api, c.path)
			if note := b.api.last().Note; !strings.Contains(note, c.note) || strings.ContainsAny(note, "\n") || strings.Contains(note, b.cfg.WorkDir) {
				t.Errorf("note = %q, want it to contain %q", note, c.note)
			}
			b.wantLog("Failed: ", c.log)
		})
	}
}

func TestFailedApplyKeepsState(t *testing.T) {
	b := newBench(t)
	b.state.refuse = true
	b.api.refuseState = errors.New("not now")
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
	job.Autodeploy = true
	job.Hooks.AfterRun = []string{"echo ended $AIRLOCK_FINAL_RUN_STATE"}
	if err := b.execute(t.Context(), job); err == nil {
		t.Error("no error")
	}
	checkPath(t, b.api, then(planPath, domain.RunConfirmed, domain.RunApplying, domain.RunFailed))
	b.wantLog("kept on the worker in rescued", "ended FAILED")
	kept, _ := filepath.Glob(filepath.Join(b.cfg.WorkDir, "rescued", "01RUN-1-*.tfstate"))
	if len(kept) != 1 {
		t.Fatalf("kept states: %v", kept)
	}
	body, err := os.ReadFile(kept[0])
	if err != nil || !strings.Contains(string(body), "terraform_data") {
		t.Errorf("kept state: %v %s", err, body)
	}
}

// TestTaskHandsOverItsState: what a command could not store reaches the control
// plane before the run ends, which is told that its state may not be stored.
func TestTaskHandsOverItsState(t *testing.T) {
	for name, refusal := range map[string]error{"taken": nil, "refused": domain.Conflict("the state is another's")} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.api.refuseState = refusal
			job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
			job.RunType, job.Command, job.SkipInit = domain.RunTask, "echo '{}' > errored.tfstate; exit 1", true
			before := -1
			b.api.onAdvance = func(a workerapi.Advance) error {
				if a.To == domain.RunFailed {
					kept, _ := filepath.Glob(filepath.Join(b.cfg.WorkDir, "rescued", "01RUN-1-*.refused.tfstate"))
					before = len(kept) + len(b.api.recovered)
				}
				return nil
			}
			if err := b.execute(t.Context(), job); err == nil {
				t.Error("no error")
			}
			if last := b.api.last(); last.To != domain.RunFailed || !last.Interrupted {
				t.Errorf("reported %+v", last)
			}
			if before != 1 {
				t.Errorf("%d states were handed over before the end was reported", before)
			}
		})
	}
}

func TestApplyRefusesBadWorkspace(t *testing.T) {
	b := newBench(t)
	job := b.job("")
	job.Phase = workerapi.PhaseApply
	b.api.workspace = []byte("not a tar")
	if err := b.execute(t.Context(), job); err == nil {
		t.Error("no error")
	}
	checkPath(t, b.api, []domain.RunState{domain.RunConfirmed, domain.RunPreparingApply, domain.RunFailed})
	if !strings.Contains(b.api.last().Note, "kept workspace cannot be restored") {
		t.Errorf("note = %q", b.api.last().Note)
	}
}
