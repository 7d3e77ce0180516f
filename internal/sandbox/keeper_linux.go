package sandbox

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// keeper is the worker's side of a copy of this program that has built a box
// and starts the box's processes there, one after the other, for as long as the
// worker holds the other end of a socket. Nothing in the box has an end of it.
type keeper struct {
	cmd  *exec.Cmd
	conn *os.File
	said words
	gone chan struct{} // closed when it has ended
}

// newKeeper starts a copy for a box. What goes wrong while it builds the box it
// answers to the first command.
func (b *Box) newKeeper(mark string) (*keeper, error) {
	told, err := json.Marshal(b.spec())
	if err != nil {
		return nil, fmt.Errorf("describe a box: %w", err)
	}
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("talk to a box: %w", err)
	}
	theirs := os.NewFile(uintptr(ends[1]), "box")
	defer theirs.Close()
	if err := unix.SetNonblock(ends[0], true); err != nil {
		return nil, errors.Join(fmt.Errorf("talk to a box: %w", err), unix.Close(ends[0]))
	}
	k := &keeper{conn: os.NewFile(uintptr(ends[0]), "box"), gone: make(chan struct{})}
	k.cmd = exec.Command("/proc/self/exe")
	k.cmd.Args = []string{childName, string(told)}
	k.cmd.Env = []string{mark}
	k.cmd.Stdout, k.cmd.Stderr = &k.said, &k.said
	k.cmd.ExtraFiles = []*os.File{theirs}
	k.cmd.SysProcAttr = b.attributes()
	if err := k.cmd.Start(); err != nil {
		return nil, errors.Join(err, k.conn.Close())
	}
	go func() {
		defer close(k.gone)
		_ = k.cmd.Wait() // how it ended is in its state
	}()
	return k, nil
}

// attributes are how a copy is started.
func (b *Box) attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if b.s.mode != Namespace {
		return a
	}
	a.Cloneflags = unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWIPC
	if b.user == 0 { // nobody special: a user namespace lends what it takes to build the box
		a.Cloneflags |= unix.CLONE_NEWUSER
		a.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Geteuid(), HostID: os.Geteuid(), Size: 1}}
		a.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getegid(), HostID: os.Getegid(), Size: 1}}
		a.AmbientCaps = []uintptr{unix.CAP_SYS_ADMIN}
	}
	return a
}

// end ends the copy and, with its namespaces, whatever is in the box.
func (k *keeper) end() {
	_ = k.conn.Close() // nothing is on its way
	_ = k.cmd.Process.Kill()
	<-k.gone
}

// send hands a command over: how to start it, and the files that it gets.
func (k *keeper) send(c command, files []*os.File) error {
	raw, err := k.conn.SyscallConn()
	if err != nil {
		return err
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd()) // blocking from here on, as whoever gets them expects
		}
		rights = unix.UnixRights(fds...)
	}
	message := c.message()
	var failed error
	err = raw.Write(func(fd uintptr) bool {
		for len(message) > 0 {
			n, err := unix.SendmsgN(int(fd), message, rights, nil, unix.MSG_NOSIGNAL)
			switch err {
			case nil:
				message, rights = message[n:], nil
			case unix.EAGAIN:
				return false
			case unix.EINTR:
			default:
				failed = err
				return true
			}
		}
		return true
	})
	return errors.Join(err, failed)
}

// hear waits for the next answer of a kind.
func (k *keeper) hear(kind byte) (value uint32, err error) {
	var head [5]byte
	if _, err := io.ReadFull(k.conn, head[:]); err != nil {
		return 0, k.lost()
	}
	value = binary.BigEndian.Uint32(head[1:])
	switch head[0] {
	case kind:
		return value, nil
	case answerFailed:
		text := make([]byte, min(value, maxAnswer))
		if _, err := io.ReadFull(k.conn, text); err != nil {
			return 0, k.lost()
		}
		return 0, errors.New(string(text))
	default:
		return 0, fmt.Errorf("the sandbox answers %q", head)
	}
}

// lost is how the copy ended, which says nothing more.
func (k *keeper) lost() error {
	k.end()
	if status, ok := k.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return &ExitError{status}
	}
	return fmt.Errorf("the sandbox ended: %v %s", k.cmd.ProcessState, strings.TrimSpace(k.said.String()))
}

// command is what a copy is asked to start.
type command struct {
	Survives  bool // goes on when the worker has gone
	Path, Dir string
	Args, Env []string
}

// message is a command for the socket: its length, and its parts, which hold no
// NUL.
func (c command) message() []byte {
	parts := []string{"", c.Path, c.Dir}
	if c.Survives {
		parts[0] = survives
	}
	parts = append(append(append(parts, fmt.Sprint(len(c.Args))), c.Args...), c.Env...)
	body := strings.Join(parts, "\x00")
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
}

// words keeps the first of what a copy says on its way out.
type words struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer; it never fails.
func (w *words) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if room := maxAnswer - w.buf.Len(); room > 0 {
		w.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

// String returns it.
func (w *words) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}
