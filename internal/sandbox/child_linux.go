package sandbox

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Exit statuses of the copy that starts a process, as shells have them.
const (
	exitBox    = 125 // the box could not be built
	exitStart  = 126 // the process could not be started
	exitSignal = 128 // plus the number of the signal that ended the process
)

// A copy that was started for a box does only that. It happens before main, and
// before the larger packages of the program are made ready, because every
// process of a run waits for it.
func init() {
	if len(os.Args) < 4 || os.Args[0] != childName {
		return
	}
	runtime.LockOSThread() // what is given up is given up by this thread, which starts the process
	os.Exit(child(os.Args[1], os.Args[2], os.Args[3:]))
}

func child(told, path string, argv []string) int {
	var s spec
	err := json.Unmarshal([]byte(told), &s)
	if err == nil && s.Namespaces {
		err = build(s)
	}
	if err == nil {
		err = os.Chdir(s.Dir)
	}
	if err == nil {
		err = s.giveUp()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		return exitBox
	}
	attr := &syscall.ProcAttr{Env: os.Environ(), Files: []uintptr{0, 1, 2}, Sys: &syscall.SysProcAttr{Setpgid: true}}
	if s.User > 0 {
		attr.Sys.Credential = &syscall.Credential{Uid: uint32(s.User), Gid: uint32(s.User)}
	}
	if !s.Namespaces {
		attr.Sys.Pdeathsig = syscall.SIGKILL
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT)
	pid, err := syscall.ForkExec(path, argv, attr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "sandbox:", err)
		return exitStart
	}
	go func() {
		for sig := range signals {
			if n, ok := sig.(syscall.Signal); ok {
				_ = syscall.Kill(-pid, n) // it may have ended
			}
		}
	}()
	return reap(pid)
}

// giveUp takes away what the process must not have. The process itself loses
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

// reap waits for the process, and for whatever it leaves to the first process
// of its namespace meanwhile.
func reap(pid int) int {
	for {
		var status syscall.WaitStatus
		got, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR || err == nil && got != pid:
		case err != nil:
			return exitStart
		case status.Signaled():
			return exitSignal + int(status.Signal())
		case status.Exited():
			return status.ExitStatus()
		}
	}
}
