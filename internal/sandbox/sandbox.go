// Package sandbox starts the processes of runs where they see and reach as
// little as possible of the machine: in mount, process and IPC namespaces of
// their own, and as another user where the worker is root. What a run starts
// and forgets ends with the process that started it. It knows nothing of runs:
// a worker says which directories a box may see.
//
// The processes of a box are started, one after the other, by a second copy of
// this program, which is the first process of the namespaces, builds the box and
// hands on signals. That copy never gets as far as main: importing this package
// is enough.
package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Mode is how processes are kept apart.
type Mode string

// Auto is Namespace where the system allows it, else None.
const (
	Auto      Mode = "auto"
	Namespace Mode = "namespace" // namespaces, and another user where the worker is root
	User      Mode = "user"      // another user only; the worker must be root
	None      Mode = "none"      // the worker's own user, and nothing in between
)

// Options configure the sandbox of a worker.
type Options struct {
	Mode Mode
	// Users is one user id or a range FIRST-LAST for a worker that is root: each
	// run gets one that no other run of this worker has at the time. Default for
	// Namespace: DefaultUsers.
	Users string
	Read  []string // paths that boxes can read beside the system's own
	Hide  []string // paths that no box sees, but for what is its own below them
	// Limits of each process, 0 for none: bytes of address space, open files, and
	// processes of the box's user (only where that is not the worker's).
	Memory, Files, Processes uint64
}

// DefaultUsers are user ids that systems leave free.
const DefaultUsers = "64600-64699"

// Sandbox makes boxes.
type Sandbox struct {
	mode   Mode
	read   []string
	hide   []string
	limits limits

	mu          sync.Mutex
	first, last int              // user ids; 0: the worker's own
	taken       map[int]*os.File // with the claim of each
}

type limits struct{ Memory, Files, Processes uint64 }

// New chooses how to keep processes apart and tries it out. why says, for Auto
// that ends in None, what stood in the way. A mode that was asked for and is not
// to be had is an error.
func New(o Options) (s *Sandbox, why error, err error) {
	s = &Sandbox{mode: o.Mode, read: o.Read, hide: clean(o.Hide), limits: limits{o.Memory, o.Files, o.Processes}, taken: map[int]*os.File{}}
	if s.first, s.last, err = users(o); err != nil {
		return nil, nil, err
	}
	switch o.Mode {
	case None:
		return s, nil, nil
	case Auto:
		s.mode = Namespace
		if why = s.try(); why != nil {
			s.mode = None
		}
		return s, why, nil
	case Namespace, User:
		if err := s.try(); err != nil {
			return nil, nil, fmt.Errorf("the sandbox %q is not to be had here: %w", o.Mode, err)
		}
		return s, nil, nil
	default:
		return nil, nil, fmt.Errorf("the sandbox must be auto, namespace, user or none, not %q", o.Mode)
	}
}

// users returns the range of user ids that boxes get.
func users(o Options) (first, last int, err error) {
	text := o.Users
	root := os.Geteuid() == 0
	switch {
	case text != "" && !root:
		return 0, 0, errors.New("only a worker that is root can run code as other users")
	case !root && o.Mode == User:
		return 0, 0, errors.New(`the sandbox "user" needs a worker that is root`)
	case text == "" && o.Mode == User:
		return 0, 0, errors.New(`the sandbox "user" needs the ids of users that nothing else on the machine has`)
	case !root || o.Mode == None:
		return 0, 0, nil
	case text == "":
		text = DefaultUsers
	}
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	first, err1 := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	if err := errors.Join(err1, err2); err != nil || first < 1 || last < first || last > 1<<31 {
		return 0, 0, fmt.Errorf("users must be an id or FIRST-LAST, and not root, not %q", text)
	}
	return first, last, nil
}

func clean(paths []string) (out []string) {
	for _, p := range paths {
		if p == "" {
			continue
		}
		if abs, err := filepath.Abs(p); err == nil {
			out = append(out, abs)
		}
		if real, err := filepath.EvalSymlinks(p); err == nil {
			out = append(out, real)
		}
	}
	return out
}

// Mode says how processes are kept apart.
func (s *Sandbox) Mode() Mode { return s.mode }

// String describes the sandbox in a few words.
func (s *Sandbox) String() string {
	who := "the worker's user"
	if s.first > 0 {
		who = fmt.Sprintf("users %d-%d", s.first, s.last)
	}
	switch s.mode {
	case Namespace:
		return "own namespaces, as " + who
	case User:
		return "as " + who
	case Auto, None:
	}
	return "none"
}

// try starts a process in a box.
func (s *Sandbox) try() error {
	dir, err := os.MkdirTemp("", "airlock-sandbox-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // it is empty but for a mount point
	for _, name := range []string{"root", "tmp"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			return err
		}
	}
	if s.mode == User {
		if err := os.Chmod(dir, 0o711); err != nil {
			return err
		}
	}
	box, err := s.Open(Paths{Root: filepath.Join(dir, "root"), Temp: filepath.Join(dir, "tmp")})
	if err != nil {
		return err
	}
	defer box.Close()
	cmd := exec.Command("/bin/sh", "-c", "exit 0")
	cmd.Dir, cmd.Env = filepath.Join(dir, "tmp"), []string{}
	out, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }() // nothing is kept of it
	cmd.Stdout, cmd.Stderr = out, out
	process, err := box.Start(cmd, false)
	if err != nil {
		return err
	}
	return process.Wait()
}

// Paths are what one box sees of the worker's files.
type Paths struct {
	Root  string   // an empty directory of the worker's alone, below which the box is built
	Temp  string   // the box's /tmp and /var/tmp, kept between its processes
	Write []string // what its processes may change, under the same names
	Read  []string // what they may read
}

// Box is where the processes of one run live. A nil Box keeps nothing apart.
type Box struct {
	s     *Sandbox
	paths Paths
	user  int // 0: the worker's own

	mu   sync.Mutex
	idle []*keeper // copies of this program in the box that have nothing to do
}

// Open makes a box. Its directories become its user's.
func (s *Sandbox) Open(p Paths) (*Box, error) {
	if s == nil || s.mode == None {
		return nil, nil
	}
	b := &Box{s: s, paths: p}
	if s.first > 0 {
		var err error
		if b.user, err = s.takeUser(); err != nil {
			return nil, err
		}
	}
	if err := b.Own(); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// takeUser finds a user whom no other run has, of this worker or of another one
// on the machine: what such a box leaves behind is ended by its user.
func (s *Sandbox) takeUser() (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	busy := s.busy()
	for id := s.first; id <= s.last; id++ {
		if s.taken[id] != nil || busy[id] {
			continue
		}
		held, err := claim(id)
		if err != nil {
			return 0, err
		}
		if held != nil {
			s.taken[id] = held
			return id, nil
		}
	}
	return 0, fmt.Errorf("all users of %s are taken: allow more of them", s)
}

// Own gives the box's user what the worker has put into its directories. It
// must not be called while processes of the box run.
func (b *Box) Own() error {
	if b == nil || b.user == 0 {
		return nil
	}
	for _, dir := range append([]string{b.paths.Temp}, b.paths.Write...) {
		if err := give(dir, b.user); err != nil {
			return fmt.Errorf("give a run its files: %w", err)
		}
	}
	return nil
}

// Give makes the box's user the owner of one file that the worker has made, in
// a directory that the box does not write.
func (b *Box) Give(file string) error {
	if b == nil || b.user == 0 {
		return nil
	}
	return os.Lchown(file, b.user, b.user)
}

// Show lets the box's user read one file that the worker has made, and nobody
// else but the worker.
func (b *Box) Show(file string) error {
	if b == nil || b.user == 0 {
		return nil
	}
	return errors.Join(os.Lchown(file, -1, b.user), os.Chmod(file, 0o440))
}

// User is the id of the box's user, 0 for the worker's own.
func (b *Box) User() int {
	if b == nil {
		return 0
	}
	return b.user
}

// give makes a user the owner of a tree, and of nothing that links in it name.
func give(dir string, user int) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // nothing is written through it
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		return root.Lchown(name, user, user)
	})
}

// Close takes the box down and gives its user back. The commands that were
// started in it must have been waited for.
func (b *Box) Close() {
	if b == nil {
		return
	}
	b.rest()
	if b.user == 0 {
		return
	}
	b.sweep()
	b.s.mu.Lock()
	defer b.s.mu.Unlock()
	_ = b.s.taken[b.user].Close() // nothing is written to it
	delete(b.s.taken, b.user)
}
