package e2e

import (
	"database/sql"
	"errors"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ownPostgres is a PostgreSQL server that a test may lose: all of it is on one
// disk.
type ownPostgres struct {
	bin, dir, address string
	as                *syscall.Credential // who runs it; nil: the test
	cmd               *exec.Cmd
	ended             chan struct{} // closed when it is gone
	log               *buffer
}

// newPostgres makes an empty cluster and starts it. It acknowledges what it has
// written, unlike the one that tools/testpg starts.
func newPostgres(t *testing.T, dir string) *ownPostgres {
	t.Helper()
	if os.Getenv("AIRLOCK_TEST_POSTGRES") == "" {
		databases["postgres"](t) // skips, or fails where one is required
	}
	p := &ownPostgres{dir: filepath.Join(dir, "cluster"), address: freeAddress(t), log: &buffer{}}
	packaged, _ := filepath.Glob("/usr/lib/postgresql/*/bin") // the pattern is well formed
	slices.Sort(packaged)
	if path, err := exec.LookPath("initdb"); err == nil {
		packaged = append(packaged, filepath.Dir(path))
	}
	if len(packaged) == 0 {
		t.Skip("not run: there is no initdb on this machine")
	}
	p.bin = packaged[len(packaged)-1]
	if err := os.Mkdir(p.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if os.Geteuid() == 0 { // PostgreSQL does not run as root
		p.as = unprivileged(t)
		if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o711), os.Chown(p.dir, int(p.as.Uid), int(p.as.Gid))); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := p.command("initdb", "-D", p.dir, "--username=airlock", "--auth=trust", "--encoding=UTF8", "--no-sync", "--wal-segsize=1").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	p.start(t)
	t.Cleanup(func() {
		_ = p.cmd.Process.Signal(syscall.SIGQUIT) // it may be gone
		<-p.ended
		if t.Failed() {
			t.Logf("log of PostgreSQL:\n%s", p.log.String())
		}
	})
	return p
}

func unprivileged(t *testing.T) *syscall.Credential {
	t.Helper()
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(account.Gid, 10, 32)
		if err := errors.Join(err, err2); err != nil {
			t.Fatal(err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	t.Skip("not run: there is no account to run PostgreSQL as")
	return nil
}

func (p *ownPostgres) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(p.bin, name), args...)
	cmd.Dir = p.dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: p.as}
	return cmd
}

// start starts the server and waits until it answers.
func (p *ownPostgres) start(t *testing.T) {
	t.Helper()
	host, port, _ := strings.Cut(p.address, ":")
	p.cmd = p.command("postgres", "-D", p.dir, "-h", host, "-p", port, "-c", "unix_socket_directories=", "-c", "max_connections=100",
		"-c", "fsync=off", "-c", "min_wal_size=2MB", "-c", "max_wal_size=4MB", "-c", "timezone=UTC")
	p.cmd.Stderr, p.cmd.Stdout = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.ended = make(chan struct{})
	go func(cmd *exec.Cmd, ended chan struct{}) {
		_ = cmd.Wait() // how it ends is in its log
		close(ended)
	}(p.cmd, p.ended)
	await(t, "PostgreSQL to answer", 30*time.Second, func() bool {
		db, err := sql.Open("pgx", p.url())
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		return db.PingContext(t.Context()) == nil
	})
}

// exhaust writes to the log of writes until there is no space for it, which is
// the one thing that PostgreSQL does not survive.
func (p *ownPostgres) exhaust(t *testing.T) {
	t.Helper()
	db, err := sql.Open("pgx", p.url())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for range 100 {
		if _, err = db.ExecContext(t.Context(), `select pg_logical_emit_message(false, 'x', repeat('x', 1000000))`); err != nil {
			return
		}
	}
	t.Error("there is still space for the log of writes")
}

// again starts the server anew, as what supervises it does, unless it has found
// the space to come back by itself.
func (p *ownPostgres) again(t *testing.T) {
	t.Helper()
	if !strings.Contains(p.log.String(), "PANIC") {
		t.Error("PostgreSQL has not ended")
	}
	select {
	case <-p.ended:
		p.start(t)
	case <-time.After(5 * time.Second):
	}
}

func (p *ownPostgres) url() string {
	return "postgres://airlock@" + p.address + "/postgres?sslmode=disable"
}

// TestF6PostgresDiskFull takes the last space of the disk that all of PostgreSQL
// is on, its log of writes included, which ends it. What was acknowledged is
// there when it is back.
func TestF6PostgresDiskFull(t *testing.T) {
	t.Parallel()
	needTofu(t)
	f := &fullDisk{disk: diskOf(t, "128m")}
	p := newPostgres(t, f.disk)
	f.database = p.url()
	f.away = func() { p.exhaust(t) }
	f.back = func() { p.again(t) }
	f.refuses = true
	f.whole(t, filepath.Join(t.TempDir(), "data"))
}
