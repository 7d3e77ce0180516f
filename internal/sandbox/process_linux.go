package sandbox

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// Start starts a command in the box. Its output is a file each, or goes nowhere;
// it has no input. It ends with the worker, unless it survives that: then it is
// given ExtraFiles to hold, and does not see them.
func (b *Box) Start(cmd *exec.Cmd, survives bool) (*Process, error) {
	if cmd.Err != nil {
		return nil, cmd.Err
	}
	c := command{Survives: survives, Path: cmd.Path, Dir: cmd.Dir, Args: cmd.Args, Env: cmd.Environ()}
	files := make([]*os.File, 0, 2+len(cmd.ExtraFiles))
	for _, w := range []io.Writer{cmd.Stdout, cmd.Stderr} {
		f, ok := w.(*os.File)
		if !ok {
			return nil, errors.New("the output of a process in a box must be a file")
		}
		files = append(files, f)
	}
	for _, part := range append(append([]string{c.Path, c.Dir}, c.Args...), cmd.Env...) {
		if strings.Contains(part, "\x00") {
			return nil, errors.New("a NUL in a command or its environment")
		}
	}
	k, err := b.take(c.Env)
	if err != nil {
		return nil, err
	}
	if err := k.send(c, append(files, cmd.ExtraFiles...)); err != nil {
		k.end()
		return nil, fmt.Errorf("talk to a box: %w", err)
	}
	if _, err := k.hear(answerStarted); err != nil {
		k.end()
		return nil, err
	}
	return &Process{box: b, k: k}, nil
}

// take returns a copy that has nothing to do, or a new one.
func (b *Box) take(env []string) (*keeper, error) {
	b.mu.Lock()
	for n := len(b.idle); n > 0; n = len(b.idle) {
		k := b.idle[n-1]
		b.idle = b.idle[:n-1]
		select {
		case <-k.gone:
			continue
		default:
			b.mu.Unlock()
			return k, nil
		}
	}
	b.mu.Unlock()
	mark := "" // by which whoever looks for what a worker has left recognises it
	for _, e := range env {
		if strings.HasPrefix(e, "HOME=") {
			mark = e
		}
	}
	return b.newKeeper(mark)
}

// put keeps a copy for the next command.
func (b *Box) put(k *keeper) {
	select {
	case <-k.gone:
		return
	default:
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.idle = append(b.idle, k)
}

// rest ends the copies.
func (b *Box) rest() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, k := range b.idle {
		k.end()
	}
	b.idle = nil
}

// Process is a command in a box. It must be waited for.
type Process struct {
	box *Box
	k   *keeper
}

// PID is the process that stands for the command on this machine: what it gets
// as a signal it hands on to the command's group, and the command ends with it.
func (p *Process) PID() int { return p.k.cmd.Process.Pid }

// Signal hands a signal to the command's group.
func (p *Process) Signal(s syscall.Signal) { _ = p.k.cmd.Process.Signal(s) } // it may have ended

// Wait returns when the command, and whatever it has started, has ended. The
// error is an *ExitError where the command failed.
func (p *Process) Wait() error {
	value, err := p.k.hear(answerEnded)
	if err != nil {
		return err
	}
	p.box.put(p.k)
	if status := syscall.WaitStatus(value); status != 0 {
		return &ExitError{status}
	}
	return nil
}

// ExitError is how a command in a box failed.
type ExitError struct{ status syscall.WaitStatus }

// Error implements error.
func (e *ExitError) Error() string {
	if e.status.Signaled() {
		return "signal: " + e.status.Signal().String()
	}
	return fmt.Sprintf("exit status %d", e.status.ExitStatus())
}

// ExitCode is -1 where a signal ended the command.
func (e *ExitError) ExitCode() int {
	if e.status.Signaled() {
		return -1
	}
	return e.status.ExitStatus()
}
