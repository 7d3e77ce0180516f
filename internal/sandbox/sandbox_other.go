//go:build !linux

package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

var errSystem = errors.New("it needs Linux")

type keeper struct{}

func (b *Box) rest() {}

func (b *Box) sweep() {}

func (s *Sandbox) busy() map[int]bool { return nil }

func claim(int) (*os.File, error) { return nil, errSystem }

// Start starts a command in the box: here there are no boxes.
func (b *Box) Start(*exec.Cmd, bool) (*Process, error) { return nil, errSystem }

// Process is a command in a box.
type Process struct{}

// PID is 0: there is no process.
func (p *Process) PID() int { return 0 }

// Signal does nothing.
func (p *Process) Signal(syscall.Signal) {}

// Wait says that there is no process.
func (p *Process) Wait() error { return errSystem }

// NoCoreDumps keeps secrets in memory out of core files.
func NoCoreDumps() error { return nil }
