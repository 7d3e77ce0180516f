package runner

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/sandbox"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// boxed gives the worker a sandbox, or skips the test where there is none.
func (b *bench) boxed(o sandbox.Options) {
	b.t.Helper()
	o.Mode = sandbox.Namespace
	s, _, err := sandbox.New(o)
	if err != nil {
		b.t.Skipf("not run: %v", err)
	}
	b.cfg.Sandbox = s
}

// hooked is a job that runs some commands and applies one resource.
func (b *bench) hooked(commands ...string) *workerapi.Job {
	job := b.job(gitRepo(b.t, map[string]string{"main.tf": oneResource}))
	job.Autodeploy = true
	job.Hooks.BeforeInit = commands
	return job
}

// TestRunInSandbox: a whole run, with its state, hooks and files.
func TestRunInSandbox(t *testing.T) {
	b := newBench(t)
	b.boxed(sandbox.Options{})
	cache := t.TempDir()
	kept := filepath.Join(cache, "registry.example.com/a/b/1.0.0/linux_amd64")
	if err := os.MkdirAll(kept, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(kept, "provider"), []byte("p"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.cfg.PluginCache = cache
	job := b.hooked("echo $HOME > $TMPDIR/from-init; cat secret.txt; ls $TF_PLUGIN_CACHE_DIR/registry.example.com/a/b/1.0.0/linux_amd64; echo evil > $TF_PLUGIN_CACHE_DIR/registry.example.com/a/b/1.0.0/linux_amd64/provider || echo read-only")
	job.Files = []workerapi.File{{Path: "source/secret.txt", Content: []byte("mounted\n")}}
	job.Hooks.AfterApply = []string{"cat $TMPDIR/from-init; test -w airlock.plan && echo writable"}
	b.api.give(job)
	stop, wait := b.loop()
	b.api.until("the run ends", b.ended)
	stop()
	if err := wait(); err != nil {
		t.Error(err)
	}
	checkPath(t, b.api, then(planPath, domain.RunConfirmed, domain.RunApplying, domain.RunFinished))
	for _, want := range []string{"\nmounted\n", "\nprovider\n", "\nread-only\n", "/home\n", "\nwritable\n"} {
		b.wantLog(want)
	}
}

// TestCase122KeyUnreadable: a hook cannot read what the worker can.
func TestCase122KeyUnreadable(t *testing.T) {
	b := newBench(t)
	key := filepath.Join(t.TempDir(), "encryption.key")
	if err := os.WriteFile(key, []byte("the-key-itself"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.boxed(sandbox.Options{Hide: []string{key}})
	job := b.hooked(
		"cat "+key+" || echo unseen",
		"cat /proc/*/environ | tr '\\0' '\\n' | grep SECRET_OF_WORKER || echo no-environment",
		"ls "+b.cfg.WorkDir+"/*/ | grep -v -c '^run-\\|^$' || echo only-its-own")
	t.Setenv("SECRET_OF_WORKER", "x")
	b.api.give(job)
	stop, wait := b.loop()
	b.api.until("the run ends", b.ended)
	stop()
	if err := wait(); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"\nunseen\n", "\nno-environment\n", "\nonly-its-own\n"} {
		b.wantLog(want)
	}
	if strings.Contains(b.api.text(), "the-key-itself") {
		t.Error("the key was read")
	}
}

// TestCase89RunResidue: a run plants what it can; the next run of the same
// worker finds none of it.
func TestCase89RunResidue(t *testing.T) {
	b := newBench(t)
	b.boxed(sandbox.Options{})
	marker := fmt.Sprintf("%d.25", 50000+os.Getpid())
	plant := "echo x > ~/.terraformrc; echo x > ~/.tofurc; echo x > /tmp/plant; echo x > /var/tmp/plant; echo x > /dev/shm/plant; " +
		"(setsid env -i /bin/sleep " + marker + " &); ln -s /etc/passwd $TMPDIR/link; echo planted"
	look := "ls -A ~ /tmp/plant /var/tmp/plant /dev/shm/plant $TMPDIR/link 2>/dev/null | grep -v ':$' | grep . || echo clean; " +
		"grep -l " + marker + " /proc/[0-9]*/cmdline 2>/dev/null | grep -v -w -e self -e $$ | grep . || echo alone"
	b.api.give(b.hooked(plant))
	stop, wait := b.loop()
	b.api.until("the first run ends", b.ended)
	b.wantLog("\nplanted\n")
	second := b.hooked(strings.ReplaceAll(look, marker, marker[:len(marker)-1]+"[5]"))
	second.Ref.Epoch++
	b.api.give(second)
	b.api.until("the second run ends", func() bool { return b.ended() && strings.Contains(b.api.text(), "\nclean\n") })
	stop()
	if err := wait(); err != nil {
		t.Error(err)
	}
	b.wantLog("\nalone\n")
}

// TestCase92HookInjection: what a hook or a name holds is never part of another
// command, and a failing line ends the run.
func TestCase92HookInjection(t *testing.T) {
	for name, c := range map[string]struct {
		hooks []string
		fails bool
		want  string
	}{
		"semicolon":          {[]string{"echo a; echo b"}, false, "a\nb\n"},
		"unbalanced brace":   {[]string{"echo }", "echo after"}, false, "\n}\n$ echo after\nafter\n"},
		"a line that fails":  {[]string{"false\necho never"}, true, ""},
		"a hook that fails":  {[]string{"exit 3", "echo never"}, true, ""},
		"names are data":     {[]string{`printf '%s|' "$SPACELIFT_STACK_BRANCH" "$AIRLOCK_NAME"; echo`}, false, "$(touch pwned);`id`|a\"'; touch pwned #\nb|"},
		"unquoted are words": {[]string{"echo $AIRLOCK_NAME; test ! -e pwned && echo unhurt"}, false, "\nunhurt\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			job := b.hooked(c.hooks...)
			job.RunType = domain.RunProposed
			job.Env = []workerapi.EnvVar{
				{Name: "SPACELIFT_STACK_BRANCH", Value: "$(touch pwned);`id`"}, {Name: "AIRLOCK_NAME", Value: "a\"'; touch pwned #\nb"},
			}
			b.api.give(job)
			stop, wait := b.loop()
			b.api.until("the run ends", b.ended)
			stop()
			if err := wait(); err != nil {
				t.Error(err)
			}
			if failed := b.api.last().To == domain.RunFailed; failed != c.fails || strings.Contains(b.api.text(), "\nnever\n") {
				t.Errorf("ended as %s:\n%s", b.api.last().To, b.api.text())
			}
			b.wantLog(c.want)
		})
	}
}
