package runner

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/workerapi"
)

var (
	planPath = []domain.RunState{domain.RunReady, domain.RunPreparing, domain.RunInitializing, domain.RunPlanning}
	wantOuts = []domain.Output{
		{Name: "key", Sensitive: true},
		{Name: "name", Value: `"x"`, Description: "the net's name"},
	}
)

func then(path []domain.RunState, more ...domain.RunState) []domain.RunState {
	return append(append([]domain.RunState(nil), path...), more...)
}

func checkPath(t *testing.T, api *fakeAPI, want []domain.RunState) {
	t.Helper()
	if d := cmp.Diff(want, api.path()); d != "" {
		t.Errorf("states (-want +got):\n%s\n%s", d, api.text())
	}
}

func TestPlanConfirmApply(t *testing.T) {
	b := newBench(t)
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
	job.Notices = []string{"The stack asks for TERRAFORM; OpenTofu runs."}
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunUnconfirmed))
	b.wantLog("The stack asks for TERRAFORM", `of branch main: "Add the network" by Ann`, "Using OpenTofu 1.",
		"OpenTofu has been successfully initialized", "to add", "Waiting for confirmation")
	last := b.api.last()
	if d := cmp.Diff(&domain.Delta{Added: 1, Resources: 1}, last.Delta); d != "" {
		t.Errorf("delta: %s", d)
	}
	if d := cmp.Diff([]domain.ResourceChange{{Address: "terraform_data.net", Action: "create"}}, last.Changes); d != "" {
		t.Errorf("changes: %s", d)
	}
	if b.state.state() != "" {
		t.Error("the plan wrote a state")
	}

	apply := b.job("")
	apply.Ref.Epoch, apply.Phase = 2, workerapi.PhaseApply
	b.must(apply)
	checkPath(t, b.api, []domain.RunState{domain.RunConfirmed, domain.RunPreparingApply, domain.RunApplying, domain.RunFinished})
	b.wantLog("Apply complete!")
	if d := cmp.Diff(wantOuts, b.api.last().Outputs); d != "" {
		t.Errorf("outputs: %s", d)
	}
	if !strings.Contains(b.state.state(), "terraform_data") {
		t.Errorf("the state was not stored: %s", b.state.state())
	}
}

func TestAutodeployThenNoChanges(t *testing.T) {
	b := newBench(t)
	repo := gitRepo(t, map[string]string{"live/main.tf": oneResource})
	job := b.job(repo)
	job.Autodeploy, job.ProjectRoot = true, "live"
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunConfirmed, domain.RunApplying, domain.RunFinished))
	if d := cmp.Diff(wantOuts, b.api.last().Outputs); d != "" {
		t.Errorf("outputs: %s", d)
	}
	if c := b.api.advances[1].Commit; c == nil || c.Hash != runGit(t, repo, "rev-parse", "HEAD") || c.AuthorName != "Ann" {
		t.Errorf("commit = %+v", c)
	}
	job.Ref.Epoch = 2
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunFinished))
	b.wantLog("No changes.", "There is nothing to apply")
	if d := cmp.Diff(&domain.Delta{Resources: 1}, b.api.last().Delta); d != "" {
		t.Errorf("delta: %s", d)
	}
}

func TestConfirmedWithoutApplyKeepsWorkspace(t *testing.T) {
	b := newBench(t)
	b.api.noApply = true
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
	job.Autodeploy = true
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunConfirmed))
	if len(b.api.workspace) == 0 {
		t.Error("no workspace was kept")
	}
}

func TestProposedEndsAfterPlan(t *testing.T) {
	b := newBench(t)
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
	job.RunType, job.Autodeploy = domain.RunProposed, true
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunFinished))
	if b.api.last().Delta.Added != 1 {
		t.Errorf("delta = %+v", b.api.last().Delta)
	}
}

func TestHooksFilesAndMasking(t *testing.T) {
	b := newBench(t)
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource + "\nvariable \"token\" { sensitive = true }\n"}))
	job.Autodeploy = true
	job.Env = []workerapi.EnvVar{
		{Name: "TF_VAR_token", Value: "canary-4711\nsecond-canary", Secret: true},
		{Name: "GREETING", Value: "$(id) `id`; hello"}, {Name: "PIN", Value: "123", Secret: true},
		{Name: "ro_STAGE", Value: "reading"}, {Name: "wo_STAGE", Value: "writing"}, {Name: "SAYS", Value: "it is ${STAGE}"},
		{Name: "LD_PRELOAD", Value: "/tmp/evil.so"}, {Name: "TF_CLI_CONFIG_FILE", Value: "/tmp/evil"},
	}
	job.Files = []workerapi.File{
		{Path: "notes/secret.txt", Content: []byte("file-canary-0815"), Secret: true},
		{Path: "source/extra.auto.tfvars", Content: []byte("\n")},
	}
	job.Hooks = domain.Hooks{
		BeforeInit: []string{`echo "$GREETING"`, `printf '%s' canary-; sleep 0.05; echo 4711`, `cat ../notes/secret.txt; echo`},
		AfterInit:  []string{`echo "home=$HOME tf=$TF_CLI_CONFIG_FILE ld=$LD_PRELOAD"`},
		BeforePlan: []string{"echo one\necho two", `echo "before plan $SAYS"`}, AfterPlan: []string{`test -f airlock.plan && echo "$TF_VAR_token" | base64 -w0; echo`},
		BeforeApply: []string{`env | grep -c '^TF_HTTP_PASSWORD=' ; echo "$TF_HTTP_PASSWORD"`},
		AfterApply:  []string{`echo "after-apply $SAYS"`}, AfterRun: []string{`echo "ended $AIRLOCK_FINAL_RUN_STATE"`, "exit 3"},
	}
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunConfirmed, domain.RunApplying, domain.RunFinished))
	b.wantLog("$(id) `id`; hello", "one\ntwo", "before plan it is reading\n", "after-apply it is writing\n", "ended FINISHED", "after_run hook 2 failed with exit code 3",
		"Variable LD_PRELOAD is ignored", "Variable TF_CLI_CONFIG_FILE is ignored", "The value of PIN is not masked", "/home tf=")
	for _, canary := range []string{"canary-4711", "second-canary", "file-canary", "state-password", "Y2FuYXJ5", "evil.so\n", "uid="} {
		if strings.Contains(b.api.text(), canary) {
			t.Errorf("the log shows %q:\n%s", canary, b.api.text())
		}
	}
}

// TestA63AutodeployIsHeld leaves a plan to a decision when the stack was locked
// while it was made.
func TestA63AutodeployIsHeld(t *testing.T) {
	b := newBench(t)
	b.api.hold = true
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource}))
	job.Autodeploy = true
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunUnconfirmed))
	if last := b.api.last(); last.Delta == nil || last.Changes == nil || len(b.api.workspace) == 0 {
		t.Errorf("reported %+v with a workspace of %d bytes", last, len(b.api.workspace))
	}
	b.wantLog("Waiting for confirmation")
}

// TestCase123AddMask: what code of a plan wants hidden stays hidden in the
// apply, which another worker may execute, and it is never in the log.
// TestCase123SecretsInTheEnd: what a secret is in the end is hidden, whoever set it
// last and whatever its references stand for, in stages that read and that write.
func TestCase123SecretsInTheEnd(t *testing.T) {
	b := newBench(t)
	job := b.job(gitRepo(t, map[string]string{"main.tf": oneResource, ".airlock/config.yml": "stack_defaults: {environment: {FILED: filed-in-the-code}}\n"}))
	job.Autodeploy = true
	job.Env = []workerapi.EnvVar{
		{Name: "NAME", Value: "bob"}, {Name: "MIXED", Value: "${NAME}-and-a-tail", Secret: true}, {Name: "wo_MIXED", Value: "wo-${NAME}-and-all", Secret: true},
		{Name: "FILED", Value: "old-filed", Secret: true}, {Name: "CUSTOM", Value: "old-custom", Secret: true}, {Name: "SHORT", Value: "long-enough", Secret: true},
	}
	job.Custom = &domain.RuntimeConfig{Env: []domain.EnvOverride{{Name: "CUSTOM", Value: "custom-of-the-run"}, {Name: "SHORT", Value: "ab"}}}
	show := []string{"echo \"$MIXED $FILED $CUSTOM\""}
	job.Hooks = domain.Hooks{BeforePlan: show, BeforeApply: show, AfterRun: show}
	job.StackHooks = job.Hooks
	b.must(job)
	b.wantLog("\n*** *** ***", "The value of SHORT is not masked")
	for _, secret := range []string{"bob-and-a-tail", "wo-bob-and-all", "filed-in-the-code", "custom-of-the-run"} {
		if strings.Contains(b.api.text(), secret) {
			t.Errorf("the log shows %s:\n%s", secret, b.api.text())
		}
	}
}

func TestCase123AddMask(t *testing.T) {
	const code = `
resource "terraform_data" "net" {
  provisioner "local-exec" { command = "printf 'from-%s-%s\\n' the apply; printf '::add-%s %s-%s\\n' mask second 5678; sleep 0.2; printf 'again %s-%s\\n' second 5678" }
}
`
	b := newBench(t)
	job := b.job(gitRepo(t, map[string]string{"main.tf": code}))
	job.MaskWellKnown = true
	token := "ghp_" + strings.Repeat("A2bC3dE4", 5)
	job.Hooks.BeforePlan = []string{"printf '::add-%s from-%s-%s\\n' mask the apply", "printf 'ghp_%s\\n' " + token[4:], "echo shown"}
	b.must(job)
	b.wantLog("shown", secrets.Mask)
	plan := b.api.text()
	apply := b.job("")
	apply.Ref.Epoch, apply.Phase = 2, workerapi.PhaseApply
	b.must(apply)
	b.wantLog("Apply complete!", "again "+secrets.Mask)
	for _, line := range strings.Split(plan+b.api.text(), "\n") {
		if strings.Contains(line, "from-the-apply") || strings.Contains(line, token) || strings.Contains(line, "second-5678") || strings.HasPrefix(line, "::add-mask") {
			t.Errorf("shown: %s", line)
		}
	}
}
