package runner

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// killResidue ends what a run has left running on the worker: every process
// that still carries the run's private HOME in its environment. It catches
// what changed its process group or outlived a killed worker; code that wipes
// its environment escapes it, which is what a container around the worker is
// for. It reads /proc and does nothing where there is none.
func killResidue(dir string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if carries(pid, mark(dir)) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// mark is what the environment of every process of a directory's runs holds.
func mark(dir string) []byte { return []byte("HOME=" + dir + string(filepath.Separator)) }

// carries reports whether a living process has a mark in its environment.
func carries(pid int, mark []byte) bool {
	environ, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "environ"))
	if err != nil {
		return false // another user's, or gone
	}
	return bytes.HasPrefix(environ, mark) || bytes.Contains(environ, append([]byte{0}, mark...))
}
