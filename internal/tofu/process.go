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
	// Wrap, if set, changes how the command is started, for example in a sandbox.
	Wrap func(cmd *exec.Cmd) error
}

// Run runs the process to its end. The error is a *CommandError, or the
// context's cause when the process was cancelled.
func (p Process) Run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		// The kernel ties "kill when the parent ends" to the thread that started
		// the child, so that thread must live as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		done <- p.run(ctx)
	}()
	err := <-done
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func (p Process) run(ctx context.Context) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	cmd := exec.Command(p.Path, p.Args...)
	cmd.Env, cmd.Dir = p.Env, p.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	out, err := p.pipes(cmd)
	if err != nil {
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	if p.Survives != "" {
		// Not an interrupt: the kernel sends it once for each thread of the worker,
		// and the second one makes OpenTofu end without storing anything.
		cmd.SysProcAttr.Pdeathsig = 0
		cmd.ExtraFiles = out.readers()
	}
	if p.Wrap != nil {
		err = p.Wrap(cmd)
	}
	if err == nil {
		err = cmd.Start()
	}
	out.started()
	for _, f := range cmd.ExtraFiles {
		_ = f.Close() // the child has its own
	}
	if err == nil && p.Survives != "" {
		err = p.noteID(cmd)
	}
	if err != nil {
		out.drain()
		return fmt.Errorf("start %s: %w", p.Name, err)
	}
	exited := make(chan struct{})
	go endOnCancel(ctx, cmd.Process.Pid, exited)
	err = cmd.Wait()
	close(exited)
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) // what it left behind
	out.drain()
	return p.explain(err)
}

// noteID writes the process id down before the command can do much.
func (p Process) noteID(cmd *exec.Cmd) error {
	err := os.WriteFile(p.Survives, []byte(strconv.Itoa(cmd.Process.Pid)), 0o600)
	if err != nil {
		_ = cmd.Process.Kill() // nobody would know of it
		_ = cmd.Wait()         // it was killed
	}
	return err
}

func (p Process) explain(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		if n := exit.ExitCode() - signaled; p.Wrap != nil && !p.Shell && n > 0 && n <= lastSignal {
			return &CommandError{Name: p.Name, ExitCode: -1, cause: fmt.Errorf("signal: %v", syscall.Signal(n))}
		}
		return &CommandError{Name: p.Name, ExitCode: exit.ExitCode(), cause: err}
	}
	return err
}

// endOnCancel ends the group when ctx ends before the process does.
func endOnCancel(ctx context.Context, pid int, exited <-chan struct{}) {
	select {
	case <-exited:
		return
	case <-ctx.Done():
	}
	grace := defaultGrace
	var stop *Stop
	if errors.As(context.Cause(ctx), &stop) {
		grace = stop.Grace
	}
	if grace > 0 {
		_ = syscall.Kill(-pid, syscall.SIGINT)
		timer := time.NewTimer(grace)
		defer timer.Stop()
		select {
		case <-exited:
			return
		case <-timer.C:
		}
	}
	select {
	case <-exited: // its id may belong to someone else by now
	default:
		_ = syscall.Kill(-pid, syscall.SIGKILL)
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
