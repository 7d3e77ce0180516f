//go:build linux

package sandbox

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// The tests run as whoever runs them; as root they also run as somebody else,
// by starting themselves again.
const nobody = 65534

// TestMain tests with the umask that the program has.
func TestMain(m *testing.M) {
	syscall.Umask(0o077)
	if os.Getenv(helperDir) != "" {
		helper()
	}
	os.Exit(m.Run())
}

// asBoth runs a test as root and as a user without privileges.
func asBoth(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	if os.Geteuid() != 0 {
		test(t)
		return
	}
	t.Run("root", test)
	t.Run("nobody", func(t *testing.T) {
		// The binary lies where others may not look: a copy does not.
		dir, err := os.MkdirTemp("/tmp", "sandbox-test-*")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		body, err := os.ReadFile("/proc/self/exe")
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "test"), body, 0o755)
		}
		if err == nil {
			err = os.Chmod(filepath.Join(dir, "test"), 0o755)
		}
		if err == nil {
			err = os.Chown(dir, nobody, nobody)
		}
		if err != nil {
			t.Fatal(err)
		}
		name, _, _ := strings.Cut(t.Name(), "/")
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, "test"), "-test.run=^"+name+"$", "-test.v")
		cmd.Dir, cmd.Env = dir, append(os.Environ(), "TMPDIR="+dir, "HOME="+dir)
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "--- PASS: "+name) {
			t.Errorf("%v\n%s", err, out)
		}
	})
}

type bench struct {
	t   *testing.T
	s   *Sandbox
	dir string
	box *Box
}

// newBench opens a box with a directory "work" that it may change, and secrets
// that it must not see.
func newBench(t *testing.T, o Options) *bench {
	t.Helper()
	b := &bench{t: t, dir: t.TempDir()}
	for _, name := range []string{"root", "tmp", "work", "tools"} {
		if err := os.Mkdir(filepath.Join(b.dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"key", "tools/tool"} {
		if err := os.WriteFile(filepath.Join(b.dir, name), []byte("content of "+name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for name, mode := range map[string]os.FileMode{"tools": 0o755, "tools/tool": 0o644, "key": 0o644} {
		if err := os.Chmod(filepath.Join(b.dir, name), mode); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	o.Hide = append(o.Hide, b.dir) // as the data directory, in which the runs of built-in workers are
	if b.s, _, err = New(o); err != nil {
		t.Skipf("not run: %v", err)
	}
	b.open()
	return b
}

func (b *bench) path(name string) string { return filepath.Join(b.dir, name) }

func (b *bench) open() {
	b.t.Helper()
	var err error
	b.box, err = b.s.Open(Paths{
		Root: b.path("root"), Temp: b.path("tmp"), Write: []string{b.path("work")}, Read: []string{b.path("tools")},
	})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(b.box.Close)
}

// command is a shell for the box.
func (b *bench) command(script string) *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", script)
	cmd.Dir, cmd.Env = b.path("work"), []string{"PATH=/usr/bin:/bin", "KEY=" + b.path("key"), "B=" + b.dir, "HOME=" + b.path("work")}
	return cmd
}

func (b *bench) run(script string) (string, error) {
	b.t.Helper()
	return output(b.t, b.box, b.command(script))
}

// output runs a command in a box. It writes to a file, so that what outlives the
// command does not hold it up.
func output(t *testing.T, box *Box, cmd *exec.Cmd) (string, error) {
	t.Helper()
	f, err := os.CreateTemp(t.TempDir(), "out-*")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cmd.Stdout, cmd.Stderr = f, f
	p, err := box.Start(cmd, false)
	if err == nil {
		err = p.Wait()
	}
	body, _ := os.ReadFile(f.Name())
	return strings.TrimSpace(string(body)), err
}

func (b *bench) want(script, want string) {
	b.t.Helper()
	if got, err := b.run(script); got != want || err != nil {
		b.t.Errorf("%s: %q, %v; want %q", script, got, err, want)
	}
}

// TestBox: what is seen, and what can be changed.
func TestBox(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		b := newBench(t, Options{Mode: Namespace})
		b.want("echo $0 $(pwd); cat $B/tools/tool", "/bin/sh "+b.path("work")+"\ncontent of tools/tool")
		b.want("echo x > made; echo y > /tmp/t; cat $B/tmp/t /var/tmp/t; ls /", strings.Join([]string{
			"y", "y", strings.Join(entries(t), "\n"),
		}, "\n"))
		b.want("cat $KEY 2>/dev/null || echo unseen; ls $B", "unseen\ntmp\ntools\nwork")
		for _, forbidden := range []string{
			"echo x > $B/tools/new", "echo x > /etc/new", "echo x > /new", "mkdir /usr/x", "mount -t tmpfs x /tmp", "chroot / true",
			"echo core > /proc/sys/kernel/core_pattern", "dd if=/dev/vda count=1", "test -e /root", "test -e /home", "test -e /sys",
		} {
			if out, err := b.run(forbidden); err == nil {
				t.Errorf("%s: %s", forbidden, out)
			}
		}
		if _, err := os.Stat(b.path("work/made")); err != nil {
			t.Error(err)
		}
		b.want("tr '\\0' '\\n' < /proc/1/cmdline | head -1; [ $(ls -d /proc/[0-9]* | wc -l) -lt 8 ] && echo alone", childName+"\nalone")
	})
}

// entries are the names in the root of a box.
func entries(t *testing.T) []string {
	t.Helper()
	var out []string
	all, err := os.ReadDir("/")
	if err != nil {
		t.Fatal(err)
	}
	top := strings.Split(strings.TrimPrefix(os.TempDir(), "/"), "/")[0]
	for _, e := range all {
		n := e.Name()
		if n == "dev" || n == "proc" || n == "tmp" || n == "var" || n == top {
			out = append(out, n)
			continue
		}
		for _, s := range system {
			if s == "/"+n {
				out = append(out, n)
			}
		}
	}
	return out
}

// TestCase89Residue: what one run plants, the next one does not find.
func TestCase89Residue(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		b := newBench(t, Options{Mode: Namespace})
		marker := fmt.Sprintf("%d.5", 40000+os.Getpid())
		plant := "echo evil > /tmp/plant; echo evil > /var/tmp/plant; echo evil > /dev/shm/plant;" +
			"(setsid sh -c 'exec env -i /bin/sleep " + marker + "' &) ; sleep " + marker + " & ipcmk -M 10 >/dev/null 2>&1; echo planted"
		b.want(plant, "planted")
		if n := sleepers(t, marker); n != 0 {
			t.Errorf("%d processes outlive the run", n)
		}
		b.box.Close()
		second := newBench(t, Options{Mode: Namespace})
		second.want("ls /tmp/plant /var/tmp/plant /dev/shm/plant 2>/dev/null; ipcs -m 2>/dev/null | grep -c 0x | tr -d '0\\n'; [ $(ls -d /proc/[0-9]* | wc -l) -lt 8 ] && echo alone", "alone")
	})
}

// sleepers counts the processes of the machine that sleep for a marked time.
func sleepers(t *testing.T, marker string) (n int) {
	t.Helper()
	lines, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range lines {
		if body, err := os.ReadFile(path); err == nil && bytes.HasSuffix(body, []byte("sleep\x00"+marker+"\x00")) {
			n++
		}
	}
	return n
}

// TestCase127NoCoreDumps: no process of a run leaves its memory in a file.
func TestCase127NoCoreDumps(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		b := newBench(t, Options{Mode: Namespace, Memory: 1 << 32, Files: 100})
		b.want("ulimit -c; ulimit -Hc; ulimit -n; ulimit -v", "0\n0\n100\n4194304")
		if out, err := b.run("ulimit -n 200"); err == nil {
			t.Errorf("a limit was raised: %s", out)
		}
	})
}

// TestCase122Hidden: a path that no box may see shows in none, though a
// readable directory holds it.
func TestCase122Hidden(t *testing.T) {
	asBoth(t, func(t *testing.T) {
		shown := t.TempDir()
		for _, dir := range []string{shown, filepath.Dir(shown)} {
			if err := os.Chmod(dir, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		key, data := filepath.Join(shown, "key"), filepath.Join(shown, "data")
		if err := os.Mkdir(data, 0o755); err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{key, filepath.Join(data, "db"), filepath.Join(shown, "open")} {
			if err := os.WriteFile(path, []byte("secret"), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		b := newBench(t, Options{Mode: Namespace, Read: []string{shown}, Hide: []string{key, data}})
		b.want(fmt.Sprintf("cat %s/open; cat %s; ls %s; cat /proc/1/environ 2>/dev/null | tr '\\0' '\\n' | grep -c TMPDIR; true", shown, key, data), "secret0")
	})
}

// TestUsers: a worker that is root starts nothing as root, and two runs at the
// same time are two users.
func TestUsers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	for _, mode := range []Mode{Namespace, User} {
		t.Run(string(mode), func(t *testing.T) {
			s, _, err := New(Options{Mode: mode, Users: "64660-64661"})
			if err != nil {
				t.Fatal(err)
			}
			var seen []string
			for range 2 {
				dir := t.TempDir()
				for up := dir; up != os.TempDir() && up != "/"; up = filepath.Dir(up) {
					if err := os.Chmod(up, 0o711); err != nil {
						t.Fatal(err)
					}
				}
				for _, name := range []string{"root", "tmp"} {
					if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
						t.Fatal(err)
					}
				}
				box, err := s.Open(Paths{Root: filepath.Join(dir, "root"), Temp: filepath.Join(dir, "tmp")})
				if err != nil {
					t.Fatal(err)
				}
				defer box.Close()
				cmd := exec.Command("/bin/sh", "-c", "id -u; id -G; grep -E 'CapEff|NoNewPrivs' /proc/self/status | tr -s '\\t\\n' '  '; (setsid sleep 41414 &)")
				cmd.Dir = filepath.Join(dir, "tmp")
				cmd.Env = []string{"PATH=/usr/bin:/bin"}
				out, err := output(t, box, cmd)
				if err != nil {
					t.Fatalf("%v: %s", err, out)
				}
				seen = append(seen, strings.TrimSpace(out))
			}
			const rest = " CapEff: 0000000000000000 NoNewPrivs: 1"
			for i, id := range []string{"64660", "64661"} {
				if got := strings.Join(strings.Fields(seen[i]), " "); got != id+" "+id+rest {
					t.Errorf("process %d: %s", i, got)
				}
			}
			if _, err := s.Open(Paths{}); err == nil {
				t.Error("a third run shares a user")
			}
		})
	}
	if n := sleepers(t, "41414"); n != 0 {
		t.Errorf("%d processes are left", n)
	}
}

func TestOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"mode": {Mode: "jail"}, "root": {Mode: Namespace, Users: "0"}, "backwards": {Mode: Namespace, Users: "5-4"}, "words": {Mode: Namespace, Users: "nobody"},
		"users needed": {Mode: User},
	} {
		if s, _, err := New(o); err == nil {
			t.Errorf("%s: %v", name, s)
		}
	}
	s, why, err := New(Options{Mode: None})
	if err != nil || why != nil || s.Mode() != None {
		t.Errorf("none: %v, %v, %v", s, why, err)
	}
	if box, err := s.Open(Paths{}); box != nil || err != nil {
		t.Errorf("none has a box: %v", err)
	}
}

// BenchmarkProcess measures a process in a box beside a bare one.
func BenchmarkProcess(b *testing.B) {
	for _, mode := range []Mode{None, Namespace} {
		b.Run(string(mode), func(b *testing.B) {
			s, _, err := New(Options{Mode: mode})
			if err != nil {
				b.Skip(err)
			}
			dir := b.TempDir()
			for _, name := range []string{"root", "tmp"} {
				if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
					b.Fatal(err)
				}
			}
			box, err := s.Open(Paths{Root: filepath.Join(dir, "root"), Temp: filepath.Join(dir, "tmp")})
			if err != nil {
				b.Fatal(err)
			}
			defer box.Close()
			out, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
			if err != nil {
				b.Fatal(err)
			}
			defer out.Close()
			for b.Loop() {
				cmd := exec.Command("/bin/true")
				cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = filepath.Join(dir, "tmp"), []string{}, out, out
				if box == nil {
					err = cmd.Run()
				} else if p, failed := box.Start(cmd, false); failed != nil {
					err = failed
				} else {
					err = p.Wait()
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestUsersOfOthers: a user who still has a process, such as an apply that has
// outlived its worker, is not given to another run, and trying the sandbox out
// does not end it.
func TestUsersOfOthers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not run: only root has other users")
	}
	const first = 64651
	old := exec.Command("/bin/sleep", "1000")
	old.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: first, Gid: first}}
	if err := old.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = old.Process.Kill()
		_ = old.Wait() // it was killed
	})
	s, _, err := New(Options{Mode: User, Users: fmt.Sprintf("%d-%d", first, first+1)})
	if err != nil {
		t.Fatal(err)
	}
	box, err := s.Open(Paths{Temp: t.TempDir()})
	if err != nil || box.User() != first+1 {
		t.Fatalf("user %d, %v", box.User(), err)
	}
	if _, err := s.Open(Paths{Temp: t.TempDir()}); err == nil {
		t.Error("a third run has a user, too")
	}
	box.Close()
	if owner(old.Process.Pid) != first {
		t.Error("the other process has ended")
	}
}

// TestUsersOfOtherWorkers: two workers of one machine that may use the same users
// give no run one that a run of the other has.
func TestUsersOfOtherWorkers(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("not run: only root has other users")
	}
	const first = 64671
	var workers [2]*Sandbox
	for i := range workers {
		var err error
		if workers[i], _, err = New(Options{Mode: User, Users: fmt.Sprintf("%d-%d", first, first+1)}); err != nil {
			t.Fatal(err)
		}
	}
	open := func(s *Sandbox) *Box {
		t.Helper()
		b, err := s.Open(Paths{Temp: t.TempDir()})
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	one, other := open(workers[0]), open(workers[1])
	if one.User() == other.User() {
		t.Errorf("both are user %d", one.User())
	}
	if b, err := workers[0].Open(Paths{Temp: t.TempDir()}); err == nil {
		t.Errorf("a third run is user %d", b.User())
	}
	other.Close()
	third := open(workers[0])
	if third.User() != first+1 {
		t.Errorf("user %d is given back, and the next run is %d", first+1, third.User())
	}
	third.Close()
	one.Close()
}
