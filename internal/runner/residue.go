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
	mark := []byte("HOME=" + dir + string(filepath.Separator))
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err != nil {
			continue // another user's, or gone
		}
		if bytes.HasPrefix(environ, mark) || bytes.Contains(environ, append([]byte{0}, mark...)) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
