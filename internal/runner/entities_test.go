package runner

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// elsewhere is a job whose code keeps its state in a backend of its own.
func (b *bench) elsewhere(code string) *workerapi.Job {
	b.t.Helper()
	backend := fmt.Sprintf("terraform {\n  backend \"local\" {\n    path = %q\n  }\n}\n", filepath.Join(b.t.TempDir(), "own.tfstate"))
	job := b.job(gitRepo(b.t, map[string]string{"main.tf": backend + code}))
	job.Autodeploy, job.State = true, nil
	return job
}

// told are the addresses that the last report has told, and what it was in
// JSON.
func (b *bench) told() (addresses []string, text string) {
	b.t.Helper()
	last := b.api.last()
	if last.Entities == nil {
		return nil, ""
	}
	addresses = []string{}
	for _, e := range *last.Entities {
		addresses = append(addresses, e.Address)
	}
	body, err := json.Marshal(last.Entities)
	if err != nil {
		b.t.Fatal(err)
	}
	return addresses, string(body)
}

func (b *bench) wantTold(want ...string) {
	b.t.Helper()
	got, _ := b.told()
	if d := cmp.Diff(want, got); d != "" {
		b.t.Errorf("told (-want +got):\n%s\n%s", d, b.api.text())
	}
}

// TestEntitiesOfAForeignState: what a state holds that is kept elsewhere is
// told at the end of each run that may have changed it, and never a value.
func TestEntitiesOfAForeignState(t *testing.T) {
	b := newBench(t)
	job := b.elsewhere(`
resource "terraform_data" "net" {
  for_each = { a = "canary-4711" }
  input    = each.value
}
output "key" {
  value     = "canary-0815"
  sensitive = true
}
output "name" { value = "plain" }
`)
	b.must(job)
	all := []string{"output.key", "output.name", `terraform_data.net["a"]`}
	b.wantTold(all...)
	_, text := b.told()
	want := `[{"address":"output.key","type":"output","name":"key","output":true,"sensitive":true},` +
		`{"address":"output.name","type":"output","name":"name","output":true},` +
		`{"address":"terraform_data.net[\"a\"]","type":"terraform_data","name":"net","provider":"terraform.io/builtin/terraform"}]`
	if text != want {
		t.Errorf("told %s\nwant %s", text, want)
	}

	job.Ref.Epoch++ // nothing to apply
	b.must(job)
	b.wantTold(all...)

	job.Ref.Epoch++
	job.RunType, job.Autodeploy = domain.RunProposed, false
	b.must(job)
	b.wantTold()

	job.Ref.Epoch++
	job.RunType, job.Command = domain.RunTask, `tofu state rm 'terraform_data.net["a"]'`
	b.must(job)
	b.wantTold(all[:2]...)

	job.Ref.Epoch++
	job.SkipInit, job.Command = true, "true"
	b.must(job)
	b.wantTold()

	job.Ref.Epoch++
	job.SkipInit, job.RunType = false, domain.RunDestroy
	b.must(job)
	if got, _ := b.told(); got == nil || len(got) != 0 {
		t.Errorf("after everything was destroyed it tells %q", got)
	}
}

// TestEntitiesAfterAFailure: what was made before an apply failed is there.
func TestEntitiesAfterAFailure(t *testing.T) {
	b := newBench(t)
	job := b.elsewhere(`
resource "terraform_data" "made" {}
resource "terraform_data" "broken" {
  depends_on = [terraform_data.made]
  provisioner "local-exec" { command = "exit 3" }
}
`)
	if err := b.execute(t.Context(), job); err == nil {
		t.Fatal("the apply did not fail")
	}
	b.wantTold("terraform_data.broken", "terraform_data.made")
	if e := (*b.api.last().Entities)[0]; !e.Tainted {
		t.Errorf("told %+v", e)
	}
	checkPath(t, b.api, then(planPath, domain.RunConfirmed, domain.RunApplying, domain.RunFailed))
}

// TestEntitiesOfAKeptState: the control plane reads the states that it keeps.
func TestEntitiesOfAKeptState(t *testing.T) {
	b := newBench(t)
	b.deployed(oneResource)
	b.wantTold()
}

// TestUnreadableState: a run does not fail because its state cannot be read.
func TestUnreadableState(t *testing.T) {
	b := newBench(t)
	job := b.elsewhere(oneResource)
	job.Hooks.AfterApply = []string{"rm -r .terraform"}
	b.must(job)
	b.wantTold()
	if !strings.Contains(b.api.text(), "What the state holds cannot be shown: ") {
		t.Error(b.api.text())
	}
}
