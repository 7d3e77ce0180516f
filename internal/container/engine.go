// Package container executes the processes of runs in containers of Docker or
// Podman: one container a lease, of the image that the run asks for, which sees
// the run's own directories and nothing else of the machine. It knows nothing of
// runs: a worker says which directories a container may see.
//
// Each process is started through the engine's command by a copy of this program
// outside (so that a worker signals it like any other process), and by another
// copy inside, which is the whole of what an image need not bring. What the
// process is told, its environment above all, goes through a pipe: arguments and
// the engine's own records hold no secret. Importing this package is enough for
// both copies; neither gets as far as main.
package container

import (
	"bytes"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/sandbox"
)

// The engines. Both understand the same commands, but for a few options.
const (
	Docker = "docker"
	Podman = "podman"
)

// Options configure the containers of a worker.
type Options struct {
	Engine string // Docker or Podman; the program of that name on PATH
	Image  string // of runs for which nobody names one; empty: such runs fail
	// Allow are the images that runs may name beside that one; empty: any.
	Allow   []domain.ImagePattern
	Network string // as the engine's --network takes it; default: the machine's
	// Users are the ids that containers of a worker which is root get, each run
	// another one; default sandbox.DefaultUsers. Other workers give their own.
	Users string
	// Limits of a container, 0 for none: bytes of memory, processors, processes;
	// and the open files of each of its processes.
	Memory    uint64
	CPUs      float64
	Processes uint64
	Files     uint64
}

// Engine makes containers.
type Engine struct {
	o     Options
	path  string           // of the engine's command
	self  string           // of this program
	env   []string         // of the engine's command
	users *sandbox.Sandbox // nil: the worker's own
}

// Time that the engine's command may take for what needs no image.
const patience = time.Minute

// New finds the engine and asks it something. An engine that does not answer is
// an error.
func New(ctx context.Context, o Options) (*Engine, error) {
	if o.Engine != Docker && o.Engine != Podman {
		return nil, fmt.Errorf("must be process, docker or podman, not %q", o.Engine)
	}
	if o.Image != "" {
		if err := domain.CheckImage("image", o.Image); err != nil {
			return nil, err
		}
	}
	e := &Engine{o: o, env: engineEnv(os.Environ())}
	if e.o.Network == "" {
		e.o.Network = "host"
	}
	if strings.HasPrefix(e.o.Network, "-") {
		return nil, fmt.Errorf("%q is no network", e.o.Network)
	}
	var err error
	if e.path, err = exec.LookPath(o.Engine); err != nil {
		return nil, fmt.Errorf("there is no %s on PATH", o.Engine)
	}
	if e.self, err = staticSelf(); err != nil {
		return nil, err
	}
	if os.Geteuid() == 0 {
		if e.users, err = users(o.Users); err != nil {
			return nil, err
		}
	} else if o.Users != "" {
		return nil, errors.New("only a worker that is root can run code as other users")
	}
	if _, err := e.command(ctx, "ps", "--quiet", "--filter", "label="+workLabel); err != nil {
		return nil, fmt.Errorf("%s does not answer: %w", o.Engine, err)
	}
	return e, nil
}

// users gives each run a user of its own, and nothing else.
func users(ids string) (*sandbox.Sandbox, error) {
	if ids == "" {
		ids = sandbox.DefaultUsers
	}
	s, _, err := sandbox.New(sandbox.Options{Mode: sandbox.User, Users: ids})
	return s, err
}

// String describes the runner in a few words.
func (e *Engine) String() string { return "containers of " + e.o.Engine }

// Image is what runs get for which nobody names one.
func (e *Engine) Image() string { return e.o.Image }

// staticSelf is this program, which must run in any image.
func staticSelf() (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	f, err := elf.Open(self)
	if err != nil {
		return "", fmt.Errorf("containers need Linux: %w", err)
	}
	defer f.Close()
	if slices.ContainsFunc(f.Progs, func(p *elf.Prog) bool { return p.Type == elf.PT_INTERP }) {
		return "", errors.New("this program is not linked statically, so that it cannot be started in a container: build it with CGO_ENABLED=0")
	}
	return self, nil
}

// engineEnv leaves out what only the worker may know.
func engineEnv(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool { return strings.HasPrefix(v, "AIRLOCK_") })
}

// command asks the engine something and returns what it answers.
func (e *Engine) command(ctx context.Context, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, e.path, args...)
	cmd.Env, cmd.Dir = e.env, "/"
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", e.o.Engine, args[0], err, clip(said.String()))
	}
	return strings.TrimSpace(out.String()), nil
}

// clip is the end of what a command has said: that is where it says why.
func clip(text string) string {
	text = strings.TrimSpace(text)
	return text[max(0, len(text)-500):]
}

// Labels of containers: the work directory of the worker, that of its process,
// and the run.
const (
	workLabel   = "airlock.work"
	workerLabel = "airlock.worker"
	runLabel    = "airlock.run"
)

// Clear removes the containers that workers of a work directory have left behind
// and whose own directory is gone; it returns how many.
func (e *Engine) Clear(ctx context.Context, work string) (int, error) {
	list, err := e.command(ctx, "ps", "--all", "--quiet", "--no-trunc", "--filter", "label="+workLabel+"="+work)
	if err != nil {
		return 0, err
	}
	n := 0
	for id := range strings.FieldsSeq(list) {
		worker, err := e.command(ctx, "inspect", "--type", "container", "--format", `{{index .Config.Labels "`+workerLabel+`"}}`, id)
		if err != nil {
			continue // it has ended meanwhile
		}
		if _, err := os.Stat(worker); err == nil {
			continue // of a worker that lives, or whose apply does
		}
		if err := e.remove(ctx, id); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// remove ends a container at once.
func (e *Engine) remove(ctx context.Context, name string) error {
	args := []string{"rm", "--force", name}
	if e.o.Engine == Podman {
		args = []string{"rm", "--force", "--time", "0", name}
	}
	_, err := e.command(ctx, args...)
	return err
}

// limits are the options that bound a container whose user is of its run alone,
// or is the worker's own.
func (o Options) limits(own bool) (args []string) {
	args = append(args, "--ulimit", "core=0:0")
	if o.Files > 0 {
		n := strconv.FormatUint(min(o.Files, hardLimit()), 10)
		args = append(args, "--ulimit", "nofile="+n+":"+n)
	}
	if o.Processes > 0 {
		n := strconv.FormatUint(o.Processes, 10)
		args = append(args, "--pids-limit", n)
		if own { // counted for each user, so not for the worker's
			args = append(args, "--ulimit", "nproc="+n+":"+n)
		}
	}
	if o.Memory > 0 {
		args = append(args, "--memory", strconv.FormatUint(o.Memory, 10)+"b")
	}
	if o.CPUs > 0 {
		args = append(args, "--cpus", strconv.FormatFloat(o.CPUs, 'f', -1, 64))
	}
	return args
}
