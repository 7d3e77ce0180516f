package e2e

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMakeRun ends `make run` by a signal to make alone, as whoever has started it
// in the background does: the server ends with it, and as it should.
func TestMakeRun(t *testing.T) {
	t.Parallel()
	log := &buffer{}
	cmd := exec.Command("make", "--no-print-directory", "-C", "..", "-o", "build", "-o", "tofu", "run",
		"LISTEN=127.0.0.1:0", "DATA="+filepath.Join(t.TempDir(), "data"))
	cmd.Env = append(os.Environ(), "MAKEFLAGS=") // it may be make that runs the tests
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = log, log, 10*time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var url string
	ready := regexp.MustCompile(`msg="Airlock is ready" url=(\S+)`)
	await(t, "the server to be ready", time.Minute, func() bool {
		if m := ready.FindStringSubmatch(log.String()); m != nil {
			url = m[1]
		}
		return url != ""
	})
	left := descendants(t, cmd.Process.Pid)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // the signal ends make
	if res, err := http.Get(url + "/healthz"); err == nil {
		_ = res.Body.Close() // that there is one says enough
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // it may have ended by now
		}
		t.Errorf("the server goes on:\n%s", log.String())
	}
	if !strings.Contains(log.String(), "msg=stopping") {
		t.Errorf("the server did not come to rest:\n%s", log.String())
	}
}
