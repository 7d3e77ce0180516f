package runner

import (
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/sandbox"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// tokenHook writes down which token a stage finds, letter by letter, so that
// the log is not masked.
const tokenHook = `test "$(cat $AWS_WEB_IDENTITY_TOKEN_FILE)" = "$AIRLOCK_OIDC_TOKEN" && test "$SPACELIFT_OIDC_TOKEN" = "$AIRLOCK_OIDC_TOKEN" && ` +
	`echo "STAGE: $(cat $AIRLOCK_OIDC_TOKEN_FILE | sed 's/./& /g')"; echo "plain $AIRLOCK_OIDC_TOKEN"; ` +
	`if echo evil > $AIRLOCK_OIDC_TOKEN_FILE.x; then echo can write; fi 2>/dev/null; true`

// federated checks which tokens the stages of a whole run found.
func federated(t *testing.T, b *bench) {
	t.Helper()
	job := b.hooked()
	job.Federated = true
	job.Env = []workerapi.EnvVar{{Name: "AWS_WEB_IDENTITY_TOKEN_FILE", Value: "${AIRLOCK_OIDC_TOKEN_FILE}"}}
	job.Hooks.BeforeInit, job.Hooks.AfterPlan, job.Hooks.BeforeApply, job.Hooks.AfterRun =
		[]string{tokenHook}, []string{tokenHook}, []string{tokenHook}, []string{tokenHook}
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunConfirmed, domain.RunApplying, domain.RunFinished))
	var found []string
	for line := range strings.Lines(b.api.text()) {
		if rest, ok := strings.CutPrefix(line, "STAGE: "); ok {
			found = append(found, strings.ReplaceAll(strings.TrimSpace(rest), " ", ""))
		}
		if strings.Contains(line, "federation-token-") {
			t.Errorf("the log shows a token: %s", line)
		}
	}
	if len(found) != 4 || !strings.HasPrefix(found[0], "federation-token-1-") || found[1] != found[0] ||
		found[2] != "federation-token-2-APPLYING" || found[3] != found[2] {
		t.Errorf("the stages found %q", found)
	}
	b.wantLog("plain ***")
}

// TestFederationTokenOfEachStage: reading stages find the first token, writing
// ones another, which is asked for when the run has entered them.
func TestFederationTokenOfEachStage(t *testing.T) {
	federated(t, newBench(t))
}

// TestFederationTokenInSandbox: a run reads its token, and cannot replace it.
func TestFederationTokenInSandbox(t *testing.T) {
	b := newBench(t)
	b.boxed(sandbox.Options{})
	federated(t, b)
	if strings.Contains(b.api.text(), "\ncan write") {
		t.Error("the run can write where the worker keeps its token")
	}
}

// TestFederationTokenIsRenewed: the file holds another token before the last one
// ends.
func TestFederationTokenIsRenewed(t *testing.T) {
	b := newBench(t)
	b.api.tokenLife = time.Second
	job := b.hooked()
	job.Federated = true
	job.Hooks.BeforeInit = []string{`first=$(cat $AIRLOCK_OIDC_TOKEN_FILE); until test "$(cat $AIRLOCK_OIDC_TOKEN_FILE)" != "$first"; do sleep 0.05; done; echo renewed`}
	b.must(job)
	b.wantLog("\nrenewed\n")
}
