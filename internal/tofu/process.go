package tofu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// defaultGrace is how long a process may take after SIGINT when the
// cancellation does not say otherwise.
const defaultGrace = 5 * time.Second

// pipeDrain is how long output of a process that left its group may still be
// waited for after the group has ended.
const pipeDrain = time.Second

// What stands between the worker and a command, such as a sandbox, tells by an
// exit code which signal has ended it, as shells do.
const (
	signaled   = 128
	lastSignal = 31
)

// Stop is a cancellation cause that says how to end a running process.
type Stop struct {
	Reason string
	Grace  time.Duration // between SIGINT and SIGKILL; 0: SIGKILL at once
}

// Error implements error.
func (s *Stop) Error() string { return s.Reason }

// Ended is the error of a process that was cancelled.
type Ended struct {
	Cause  error // the context's
	Killed bool  // it did not end by itself in the grace that it had
}

// Error implements error.
func (e *Ended) Error() string { return e.Cause.Error() }

// Unwrap returns the cause.
func (e *Ended) Unwrap() error { return e.Cause }

// CommandError says which command ended badly, in one sentence.
type CommandError struct {
	Name     string // for example "tofu plan"
	ExitCode int    // -1 when a signal ended it
	cause    error
}

// Error implements error.
func (e *CommandError) Error() string {
	if e.ExitCode < 0 {
		return fmt.Sprintf("%s was ended: %v", e.Name, e.cause)
	}
	return fmt.Sprintf("%s failed with exit code %d", e.Name, e.ExitCode)
}

// Unwrap returns the underlying error.
func (e *CommandError) Unwrap() error { return e.cause }

// Process is a command that runs in its own process group. When the context
// ends, the group gets SIGINT and, after a grace, SIGKILL; when the command
// ends, whatever it left running in the group is killed; when the worker
// itself is killed, the kernel kills the command, unless it survives.
type Process struct {
	Name   string // what errors call it
	Path   string
	Args   []string
	Env    []string
	Dir    string
	Stdout io.Writer
	Stderr io.Writer // the same value as Stdout keeps the order of lines
	// Survives, if set, is a file for the command's process id. Such a command goes
	// on when the worker is killed: what an apply has made is in its memory alone.
	// Whoever comes after the worker must end it.
	Survives string
	// Shell says that an exit code above 128 need not be the number of a signal, as
	// where a shell passes on how the last of its commands ended.
	Shell bool
	// Wrap, if set, changes how the worker starts the command, for example in a
	// container.
	Wrap func(cmd *exec.Cmd) error
	// Start, if set, starts the command elsewhere, for example in a sandbox.
	Start Starter
}

// Starter starts a command, whose output is files. One that survives goes on when
// the worker is killed, and holds its ExtraFiles until it ends.
type Starter func(cmd *exec.Cmd, survives bool) (Started, error)

// Started is a command that runs, or has ended.
type Started interface {
	// PID is a process of the worker that lives as long as the command.
	PID() int
	// Signal reaches the command and what it has started.
	Signal(s syscall.Signal)
	// Wait returns when the command has ended, and whatever it left running was
	// killed. The error of a command that failed has an ExitCode.
	Wait() error
}

// child is a command that the worker has started itself, in a group of its own.
type child struct{ cmd *exec.Cmd }

func (p Process) startChild(cmd *exec.Cmd, survives bool) (Started, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if !survives {
		// Not an interrupt: the kernel sends it once for each thread of the worker,
		// and the second one makes OpenTofu end without storing anything.
		cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	}
	if p.Wrap != nil {
		if err := p.Wrap(cmd); err != nil {
			return nil, err
		}
	}
	return child{cmd}, cmd.Start()
}

func (c child) PID() int { return c.cmd.Process.Pid }

func (c child) Signal(s syscall.Signal) { _ = syscall.Kill(-c.cmd.Process.Pid, s) } // it may have ended

func (c child) Wait() error {
	defer c.Signal(syscall.SIGKILL) // to what it left behind
	return c.cmd.Wait()
}

// Run runs the process to its end. The error is a *CommandError, or an *Ended
// when the process was cancelled.
func (p Process) Run(ctx context.Context) error {
	var killed bool
	done := make(chan error, 1)
	go func() {
		// The kernel ties "kill when the parent ends" to the thread that started
		// the child, so that thread must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var err error
		killed, err = p.run(ctx)
		done <- err
	}()
	err := <-done
	if err != nil && ctx.Err() != nil {
		return &Ended{Cause: context.Cause(ctx), Killed: killed}
	}
	return err
}

// run reports, too, whether the command was killed because ctx has ended.
func (p Process) run(ctx context.Context) (killed bool, err error) {
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Env, cmd.Dir = p.Env, p.Dir
	out, err := p.pipes(cmd)
	if err != nil {
		return false, fmt.Errorf("start %s: %w", p.Name, err)
	}
	if p.Survives != "" {
		cmd.ExtraFiles = out.readers()
	}
	start := p.Start
	if start == nil {
		start = p.startChild
	}
	started, err := start(cmd, p.Survives != "")
	out.started()
	for _, f := range cmd.ExtraFiles {
		_ = f.Close() // the child has its own
	}
	if err == nil && p.Survives != "" {
		err = p.noteID(started)
	}
	if err != nil {
		out.drain()
		return false, fmt.Errorf("start %s: %w", p.Name, err)
	}
	exited, ended := make(chan struct{}), make(chan bool, 1)
	go func() { ended <- endOnCancel(ctx, started, exited) }()
	err = started.Wait()
	close(exited)
	out.drain()
	return <-ended, p.explain(err)
}

// noteID writes the process id down before the command can do much.
func (p Process) noteID(started Started) error {
	err := os.WriteFile(p.Survives, []byte(strconv.Itoa(started.PID())), 0o600)
	if err != nil {
		started.Signal(syscall.SIGKILL) // nobody would know of it
		_ = started.Wait()              // it was killed
	}
	return err
}

func (p Process) explain(err error) error {
	var exit interface {
		error
		ExitCode() int
	}
	if errors.As(err, &exit) {
		if n := exit.ExitCode() - signaled; p.Wrap != nil && !p.Shell && n > 0 && n <= lastSignal {
			return &CommandError{Name: p.Name, ExitCode: -1, cause: fmt.Errorf("signal: %v", syscall.Signal(n))}
		}
		return &CommandError{Name: p.Name, ExitCode: exit.ExitCode(), cause: err}
	}
	return err
}

// endOnCancel ends the command when ctx ends before it does, and reports whether
// that took force.
func endOnCancel(ctx context.Context, started Started, exited <-chan struct{}) (killed bool) {
	select {
	case <-exited:
		return false
	case <-ctx.Done():
	}
	grace := defaultGrace
	var stop *Stop
	if errors.As(context.Cause(ctx), &stop) {
		grace = stop.Grace
	}
	if grace > 0 {
		started.Signal(syscall.SIGINT)
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-exited:
			return false
		case <-timer.C:
		}
	}
	select {
	case <-exited: // its id may belong to someone else by now
		return false
	default:
		started.Signal(syscall.SIGKILL)
		return true
	}
}

// output copies what a process writes. Own pipes are used instead of
// exec.Cmd's so that a grandchild that keeps one open cannot hold up Wait.
type output struct {
	reads, writes []*os.File
	copied        []chan struct{}
}

func (p Process) pipes(cmd *exec.Cmd) (*output, error) {
	o := &output{}
	var err error
	if cmd.Stdout, err = o.pipe(p.Stdout); err != nil {
		return nil, err
	}
	if p.Stderr == p.Stdout {
		cmd.Stderr = cmd.Stdout
		return o, nil
	}
	cmd.Stderr, err = o.pipe(p.Stderr)
	if err != nil {
		o.started()
		o.drain()
	}
	return o, err
}

func (o *output) pipe(w io.Writer) (*os.File, error) {
	r, pw, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	o.reads, o.writes, o.copied = append(o.reads, r), append(o.writes, pw), append(o.copied, done)
	go func() {
		defer close(done)
		_, _ = io.Copy(w, r)
	}()
	return pw, nil
}

// started closes the ends that belong to the child.
func (o *output) started() {
	for _, w := range o.writes {
		_ = w.Close() // the child has its own
	}
}

// readers opens the reading ends once more, for the child: where the worker is
// gone, and nobody else reads, its next word would kill it. They are opened
// anew, because what is handed to a child loses its deadlines.
func (o *output) readers() (files []*os.File) {
	for _, r := range o.reads {
		raw, err := r.SyscallConn()
		if err != nil {
			continue
		}
		_ = raw.Control(func(fd uintptr) { // it fails for a closed file only
			if f, err := os.Open(fmt.Sprintf("/proc/self/fd/%d", fd)); err == nil {
				files = append(files, f)
			}
		})
	}
	return files
}

// drain waits until everything written was copied.
func (o *output) drain() {
	deadline := time.Now().Add(pipeDrain)
	for i, r := range o.reads {
		_ = r.SetReadDeadline(deadline)
		<-o.copied[i]
		_ = r.Close() // everything was read
	}
}
