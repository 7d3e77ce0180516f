//go:build !linux

package container

import (
	"errors"
	"math"
	"os/exec"
)

const waitName = "wait"

func (b *Box) wrap(*exec.Cmd) error { return errors.New("containers need Linux") }

func hardLimit() uint64 { return math.MaxUint64 }
