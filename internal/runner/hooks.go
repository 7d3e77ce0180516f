package runner

import (
	"context"
	"fmt"
	"strings"

	"github.com/airlock-project/airlock/internal/tofu"
)

// shell runs a run's hooks.
type shell struct {
	env []string
	dir string
	log *journal
	box place
}

// hooks runs the commands of one phase and stops at the first that fails.
func (s shell) hooks(ctx context.Context, phase string, commands []string) error {
	for i, command := range commands {
		if strings.TrimSpace(command) == "" {
			continue
		}
		if err := s.command(ctx, fmt.Sprintf("%s hook %d", phase, i+1), command); err != nil {
			return err
		}
	}
	return nil
}

// command runs a command by `/bin/sh -c` in the project root. Nothing is
// interpolated: a command is what its author wrote, and names reach it as
// environment variables. One of several lines stops at its first failing line.
func (s shell) command(ctx context.Context, name, command string) error {
	s.log.say("$ " + strings.ReplaceAll(strings.TrimRight(command, "\r\n"), "\n", "\n> "))
	option := "-c"
	if strings.Contains(strings.TrimSpace(command), "\n") {
		option = "-ec"
	}
	wrap, start := startedIn(s.box)
	err := tofu.Process{
		Name: name, Path: "/bin/sh", Args: []string{option, command},
		Env: s.env, Dir: s.dir, Stdout: s.log, Stderr: s.log, Wrap: wrap, Start: start, Shell: true,
	}.Run(ctx)
	s.log.lines.Flush()
	return err
}
