package e2e

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	upload     = `mutation{stateUploadUrl{objectId,url}}`
	importNew  = `mutation($input:StackInput!$state:String){stackCreate(input:$input,manageState:true,stackObjectID:$state){id}}`
	netState   = `{"version":4,"terraform_version":"1.12.6","serial":3,"lineage":"0e7d9c4e-3f3f-4a32-8f6d-0a6f5a3c2b11","outputs":{"cidr":{"value":"10.0.0.0/16","type":"string"}},"resources":[],"check_results":null}`
	remoteCode = `
data "terraform_remote_state" "net" {
  backend = "remote"
  config = {
    hostname     = %q
    organization = "airlock"
    workspaces   = { name = "net" }
  }
}
output "got" { value = data.terraform_remote_state.net.outputs.cidr }
`
	cloudCode = `
terraform {
  cloud {
    hostname     = %q
    organization = "airlock"
    workspaces { name = "net" }
  }
}
`
)

// outsider is OpenTofu on somebody's own machine.
type outsider struct {
	*story
	host, ca string
}

// TestExternalState reads a state with OpenTofu itself, over https from outside
// and from within a run (access model A126 to A131).
func TestExternalState(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		o := &outsider{story: s}
		o.serveTLS(t)
		o.importNet(t)
		o.reads(t)
		o.refusals(t)
		o.inARun(t)
	})
}

// serveTLS puts a certificate of an authority of its own before the server.
func (o *outsider) serveTLS(t *testing.T) {
	t.Helper()
	target, err := url.Parse(o.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewTLSServer(httputil.NewSingleHostReverseProxy(target))
	t.Cleanup(proxy.Close)
	o.host, o.ca = strings.TrimPrefix(proxy.URL, "https://"), filepath.Join(o.dir, "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: proxy.Certificate().Raw})
	if err := os.WriteFile(o.ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
}

// importNet makes the stack whose state is read, from an uploaded state as the
// provider does.
func (o *outsider) importNet(t *testing.T) {
	t.Helper()
	var up struct {
		StateUploadURL struct{ ObjectID, URL string }
	}
	o.admin.must(t, upload, nil, &up)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, up.StateUploadURL.URL, strings.NewReader(netState))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _ = res.Body.Close(); res.StatusCode != http.StatusOK {
		t.Fatalf("the upload was answered %s", res.Status)
	}
	o.admin.must(t, importNew, vars{"state": up.StateUploadURL.ObjectID, "input": o.netInput(true)}, nil)
}

func (o *outsider) netInput(external bool) vars {
	return vars{
		"name": "net", "space": "legacy", "provider": "GIT", "repository": "net", "repositoryURL": "https://git.example.com/net.git", "branch": "main",
		"administrative": false, "vendorConfig": vars{"opentofu": vars{"externalStateAccessEnabled": external}},
	}
}

// tofu runs OpenTofu in a folder of its own with some code and the token of a client.
func (o *outsider) tofu(t *testing.T, as *client, code string, args ...string) (string, error) {
	t.Helper()
	dir := t.TempDir()
	rc := filepath.Join(dir, "rc")
	files := map[string]string{"main.tf": code, "rc": fmt.Sprintf("credentials %q {\n  token = %q\n}\n", o.host, as.token)}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (string, error) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, "tofu", args...)
		cmd.Dir = dir
		cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "TF_CLI_CONFIG_FILE=" + rc, "SSL_CERT_FILE=" + o.ca, "CHECKPOINT_DISABLE=1", "TF_IN_AUTOMATION=1"}
		out, err := cmd.CombinedOutput()
		return strings.Join(strings.Fields(string(out)), " "), err
	}
	if out, err := run("init", "-no-color", "-input=false"); err != nil {
		return out, err
	}
	return run(args...)
}

func (o *outsider) reads(t *testing.T) {
	t.Helper()
	out, err := o.tofu(t, o.admin, fmt.Sprintf(remoteCode, o.host), "apply", "-auto-approve", "-no-color")
	if err != nil || !strings.Contains(out, `got = "10.0.0.0/16"`) {
		t.Errorf("terraform_remote_state: %v\n%s", err, out)
	}
	out, err = o.tofu(t, o.admin, fmt.Sprintf(cloudCode, o.host), "output", "-no-color")
	if err != nil || !strings.Contains(out, `cidr = "10.0.0.0/16"`) {
		t.Errorf("tofu output: %v\n%s", err, out)
	}
	out, err = o.tofu(t, o.admin, fmt.Sprintf(cloudCode, o.host), "state", "pull")
	if err != nil || !strings.Contains(out, `"serial": 3`) && !strings.Contains(out, `"serial":3`) {
		t.Errorf("tofu state pull: %v\n%s", err, out)
	}
}

// refusals are what people read when they may not.
func (o *outsider) refusals(t *testing.T) {
	t.Helper()
	key := func(name string, actions ...string) *client {
		var made struct{ APIKeyCreate struct{ ID, Secret string } }
		o.admin.must(t, apiKeyCreate, vars{"input": vars{"name": name, "admin": false, "teams": []string{}}}, &made)
		if actions != nil {
			role := o.admin.id(t, roleCreate, vars{"input": vars{"name": name, "actions": actions}})
			o.admin.must(t, keyBindingCreate, vars{"input": vars{"apiKeyID": made.APIKeyCreate.ID, "roleID": role, "spaceID": "legacy"}}, nil)
		}
		return signIn(t, o.Endpoint, made.APIKeyCreate.ID, made.APIKeyCreate.Secret)
	}
	read := func(as *client, words string) {
		t.Helper()
		out, err := o.tofu(t, as, fmt.Sprintf(remoteCode, o.host), "plan", "-no-color")
		if err == nil || !strings.Contains(out, words) {
			t.Errorf("%v\n%s\nwant %q", err, out, words)
		}
	}
	read(key("half", "SPACE_READ", "STACK_STATE_READ"), "lacks stack:state-download in space legacy")
	read(key("none"), "there is no stack net that")
	out, err := o.tofu(t, o.admin, fmt.Sprintf(cloudCode, o.host), "plan", "-no-color")
	if err == nil || !strings.Contains(out, "states are only read here") {
		t.Errorf("a plan that locks: %v\n%s", err, out)
	}
	o.toggle(t, false)
	read(o.admin, "does not allow its state to be read from outside")
	o.toggle(t, true)
}

func (o *outsider) toggle(t *testing.T, on bool) {
	t.Helper()
	o.admin.must(t, `mutation($id:ID!$input:StackInput!){stackUpdate(id:$id,input:$input){id}}`, vars{"id": "net", "input": o.netInput(on)}, nil)
}

// inARun reads the state from a stack's own run, by the host name that code for
// the public service has: only once the stack may.
func (o *outsider) inARun(t *testing.T) {
	t.Helper()
	code, _ := repository(t, map[string]string{"infra/main.tf": fmt.Sprintf(remoteCode, "spacelift.io")})
	stack := o.stack(t, "consumer", "legacy", code)
	denied := o.admin.id(t, runTrigger, vars{"stack": stack})
	o.admin.reaches(t, stack, denied, "FAILED")
	if log := o.admin.wholeLog(t, stack, denied); !strings.Contains(log, "there is no stack net") {
		t.Errorf("without a role:\n%s", log)
	}
	role := o.admin.id(t, roleCreate, vars{"input": vars{"name": "reads states", "actions": []string{"SPACE_READ", "STACK_STATE_READ", "STACK_STATE_DOWNLOAD"}}})
	o.admin.must(t, stackBindCreate, vars{"input": vars{"stackID": stack, "roleID": role, "spaceID": "legacy"}}, nil)
	run := o.admin.id(t, runTrigger, vars{"stack": stack})
	o.admin.reaches(t, stack, run, "UNCONFIRMED")
	o.admin.must(t, runConfirm, vars{"stack": stack, "run": run}, nil)
	o.admin.reaches(t, stack, run, "FINISHED")
	var out struct {
		Stack struct{ Outputs []struct{ ID, Value string } }
	}
	o.admin.must(t, stackOutputsQuery, vars{"id": stack}, &out)
	if len(out.Stack.Outputs) != 1 || out.Stack.Outputs[0].Value != `"10.0.0.0/16"` {
		t.Errorf("the run has read %+v", out.Stack.Outputs)
	}
}

// TestCLIState pulls a state with the public CLI.
func TestCLIState(t *testing.T) {
	t.Parallel()
	spacectl := clientBinary(t, spacectlVariable, "the public CLI")
	onBoth(t, func(t *testing.T, database string) {
		o := &outsider{story: &story{top: t, server: start(t, database), dir: t.TempDir()}}
		o.admin = signIn(t, o.Endpoint, o.ID, o.Secret)
		o.importNet(t)
		out, err := o.command(t, o.dir, spacectl, nil, "stack", "state", "pull", "--id", "net")
		if err != nil || !strings.Contains(out, netState) {
			t.Errorf("%v: %s", err, out)
		}
		o.toggle(t, false)
		out, err = o.command(t, o.dir, spacectl, nil, "stack", "state", "pull", "--id", "net")
		if err == nil || !strings.Contains(out, "does not allow its state to be read from outside") {
			t.Errorf("%v: %s", err, out)
		}
	})
}
