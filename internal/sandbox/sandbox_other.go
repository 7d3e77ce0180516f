//go:build !linux

package sandbox

import (
	"errors"
	"os/exec"
)

var errSystem = errors.New("it needs Linux")

func (b *Box) wrap(*exec.Cmd) error { return errSystem }

func (b *Box) sweep() {}

func (s *Sandbox) busy() map[int]bool { return nil }

// NoCoreDumps keeps secrets in memory out of core files.
func NoCoreDumps() error { return nil }
