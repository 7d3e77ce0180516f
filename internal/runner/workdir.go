package runner

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/tofu"
)

// workDir is a worker process's own directory below the configured one:
//
//	WorkDir/worker-*/lock    held while the process lives
//	WorkDir/worker-*/run-*/  one run, removed after its lease
//	WorkDir/rescued/         states that OpenTofu could not hand over
//	WorkDir/lost/            leases whose worker died, until that was reported
type workDir struct {
	base    string
	own     string
	lock    *os.File
	log     *slog.Logger
	rescued chan struct{} // a state was put into rescued/
	dead    []deadDir     // of killed workers whose applies have not ended yet
}

// deadDir is the directory of a worker that is gone. Its lock is ours.
type deadDir struct {
	dir  string
	lock *os.File
}

// The folders beside the workers' own, and how a state is called that the
// control plane does not take.
const (
	rescuedDir   = "rescued"
	lostDir      = "lost"
	refusedState = ".refused.tfstate"
	// proofFile holds the secret of a lease in its directory, and proofSuffix what
	// is added to the name of a state for the secret of its lease.
	proofFile   = "lease.secret"
	proofSuffix = ".lease"
)

// proof reads the secret of a lease, empty where there is none.
func proof(path string) string {
	body, err := os.ReadFile(path)
	if err != nil {
		return "" // of a worker from before there were secrets
	}
	return string(body)
}

// openWorkDir makes the directory and clears away what workers that were
// killed have left behind, after saving the states that lie in it.
func openWorkDir(base string, log *slog.Logger) (*workDir, error) {
	base, err := filepath.Abs(base)
	if err != nil {
		return nil, fmt.Errorf("make the work directory: %w", err)
	}
	if err := os.MkdirAll(base, 0o700); err != nil {
		return nil, fmt.Errorf("make the work directory: %w", err)
	}
	d := &workDir{base: base, log: log, rescued: make(chan struct{}, 1)}
	d.sweep()
	if d.own, err = os.MkdirTemp(base, "worker-*"); err != nil {
		return nil, fmt.Errorf("make the work directory: %w", err)
	}
	if d.lock, err = lockDir(d.own); err != nil {
		return nil, fmt.Errorf("lock the work directory: %w", err)
	}
	return d, nil
}

// lockDir takes the lock that ends with the process, however it ends.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close() // the lock is what was wanted of it
		return nil, err
	}
	return f, nil
}

func (d *workDir) sweep() {
	left, err := filepath.Glob(filepath.Join(d.base, "worker-*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		lock, err := lockDir(dir)
		if err != nil {
			continue // alive
		}
		dead := deadDir{dir, lock}
		if len(survivors(dir)) > 0 {
			d.dead = append(d.dead, dead)
			continue
		}
		d.clear(dead)
	}
}

// clear removes what a dead worker has left, but for what the control plane
// must learn.
func (d *workDir) clear(dead deadDir) {
	killResidue(dead.dir)
	runs, _ := filepath.Glob(filepath.Join(dead.dir, "run-*"))
	for _, run := range runs {
		name := strings.TrimPrefix(filepath.Base(run), "run-")
		if kept, err := d.rescue(run, name); kept != "" || err != nil {
			d.log.Warn("state left by a killed worker", "kept", kept, "error", err)
		}
		if err := d.noteLost(name, proof(filepath.Join(run, proofFile))); err != nil {
			d.log.Error("a lost run could not be noted", "run", name, "error", err)
		}
		removeSockets(run)
	}
	removeAll(dead.dir)
	_ = dead.lock.Close() // closing gives the lock up, whatever it answers
}

func (d *workDir) close() {
	removeAll(d.own)
	_ = d.lock.Close() // closing gives the lock up, whatever it answers
}

// newRun makes the private directory of one lease.
func (d *workDir) newRun(name string) (string, error) {
	dir, err := os.MkdirTemp(d.own, "run-"+name+"-*") // mode 0700
	if err != nil {
		return "", fmt.Errorf("make the run's directory: %w", err)
	}
	return dir, nil
}

// erroredState is what OpenTofu writes beside the code when the state backend
// does not take the state of an apply.
const erroredState = "errored.tfstate"

// mostRescued bounds how many states of one lease are kept: what a run's code has
// called so need not be any.
const mostRescued = domain.MaxRefusedStates

// rescue keeps the states that OpenTofu could not hand over; without them
// nobody would know what an apply has made. It returns where the last one is.
func (d *workDir) rescue(dir, name string) (string, error) {
	root, err := os.OpenRoot(dir) // the run's code may have left links to elsewhere
	if err != nil {
		return "", fmt.Errorf("keep the state: %w", err)
	}
	defer func() { _ = root.Close() }() // it was only read
	var kept string
	var failed error
	n := 0
	_ = fs.WalkDir(root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.Name() != erroredState || !e.Type().IsRegular() {
			return nil // an unreadable corner must not keep us from the rest
		}
		if n++; n > mostRescued {
			failed = errors.Join(failed, fmt.Errorf("there are more than %d", mostRescued))
			return fs.SkipAll
		}
		target, err := d.keepState(root, path, name, proof(filepath.Join(dir, proofFile)))
		kept, failed = cmp.Or(target, kept), errors.Join(failed, err) // one that cannot be kept keeps no other from it
		return nil
	})
	if kept != "" {
		select {
		case d.rescued <- struct{}{}:
		default:
		}
	}
	if failed != nil {
		return kept, fmt.Errorf("keep the state: %w", failed)
	}
	return kept, nil
}

// keepState copies a state into rescued/. One that is larger than the control
// plane ever takes is an error: the code of a run could fill memory or disk with
// it. Of one that cannot be copied whole, what there is stays.
func (d *workDir) keepState(root *os.Root, path, name, secret string) (kept string, err error) {
	from, err := tofu.OpenRegular(root, path)
	if err != nil {
		return "", err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return "", err
	}
	if info.Size() > domain.MaxRefusedState {
		return "", fmt.Errorf("%s is larger than %d bytes", path, domain.MaxRefusedState)
	}
	target := filepath.Join(d.base, rescuedDir)
	if err := os.MkdirAll(target, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(target, name+"-*.tfstate") // mode 0600
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(f.Name()+proofSuffix, []byte(secret), 0o600); err != nil {
		return "", errors.Join(err, f.Close())
	}
	_, err = io.CopyN(f, from, info.Size())
	return f.Name(), errors.Join(err, f.Sync(), f.Close())
}

// removeAll removes a tree even where code took away write permission from
// its directories, as module caches do.
func removeAll(dir string) {
	if os.RemoveAll(dir) == nil {
		return
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return
	}
	defer func() { _ = root.Close() }() // it is about to go
	_ = fs.WalkDir(root.FS(), ".", func(path string, e fs.DirEntry, err error) error {
		if err == nil && e.IsDir() {
			_ = root.Chmod(path, 0o700)
		}
		return nil
	})
	_ = os.RemoveAll(dir)
}
