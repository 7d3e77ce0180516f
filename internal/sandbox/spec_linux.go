package sandbox

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// childName is what the copy of this program that starts the processes of a box is
// called.
const childName = "airlock-sandbox"

// spec is what that copy is told.
type spec struct {
	Namespaces bool
	Paths      Paths
	System     []string // what boxes can read of the machine
	Hide       []string // what of that they cannot
	User       int
	Limits     limits
}

// system is what boxes can read of the machine.
var system = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix", "/gnu"}

// spec describes the box.
func (b *Box) spec() spec {
	s := spec{Namespaces: b.s.mode == Namespace, Paths: b.paths, Hide: b.s.hide, User: b.user, Limits: b.s.limits}
	s.System = append(append([]string(nil), system...), b.s.read...)
	if at, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil {
		s.System = append(s.System, at)
	}
	return s
}

// sweep ends every process of the box's user, where no namespace has done it.
func (b *Box) sweep() {
	if b.s.mode != User {
		return
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for range 10 { // one that forks may be faster than a look
		found := false
		for _, e := range entries {
			pid, err := strconv.Atoi(e.Name())
			if err == nil && owner(pid) == b.user {
				found = true
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if !found {
			return
		}
		if entries, err = os.ReadDir("/proc"); err != nil {
			return
		}
	}
}

// busy are the users that have processes, where that tells whose they are: an
// apply may have outlived another worker, and would end with the box of the next
// run that gets its user.
func (s *Sandbox) busy() map[int]bool {
	if s.mode != User {
		return nil
	}
	out := map[int]bool{}
	entries, _ := os.ReadDir("/proc") // without it there is nothing to see
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			out[owner(pid)] = true
		}
	}
	return out
}

// owner returns the real user of a process that is alive, -1 for none.
func owner(pid int) int {
	body, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil || strings.Contains(string(body), "\nState:\tZ") {
		return -1
	}
	_, rest, _ := strings.Cut(string(body), "\nUid:\t")
	id, _, _ := strings.Cut(rest, "\t")
	n, err := strconv.Atoi(id)
	if err != nil {
		return -1
	}
	return n
}

// NoCoreDumps keeps secrets in memory out of core files, also of every process
// that this one starts.
func NoCoreDumps() error {
	return unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}
