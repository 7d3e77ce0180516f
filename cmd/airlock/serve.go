package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/airlock-project/airlock/internal/sandbox"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/telemetry"
)

// serveCmd is the configuration of `airlock serve`.
type serveCmd struct {
	Data         string `help:"Directory for what is kept outside the database: keys, and the embedded database. Default: data." default:"data" type:"path" placeholder:"DIR"`
	Listen       string `help:"Address to listen on; port 0 takes a free one. Default: 127.0.0.1:8080." default:"127.0.0.1:8080" placeholder:"ADDR"`
	BaseURL      string `help:"URL at which clients and workers reach this server; it goes into tokens. Default: http:// and the address." placeholder:"URL"`
	Database     string `help:"sqlite (a file in the data directory) or a postgres:// URL. Default: sqlite." default:"sqlite" placeholder:"URL"`
	Workers      int    `help:"Built-in workers: runs that this server executes itself at the same time. Default: 1." default:"1" placeholder:"N"`
	Tofu         string `help:"OpenTofu binary of the built-in workers. Default: tofu on PATH." placeholder:"PATH"`
	toolFlags    `embed:""`
	accountFlags `embed:""`
	runnerFlags  `embed:""`
	GitSchemes   []string      `help:"URL schemes of repositories that may be checked out, of https, ssh, http, file. Default: https,ssh." default:"https,ssh" placeholder:"LIST"`
	LogFormat    string        `help:"Format of the log, text or json. Default: text." default:"text" placeholder:"FORMAT"`
	Lease        time.Duration `help:"How long a worker may be silent before its run fails. Default: 30s." default:"30s" placeholder:"TIME"`
	ApplyLease   time.Duration `help:"The same while it applies: the apply goes on meanwhile, and its stack waits. Default: 15m." default:"15m" placeholder:"TIME"`
	RunsPerPush  int           `help:"Runs that may start from one push; one that concerns more stacks starts none. Default: 500." default:"500" placeholder:"N"`
	Writers      int           `name:"database-writers" help:"Changes that take place at a time on PostgreSQL; more where it is far away. Default: as many as the machine has processors, and two at least." placeholder:"N"`
	DrainTimeout time.Duration `help:"How long a shutdown waits for plans and the like of built-in workers; applies get five minutes at least. Default: 0s, they are interrupted." default:"0s" placeholder:"TIME"`
	objectFlags  `embed:""`
	keepFlags    `embed:""`

	outboundFlags `embed:""`
	KeyFile       string `help:"File with the key that secrets are encrypted with; servers of one database share it. Default: encryption.key in the data directory." type:"path" placeholder:"FILE"`
}

// check reports every wrong value, one line each.
func (c *serveCmd) check() error {
	var lines []string
	wrong := func(flag, format string, args ...any) {
		lines = append(lines, "--"+flag+": "+fmt.Sprintf(format, args...))
	}
	if c.Data == "" {
		wrong("data", "must name a directory")
	}
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		wrong("listen", "must be HOST:PORT, not %q", c.Listen)
	}
	if c.BaseURL != "" {
		u, err := url.Parse(c.BaseURL)
		if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			wrong("base-url", "must be http:// or https:// and a host, without a path, not %q", c.BaseURL)
		}
	}
	if c.Database != "sqlite" && !strings.HasPrefix(c.Database, "postgres://") && !strings.HasPrefix(c.Database, "postgresql://") {
		wrong("database", "must be sqlite or a postgres:// URL")
	}
	c.accountFlags.check(wrong)
	c.objectFlags.check(wrong)
	c.keepFlags.check(wrong)
	c.outboundFlags.check(wrong)
	if c.Workers < 0 || c.Workers > 100 {
		wrong("workers", "must be between 0 and 100, not %d", c.Workers)
	}
	if c.DrainTimeout < 0 {
		wrong("drain-timeout", "must not be negative")
	}
	c.runnerFlags.check(wrong)
	// A binary that is not there yet may come later: the server starts without
	// it, says so, and runs fail with the reason.
	if info, err := os.Stat(c.Tofu); err == nil && (info.IsDir() || info.Mode()&0o111 == 0) {
		wrong("tofu", "is not an executable file: %q", c.Tofu)
	}
	if c.Writers < 0 || c.Writers > store.MostWriters {
		wrong("database-writers", "must be at most %d, not %d", store.MostWriters, c.Writers)
	}
	if c.RunsPerPush < 1 {
		wrong("runs-per-push", "must be at least 1, not %d", c.RunsPerPush)
	}
	if c.Lease < time.Second || c.ApplyLease < c.Lease {
		wrong("lease", "must be at least 1s, and --apply-lease not shorter: %s and %s", c.Lease, c.ApplyLease)
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		wrong("log-format", "must be text or json, not %q", c.LogFormat)
	}
	for _, s := range c.GitSchemes {
		if s != "https" && s != "ssh" && s != "http" && s != "file" {
			wrong("git-schemes", "knows https, ssh, http and file, not %q", s)
		}
	}
	if lines != nil {
		return &usageError{lines: lines}
	}
	return nil
}

// Run serves until the context ends.
func (c *serveCmd) Run(e *env) error {
	if err := c.check(); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return &usageError{lines: []string{"--listen: " + err.Error()}}
	}
	syscall.Umask(0o077) // whatever the data directory's own mode, its files are ours alone
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return errors.Join(&usageError{lines: []string{"--data: " + err.Error()}}, listener.Close())
	}
	local := localURL(listener.Addr())
	log := telemetry.NewLogger(e.stderr, c.LogFormat)
	if c.BaseURL == "" {
		if c.BaseURL = local; !strings.HasSuffix(local, listener.Addr().String()) {
			log.Warn("without --base-url, tokens send clients to this machine's own address", "url", local)
		}
	}
	c.BaseURL = strings.TrimRight(c.BaseURL, "/")
	if c.KeyFile == "" {
		c.KeyFile = filepath.Join(c.Data, "encryption.key")
	}
	box, err := c.builtIn(e.ctx, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	s, err := wire(e.ctx, c, local, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	s.abort, s.places = e.abort, box
	log.Info("Airlock is ready", "url", c.BaseURL, "admin_key", keyOf(c), "workers", c.Workers, "version", version)
	return s.serve(e.ctx, listener)
}

// builtIn opens the places of the runs of built-in workers, if there are any.
// Secrets are kept out of core files either way.
func (c *serveCmd) builtIn(ctx context.Context, log *slog.Logger) (places, error) {
	if err := sandbox.NoCoreDumps(); err != nil {
		return places{}, fmt.Errorf("keep secrets out of core files: %w", err)
	}
	if c.Workers == 0 {
		return places{}, nil
	}
	return c.places(ctx, log, true, c.Data, c.KeyFile)
}

// keyOf says where the first admin key is; a server that joins an existing
// account has none.
func keyOf(c *serveCmd) string {
	path := filepath.Join(c.Data, adminKeyFile)
	if _, err := os.Stat(path); err != nil {
		return "not in this data directory"
	}
	return path
}

// localURL is how the built-in worker reaches the server, whatever proxy
// stands before it.
func localURL(a net.Addr) string {
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return "http://" + a.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// shutdownTime is how long open requests may take after the end was asked for.
const shutdownTime = 10 * time.Second

func (s *server) serve(ctx context.Context, listener net.Listener) error {
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	done := s.startBackground(background, ctx)
	srv := &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(listener) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	s.log.Info("stopping")
	s.waitWorkers() // they still need the API to report how they ended
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTime)
	defer cancel()
	if shutdownErr := srv.Shutdown(closing); shutdownErr != nil {
		_ = srv.Close() // what did not end in time is cut off
	}
	stop()
	<-done
	return errors.Join(err, s.store.Close())
}
