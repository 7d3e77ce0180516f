package e2e

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"
)

const (
	repoCreate     = `mutation($input:RepoCreateInput!){repoCreate(input:$input){id}}`
	revisionCreate = `mutation($input:RevisionCreateInput!){revisionCreate(input:$input){sha}}`
)

// TestBuiltInRepository runs a stack whose code lies in Airlock alone: each
// commit through the API starts a run, which is applied.
func TestBuiltInRepository(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		repo := s.admin.id(t, repoCreate, vars{"input": vars{"name": "Infra", "spaceID": "legacy"}})
		stack := s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
			"name": "built", "space": "legacy", "provider": "SPACELIFT", "repository": repo, "branch": "main",
			"projectRoot": "infra", "administrative": false, "autodeploy": true, "vendorConfig": vars{"opentofu": vars{}},
		}})
		commit := func(path, content, message string) string {
			t.Helper()
			var out struct{ RevisionCreate struct{ SHA string } }
			s.admin.must(t, revisionCreate, vars{"input": vars{"repoID": repo, "message": message, "authorName": "Ann", "files": []any{
				vars{"path": path, "content": base64.StdEncoding.EncodeToString([]byte(content))},
			}}}, &out)
			return out.RevisionCreate.SHA
		}
		runs := func() (ids []string) {
			t.Helper()
			var out struct {
				Stack struct{ Runs []struct{ ID string } }
			}
			s.admin.must(t, `query($id:ID!){stack(id:$id){runs{id}}}`, vars{"id": stack}, &out)
			for _, r := range out.Stack.Runs {
				ids = append(ids, r.ID)
			}
			return ids
		}
		for n, value := range []string{"one", "two"} {
			sha := commit("infra/main.tf", `output "value" { value = "`+value+`" }`, "Say "+value)
			await(t, "the commit to start a run", 20*time.Second, func() bool { return len(runs()) == n+1 })
			r := s.admin.reaches(t, stack, runs()[0], "FINISHED")
			if r.Commit.Hash != sha || r.Commit.Message != "Say "+value || r.Commit.AuthorName != "Ann" {
				t.Errorf("commit %+v, want %s", r.Commit, sha)
			}
			var out struct {
				Stack struct{ Outputs []struct{ ID, Value string } }
			}
			s.admin.must(t, stackOutputsQuery, vars{"id": stack}, &out)
			if o := out.Stack.Outputs; len(o) != 1 || !strings.Contains(o[0].Value, value) {
				t.Errorf("outputs %+v", o)
			}
		}
		commit("docs/readme.md", "nothing that runs", "Explain")
		commit("infra/main.tf", "this is no code", "Break")
		await(t, "the broken commit to start a run", 20*time.Second, func() bool { return len(runs()) == 3 })
		s.admin.reaches(t, stack, runs()[0], "FAILED")
	})
}
