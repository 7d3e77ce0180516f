//go:build linux

package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestBoxIsBuiltOnce: the processes of a box follow each other in the same
// namespaces, and each finds nothing of the one before but files.
func TestBoxIsBuiltOnce(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		b := newBench(t, Options{Mode: Namespace})
		const where = "readlink /proc/self/ns/mnt /proc/self/ns/pid"
		first, err := b.run(where)
		if err != nil {
			t.Fatal(err)
		}
		b.want(where, first)
		b.want("export LEFT=x; (setsid sleep 60 &); sleep 60 & cd /; echo left", "left")
		b.want("cat /proc/[0-9]*/comm | grep sleep; pwd; echo $LEFT-", b.path("work")+"\n-")
		b.box.Close()
		if next, err := b.run(where); err != nil || next == first {
			t.Errorf("after the end: %q, %v", next, err)
		}
	})
}

// TestCopyIsOutOfReach: what runs in a box neither sees nor hears the copy that
// starts it, and gets no file but its three.
func TestCopyIsOutOfReach(t *testing.T) {
	inherited, err := syscall.Open("/", syscall.O_RDONLY, 0) // without O_CLOEXEC, as a shell may leave one open
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(inherited)
	asBoth(t, func(t *testing.T) {
		b := newBench(t, Options{Mode: Namespace})
		b.want("echo first", "first")
		b.want("exec ls /proc/self/fd", "0\n1\n2\n3") // the last is how it is read
		for _, forbidden := range []string{
			"ls /proc/1/fd/", "cat /proc/1/environ", "readlink /proc/1/exe", "cat /proc/1/mem", "echo x > /proc/1/fd/3", "ls /proc/1/map_files/",
		} {
			if out, err := b.run(forbidden); err == nil {
				t.Errorf("%s: %s", forbidden, out)
			}
		}
	})
}

// TestCommandAsGiven: arguments, environment and errors arrive as they are.
func TestCommandAsGiven(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		b := newBench(t, Options{Mode: Namespace})
		cmd := b.command("")
		cmd.Args = []string{"another name", "-c", `printf '%s|' "$0" "$1" "$A" "$B" "$C" | od -An -c | tr -d ' \n'; printf %s "$BIG" | wc -c`, "a", ""}
		cmd.Env = []string{"A=first", "A=last", "B=\xff\n", "C=", "PATH=/usr/bin:/bin", "BIG=" + strings.Repeat("x", 100_000)}
		if got, err := output(t, b.box, cmd); got != `a||last|377\n||100000` || err != nil {
			t.Errorf("%q, %v", got, err)
		}
		for name, spoil := range map[string]func(cmd *exec.Cmd){
			"a NUL":       func(cmd *exec.Cmd) { cmd.Env = append(cmd.Env, "X=a\x00LD_PRELOAD=b") },
			"no program":  func(cmd *exec.Cmd) { cmd.Path = "/does/not/exist" },
			"no folder":   func(cmd *exec.Cmd) { cmd.Dir = b.path("key") },
			"not allowed": func(cmd *exec.Cmd) { cmd.Path = "/etc/passwd" },
		} {
			cmd := b.command("echo started")
			spoil(cmd)
			if got, err := output(t, b.box, cmd); err == nil {
				t.Errorf("%s: %q", name, got)
			}
		}
		b.want("echo after", "after")
	})
}

// TestTwoAtOnce: a command that runs beside another one is not ended with it.
func TestTwoAtOnce(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		b := newBench(t, Options{Mode: Namespace})
		out := &lines{seen: make(chan string, 10)}
		long := b.start(b.command("echo up; while [ ! -e stop ]; do sleep 0.02; done; echo end"), out, false)
		out.await(t, "up")
		var others sync.WaitGroup
		for range 3 {
			others.Go(func() { b.want("echo beside", "beside") })
		}
		others.Wait()
		b.want("touch stop", "")
		out.await(t, "end")
		if err := long.Wait(); err != nil {
			t.Error(err)
		}
	})
}

// The variables that make this test binary a worker: where its box is, and
// whether its command survives it.
const (
	helperDir      = "SANDBOX_HELPER_DIR"
	helperSurvives = "SANDBOX_HELPER_SURVIVES"
)

// helper is a worker that starts a command in a box and is killed.
func helper() {
	dir := os.Getenv(helperDir)
	s, _, err := New(Options{Mode: Namespace})
	if err == nil {
		var box *Box
		box, err = s.Open(Paths{Root: filepath.Join(dir, "root"), Temp: filepath.Join(dir, "tmp"), Write: []string{filepath.Join(dir, "work")}})
		if err == nil {
			cmd := exec.Command("/bin/sh", "-c", "trap 'echo interrupted > interrupted; exit 0' INT; echo up > up; while [ ! -e stop ]; do sleep 0.02; done; echo done > done")
			cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = filepath.Join(dir, "work"), []string{"PATH=/usr/bin:/bin"}, os.Stdout, os.Stderr
			var p *Process
			if p, err = box.Start(cmd, os.Getenv(helperSurvives) != ""); err == nil {
				err = os.WriteFile(filepath.Join(dir, "pid"), []byte(strconv.Itoa(p.PID())), 0o600)
				_ = p.Wait()
			}
		}
	}
	fmt.Fprintln(os.Stderr, "helper:", err)
	os.Exit(1)
}

// TestWorkerDies: a command ends with the worker, however that ends; one that
// survives goes on, hears an interrupt, and leaves nothing behind.
func TestWorkerDies(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		for name, c := range map[string]struct {
			survives string
			then     func(dir string, pid int)
			want     string
		}{
			"with it":     {"", func(string, int) {}, ""},
			"goes on":     {"1", func(dir string, _ int) { touch(t, filepath.Join(dir, "work/stop")) }, "done"},
			"interrupted": {"1", func(_ string, pid int) { _ = syscall.Kill(pid, syscall.SIGINT) }, "interrupted"},
		} {
			t.Run(name, func(t *testing.T) {
				b := newBench(t, Options{Mode: Namespace}) // skips where there is none
				b.box.Close()
				var said bytes.Buffer
				worker := exec.Command("/proc/self/exe")
				worker.Env = append(os.Environ(), helperDir+"="+b.dir, helperSurvives+"="+c.survives)
				worker.Stdout, worker.Stderr = &said, &said
				worker.WaitDelay = time.Millisecond
				if err := worker.Start(); err != nil {
					t.Fatal(err)
				}
				until(t, "the command is up", func() bool { return exists(b.path("work/up")) && exists(b.path("pid")) })
				body, err := os.ReadFile(b.path("pid"))
				if err != nil {
					t.Fatal(err)
				}
				pid, err := strconv.Atoi(string(body))
				if err != nil {
					t.Fatal(err)
				}
				_ = worker.Process.Kill()
				_ = worker.Wait()
				c.then(b.dir, pid)
				until(t, "the copy is gone", func() bool { return ended(pid) })
				for _, word := range []string{"done", "interrupted"} {
					if exists(b.path("work/"+word)) != (word == c.want) {
						t.Errorf("%q is there, or is not; want %q\n%s", word, c.want, said.String())
					}
				}
			})
		}
	})
}

func exists(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Size() > 0
}

func touch(t *testing.T, path string) {
	t.Helper()
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

// ended reports whether a process is gone, or waits for nobody to ask for it.
func ended(pid int) bool {
	body, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	return err != nil || strings.Contains(string(body), "\nState:\tZ")
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for range 1000 {
		if done() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("not yet: %s", what)
}
