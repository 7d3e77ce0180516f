package e2e

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// someone is a user of the machine who is not root and has ids to give away, as
// Podman needs them: the test's own, or for root the first one.
func someone(t *testing.T, missing func(string, ...any)) (who *user.User, as *syscall.Credential) {
	t.Helper()
	lines, _ := os.ReadFile("/etc/subuid") // without it there is nobody
	for line := range strings.Lines(string(lines)) {
		name, _, _ := strings.Cut(line, ":")
		u, err := user.Lookup(name)
		if err != nil || u.Uid == "0" || os.Geteuid() != 0 && u.Uid != strconv.Itoa(os.Geteuid()) {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if errors.Join(err, err2) != nil {
			t.Fatal(err, err2)
		}
		if os.Geteuid() == 0 {
			as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
		return u, as
	}
	missing("not run: nobody but root has ids in /etc/subuid")
	return nil, nil
}

// rootless is a Podman of a user who is not root, with a place of his own.
type rootless struct {
	*engine
	who *user.User
	dir string
}

// needRootless sets one up and tries it out, or skips the test;
// AIRLOCK_TEST_REQUIRE_ROOTLESS makes that a failure.
func needRootless(t *testing.T) *rootless {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("AIRLOCK_TEST_REQUIRE_ROOTLESS") != "" {
		missing = t.Fatalf
	}
	for _, name := range []string{"podman", "busybox", "newuidmap"} {
		if _, err := exec.LookPath(name); err != nil {
			missing("not run: there is no %s", name)
		}
	}
	who, as := someone(t, missing)
	r := &rootless{engine: &engine{as: as}, who: who, dir: t.TempDir()}
	for dir := r.dir; dir != filepath.Clean(os.TempDir()); dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"home", "run", "work"} {
		if err := os.Mkdir(filepath.Join(r.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	r.env = append([]string{"PATH=" + r.dir + ":" + os.Getenv("PATH"), "HOME=" + r.dir + "/home", "XDG_RUNTIME_DIR=" + r.dir + "/run"}, alone(t, r.dir)...)
	r.give(t, r.dir)
	t.Cleanup(func() {
		r.podman(t, nil, "rm", "--all", "--force", "--time", "0")
		r.podman(t, nil, "unshare", "rm", "-rf", r.dir+"/home/.local") // what belongs to his other ids
		r.podman(t, nil, "system", "migrate")                          // ends the process that keeps his namespaces
	})
	r.image(t, "one")
	if out, err := r.try(nil, "run", "--detach", "--network", "host", "--userns", "keep-id", "localhost/one:1", "/bin/sh", "-c", "exit 0"); err != nil {
		missing("not run: podman cannot start containers for %s: %v\n%s", who.Username, err, out)
	}
	r.podman(t, nil, "rm", "--all", "--force", "--time", "0")
	return r
}

// give makes the user the owner of a file, or a directory and what is in it.
func (r *rootless) give(t *testing.T, path string) {
	t.Helper()
	if r.as == nil {
		return
	}
	err := filepath.WalkDir(path, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, int(r.as.Uid), int(r.as.Gid)))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// bring copies a program to where the user can start it.
func (r *rootless) bring(t *testing.T, from, name string) string {
	t.Helper()
	body, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(r.dir, name)
	if err := os.WriteFile(to, body, 0o755); err != nil {
		t.Fatal(err)
	}
	return to
}

// TestContainersRootless executes a run in a container of a worker that is not
// root, by a Podman that is not, either: what is inside is the worker's user,
// without any capability, and what it leaves can be removed.
func TestContainersRootless(t *testing.T) {
	t.Parallel()
	needTofu(t)
	r := needRootless(t)
	s := &story{top: t, server: start(t, "sqlite", "--workers", "0"), dir: t.TempDir()}
	s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
	stack := s.boxed(t, "rootless", "localhost/one:1", map[string]string{"infra/main.tf": `resource "terraform_data" "made" { input = "by a container" }`}, vars{
		"beforeInit": []string{"cat /etc/image; id -u; grep CapEff /proc/self/status; touch $HOME/home /tmp/kept; ls /var/run/docker.sock $XDG_RUNTIME_DIR/podman || echo no-engine", "sleep 1000 &"},
		"afterApply": []string{"ls /tmp; echo over"},
	})
	var out struct {
		Stack struct{ RepositoryURL string }
	}
	s.admin.must(t, `query($id:ID!){stack(id:$id){repositoryURL}}`, vars{"id": stack}, &out)
	code := strings.TrimPrefix(out.Stack.RepositoryURL, "file://")
	if err := os.Chmod(filepath.Dir(code), 0o711); err != nil {
		t.Fatal(err)
	}
	r.give(t, code)
	body, err := os.ReadFile(filepath.Join(s.data, "worker-pool.json"))
	if err != nil {
		t.Fatal(err)
	}
	token := filepath.Join(r.dir, "worker-pool.json")
	write(t, token, string(body))
	r.give(t, token)
	tofu, err := exec.LookPath("tofu")
	if err != nil {
		t.Fatal(err)
	}
	work, log := filepath.Join(r.dir, "work"), &buffer{}
	cmd := exec.Command(r.bring(t, binary(t), "airlock"), "worker", "--token-file", token, "--work", work, "--runner", "podman", "--tofu", r.bring(t, tofu, "tofu"))
	cmd.Dir, cmd.Env, cmd.Stderr, cmd.SysProcAttr = r.dir, r.env, log, &syscall.SysProcAttr{Credential: r.as}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		endWorker(cmd)
		if t.Failed() {
			t.Logf("log of the worker:\n%s", log.String())
		}
	})
	id := s.admin.id(t, runTrigger, vars{"stack": stack})
	s.admin.reaches(t, stack, id, "FINISHED")
	said := s.admin.wholeLog(t, stack, id)
	for _, want := range []string{
		"Using the runner image localhost/one:1\n", "\nthis is image one\n", "\n" + r.who.Uid + "\n", "\nCapEff:\t0000000000000000\n", "\nno-engine\n", "Apply complete!", "kept\n", "\nover\n",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("the log lacks %q:\n%s", want, said)
		}
	}
	endWorker(cmd)
	if left := r.containers(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	r.workIsEmpty(t, work)
}

// workIsEmpty checks that no run has left a file.
func (r *rootless) workIsEmpty(t *testing.T, work string) {
	t.Helper()
	err := filepath.WalkDir(work, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && strings.Contains(path, "kept") {
			t.Errorf("left behind: %s", path)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}
