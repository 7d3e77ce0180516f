package e2e

import (
	"net/url"
	"strings"
	"testing"

	"github.com/coreos/go-oidc/v3/oidc"
)

// spell is a hook that shows the run's token letter by letter, which no mask
// recognises, and as it is, which must be masked.
func spell(stage string) string {
	return `echo "` + stage + `: $(sed 's/./& /g' $AIRLOCK_OIDC_TOKEN_FILE)"; echo plain $SPACELIFT_OIDC_TOKEN; cat $AIRLOCK_OIDC_TOKEN_FILE`
}

// TestFederation: what a run shows elsewhere is verified there by nothing but
// the account's URL, and says write only while the run changes something.
func TestFederation(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database, "--workers", "0"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		repo, _ := repository(t, map[string]string{"main.tf": `resource "terraform_data" "x" {}`})
		var made struct {
			WorkerPoolCreate struct{ ID, Config string }
		}
		request, private := poolRequest(t)
		s.admin.must(t, poolCreate, vars{"csr": request}, &made)
		pool := made.WorkerPoolCreate
		s.poolWorker(t, pool.Config, private) // its answers are sealed
		stack := s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
			"name": "keyless", "space": "legacy", "provider": "GIT", "repository": "keyless", "repositoryURL": repo, "branch": "main",
			"administrative": false, "workerPool": pool.ID,
			"beforeInit": []string{spell("init")}, "beforePlan": []string{spell("plan")}, "beforeApply": []string{spell("apply")},
		}})
		run := s.admin.id(t, runTrigger, vars{"stack": stack})
		s.admin.reaches(t, stack, run, "UNCONFIRMED")
		s.admin.must(t, runConfirm, vars{"stack": stack, "run": run}, nil)
		s.admin.reaches(t, stack, run, "FINISHED")
		log := s.admin.wholeLog(t, stack, run)

		provider, err := oidc.NewProvider(t.Context(), s.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		at, err := url.Parse(s.Endpoint)
		if err != nil {
			t.Fatal(err)
		}
		verifier := provider.Verifier(&oidc.Config{ClientID: at.Host})
		for stage, scope := range map[string]string{"init": "read", "plan": "read", "apply": "write"} {
			_, rest, _ := strings.Cut(log, "\n"+stage+": ")
			line, _, _ := strings.Cut(rest, "\n")
			raw := strings.ReplaceAll(line, " ", "")
			token, err := verifier.Verify(t.Context(), raw)
			if err != nil {
				t.Errorf("%s: %v in\n%s", stage, err, log)
				continue
			}
			if strings.Contains(log, raw) {
				t.Errorf("%s: the log shows the token", stage)
			}
			var says struct{ SpaceID, CallerType, CallerID, RunType, RunID, Scope string }
			if err := token.Claims(&says); err != nil {
				t.Fatal(err)
			}
			want := says
			want.SpaceID, want.CallerType, want.CallerID, want.RunType, want.RunID, want.Scope = "legacy", "stack", stack, "TRACKED", run, scope
			if says != want || token.Subject != "space:legacy:stack:"+stack+":run_type:TRACKED:scope:"+scope || token.Issuer != s.Endpoint {
				t.Errorf("%s: %+v, subject %s", stage, says, token.Subject)
			}
		}
		if !strings.Contains(log, "plain ***") {
			t.Errorf("the log:\n%s", log)
		}
	})
}
