// Command airlock is the whole product in one binary: `airlock serve` is the
// control plane, `airlock worker` executes runs for one, `airlock access` asks
// one about access.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/airlock-project/airlock/internal/cli"
)

// version is set when the binary is built.
var version = "dev"

// exitUsage is the exit status for wrong flags or configuration.
const exitUsage = 2

// usageError is a mistake in flags or configuration: one line each, and
// nothing was started.
type usageError struct{ lines []string }

func (e *usageError) Error() string { return strings.Join(e.lines, "\n") }

func main() {
	err := run(signals(), os.Args[1:], os.Stdout, os.Stderr)
	var usage *usageError
	switch {
	case errors.As(err, &usage):
		for _, line := range usage.lines {
			fmt.Fprintln(os.Stderr, "airlock: "+line)
		}
		os.Exit(exitUsage)
	case err != nil:
		if err.Error() != "" { // a decision that was printed says it all
			fmt.Fprintln(os.Stderr, "airlock: "+err.Error())
		}
		os.Exit(cli.ExitStatus(err))
	}
}

// abortKey finds the context that ends with a second signal.
type abortKey struct{}

// signals returns a context that ends with the first signal that asks the
// process to end. It carries another one, which ends with the second.
func signals() context.Context {
	asked := make(chan os.Signal, 2)
	signal.Notify(asked, os.Interrupt, syscall.SIGTERM)
	ctx, end := context.WithCancel(context.Background())
	abort, hurry := context.WithCancel(context.Background())
	go func() {
		<-asked
		end()
		<-asked
		hurry()
	}()
	return context.WithValue(ctx, abortKey{}, abort)
}

// commandLine is everything that the command line can say. Each flag is also an
// environment variable AIRLOCK_<FLAG>.
type commandLine struct {
	Serve   serveCmd   `cmd:"" help:"Run the control plane."`
	Worker  workerCmd  `cmd:"" help:"Execute runs for a control plane."`
	Access  cli.Access `cmd:"" help:"Ask for access, decide requests for it, and see what ends soon."`
	Keys    keysCmd    `cmd:"" help:"List and rotate the keys that secrets are encrypted with."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

type versionCmd struct{}

// env is what a command gets of the world.
type env struct {
	ctx            context.Context // ends when the command is asked to end
	abort          context.Context // ends when it shall not take its time; nil: never
	stdout, stderr io.Writer
}

// Run prints the version.
func (versionCmd) Run(e *env) error {
	_, err := fmt.Fprintln(e.stdout, version)
	return err
}

// run parses the arguments and executes one command.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	var exit *int
	parser, err := kong.New(&commandLine{},
		kong.Name("airlock"),
		kong.Description("A control plane for OpenTofu whose heart is an access model."),
		kong.DefaultEnvars("AIRLOCK"),
		kong.UsageOnError(),
		kong.Writers(stdout, stderr),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Exit(func(code int) { exit = &code }))
	if err != nil {
		return fmt.Errorf("describe the command line: %w", err)
	}
	parsed, err := parser.Parse(args)
	if exit != nil { // --help
		return nil
	}
	if err != nil && len(args) > 0 && args[0] == "access" {
		return err // its status 2 says that access is denied
	}
	if err != nil {
		return &usageError{lines: []string{err.Error()}}
	}
	abort, _ := ctx.Value(abortKey{}).(context.Context)
	return parsed.Run(&env{ctx: ctx, abort: abort, stdout: stdout, stderr: stderr})
}
