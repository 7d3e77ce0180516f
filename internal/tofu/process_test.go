package tofu

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

func TestProcess(t *testing.T) {
	run := func(ctx context.Context, script string) (string, time.Duration, error) {
		var out bytes.Buffer
		began := time.Now()
		err := Process{Name: "script", Path: "/bin/sh", Args: []string{"-c", script}, Dir: t.TempDir(), Env: []string{"PATH=/usr/bin:/bin"}, Stdout: &out, Stderr: &out}.Run(ctx)
		return out.String(), time.Since(began), err
	}
	if out, _, err := run(t.Context(), "echo a; echo b >&2; echo c"); err != nil || out != "a\nb\nc\n" {
		t.Errorf("order: %q %v", out, err)
	}
	if _, _, err := run(t.Context(), "exit 7"); err == nil || err.Error() != "script failed with exit code 7" {
		t.Errorf("exit: %v", err)
	}
	if _, _, err := run(t.Context(), "kill -9 $$"); err == nil || err.Error() != "script was ended: signal: killed" {
		t.Errorf("signal: %v", err)
	}
	if _, took, err := run(t.Context(), "sleep 60 & echo left"); err != nil || took > 10*time.Second {
		t.Errorf("background child: %v after %v", err, took)
	}
	if out, took, err := run(t.Context(), "setsid sleep 20 & echo escaped"); err != nil || took > 10*time.Second || out != "escaped\n" {
		t.Errorf("escaped child: %q %v after %v", out, err, took)
	}
	for name, c := range map[string]struct {
		script string
		stop   error
		out    string
	}{
		"SIGINT is heard":   {"trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.05; done", &Stop{Reason: "stopped", Grace: 20 * time.Second}, "up\nbye\n"},
		"SIGINT is ignored": {"trap '' INT; echo up; while :; do sleep 0.05; done", &Stop{Reason: "stopped", Grace: 50 * time.Millisecond}, "up\n"},
		"no grace":          {"trap 'echo bye; exit 0' INT; echo up; while :; do sleep 0.05; done", &Stop{Reason: "stopped"}, "up\n"},
		"any other cause":   {"echo up; sleep 60", errors.New("stopped"), "up\n"},
	} {
		ctx, cancel := context.WithCancelCause(t.Context())
		r, w := io.Pipe()
		go func() {
			_, _ = io.ReadFull(r, make([]byte, 3))
			cancel(c.stop)
			_, _ = io.Copy(io.Discard, r)
		}()
		var out bytes.Buffer
		both := io.MultiWriter(&out, w)
		err := Process{Name: "script", Path: "/bin/sh", Args: []string{"-c", c.script}, Env: []string{"PATH=/usr/bin:/bin"}, Stdout: both, Stderr: both}.Run(ctx)
		w.Close()
		if err == nil && c.out != "up\nbye\n" || err != nil && err.Error() != "stopped" || out.String() != c.out {
			t.Errorf("%s: %q, %v", name, out.String(), err)
		}
		var ended *Ended
		if force := errors.As(err, &ended) && ended.Killed; strings.Contains(c.script, "trap") && force != (c.out == "up\n") {
			t.Errorf("%s: ended by force: %v", name, force)
		}
		if _, _, err := run(ctx, "echo never"); err == nil || err.Error() != "stopped" {
			t.Errorf("%s: started after the end: %v", name, err)
		}
	}
}

// TestWrappedSignal: whoever starts a command for the worker tells by its exit
// code which signal has ended it; a shell's exit code says nothing of that.
func TestWrappedSignal(t *testing.T) {
	wrap := func(cmd *exec.Cmd) error {
		cmd.Path, cmd.Args = "/bin/sh", []string{"sh", "-c", "exit $1", "sh", cmd.Args[1]}
		return nil
	}
	for code, want := range map[string]string{
		"137": "tofu apply was ended: signal: killed", "130": "tofu apply was ended: signal: interrupt", "1": "tofu apply failed with exit code 1",
		"128": "tofu apply failed with exit code 128", "200": "tofu apply failed with exit code 200",
	} {
		p := Process{Name: "tofu apply", Path: "/bin/false", Args: []string{code}, Wrap: wrap, Stdout: io.Discard, Stderr: io.Discard}
		var failed *CommandError
		if err := p.Run(t.Context()); err == nil || err.Error() != want || !errors.As(err, &failed) || failed.ExitCode < 0 != strings.Contains(want, "signal") {
			t.Errorf("%s: %v", code, err)
		}
		p.Shell = true
		if err := p.Run(t.Context()); err == nil || err.Error() != "tofu apply failed with exit code "+code {
			t.Errorf("%s of a shell: %v", code, err)
		}
	}
}
