package runner

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/airlock-project/airlock/internal/container"
	"github.com/airlock-project/airlock/internal/sandbox"
	"github.com/airlock-project/airlock/internal/tofu"
)

// place is where the processes of one run are executed, OpenTofu and hooks
// alike: on the machine, kept apart by a sandbox or by nothing (*sandbox.Box), or
// in a container of the run's image (*container.Box). startedIn says how the
// worker starts them there.
type place interface {
	// Own gives the run's user what the worker has put into its directories.
	Own() error
	// Give makes the run's user the owner of a file; Show lets him read it, and
	// nobody else but the worker.
	Give(file string) error
	Show(file string) error
	// Close ends what still runs there.
	Close()
}

// onMachine is the place of a run whose processes nothing keeps apart.
var onMachine place = (*sandbox.Box)(nil)

// startedIn returns how a command is started in a place: a sandbox starts it
// itself, and for a container the worker starts a client of the engine.
func startedIn(p place) (wrap func(cmd *exec.Cmd) error, start tofu.Starter) {
	switch box := p.(type) {
	case *container.Box:
		return box.Wrap, nil
	case *sandbox.Box:
		if box == nil {
			return nil, nil
		}
		return nil, func(cmd *exec.Cmd, survives bool) (tofu.Started, error) {
			started, err := box.Start(cmd, survives)
			if err != nil {
				return nil, err
			}
			return started, nil
		}
	default:
		return nil, nil
	}
}

// apart reports whether the processes of runs see only what is theirs.
func (c Config) apart() bool {
	return c.Containers != nil || c.Sandbox != nil && c.Sandbox.Mode() != sandbox.None
}

// openPlace makes the place of a run.
func (r *run) openPlace(ctx context.Context, paths sandbox.Paths) (place, error) {
	if e := r.cfg.Containers; e != nil {
		return r.openContainer(ctx, e, paths)
	}
	if r.cfg.Sandbox.Mode() == sandbox.User {
		for _, dir := range []string{r.dirs.own, r.dir} {
			if err := os.Chmod(dir, 0o711); err != nil {
				return onMachine, err
			}
		}
	}
	box, err := r.cfg.Sandbox.Open(paths)
	if err != nil {
		return onMachine, err
	}
	return box, nil
}

// letThrough makes sure that the users of runs can reach what is theirs below the
// work directory, where nothing but their ids keeps runs apart. They can pass
// through it and list nothing.
func (d *workDir) letThrough() error {
	info, err := os.Stat(d.base)
	if err != nil {
		return err
	}
	if err := os.Chmod(d.base, info.Mode().Perm()&^0o066|0o011); err != nil {
		return err
	}
	for dir := filepath.Dir(d.base); ; dir = filepath.Dir(dir) {
		if info, err = os.Stat(dir); err != nil {
			return err
		}
		if info.Mode()&0o001 == 0 {
			return fmt.Errorf("with the sandbox %q, runs must be able to pass through %s, which only some may: allow it (chmod o+x), or use another work directory", sandbox.User, dir)
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// openContainer starts the container of a run.
func (r *run) openContainer(ctx context.Context, e *container.Engine, paths sandbox.Paths) (place, error) {
	image := r.job.Image
	if image == "" {
		image = e.Image()
	}
	if image != "" {
		r.log.say("Using the runner image " + image)
	}
	box, err := e.Open(ctx, container.Place{
		Paths: paths, Image: image, Name: "airlock-" + filepath.Base(r.dir), Run: string(r.job.Ref.RunID),
		Work: r.dirs.base, Worker: r.dirs.own, Log: r.log,
	})
	if err != nil {
		return onMachine, err
	}
	return box, nil
}

// clearContainers removes the containers of workers that are gone.
func (w *worker) clearContainers(ctx context.Context) {
	if w.cfg.Containers == nil {
		return
	}
	n, err := w.cfg.Containers.Clear(ctx, w.dirs.base)
	if n > 0 {
		w.cfg.Logger.WarnContext(ctx, "removed containers of workers that died", "containers", n)
	}
	if err != nil {
		w.cfg.Logger.ErrorContext(ctx, "containers of workers that died may be left", "error", err)
	}
}

// noContainers tells that a run asks for an image in vain.
func (r *run) noContainers() {
	if r.cfg.Containers == nil && r.job.Image != "" {
		r.log.say(fmt.Sprintf("The run asks for the runner image %s; this worker runs no containers and uses its own tools", r.job.Image))
	}
}
