package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// passOn hands its input on as outputs, plain and sensitive.
const passOn = `variable "from" { default = "base" }
variable "key" { default = "hidden-` + canary + `" }
resource "terraform_data" "made" { input = "${var.from}+" }
output "word" { value = terraform_data.made.output }
output "key" {
  value     = var.key
  sensitive = true
}
`

const (
	dependencyCreate = `mutation($stack:ID!,$on:ID!){stackDependencyCreate(input:{stackId:$stack,dependsOnStackId:$on}){id}}`
	referenceAdd     = `mutation($id:ID!,$out:String!,$in:String!){stackDependenciesAddReference(stackDependencyID:$id,
		reference:{outputName:$out,inputName:$in,triggerAlways:false,type:"ENVIRONMENT_VARIABLE"}){id}}`
)

// TestDependencies is a -> b -> c with real OpenTofu: one run of a carries its
// outputs down to c, and a second one, which changes nothing, stops at b.
func TestDependencies(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		url, _ := repository(t, map[string]string{"main.tf": passOn})
		var chain []string
		for _, name := range []string{"a", "b", "c"} {
			chain = append(chain, s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
				"name": "chain " + name, "space": "legacy", "provider": "GIT", "repository": "chain", "repositoryURL": url, "branch": "main",
				"administrative": false, "autodeploy": true, "enableSensitiveOutputUpload": true, "vendorConfig": vars{"opentofu": vars{}},
			}}))
		}
		for i := 1; i < len(chain); i++ {
			id := s.admin.id(t, dependencyCreate, vars{"stack": chain[i], "on": chain[i-1]})
			s.admin.id(t, referenceAdd, vars{"id": id, "out": "word", "in": "TF_VAR_from"})
			s.admin.id(t, referenceAdd, vars{"id": id, "out": "key", "in": "TF_VAR_key"})
		}
		s.admin.refused(t, dependencyCreate, vars{"stack": chain[0], "on": chain[2]}, "CONFLICT", strings.Join([]string{chain[0], chain[2], chain[1], chain[0]}, " -> "))
		s.admin.refused(t, `mutation($id:ID!){stackDelete(id:$id){id}}`, vars{"id": chain[0]}, "CONFLICT", chain[1])

		trigger := `mutation($stack:ID!){runTrigger(stack:$stack){id}}`
		first := s.admin.id(t, trigger, vars{"stack": chain[0]})
		last := s.newestRun(t, chain[2])
		s.admin.reaches(t, chain[0], first, "FINISHED")
		s.admin.reaches(t, chain[2], last, "FINISHED")
		var out struct {
			Stack struct{ Outputs []struct{ ID, Value string } }
		}
		s.admin.must(t, `query($id:ID!){stack(id:$id){outputs{id value}}}`, vars{"id": chain[2]}, &out)
		if got, want := fmt.Sprint(out.Stack.Outputs), `[{key } {word "base+++"}]`; got != want {
			t.Errorf("c has made %s, want %s", got, want)
		}
		for _, stack := range chain {
			if strings.Contains(s.admin.wholeLog(t, stack, s.newestRun(t, stack)), canary) {
				t.Errorf("the log of %s shows a sensitive output", stack)
			}
		}
		s.admin.reaches(t, chain[0], s.admin.id(t, trigger, vars{"stack": chain[0]}), "FINISHED")
		for _, below := range chain[1:] {
			s.admin.reaches(t, below, s.newestRun(t, below), "SKIPPED")
		}
	})
}

// dependencyCode lets one stack of providerCode depend on the other.
const dependencyCode = `
resource "spacelift_stack_dependency" "web" {
  stack_id            = spacelift_stack.web.id
  depends_on_stack_id = spacelift_stack.terraform.id
}
resource "spacelift_stack_dependency_reference" "address" {
  stack_dependency_id = spacelift_stack_dependency.web.id
  output_name         = "address"
  input_name          = "TF_VAR_address"
}
`

// reimport forgets a reference and returns the words that import it again, by
// its ids or by names.
func (s *story) reimport(t *testing.T, by string, tofu func(words string, args ...string)) []string {
	t.Helper()
	const resource = "spacelift_stack_dependency_reference.address"
	var out struct {
		Stack struct {
			DependsOn []struct {
				ID         string
				References []struct{ ID string }
			}
		}
	}
	s.admin.must(t, `{stack(id:"web"){dependsOn{id references{id}}}}`, nil, &out)
	tofu("removed", "state", "rm", resource)
	if by == "names" {
		return []string{"import", resource, "web/terraform-flavour/TF_VAR_address"}
	}
	d := out.Stack.DependsOn[0]
	return []string{"import", resource, "web/" + d.ID + "/" + d.References[0].ID}
}
