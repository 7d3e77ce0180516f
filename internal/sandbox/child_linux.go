package sandbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// What a copy answers to a command, in this order: that it has started or why
// it has not, and how it ended. An answer is its kind and a number: of an
// error, how long its text is, which follows.
const (
	answerStarted = 'S'
	answerEnded   = 'E'
	answerFailed  = '!'
	maxAnswer     = 16 << 10
)

// survives is the first part of a command that goes on without the worker.
const survives = "survives"

// socket is where a copy finds its end of the socket.
const socket = 3

// A copy that was started for a box does only that. It happens before main, and
// before the larger packages of the program are made ready, because a run waits
// for it.
func init() {
	if len(os.Args) != 2 || os.Args[0] != childName {
		return
	}
	runtime.LockOSThread() // what is given up is given up by this thread, which starts the processes
	unix.CloseOnExec(socket)
	_ = unix.CloseRange(socket, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC) // an old kernel: then the worker must have inherited nothing
	c := &child{commands: make(chan *order)}
	if err := c.enter(os.Args[1]); err != nil {
		_ = answerError(err)
		os.Exit(1)
	}
	c.serve()
}

// child is the copy's side of a keeper.
type child struct {
	spec     spec
	commands chan *order
	now      atomic.Pointer[order]
}

// order is a command with the files that came with it: its two outputs, and what
// is only to be held.
type order struct {
	command
	files []int
	pid   atomic.Int64 // 0 until it has started
}

// enter makes the box the copy's world, and gives up what no process in it must
// have.
func (c *child) enter(told string) error {
	if err := json.Unmarshal([]byte(told), &c.spec); err != nil {
		return err
	}
	if c.spec.Namespaces {
		if err := build(c.spec); err != nil {
			return err
		}
	}
	if err := c.spec.giveUp(); err != nil {
		return err
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil { // nothing in the box looks into the copy
		return fmt.Errorf("close up: %w", err)
	}
	return nil
}

// serve starts what the worker asks for until the worker has gone.
func (c *child) serve() {
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	go func() {
		for sig := range signals {
			if n, ok := sig.(syscall.Signal); ok {
				c.signal(n)
			}
		}
	}()
	go c.listen()
	for o := range c.commands {
		c.run(o)
	}
	os.Exit(0)
}

// signal hands a signal on to the group of the command.
func (c *child) signal(n syscall.Signal) {
	if o := c.now.Load(); o != nil {
		if pid := o.pid.Load(); pid > 0 {
			_ = syscall.Kill(-int(pid), n) // it may have ended
		}
	}
}

// listen reads commands. When the worker has gone the copy ends and, with it,
// everything in the box, unless the command of now survives that.
func (c *child) listen() {
	for {
		o, err := hear()
		if err != nil {
			break
		}
		c.now.Store(o) // before the worker can be found gone
		c.commands <- o
	}
	if o := c.now.Load(); o != nil && !o.Survives {
		c.signal(syscall.SIGKILL) // without namespaces its end is not the copy's
		os.Exit(1)
	}
	close(c.commands)
}

// run starts a command and returns when it has ended, with whatever it has left
// behind. Where nobody hears an answer the worker has gone.
func (c *child) run(o *order) {
	attr := &syscall.ProcAttr{Dir: o.Dir, Env: o.Env, Files: []uintptr{0, uintptr(o.files[0]), uintptr(o.files[1])}, Sys: &syscall.SysProcAttr{Setpgid: true}}
	if c.spec.User > 0 {
		attr.Sys.Credential = &syscall.Credential{Uid: uint32(c.spec.User), Gid: uint32(c.spec.User)}
	}
	if !c.spec.Namespaces {
		attr.Sys.Pdeathsig = syscall.SIGKILL
	}
	pid, err := syscall.ForkExec(o.Path, o.Args, attr)
	closeAll(o.files[:2])
	defer closeAll(o.files[2:])
	if err != nil {
		c.now.Store(nil)
		_ = answerError(&os.PathError{Op: "start", Path: o.Path, Err: err})
		return
	}
	o.pid.Store(int64(pid))
	_ = answer(answerStarted, uint32(pid))
	status := c.reap(pid)
	c.now.Store(nil) // before the worker can ask for the next one
	_ = answer(answerEnded, uint32(status))
}

// reap waits for a command, and ends whatever it leaves behind: in namespaces
// everything but the copy itself, else its group.
func (c *child) reap(pid int) (status syscall.WaitStatus) {
	for {
		var s syscall.WaitStatus
		got, err := syscall.Wait4(-1, &s, 0, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil: // nobody is left
			return status
		case got == pid:
			status, pid = s, 0
		}
		switch {
		case pid != 0:
		case c.spec.Namespaces:
			_ = syscall.Kill(-1, syscall.SIGKILL)
		case got > 0:
			_ = syscall.Kill(-got, syscall.SIGKILL)
			return status
		}
	}
}

func answerError(err error) error {
	text := err.Error()[:min(len(err.Error()), maxAnswer)]
	return errors.Join(answer(answerFailed, uint32(len(text))), tell([]byte(text)))
}

func answer(kind byte, value uint32) error {
	return tell(binary.BigEndian.AppendUint32([]byte{kind}, value))
}

func tell(b []byte) error {
	for len(b) > 0 {
		n, err := unix.SendmsgN(socket, b, nil, nil, unix.MSG_NOSIGNAL)
		if err != nil && err != unix.EINTR {
			return err
		}
		b = b[max(n, 0):]
	}
	return nil
}

func closeAll(files []int) {
	for _, fd := range files {
		_ = unix.Close(fd) // they were only handed on
	}
}

// errGarbled is for what no worker sends.
var errGarbled = errors.New("not a command")

// hear reads the next command.
func hear() (*order, error) {
	o := &order{}
	head := make([]byte, 4)
	if err := o.read(head); err != nil {
		return nil, err
	}
	body := make([]byte, binary.BigEndian.Uint32(head))
	if err := o.read(body); err != nil {
		return nil, err
	}
	parts := strings.Split(string(body), "\x00")
	if len(parts) < 4 || len(o.files) < 2 {
		return nil, errGarbled
	}
	n, err := strconv.Atoi(parts[3])
	if err != nil || n < 0 || len(parts) < 4+n {
		return nil, errGarbled
	}
	o.command = command{Survives: parts[0] == survives, Path: parts[1], Dir: parts[2], Args: parts[4 : 4+n], Env: parts[4+n:]}
	return o, nil
}

// read fills a buffer from the socket, and keeps the files that come along.
func (o *order) read(b []byte) error {
	rights := make([]byte, unix.CmsgSpace(16*4))
	for len(b) > 0 {
		n, m, _, _, err := unix.Recvmsg(socket, b, rights, unix.MSG_CMSG_CLOEXEC)
		switch {
		case err == unix.EINTR:
			continue
		case err != nil:
			return err
		case n == 0:
			return errGarbled // the worker has gone
		}
		b = b[n:]
		messages, err := unix.ParseSocketControlMessage(rights[:m])
		if err != nil {
			return err
		}
		for _, message := range messages {
			fds, err := unix.ParseUnixRights(&message)
			if err != nil {
				return err
			}
			o.files = append(o.files, fds...)
		}
	}
	return nil
}

// giveUp takes away what the processes must not have. They themselves lose
// capabilities by becoming, or having always been, somebody who is not root.
func (s spec) giveUp() error {
	for what, most := range map[int]uint64{
		unix.RLIMIT_CORE: 0, unix.RLIMIT_AS: s.Limits.Memory, unix.RLIMIT_NOFILE: s.Limits.Files, unix.RLIMIT_NPROC: s.Limits.Processes,
	} {
		if most == 0 && what != unix.RLIMIT_CORE || what == unix.RLIMIT_NPROC && s.User == 0 {
			continue
		}
		var now unix.Rlimit
		if err := unix.Getrlimit(what, &now); err != nil {
			return fmt.Errorf("read a limit: %w", err)
		}
		most = min(most, now.Max)
		if err := unix.Setrlimit(what, &unix.Rlimit{Cur: most, Max: most}); err != nil {
			return fmt.Errorf("set a limit: %w", err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up new privileges: %w", err)
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("give up capabilities: %w", err)
	}
	return nil
}
