//go:build linux

package runner

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/sandbox"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// userWorkDir is a work directory below one that everybody passes through, with
// an OpenTofu that everybody can execute.
func userWorkDir(t *testing.T) (work, tofu string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "airlock-user-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	from, err := os.Open(tofuBinary(t))
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(filepath.Join(dir, "tofu"), os.O_CREATE|os.O_WRONLY, 0o755)
	if err == nil {
		_, err = io.Copy(to, from)
	}
	for _, err := range []error{err, to.Close(), os.Chmod(dir, 0o711), os.Chmod(to.Name(), 0o755)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "work"), to.Name()
}

// TestRunsOfOtherUsers: where only their users keep runs apart, a run reads its
// own CLI configuration, which holds a token, and neither another run nor anybody
// else does; nobody lists what there is of others.
func TestRunsOfOtherUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not run: only root has other users")
	}
	s, _, err := sandbox.New(sandbox.Options{Mode: sandbox.User, Users: "64640-64649"})
	if err != nil {
		t.Fatal(err)
	}
	work, tofu := userWorkDir(t)
	shared := t.TempDir()
	for dir := shared; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	until := func(name string) string {
		return "n=0; until test -e " + shared + "/" + name + "; do sleep 0.05; n=$((n+1)); test $n -lt 600 || exit 9; done; "
	}
	start := func(token string, hooks ...string) (*bench, func()) {
		b := newBench(t)
		b.cfg.WorkDir, b.cfg.Tofu, b.cfg.Sandbox = work, tofu, s
		job := b.hooked(hooks...)
		job.Services = &workerapi.Services{Hosts: []string{"airlock.example.com"}, States: "https://airlock.example.com/", Token: token}
		b.api.give(job)
		stop, wait := b.loop()
		return b, func() {
			t.Helper()
			b.api.until("the run ends", b.ended)
			stop()
			if err := wait(); err != nil {
				t.Error(err)
			}
		}
	}
	victim, end := start("token-of-the-victim",
		"grep -c token-of-the-victim $TF_CLI_CONFIG_FILE; (echo x >> $TF_CLI_CONFIG_FILE) 2>/dev/null || echo not-writable",
		"echo mine > $HOME/mine; umask 0; echo $TF_CLI_CONFIG_FILE > "+shared+"/at; mv "+shared+"/at "+shared+"/where; "+until("done")+"echo seen-off")
	attacker, endAttacker := start("token-of-the-attacker", until("where")+
		"at=$(cat "+shared+"/where); dir=$(dirname $at); id -u; "+
		"cat $at || echo no-token; cat $dir/lease.secret || echo no-lease; cat $dir/home/mine || echo no-home; "+
		"ls $dir || echo no-run; ls $(dirname $dir) || echo no-worker; ls "+work+" || echo no-work; touch "+shared+"/done")
	endAttacker()
	end()
	victim.wantLog("\n1\n", "\nnot-writable\n", "\nseen-off\n", "Apply complete!")
	attacker.wantLog("\nno-token\n", "\nno-lease\n", "\nno-home\n", "\nno-run\n", "\nno-worker\n", "\nno-work\n", "Apply complete!")
	if text := attacker.api.text(); strings.Contains(text, "token-of-the-victim") || strings.Contains(text, "\n0\n") {
		t.Errorf("the attacker read or was what it must not:\n%s", text)
	}
}

// TestUserWorkDir: a worker whose runs could not reach their files says so when
// it starts.
func TestUserWorkDir(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not run: only root has other users")
	}
	s, _, err := sandbox.New(sandbox.Options{Mode: sandbox.User, Users: "64640-64649"})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	b := newBench(t)
	b.cfg.WorkDir, b.cfg.Sandbox = filepath.Join(dir, "work"), s
	_, wait := b.loop()
	if err := wait(); err == nil || !strings.Contains(err.Error(), "must be able to pass through "+dir) {
		t.Errorf("the worker ended with %v", err)
	}
}
