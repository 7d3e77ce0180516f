package vcs

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/airlock-project/airlock/internal/domain"
)

// git runs git commands for one checkout.
type git struct {
	remote  remote
	schemes []string
	dir     string
	out     io.Writer
	ssh     string // instead of the worker's own ssh command
	// given is the kind of the git credential that signs in; empty: the worker's own does.
	given domain.GitCredentialKind
}

// passed are the variables of the worker's own environment that git may see:
// how to reach hosts and how the operator signs in to them. Nothing of a run's
// environment ever reaches the checkout.
var passed = []string{
	"PATH", "HOME", "SSH_AUTH_SOCK", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR",
	"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
}

// settings override what a global git configuration says.
var settings = [][2]string{
	{"core.hooksPath", os.DevNull},
	{"core.fsmonitor", "false"},
	{"submodule.recurse", "false"},
	{"gc.auto", "0"},
	{"maintenance.auto", "false"},
	{"advice.detachedHead", "false"},
}

func (g git) environ() []string {
	env := []string{
		"GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=", "SSH_ASKPASS=", "LC_ALL=C",
		"GIT_ALLOW_PROTOCOL=" + strings.Join(g.schemes, ":"),
		"GIT_SSH_COMMAND=ssh -oBatchMode=yes",
	}
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	if g.ssh != "" {
		env = append(env, "GIT_SSH_COMMAND="+g.ssh, "SSH_AUTH_SOCK=")
	}
	pairs := settings
	if g.remote.header != "" {
		// Git would send the header to wherever it is redirected.
		pairs = append(pairs[:len(pairs):len(pairs)], [2]string{"http." + g.remote.url + ".extraHeader", g.remote.header},
			[2]string{"http.followRedirects", "false"}, [2]string{"credential.helper", ""})
	}
	env = append(env, fmt.Sprintf("GIT_CONFIG_COUNT=%d", len(pairs)))
	for i, p := range pairs {
		env = append(env, fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, p[0]), fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, p[1]))
	}
	return env
}

// run executes one git command, in its own process group so that cancelling
// also ends its helpers. It returns the beginning of what git said on stderr.
func (g git) run(ctx context.Context, stdout io.Writer, args ...string) (string, error) {
	var said head
	cmd := exec.CommandContext(ctx, "git", args...)
	if args[0] != "clone" {
		cmd.Dir = g.dir
	}
	cmd.Env = g.environ()
	cmd.Stdout, cmd.Stderr = stdout, io.MultiWriter(&said, g.out)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 2 * time.Second
	err := cmd.Run()
	if err != nil {
		err = fmt.Errorf("git %s: %w", args[0], err)
	}
	return said.String(), err
}

// head keeps the first 16 KiB of what is written to it.
type head struct{ strings.Builder }

// Write implements io.Writer; it never fails.
func (h *head) Write(p []byte) (int, error) {
	if room := 16<<10 - h.Len(); room > 0 {
		h.Builder.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
