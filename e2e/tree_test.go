package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// poolCode adds a worker pool, and a stack that uses it, to providerCode.
const poolCode = `
resource "spacelift_worker_pool" "build" {
  name        = "build"
  description = "Builds"
  space_id    = spacelift_space.infra.id
  labels      = ["big"]
}
resource "spacelift_stack" "pooled" {
  name           = "pooled"
  space_id       = spacelift_space.apps.id
  branch         = "main"
  repository     = "web"
  worker_pool_id = spacelift_worker_pool.build.id
  raw_git {
    namespace = "local"
    url       = %[1]q
  }
}
`

// movesCode has a stack in a space below another one, and what the stack uses
// above it. Its parameters are spaces: above "low", of the pool and the context,
// and of the stack; then the request for the pool's certificate.
const movesCode = `
terraform {
  required_providers {
    spacelift = { source = "spacelift-io/spacelift" }
  }
}
resource "spacelift_space" "high" {
  name             = "high"
  parent_space_id  = "root"
  inherit_entities = true
}
resource "spacelift_space" "low" {
  name             = "low"
  parent_space_id  = %[1]s
  inherit_entities = true
}
resource "spacelift_space" "other" {
  name             = "other"
  parent_space_id  = "root"
  inherit_entities = true
}
resource "spacelift_worker_pool" "build" {
  name     = "build"
  space_id = %[2]s
  csr      = %[4]q
}
resource "spacelift_context" "shared" {
  name     = "shared"
  space_id = %[2]s
}
resource "spacelift_stack" "app" {
  name           = "app"
  space_id       = %[3]s
  branch         = "main"
  repository     = "app"
  worker_pool_id = spacelift_worker_pool.build.id
  raw_git {
    namespace = "local"
    url       = "https://git.example.com/app.git"
  }
}
resource "spacelift_context_attachment" "app" {
  context_id = spacelift_context.shared.id
  stack_id   = spacelift_stack.app.id
}
data "spacelift_worker_pools" "all" { depends_on = [spacelift_worker_pool.build] }
output "pools" { value = [for p in data.spacelift_worker_pools.all.worker_pools : p.name] }
output "config" {
  value     = spacelift_worker_pool.build.config
  sensitive = true
}
`

// certificateRequest is one as the provider wants it.
func certificateRequest(t *testing.T) string {
	t.Helper()
	request, _ := poolRequest(t)
	return request
}

// poolRequest is a certificate signing request and its private key in PEM form.
func poolRequest(t *testing.T) (request, private string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, key)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8}))
}

// TestProviderMoves moves spaces, a pool, a context and a stack with the public
// provider: what would cut the stack off is refused, the steps of access model
// A117 are not.
func TestProviderMoves(t *testing.T) {
	t.Parallel()
	provider := clientBinary(t, providerVariable, "the public Terraform provider")
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		code, write, env := s.withProvider(t, provider)
		tofu := func(succeeds bool, words string, args ...string) string {
			t.Helper()
			out, err := s.command(t, code, "tofu", env, append(args, "-no-color")...)
			if (err == nil) != succeeds || !strings.Contains(strings.Join(strings.Fields(strings.ReplaceAll(out, "│", " ")), " "), words) {
				t.Fatalf("tofu %v: %v; want %q", args, err, words)
			}
			return out
		}
		const high, low, other, root = "spacelift_space.high.id", "spacelift_space.low.id", "spacelift_space.other.id", `"root"`
		csr := certificateRequest(t)
		apply := func(succeeds bool, words, above, things, stack string) {
			t.Helper()
			write(filepath.Join(code, "main.tf"), fmt.Sprintf(movesCode, above, things, stack, csr))
			tofu(succeeds, words, "apply", "-auto-approve")
			if succeeds {
				tofu(true, "No changes.", "plan", "-detailed-exitcode")
			}
		}
		config := func() string { return strings.TrimSpace(tofu(true, "", "output", "-raw", "config")) }
		apply(true, "7 added, 0 changed, 0 destroyed", high, high, low)
		first := config()
		apply(false, "stack app of space low-", root, high, low) // A112: both, by name
		tofu(false, "would lose context shared of space high-", "apply", "-auto-approve")
		apply(false, "would lose context shared", high, high, other) // A115
		apply(true, "0 added, 2 changed, 0 destroyed", high, root, low)
		apply(true, "0 added, 1 changed, 0 destroyed", root, root, low)
		apply(true, "0 added, 1 changed, 0 destroyed", root, root, other)
		apply(true, "0 added, 2 changed, 0 destroyed", root, other, other)
		if now := config(); now != first || now == "" {
			t.Errorf("moves changed the pool's config from %q to %q", first, now)
		}
		csr = certificateRequest(t)
		apply(true, "0 added, 1 changed, 0 destroyed", root, other, other)
		if now := config(); now == first || now == "" {
			t.Errorf("after a reset the pool's config is %q", now)
		}
		tofu(true, "7 destroyed", "destroy", "-auto-approve")
	})
}

const (
	poolCreate = `mutation($csr:String!){workerPoolCreate(name:"build",space:"root",certificateSigningRequest:$csr){id,config}}`
	poolReset  = `mutation($id:ID!$csr:String!){workerPoolReset(id:$id,certificateSigningRequest:$csr){id,config}}`
)

// TestPoolWorker starts `airlock worker` with the config of a pool: it executes
// the runs of stacks that name the pool and no others, until the pool is reset;
// then a worker with the new config does.
func TestPoolWorker(t *testing.T) {
	t.Parallel()
	needTofu(t)
	onBoth(t, func(t *testing.T, database string) {
		s := &story{top: t, server: start(t, database, "--workers", "0"), dir: t.TempDir()}
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		url, _ := repository(t, map[string]string{"infra/main.tf": ""})
		var made struct {
			WorkerPoolCreate struct{ ID, Config string }
		}
		request, private := poolRequest(t)
		s.admin.must(t, poolCreate, vars{"csr": request}, &made)
		pool := made.WorkerPoolCreate
		plain := s.stack(t, "plain", "legacy", url)
		pooled := s.admin.id(t, stackCreate, vars{"manageState": true, "input": vars{
			"name": "pooled", "space": "legacy", "provider": "GIT", "repository": "pooled", "repositoryURL": url, "branch": "main",
			"projectRoot": "infra", "administrative": false, "autodeploy": true, "workerPool": pool.ID,
		}})
		waiting := s.admin.id(t, runTrigger, vars{"stack": plain})
		log := s.poolWorker(t, pool.Config, private)
		run := s.admin.id(t, runTrigger, vars{"stack": pooled})
		s.admin.reaches(t, pooled, run, "FINISHED")
		if r := s.admin.run(t, plain, waiting); r.State != "READY" {
			t.Errorf("a run of another pool is %s", r.State)
		}

		var reset struct {
			WorkerPoolReset struct{ Config string }
		}
		request, private = poolRequest(t)
		s.admin.must(t, poolReset, vars{"id": pool.ID, "csr": request}, &reset)
		second := s.admin.id(t, runTrigger, vars{"stack": pooled})
		await(t, "the worker to be refused", time.Minute, func() bool { return strings.Contains(log.String(), "unknown worker pool token") })
		if r := s.admin.run(t, pooled, second); r.State != "READY" {
			t.Errorf("with a token that was reset a run became %s", r.State)
		}
		s.poolWorker(t, reset.WorkerPoolReset.Config, private)
		s.admin.reaches(t, pooled, second, "FINISHED")
	})
}

// poolWorker starts `airlock worker` with the config of a pool as the API shows
// it and the pool's private key.
func (s *story) poolWorker(t *testing.T, config, private string) *buffer {
	t.Helper()
	dir := t.TempDir()
	file, key := filepath.Join(dir, "pool.config"), filepath.Join(dir, "pool.key")
	for path, body := range map[string]string{file: config + "\n", key: private} {
		if err := os.WriteFile(path, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	log := &buffer{}
	cmd := exec.Command(binary(t), "worker", "--token-file", file, "--private-key-file", key, "--work", t.TempDir())
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // it may be gone
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("log of the worker:\n%s", log.String())
		}
	})
	return log
}
