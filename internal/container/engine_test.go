//go:build linux

package container

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/sandbox"
)

// TestRunArgs: the whole command that starts a container, for both engines.
func TestRunArgs(t *testing.T) {
	dir := t.TempDir()
	there := filepath.Join(dir, "tofu")
	if err := os.WriteFile(there, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	place := Place{
		Paths: sandbox.Paths{Temp: "/w/tmp", Write: []string{"/w/workspace", "/w/home", "/w/tmp"}, Read: []string{there, dir + "/missing"}},
		Name:  "airlock-run-1", Work: "/w", Worker: "/w/worker-1", Run: "01RUN",
	}
	first := []string{
		"run", "--detach", "--rm", "--name", "airlock-run-1",
		"--label", "airlock.work=/w", "--label", "airlock.worker=/w/worker-1", "--label", "airlock.run=01RUN",
		"--pull", "missing", "--network", "host", "--user", "7:7", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
	}
	last := []string{
		"--ulimit", "core=0:0", "--pids-limit", "100", "--memory", "1024b", "--cpus", "1.5",
		"--mount", "type=bind,source=/bin/airlock,target=/.airlock,readonly",
		"--mount", "type=bind,source=/w/tmp,target=/tmp", "--mount", "type=bind,source=/w/tmp,target=/var/tmp",
		"--mount", "type=bind,source=/w/tmp,target=/w/tmp", "--mount", "type=bind,source=/w/workspace,target=/w/workspace",
		"--mount", "type=bind,source=/w/home,target=/w/home", "--mount", "type=bind,source=" + there + ",target=" + there + ",readonly",
		"--workdir", "/", "--entrypoint", "/.airlock", "docker.io/library/alpine:3", "wait",
	}
	for engine, between := range map[string][]string{Docker: nil, Podman: {"--userns", "keep-id"}} {
		e := &Engine{o: Options{Engine: engine, Network: "host", Memory: 1024, CPUs: 1.5, Processes: 100}, self: "/bin/airlock"}
		got, err := e.runArgs(place, "7:7", "docker.io/library/alpine:3")
		if diff := cmp.Diff(slices.Concat(first, between, last), got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", engine, err, diff)
		}
	}
	place.Temp = "/w,target=/etc"
	if _, err := (&Engine{}).runArgs(place, "7:7", "a"); err == nil {
		t.Error("a path that says more than a path was taken")
	}
}

// TestCase92ImageNames: an image is a name, and never an option.
func TestCase92ImageNames(t *testing.T) {
	e := &Engine{path: "/bin/false"}
	for _, image := range []string{"--privileged", "-v/:/host", "a b", "a\nb", "UPPER", "/a", "a//b", "a:b:c", "a;id", "$(id)", "a@sha256:1", "tag:", strings.Repeat("a", 300)} {
		if _, err := e.Open(t.Context(), Place{Image: image, Log: io.Discard}); err == nil || !strings.Contains(err.Error(), "image") {
			t.Errorf("%q: %v", image, err)
		}
		if _, err := New(t.Context(), Options{Engine: Podman, Image: image}); err == nil || !strings.Contains(err.Error(), "image") {
			t.Errorf("%q: %v", image, err)
		}
	}
	for _, o := range []Options{{Engine: "sh"}, {Engine: Docker, Network: "--privileged"}} {
		if _, err := New(t.Context(), o); err == nil || strings.Contains(err.Error(), "PATH") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := e.Open(t.Context(), Place{Log: io.Discard}); err == nil || !strings.Contains(err.Error(), "names a runner image") {
		t.Errorf("no image: %v", err)
	}
}

// TestAllowedImages: the engine is never asked for an image that the operator does
// not allow.
func TestAllowedImages(t *testing.T) {
	asked := filepath.Join(t.TempDir(), "asked")
	path := filepath.Join(t.TempDir(), "engine")
	if err := os.WriteFile(path, []byte("#!/bin/sh\necho \"$*\" >> "+asked+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	p, err := domain.ParseImagePattern("registry.example.com/tools/*")
	if err != nil {
		t.Fatal(err)
	}
	e := &Engine{path: path, self: "/bin/true", o: Options{Engine: Docker, Network: "host", Image: "docker.io/library/alpine:3", Allow: []domain.ImagePattern{p}}}
	for image, want := range map[string]bool{
		"registry.example.com/tools/a:3": true, "": true, "docker.io/library/alpine:3": true,
		"alpine:4": false, "registry.example.com/other": false,
	} {
		_ = os.Remove(asked)
		_, err := e.Open(t.Context(), Place{Image: image, Log: io.Discard})
		said, _ := os.ReadFile(asked)
		if started := strings.HasPrefix(string(said), "run "); started != want || (err == nil) != want {
			t.Errorf("%q: %v, the engine was asked %q", image, err, said)
		}
		if !want && !strings.Contains(err.Error(), "does not allow the runner image ") {
			t.Errorf("%q: %v", image, err)
		}
	}
}

// fake is an engine whose `exec` starts the copy inside on this machine: what
// goes between the two copies is the real thing.
func fake(t *testing.T) *Box {
	t.Helper()
	path := filepath.Join(t.TempDir(), "engine")
	script := "#!/bin/sh\ntest \"$1 $2 $3 $4 $5 $6 $7\" = 'exec --interactive --user 7:7 box /.airlock start' || exit 99\n\"$TEST_SELF\" inside\n"
	if err := os.WriteFile(path, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Box{e: &Engine{path: path, env: []string{"TEST_SELF=" + self, "OF_IMAGE=1", "BOTH=image"}}, name: "box", as: "7:7"}
}

// TestMain plays the copy inside, which is recognised by a name that a script
// cannot give it.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "inside" {
		os.Exit(inside(os.Stdin))
	}
	os.Exit(m.Run())
}

// TestProcess: what a process is told, says and answers goes through.
func TestProcess(t *testing.T) {
	b := fake(t)
	var out bytes.Buffer
	cmd := exec.Command("/bin/sh", "-c", `pwd; echo "$TOLD|$BOTH|$OF_IMAGE|$0|$1"; echo err >&2; echo last; cat; exit 7`, "zero", "o n'e")
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/usr", &out, nil
	cmd.Stderr = cmd.Stdout
	cmd.Env = []string{"TOLD=a\nb", "BOTH=run", "HOME=/w/home", "PATH=" + os.Getenv("PATH")}
	if err := b.Wrap(cmd); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"HOME=/w/home"}, cmd.Env); diff != "" || strings.Contains(strings.Join(cmd.Args, " "), "TOLD") {
		t.Errorf("outside: %v\n%s", cmd.Args, diff)
	}
	err := cmd.Run()
	if cmd.ProcessState.ExitCode() != 7 || out.String() != "/usr\na\nb|run|1|zero|o n'e\nerr\nlast\n" {
		t.Errorf("%v: %q", err, out.String())
	}
	missing := exec.Command("/bin/of-another-image")
	missing.Stderr = &out
	if err := b.Wrap(missing); err != nil {
		t.Fatal(err)
	}
	if err := missing.Run(); missing.ProcessState.ExitCode() != exitStart || !strings.Contains(out.String(), "the image cannot run /bin/of-another-image") {
		t.Errorf("%v: %s", err, out.String())
	}
}

// TestSignals: signals reach the process and what it has started; its end is told
// as shells do, and without a listener it ends at once.
func TestSignals(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		signal syscall.Signal
		want   int
	}{
		"heard":   {`trap 'exit 3' INT; echo up; while :; do sleep 0.02; done`, syscall.SIGINT, 3},
		"unheard": {`echo up; exec sleep 100`, syscall.SIGTERM, 128 + 15},
		"itself":  {`echo up; kill -9 $$`, 0, 128 + 9},
		"alone":   {`(trap '' HUP; exec sleep 1000) & echo up; exec sleep 100`, syscall.SIGKILL, -1},
	} {
		t.Run(name, func(t *testing.T) {
			r, w, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command("/bin/sh", "-c", c.script)
			cmd.Stdout = w
			if err := fake(t).Wrap(cmd); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			_ = w.Close() // the process has its own
			if _, err := io.ReadFull(r, make([]byte, 3)); err != nil {
				t.Fatal(err)
			}
			if c.signal != 0 {
				_ = cmd.Process.Signal(c.signal)
			}
			_ = cmd.Wait() // its status is looked at
			if got := cmd.ProcessState.ExitCode(); got != c.want {
				t.Errorf("ended with %d, not %d", got, c.want)
			}
			_ = r.SetReadDeadline(time.Now().Add(20 * time.Second))
			if rest, err := io.ReadAll(r); err != nil { // everything that held the other end has ended
				t.Errorf("something is left: %q, %v", rest, err)
			}
		})
	}
}

// TestEngineEnv: the engine is not told what only the worker may know.
func TestEngineEnv(t *testing.T) {
	got := engineEnv([]string{"AIRLOCK_TOKEN=t", "DOCKER_HOST=h", "AIRLOCK_PRIVATE_KEY=k", "HOME=/root"})
	if diff := cmp.Diff([]string{"DOCKER_HOST=h", "HOME=/root"}, got); diff != "" {
		t.Error(diff)
	}
}
