// Command speed runs the benchmarks that have a bar and prints each figure
// beside its bar:
//
//	go run ./tools/speed              all of them, some twenty minutes
//	go run ./tools/speed -only authz  those of one package
//	go run ./tools/speed -write docs/speed.md
//
// A figure is the median of several runs of the benchmark, each of which
// reports the median of many questions. It exits with 1 if a benchmark fails
// or is missing, not if a bar is: that depends on the machine.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

func main() {
	only := flag.String("only", "", "run the benchmarks of this `folder` alone")
	runs := flag.Int("runs", 3, "runs of each benchmark")
	into := flag.String("write", "", "replace the table in this `file`")
	flag.Parse()
	if err := run(*only, *runs, *into); err != nil {
		fmt.Fprintln(os.Stderr, "speed:", err)
		os.Exit(1)
	}
}

func run(only string, runs int, into string) error {
	var rows []string
	var failed []error
	busy := 0
	for _, s := range suites {
		if only != "" && s.folder != only {
			continue
		}
		var out bytes.Buffer
		args := []string{"test", "-run", "^$", "-timeout", "1h", "-benchmem", "-bench", s.benchmarks, "-count", fmt.Sprint(runs), "./" + s.folder}
		fmt.Fprintln(os.Stderr, "go", strings.Join(args, " "))
		command := exec.Command("go", args...)
		command.Env = append(os.Environ(), searchedStacks)
		command.Stdout, command.Stderr = io.MultiWriter(&out, os.Stderr), os.Stderr
		if err := command.Run(); err != nil {
			failed = append(failed, fmt.Errorf("%s: %w", s.folder, err))
		}
		found := read(out.String())
		for _, b := range s.bars {
			row, err := b.row(found)
			if err != nil {
				failed = append(failed, err)
				continue
			}
			rows = append(rows, row)
			if b.busy(found) {
				busy++
			}
		}
	}
	text := fmt.Sprintf("%s %s/%s, GOMAXPROCS %d; medians of %d runs.\n\n", runtime.Version(), runtime.GOOS, runtime.GOARCH,
		runtime.GOMAXPROCS(0), runs)
	if busy > len(rows)/4 {
		text += "Many medians are far above the best of their runs: the machine did other things, or its speed varies by itself.\n\n"
	}
	text += head + strings.Join(rows, "\n") + "\n"
	fmt.Print(text)
	if into != "" && len(failed) == 0 {
		failed = append(failed, replace(into, text))
	}
	return errors.Join(failed...)
}

// replace puts a table between the marks of a file.
func replace(path, table string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	const from, to = "<!-- make speed writes from here -->\n", "<!-- to here -->"
	head, rest, ok := strings.Cut(string(old), from)
	_, tail, found := strings.Cut(rest, to)
	if !ok || !found {
		return fmt.Errorf("%s has no marks for the table", path)
	}
	return os.WriteFile(path, []byte(head+from+"\n"+table+"\n"+to+tail), 0o600)
}
