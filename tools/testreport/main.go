// Command testreport runs `go test` and says what a reader needs to know:
//
//	go run ./tools/testreport -- -count=1 ./...
//
// A failed test is printed with everything that it wrote, a passed one not at
// all; each package closes with go test's own line (ok or FAIL); the end lists
// what was skipped and why, and counts: "N passed, N failed, N skipped". With
// nothing run or anything failed it exits with 1.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	ok, err := run(args, os.Stdout, os.Stderr)
	if err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
	}
	if !ok || err != nil {
		os.Exit(1)
	}
}

// run tells whether tests ran and none failed.
func run(args []string, stdout, stderr io.Writer) (bool, error) {
	command := exec.Command("go", slices.Concat([]string{"test", "-json"}, args)...)
	command.Stderr = stderr
	events, err := command.StdoutPipe()
	if err != nil {
		return false, err
	}
	if err := command.Start(); err != nil {
		return false, err
	}
	r := newReport(stdout)
	if err := r.read(events); err != nil {
		return false, errors.Join(err, command.Wait())
	}
	// go test's exit code speaks of what no event does, such as a bad flag.
	failed := command.Wait() != nil
	r.close()
	return !failed && r.failed == 0 && r.passed > 0, nil
}

// read feeds the report with one event a line; a line that is no event is
// passed on, since go test prints some errors plainly.
func (r *report) read(events io.Reader) error {
	lines := bufio.NewReader(events) // a Scanner would refuse very long lines
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil && e.Action != "" {
				r.add(e)
			} else {
				fmt.Fprintf(r.out, "%s", line)
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read go test: %w", err)
		}
	}
}
