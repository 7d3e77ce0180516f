package e2e

import (
	"archive/tar"
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// engine is a Podman with images and containers of its own.
type engine struct {
	env []string
	as  *syscall.Credential // who calls it; nil: the test
}

// needEngine sets up a Podman and tries it out, or skips the test where there is
// none; AIRLOCK_TEST_REQUIRE_PODMAN makes that a failure.
func needEngine(t *testing.T) *engine {
	t.Helper()
	missing := t.Skipf
	if os.Getenv("AIRLOCK_TEST_REQUIRE_PODMAN") != "" {
		missing = t.Fatalf
	}
	for _, name := range []string{"podman", "busybox"} {
		if _, err := exec.LookPath(name); err != nil {
			missing("not run: there is no %s", name)
		}
	}
	dir := t.TempDir()
	e := &engine{env: append(os.Environ(), alone(t, dir)...)}
	t.Cleanup(func() {
		e.podman(t, nil, "rm", "--all", "--force", "--time", "0")
		_ = exec.Command("chmod", "-R", "u+w", dir).Run() // layers may hold what nobody may write
	})
	e.image(t, "one")
	args := []string{"run", "--rm", "--network", "host", "--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024", "localhost/one:1", "/bin/sh", "-c", "exit 0"}
	if out, err := e.try(nil, args...); err != nil {
		missing("not run: podman cannot start containers here: %v\n%s", err, out)
	}
	return e
}

// alone configures a Podman that keeps what is its own in a directory, and
// returns the environment that says so.
func alone(t *testing.T, dir string) []string {
	t.Helper()
	conf := "[engine]\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n"
	if _, err := exec.LookPath("runc"); err == nil {
		conf += "runtime = \"runc\"\n" // crun refuses machines with both kinds of control groups
	}
	store := "[storage]\ndriver = \"vfs\"\ngraphroot = \"" + dir + "/images\"\nrunroot = \"" + dir + "/state\"\n"
	write(t, filepath.Join(dir, "containers.conf"), conf)
	write(t, filepath.Join(dir, "storage.conf"), store)
	return []string{"CONTAINERS_CONF=" + dir + "/containers.conf", "CONTAINERS_STORAGE_CONF=" + dir + "/storage.conf"}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (e *engine) try(in []byte, args ...string) (string, error) {
	cmd := exec.Command("podman", args...)
	cmd.Env, cmd.Stdin, cmd.Dir = e.env, bytes.NewReader(in), "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: e.as}
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

func (e *engine) podman(t *testing.T, in []byte, args ...string) string {
	t.Helper()
	out, err := e.try(in, args...)
	if err != nil {
		t.Fatalf("podman %v: %v\n%s", args, err, out)
	}
	return out
}

// image makes an image out of busybox and a file with its name.
func (e *engine) image(t *testing.T, name string) {
	t.Helper()
	at, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal(err)
	}
	busybox, err := os.ReadFile(at)
	if err != nil {
		t.Fatal(err)
	}
	var tree bytes.Buffer
	w := tar.NewWriter(&tree)
	add := func(h tar.Header, body []byte) {
		h.Size = int64(len(body))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(body) // its error is that of Close
	}
	add(tar.Header{Name: "bin/busybox", Mode: 0o755}, busybox)
	for _, tool := range []string{"sh", "cat", "echo", "env", "grep", "head", "id", "ls", "sleep", "tail", "touch", "wc"} {
		add(tar.Header{Name: "bin/" + tool, Typeflag: tar.TypeSymlink, Linkname: "busybox"}, nil)
	}
	add(tar.Header{Name: "etc/image", Mode: 0o644}, []byte("this is image "+name+"\n"))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	e.podman(t, tree.Bytes(), "import", "--change", "ENV PATH=/bin", "--change", "ENV OF_IMAGE=yes", "-", "localhost/"+name+":1")
}

// containers are the containers that there are.
func (e *engine) containers(t *testing.T) []string {
	t.Helper()
	return strings.Fields(e.podman(t, nil, "ps", "--all", "--quiet"))
}

// worker starts a worker with containers.
func (e *engine) worker(t *testing.T, s *story, flags ...string) (*exec.Cmd, *buffer) {
	t.Helper()
	return s.startWorkerIn(t, e.env, filepath.Join(s.dir, "work"), append([]string{"--runner", "podman"}, flags...)...)
}

const imagesUpdate = `mutation($private:String!$public:String!){accountUpdateDefaultWorkerPoolRunnerImages(privateWorkerPoolRunnerImage:$private,publicWorkerPoolRunnerImage:$public){privateWorkerPoolRunnerImage publicWorkerPoolRunnerImage}}`

// boxed is a stack with a runner image and hooks.
func (s *story) boxed(t *testing.T, name, image string, files map[string]string, hooks vars) string {
	t.Helper()
	url, _ := repository(t, files)
	input := vars{
		"name": name, "space": "legacy", "provider": "GIT", "repository": name, "repositoryURL": url, "branch": "main",
		"projectRoot": "infra", "administrative": false, "autodeploy": true, "vendorConfig": vars{"opentofu": vars{}}, "runnerImage": image,
	}
	for phase, commands := range hooks {
		input[phase] = commands
	}
	if image == "" {
		delete(input, "runnerImage")
	}
	return s.admin.id(t, stackCreate, vars{"manageState": true, "input": input})
}

// TestContainers executes runs in containers of a real engine: in the image that
// was asked for, with OpenTofu of the worker, seeing what is theirs and nothing
// else, and leaving nothing behind.
func TestContainers(t *testing.T) {
	t.Parallel()
	needTofu(t)
	e := needEngine(t)
	e.image(t, "two")
	s := &story{top: t, server: start(t, "sqlite", "--workers", "0", "--lease", "3s", "--apply-lease", "20s"), dir: t.TempDir()}
	s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
	t.Run("whole run", func(t *testing.T) { s.containerRun(t, e) })
	t.Run("images", func(t *testing.T) { s.containerImages(t, e) })
	t.Run("ends", func(t *testing.T) { s.containerEnds(t, e) })
	s.stop(t)
	sound(t, s.server, s.databaseURL("sqlite"), nil)
}

// containerRun looks around from inside a container.
func (s *story) containerRun(t *testing.T, e *engine) {
	worker, _ := e.worker(t, s, "--runner-memory", "300", "--slots", "2")
	defer endWorker(worker)
	token := filepath.Join(s.data, "worker-pool.json")
	stack := s.boxed(t, "inside", "localhost/one:1", map[string]string{"infra/main.tf": slowCode + `
output "made" { value = "by a container" }
`}, vars{
		"beforeInit": []string{
			"cat /etc/image; id -u; id -g; env; echo out; echo err >&2; echo out-again; tofu version",
			"cat " + token + " " + s.data + "/encryption.key || echo unseen",
			"ls /var/run/docker.sock /run/podman || echo no-engine",
			"ls " + filepath.Join(s.dir, "work"),
			"grep Cap /proc/self/status; grep NoNewPrivs /proc/self/status",
			"echo kept > /tmp/kept; touch $HOME/home; sleep 1000 & echo away",
		},
		"beforePlan": []string{"cat /tmp/kept; cat $TMPDIR/kept; ls $HOME; ls /proc | grep -c '^[0-9]'"},
		"afterApply": []string{"head -c 400000000 /dev/zero | tail -c 400000000 > /dev/null || echo bounded"},
	})
	s.admin.must(t, stackConfigAdd, vars{"stack": stack, "config": vars{"id": "SECRET_NAME", "type": "ENVIRONMENT_VARIABLE", "value": canary, "writeOnly": true}}, nil)
	id := s.admin.id(t, runTrigger, vars{"stack": stack})
	await(t, "the apply to begin", time.Minute, func() bool {
		if r := s.admin.run(t, stack, id); r.Finished {
			t.Fatalf("the run is %s: %s\n%s", r.State, r.History[0].Note, s.admin.wholeLog(t, stack, id))
		}
		text, _ := s.admin.log(t, stack, id, "APPLYING")
		return strings.Contains(text, "slow-began")
	})
	for _, c := range e.containers(t) {
		if about := e.podman(t, nil, "inspect", c); strings.Contains(about, canary) || !strings.Contains(about, id) {
			t.Errorf("the engine knows a secret, or no run:\n%s", about)
		}
	}
	for _, pid := range descendants(t, worker.Process.Pid) {
		if line, _ := os.ReadFile("/proc/" + itoa(pid) + "/cmdline"); bytes.Contains(line, []byte(canary)) {
			t.Errorf("a secret is among arguments: %q", line)
		}
	}
	s.admin.reaches(t, stack, id, "FINISHED")
	log := s.admin.wholeLog(t, stack, id)
	for _, want := range []string{
		"Using the runner image localhost/one:1\n", "\nthis is image one\n", "\nOF_IMAGE=yes\n", "/programs:/bin\n", "\nOpenTofu v", "\nout\nerr\nout-again\n", "\nunseen\n", "\nno-engine\n",
		"\nkept\nkept\nhome\n", "\nCapEff:\t0000000000000000\n", "\nNoNewPrivs:\t1\n", "Apply complete!", "\nbounded\n",
	} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if strings.Contains(log, canary) || strings.Contains(log, "\n0\n") {
		t.Error("the log has a secret, or the container had root")
	}
	if t.Failed() {
		t.Log(log)
	}
	await(t, "the container to go", 20*time.Second, func() bool { return len(e.containers(t)) == 0 })
}

// containerImages says where the image comes from.
func (s *story) containerImages(t *testing.T, e *engine) {
	worker, _ := e.worker(t, s)
	ends := func(name, image string, files map[string]string, want string, words ...string) {
		t.Helper()
		files["infra/main.tf"] = `output "o" { value = 1 }`
		stack := s.boxed(t, name, image, files, vars{"beforeInit": []string{"cat /etc/image"}})
		id := s.admin.id(t, runTrigger, vars{"stack": stack})
		s.admin.reaches(t, stack, id, want)
		for _, word := range words {
			if log := s.admin.wholeLog(t, stack, id); !strings.Contains(log, word) {
				t.Errorf("%s: no %q in\n%s", name, word, log)
			}
		}
	}
	ends("nobody names one", "", map[string]string{}, "FAILED", "names a runner image")
	s.admin.must(t, imagesUpdate, vars{"private": "localhost/none:1", "public": "localhost/two:1"}, nil)
	ends("the account", "", map[string]string{}, "FINISHED", "this is image two")
	ends("the stack", "localhost/one:1", map[string]string{}, "FINISHED", "this is image one")
	ends("the repository", "localhost/one:1", map[string]string{
		".airlock/config.yml": "version: 1\nstack_defaults:\n  runner_image: localhost/two:1\n",
	}, "FINISHED", "this is image two")
	ends("there is none", "localhost/none:1", map[string]string{}, "FAILED", "start a container of localhost/none:1")
	s.admin.must(t, imagesUpdate, vars{"private": "", "public": ""}, nil)
	endWorker(worker)
	worker, _ = e.worker(t, s, "--runner-image", "localhost/one:1")
	ends("the worker", "", map[string]string{}, "FINISHED", "this is image one")
	endWorker(worker)
	if left := e.containers(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// containerEnds stops runs and kills workers.
func (s *story) containerEnds(t *testing.T, e *engine) {
	worker, _ := e.worker(t, s)
	begun := func(stack, state, text string) (id string) {
		id = s.admin.id(t, runTrigger, vars{"stack": stack})
		await(t, "the run to begin", time.Minute, func() bool {
			log, _ := s.admin.log(t, stack, id, state)
			return strings.Contains(log, text)
		})
		return id
	}
	stuck := s.boxed(t, "stuck", "localhost/one:1", map[string]string{"infra/main.tf": ""}, vars{"beforePlan": []string{"echo begun; sleep 1000"}})
	id := begun(stuck, "PLANNING", "begun\n")
	s.admin.must(t, `mutation($stack:ID!$run:ID!){runStop(stack:$stack,run:$run){id}}`, vars{"stack": stuck, "run": id}, nil)
	s.admin.reaches(t, stuck, id, "STOPPED")
	await(t, "the container to go", 20*time.Second, func() bool { return len(e.containers(t)) == 0 })

	// A worker that is killed leaves its container, and the next one removes it.
	id = begun(stuck, "PLANNING", "begun\n")
	_ = worker.Process.Kill()
	_ = worker.Wait() // it was killed
	if len(e.containers(t)) != 1 {
		t.Errorf("containers: %v", e.containers(t))
	}
	worker, log := e.worker(t, s)
	await(t, "the container to go", 20*time.Second, func() bool { return len(e.containers(t)) == 0 })
	if r := s.admin.reaches(t, stuck, id, "FAILED"); !strings.Contains(r.History[0].Note, "worker_lost") {
		t.Errorf("the reason: %s", r.History[0].Note)
	}
	if !strings.Contains(log.String(), "removed containers of workers that died") {
		t.Error(log.String())
	}

	// An apply stores what it has made, even when its worker is killed.
	slow := s.boxed(t, "slow", "localhost/one:1", map[string]string{"infra/main.tf": strings.ReplaceAll(slowCode, "sleep 0.2", "sleep 2")}, nil)
	id = begun(slow, "APPLYING", "slow-began")
	_ = worker.Process.Kill()
	_ = worker.Wait() // it was killed
	worker, log = e.worker(t, s)
	r := s.admin.reaches(t, slow, id, "FAILED")
	if !strings.Contains(log.String(), "an apply goes on whose worker died") {
		t.Error(log.String())
	}
	if !strings.Contains(r.History[0].Note, "apply_interrupted") {
		t.Errorf("the reason: %s", r.History[0].Note)
	}
	s.reconciled(t, slow, r, r.History[0].Note)
	s.stored(t, slow)
	endWorker(worker)
	if left := e.containers(t); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// endWorker lets a worker end as it should.
func endWorker(worker *exec.Cmd) {
	_ = worker.Process.Signal(syscall.SIGTERM) // it may be gone
	_ = worker.Wait()                          // how it ends is not what is looked at
}
