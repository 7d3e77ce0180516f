package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// childName is what the copy of this program that starts a process in a box is
// called.
const childName = "airlock-sandbox"

// spec is what that copy is told.
type spec struct {
	Namespaces bool
	Paths      Paths
	System     []string // what boxes can read of the machine
	Hide       []string // what of that they cannot
	Dir        string
	User       int
	Limits     limits
}

// system is what boxes can read of the machine.
var system = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/opt", "/nix", "/gnu"}

func (b *Box) wrap(cmd *exec.Cmd) error {
	s := spec{
		Namespaces: b.s.mode == Namespace, Paths: b.paths, Hide: b.s.hide, Dir: cmd.Dir, User: b.user, Limits: b.s.limits,
	}
	s.System = append(append([]string(nil), system...), b.s.read...)
	if at, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil {
		s.System = append(s.System, at)
	}
	told, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("describe a box: %w", err)
	}
	cmd.Args = append([]string{childName, string(told), cmd.Path}, cmd.Args...)
	cmd.Path = "/proc/self/exe"
	cmd.Dir = ""
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if !s.Namespaces {
		return nil
	}
	cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC
	if b.user == 0 { // nobody special: a user namespace lends what it takes to build the box
		cmd.SysProcAttr.Cloneflags |= unix.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
		cmd.SysProcAttr.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	}
	return nil
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
