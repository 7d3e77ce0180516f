package e2e

import (
	"context"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/objects/s3test"
)

// TestS3 runs the real OpenTofu against a server that keeps bodies in S3, kills
// the server, takes the storage away, and starts with a wrong setting.
func TestS3(t *testing.T) {
	needTofu(t)
	endpoint, stop := s3test.Start(t)
	flags := []string{"--listen", freeAddress(t), "--objects", "s3://" + s3test.Bucket + "/account?region=us-east-1&endpoint=" + endpoint}
	s := &story{top: t, server: start(t, "sqlite", flags...), dir: t.TempDir()}
	s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
	stack := s.deploying(t, "kept", `resource "terraform_data" "a" { input = uuid() }`)
	apply := func() {
		t.Helper()
		id := s.admin.id(t, runTrigger, vars{"stack": stack})
		await(t, "the run to end", time.Minute, func() bool {
			r := s.admin.run(t, stack, id)
			if r.State == "FAILED" {
				t.Fatalf("the run failed: %s", r.History[0].Note)
			}
			return r.State == "FINISHED"
		})
	}
	apply()
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait() // it was killed
	s.run(t, flags...)
	s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
	apply()
	health := func() string {
		res, err := http.Get(s.Endpoint + "/healthz")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		said, err := io.ReadAll(res.Body)
		if err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("status %d, %v", res.StatusCode, err)
		}
		return string(said)
	}
	if said := health(); said != "ok\n" {
		t.Errorf("health: %q", said)
	}
	stop()
	id := s.admin.id(t, runTrigger, vars{"stack": stack})
	await(t, "the run to fail", time.Minute, func() bool { return s.admin.run(t, stack, id).State == "FAILED" })
	await(t, "the server to say so", time.Minute, func() bool { return health() == "degraded: the object storage is unavailable\n" })
	s.stop(t)
	database := s.databaseURL("sqlite")
	kept := pairs(t, database, "select id, object from state_versions")
	if len(kept) < 2 {
		t.Errorf("the states are %v", kept)
	}
	for id, object := range kept {
		if !strings.HasPrefix(object, "states/") {
			t.Errorf("state %s is in %q", id, object)
		}
	}
	for setting, want := range map[string]string{
		"database": "and --objects does not say where", flags[3]: "cannot be used", "s3://other?nothing=1": "--objects: an s3:// URL has no parameter",
	} {
		if said := s.refuses(t, "--objects", setting); !strings.Contains(said, want) {
			t.Errorf("%s: %q, want %q", setting, said, want)
		}
	}
}

// refuses starts the server with flags that it does not start with, and returns
// what it says.
func (s *server) refuses(t testing.TB, flags ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, binary(t), append([]string{"serve", "--data", s.data, "--listen", "127.0.0.1:0"}, flags...)...).CombinedOutput()
	if err == nil || ctx.Err() != nil {
		t.Errorf("it started with %q", flags)
	}
	return string(out)
}
