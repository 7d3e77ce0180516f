package container

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/sandbox"
)

// insidePath is where a container has this program.
const insidePath = "/.airlock"

// Place is what one container sees, and what it is called.
type Place struct {
	sandbox.Paths
	Image string // empty: the worker's
	Name  string // of the container; unique
	// Work is the work directory of the worker, Worker that of its process.
	Work, Worker string
	Run          string    // id of the run
	Log          io.Writer // what the engine says while it gets the image
}

// Box is the container of one run.
type Box struct {
	e    *Engine
	user *sandbox.Box // nil: the worker's own user
	name string
	as   string // the user and group of its processes
}

// Open starts a container; the image is got if the engine does not have it. Its
// directories become its user's. It ends with Close, or else with Clear.
func (e *Engine) Open(ctx context.Context, p Place) (*Box, error) {
	if p.Image == "" {
		p.Image = e.o.Image
	}
	if p.Image == "" {
		return nil, errors.New("this worker runs containers, and neither the stack nor the account nor the worker names a runner image")
	}
	image, err := domain.CanonicalImage(p.Image)
	if err == nil {
		err = e.allows(p.Image, image)
	}
	if err != nil {
		return nil, err
	}
	b := &Box{e: e, name: p.Name, as: strconv.Itoa(os.Geteuid()) + ":" + strconv.Itoa(os.Getegid())}
	if e.users != nil {
		if b.user, err = e.users.Open(p.Paths); err != nil {
			return nil, err
		}
		id := strconv.Itoa(b.user.User())
		b.as = id + ":" + id
	}
	args, err := e.runArgs(p, b.as, image)
	if err == nil {
		err = e.start(ctx, args, p.Log)
	}
	if err != nil {
		b.Close()
		return nil, fmt.Errorf("start a container of %s: %w", image, err)
	}
	return b, nil
}

// allows refuses an image that the operator of the worker does not want: whoever
// changes a stack, or its code, names it. What is missing at the engine is asked
// for with the rights of the worker, and what it has already it has for anybody.
func (e *Engine) allows(image, canonical string) error {
	allowed := func(p domain.ImagePattern) bool { return p.Allows(canonical) }
	if len(e.o.Allow) == 0 || image == e.o.Image || slices.ContainsFunc(e.o.Allow, allowed) {
		return nil
	}
	return fmt.Errorf("this worker does not allow the runner image %s (setting --runner-image-allow)", canonical)
}

// runArgs are the arguments that start a container which does nothing.
func (e *Engine) runArgs(p Place, as, image string) ([]string, error) {
	args := []string{
		"run", "--detach", "--rm", "--name", p.Name,
		"--label", workLabel + "=" + p.Work, "--label", workerLabel + "=" + p.Worker, "--label", runLabel + "=" + p.Run,
		"--pull", "missing", "--network", e.o.Network,
		"--user", as, "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
	}
	if e.users == nil && e.o.Engine == Podman {
		args = append(args, "--userns", "keep-id") // else the worker's user is root there, and its files are another's
	}
	args = append(args, e.o.limits(e.users != nil)...)
	mounts := [][3]string{{e.self, insidePath, "ro"}, {p.Temp, "/tmp", ""}, {p.Temp, "/var/tmp", ""}, {p.Temp, p.Temp, ""}}
	for _, path := range p.Write {
		mounts = append(mounts, [3]string{path, path, ""})
	}
	for _, path := range p.Read {
		if _, err := os.Stat(path); err == nil {
			mounts = append(mounts, [3]string{path, path, "ro"})
		}
	}
	seen := map[string]bool{}
	for _, m := range mounts {
		if strings.ContainsAny(m[0]+m[1], ",\"\n") {
			return nil, fmt.Errorf("%q cannot be shown to a container: its name has a comma or a quote", m[0])
		}
		if seen[m[1]] {
			continue
		}
		seen[m[1]] = true
		mount := "type=bind,source=" + m[0] + ",target=" + m[1]
		if m[2] != "" {
			mount += ",readonly"
		}
		args = append(args, "--mount", mount)
	}
	return append(args, "--workdir", "/", "--entrypoint", insidePath, image, waitName), nil
}

// start runs the engine's command, which says on its way what it downloads.
func (e *Engine) start(ctx context.Context, args []string, log io.Writer) error {
	cmd := exec.CommandContext(ctx, e.path, args...)
	cmd.Env, cmd.Dir, cmd.WaitDelay = e.env, "/", time.Second
	said := &tail{to: log}
	cmd.Stderr = said
	err := cmd.Run()
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", e.o.Engine, err, clip(string(said.kept)))
	}
	return nil
}

// tail hands on what is written, and keeps its end.
type tail struct {
	to   io.Writer
	kept []byte
}

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	t.kept = t.kept[max(0, len(t.kept)-4096):]
	return t.to.Write(p)
}

// Own gives the container's user what the worker has put into its directories.
// It must not be called while processes of the container run.
func (b *Box) Own() error { return b.user.Own() }

// Give makes the container's user the owner of one file.
func (b *Box) Give(file string) error { return b.user.Give(file) }

// Show lets the container's user, and nobody else but the worker, read a file.
func (b *Box) Show(file string) error { return b.user.Show(file) }

// Wrap changes a command so that it is started in the container.
func (b *Box) Wrap(cmd *exec.Cmd) error { return b.wrap(cmd) }

// Close ends the container with all that runs in it, and gives its user back.
func (b *Box) Close() {
	_ = b.e.remove(context.Background(), b.name) // it may have ended; and Clear comes after a worker that could not
	b.user.Close()
}
