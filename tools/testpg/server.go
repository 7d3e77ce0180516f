//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // registers the driver "pgx"
)

// superuser owns everything in the temporary cluster.
const superuser = "airlock"

// server is one running PostgreSQL that this process owns.
type server struct {
	url     string
	dir     string // holds everything, removed at the end
	process *exec.Cmd
	ended   chan struct{} // closed when the process is gone
}

// start makes a cluster and returns when it answers queries.
func start(b binaries) (*server, error) {
	account, err := unprivileged()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(inMemory(), "airlock-testpg-")
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	password := rand.Text()
	if err := s.initialize(b, account, password); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	// The port is free when we look and may be taken when the server binds it.
	for attempt := 1; ; attempt++ {
		err := s.launch(b, account, password)
		if err == nil {
			return s, nil
		}
		if attempt == 3 {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
}

// initialize creates the cluster's files as the account that will own them.
func (s *server) initialize(b binaries, account *syscall.Credential, password string) error {
	secret := filepath.Join(s.dir, "password")
	if err := os.WriteFile(secret, []byte(password), 0o600); err != nil {
		return err
	}
	if account != nil {
		for _, path := range []string{s.dir, secret} {
			if err := os.Chown(path, int(account.Uid), int(account.Gid)); err != nil {
				return err
			}
		}
	}
	// md5, because scram makes each of a test's connections cost some
	// milliseconds of both processors; the password is as long as the server lives.
	// A linguistic order, as most servers in use have: text that is compared
	// and sorted must not depend on the byte order that SQLite has anyway.
	args := []string{"-D", filepath.Join(s.dir, "data"), "--username=" + superuser, "--pwfile=" + secret,
		"--auth=md5", "--encoding=UTF8", "--no-sync"}
	if b.icu {
		args = append(args, "--locale=C", "--locale-provider=icu", "--icu-locale=en-US")
	}
	command := s.command(account, b.initdb, args...)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	if err := command.Run(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, output.String())
	}
	return nil
}

// launch starts the server on a free port and waits until it answers.
func (s *server) launch(b binaries, account *syscall.Credential, password string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(s.dir, "server.log"))
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	s.process = s.command(account, b.postgres, "-D", filepath.Join(s.dir, "data"),
		"-h", "127.0.0.1", "-p", port, "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off",
		"-c", "max_connections=200", "-c", "password_encryption=md5", "-c", "timezone=UTC", "-c", "log_statement=none")
	s.process.Stdout, s.process.Stderr = log, log
	// Its own process group: Ctrl-C must reach the tests first, not pull the
	// database from under them.
	s.process.SysProcAttr.Setpgid = true
	if err := s.process.Start(); err != nil {
		return err
	}
	s.ended = make(chan struct{})
	go func(process *exec.Cmd, ended chan struct{}) {
		_ = process.Wait() // how it ended is in its log
		close(ended)
	}(s.process, s.ended)

	address := url.URL{
		Scheme: "postgres", User: url.UserPassword(superuser, password),
		Host: net.JoinHostPort("127.0.0.1", port), Path: "/postgres", RawQuery: "sslmode=disable",
	}
	s.url = address.String()
	if err := s.ready(30 * time.Second); err != nil {
		s.halt()
		said, _ := os.ReadFile(log.Name())
		return fmt.Errorf("start postgres: %w\n%s", err, said)
	}
	return nil
}

// ready waits until the server answers a query.
func (s *server) ready(limit time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	db, err := sql.Open("pgx", s.url)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for {
		err := db.PingContext(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-s.ended:
			return errors.New("it stopped at once")
		case <-ctx.Done():
			return fmt.Errorf("no answer after %s: %w", limit, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop ends the server and removes its files. It only ever signals the
// process that start started.
func (s *server) stop(stderr io.Writer) {
	s.halt()
	if err := os.RemoveAll(s.dir); err != nil {
		fmt.Fprintln(stderr, "testpg: remove the temporary cluster:", err)
	}
}

// halt asks for a fast shutdown (SIGINT), then stops asking.
func (s *server) halt() {
	for _, sig := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT, syscall.SIGKILL} {
		_ = s.process.Process.Signal(sig) // an error means that it has ended
		select {
		case <-s.ended:
			return
		case <-time.After(10 * time.Second):
		}
	}
}

// command prepares one of PostgreSQL's programs: as account if there is one,
// in the cluster's directory, with nothing of our environment that could
// point it at another server.
func (s *server) command(account *syscall.Credential, path string, args ...string) *exec.Cmd {
	command := exec.Command(path, args...)
	command.Dir = s.dir
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir, "TZ=UTC"}
	for _, entry := range os.Environ() {
		if strings.HasPrefix(entry, "LD_LIBRARY_PATH=") {
			command.Env = append(command.Env, entry)
		}
	}
	command.SysProcAttr = dieWithParent(&syscall.SysProcAttr{Credential: account}, syscall.SIGQUIT)
	return command
}

func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	return port, errors.Join(err, listener.Close())
}
