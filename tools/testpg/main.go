//go:build unix

// Command testpg runs a command with a PostgreSQL server of its own:
//
//	go run ./tools/testpg -- go test ./internal/store/...
//
// It makes an empty cluster in a temporary directory, starts it on 127.0.0.1
// and a free port, hands its URL to the command in AIRLOCK_TEST_POSTGRES, and
// stops and removes it when the command ends, whatever way it ends. A URL that
// is already set is used as it is. Where PostgreSQL is not installed the
// command runs all the same, without the variable, and tests that need it skip
// themselves; with AIRLOCK_TEST_REQUIRE_POSTGRES=1 that is an error instead.
//
// The server is for tests only: it trades durability for speed and must never
// hold data that anybody wants back.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"slices"
	"syscall"
	"time"

	"github.com/airlock-project/airlock/internal/pgtest"
)

func main() {
	// The servers and the command are told to die with the thread that started
	// them (see procattr_linux.go), so that thread has to last.
	runtime.LockOSThread()
	code, err := run(os.Args[1:], os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testpg:", err)
	}
	os.Exit(code)
}

// run returns the exit code of the command, or 1 and why it never ran.
func run(args []string, stderr io.Writer) (int, error) {
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		return 2, errors.New("usage: testpg -- command [argument...]")
	}
	// Listening starts before the server does: a signal in between must still
	// end in a clean stop.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)

	if os.Getenv(pgtest.EnvServer) != "" {
		return runCommand(args, nil, signals)
	}
	binaries, found := findBinaries()
	if !found {
		if os.Getenv(pgtest.EnvRequire) == "1" {
			return 1, fmt.Errorf("%s=1, but PostgreSQL's initdb and postgres are not installed", pgtest.EnvRequire)
		}
		fmt.Fprintf(stderr, "testpg: no PostgreSQL found, so tests that need it are skipped; "+
			"install it (Debian: apt-get install postgresql) or set %s\n", pgtest.EnvServer)
		return runCommand(args, nil, signals)
	}
	server, err := start(binaries)
	if err != nil {
		return 1, err
	}
	defer server.stop(stderr)
	return runCommand(args, []string{pgtest.EnvServer + "=" + server.url}, signals)
}

// runCommand runs args to the end with extra added to its environment. Signals
// are passed on; a command that does not heed one is killed after a while.
func runCommand(args, extra []string, signals <-chan os.Signal) (int, error) {
	command := exec.Command(args[0], args[1:]...)
	command.Stdin, command.Stdout, command.Stderr = os.Stdin, os.Stdout, os.Stderr
	command.Env = slices.Concat(os.Environ(), extra)
	command.SysProcAttr = dieWithParent(&syscall.SysProcAttr{}, syscall.SIGTERM)
	if err := command.Start(); err != nil {
		return 127, err
	}
	done := make(chan error, 1)
	go func() { done <- command.Wait() }()
	var deadline <-chan time.Time
	for {
		select {
		case err := <-done:
			return exitCode(command.ProcessState, err)
		case s := <-signals:
			_ = command.Process.Signal(s) // an error means that it has just ended
			if deadline == nil {
				deadline = time.After(10 * time.Second)
			}
		case <-deadline:
			_ = command.Process.Kill()
		}
	}
}

// exitCode follows the shell: a command that a signal ended counts 128 and
// the signal's number.
func exitCode(state *os.ProcessState, err error) (int, error) {
	if state == nil {
		return 1, err
	}
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal()), nil
	}
	return state.ExitCode(), nil
}
