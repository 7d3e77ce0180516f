package container

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// What the copies of this program are called: the one that starts a process from
// outside, and the two inside, of which one keeps the container alive.
const (
	outsideName = "airlock-container"
	waitName    = "wait"
	startName   = "start"
)

// Exit statuses of the copies, as shells have them.
const (
	exitContainer = 125 // the process could not be handed to the container
	exitStart     = 126 // the process could not be started
	exitSignal    = 128 // plus the number of the signal that ended the process
)

// order is what the copy outside is told.
type order struct {
	Engine  string // path
	Args    []string
	Env     []string // of the engine's command
	Process process
}

// process is what the copy inside is told.
type process struct {
	Path string
	Args []string // with the name
	Env  []string // beside the image's own
	// Programs is a directory that is searched before the image's; empty: none.
	Programs string
	Dir      string
	// Merged says that both kinds of output are one.
	Merged bool
}

func (b *Box) wrap(cmd *exec.Cmd) error {
	env, programs := withoutPath(cmd.Env)
	o := order{
		Engine: b.e.path, Args: []string{"exec", "--interactive", "--user", b.as, b.name, insidePath, startName}, Env: b.e.env,
		Process: process{
			Path: cmd.Path, Args: cmd.Args, Env: env, Programs: programs, Dir: cmd.Dir, Merged: cmd.Stderr == cmd.Stdout,
		},
	}
	told, err := note(o)
	if err != nil {
		return fmt.Errorf("describe a process of a container: %w", err)
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, told)
	cmd.Args = []string{outsideName, strconv.Itoa(2 + len(cmd.ExtraFiles))}
	cmd.Path, cmd.Dir = "/proc/self/exe", ""
	for _, v := range cmd.Env {
		if strings.HasPrefix(v, "HOME=") { // by which a worker knows the processes of a run
			cmd.Env = []string{v}
			return nil
		}
	}
	cmd.Env = []string{}
	return nil
}

// withoutPath leaves out where the worker finds programs: the image has others. It
// returns the directory of the run that stands before, if one does.
func withoutPath(env []string) (out []string, programs string) {
	workers := os.Getenv("PATH")
	for _, v := range env {
		path, isPath := strings.CutPrefix(v, "PATH=")
		before, isWorkers := strings.CutSuffix(path, string(filepath.ListSeparator)+workers)
		switch {
		case isPath && isWorkers:
			programs = before
		case v != "PATH="+workers:
			out = append(out, v)
		}
	}
	return out, programs
}

// note is a file in memory that says what to do; its environment is nobody's
// to see.
func note(o order) (*os.File, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("order", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "order")
	if _, err = f.Write(body); err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func init() {
	switch {
	case len(os.Args) == 2 && os.Args[0] == outsideName:
		runtime.LockOSThread() // the engine's command ends with the thread that started it
		os.Exit(outside(os.Args[1]))
	case len(os.Args) == 2 && os.Args[0] == insidePath && os.Args[1] == waitName:
		os.Exit(wait())
	case len(os.Args) == 2 && os.Args[0] == insidePath && os.Args[1] == startName:
		runtime.LockOSThread()
		os.Exit(inside(os.Stdin))
	}
}

// outside starts a process by the engine's command, and hands on signals: the
// command itself would not.
func outside(told string) int {
	var o order
	fd, err := strconv.Atoi(told)
	if err == nil {
		f := os.NewFile(uintptr(fd), "order")
		err = json.NewDecoder(f).Decode(&o)
		_ = f.Close() // it was read
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "container:", err)
		return exitContainer
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	cmd := exec.Command(o.Engine, o.Args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = o.Env, "/", os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	talk, err := cmd.StdinPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err == nil {
		err = json.NewEncoder(talk).Encode(o.Process)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "container:", err)
		return exitContainer
	}
	go func() {
		for sig := range signals {
			if n, ok := sig.(syscall.Signal); ok {
				_, _ = talk.Write([]byte{byte(n)}) // it may have ended
			}
		}
	}()
	return statusOf(cmd.Wait())
}

// statusOf is how a shell would say how a command ended.
func statusOf(err error) int {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case !errors.As(err, &exit):
		return exitContainer
	case exit.ExitCode() < 0:
		status, _ := exit.Sys().(syscall.WaitStatus)
		return exitSignal + int(status.Signal())
	default:
		return exit.ExitCode()
	}
}

// hardLimit is how many open files this process could allow itself.
func hardLimit() uint64 {
	var now unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_NOFILE, &now) != nil {
		return math.MaxUint64
	}
	return now.Max
}
