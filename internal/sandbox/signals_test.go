//go:build linux

package sandbox

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSignals: an interrupt reaches the process once, its status comes back,
// and the end of its parent is its own.
func TestSignals(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		b := newBench(t, Options{Mode: Namespace})
		for script, want := range map[string]string{"exit 7": "7 exit status 7", "kill -9 $$": "-1 signal: killed", "kill -9 1; kill -STOP 1; exit 3": "3 exit status 3"} {
			_, err := b.run(script)
			var exit *ExitError
			if !errors.As(err, &exit) || fmt.Sprint(exit.ExitCode(), " ", exit) != want {
				t.Errorf("%s: %v, want %s", script, err, want)
			}
		}
		out := &lines{seen: make(chan string, 10)}
		p := b.start(b.command("trap 'echo got' INT; echo ready; while [ ! -e stop ]; do sleep 0.05; done; echo end"), out, false)
		out.await(t, "ready")
		p.Signal(syscall.SIGINT)
		out.await(t, "got")
		if err := os.WriteFile(b.path("work/stop"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		out.await(t, "end")
		if err := p.Wait(); err != nil || strings.Count(out.all.String(), "got") != 1 {
			t.Errorf("%v\n%s", err, out.all.String())
		}
		if _, err := b.run("sleep 60 & exit 0"); err != nil {
			t.Error(err)
		}
		p = b.start(b.command("echo up; sleep 60"), out, false)
		out.await(t, "up")
		p.Signal(syscall.SIGKILL)
		if err := p.Wait(); err == nil || err.Error() != "signal: killed" {
			t.Errorf("killed: %v", err)
		}
		b.want("echo again", "again")
	})
}

// start starts a command whose output is read as it comes.
func (b *bench) start(cmd *exec.Cmd, out *lines, survives bool) *Process {
	b.t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		b.t.Fatal(err)
	}
	cmd.Stdout, cmd.Stderr = w, w
	p, err := b.box.Start(cmd, survives)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = w.Close()
	go func() {
		defer r.Close()
		_, _ = io.Copy(out, r)
	}()
	return p
}

// lines hands on what a process writes.
type lines struct {
	all  bytes.Buffer
	seen chan string
}

func (l *lines) Write(p []byte) (int, error) {
	l.all.Write(p)
	for _, s := range strings.Fields(string(p)) {
		l.seen <- s
	}
	return len(p), nil
}

func (l *lines) await(t *testing.T, want string) {
	t.Helper()
	for {
		select {
		case s := <-l.seen:
			if s == want {
				return
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("no %q", want)
		}
	}
}
