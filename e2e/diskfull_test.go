package e2e

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/airlock-project/airlock/internal/pgtest"
)

// smallDisk mounts a file system of 48 MB for the time of a test.
func smallDisk(t *testing.T) string {
	t.Helper()
	return diskOf(t, "48m")
}

func diskOf(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	mount := []string{"mount", "-t", "tmpfs", "-o", "size=" + size, "none", dir}
	unmount := []string{"umount", "--lazy", dir} // a sandbox that ends may hold it for a moment
	if os.Getuid() != 0 {
		mount, unmount = append([]string{"sudo", "-n"}, mount...), append([]string{"sudo", "-n"}, unmount...)
	}
	if out, err := exec.Command(mount[0], mount[1:]...).CombinedOutput(); err != nil {
		t.Skipf("a file system of its own takes root: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command(unmount[0], unmount[1:]...).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", err, out)
		}
	})
	return dir
}

// fillUp takes all the space that is left on the disk of a directory, and
// returns the file that has it.
func fillUp(t *testing.T, dir string) string {
	t.Helper()
	name := filepath.Join(dir, "ballast")
	f, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 2 {
		for err == nil {
			_, err = f.Write(make([]byte, size))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		err = nil
	}
	return name
}

// waitingCode applies until the test says that it may end.
const waitingCode = `
resource "terraform_data" "made" {
  input = "kept"
  provisioner "local-exec" { command = "echo apply-began; sleep 4; echo apply-ends" }
}
`

// smallDatabase is an empty database of PostgreSQL whose tables are on a small
// disk, which is returned, too; its log is where that of the others is.
func smallDatabase(t *testing.T) (url, disk string) {
	t.Helper()
	url = databases["postgres"](t)
	disk = smallDisk(t)
	server, err := sql.Open("pgx", os.Getenv(pgtest.EnvServer))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	var data string
	if err := server.QueryRowContext(t.Context(), `show data_directory`).Scan(&data); err != nil {
		t.Skipf("not run: the place of PostgreSQL's files is not told: %v", err)
	}
	owner, err := os.Stat(data)
	if err != nil {
		t.Skipf("not run: PostgreSQL is on another machine: %v", err)
	}
	// PostgreSQL's user has to come there, and to own it.
	tables := filepath.Join(disk, "tables")
	who := owner.Sys().(*syscall.Stat_t)
	if err := errors.Join(os.Chmod(filepath.Dir(disk), 0o711), os.Mkdir(tables, 0o700), os.Chown(tables, int(who.Uid), int(who.Gid))); err != nil {
		t.Fatal(err)
	}
	name := url[strings.LastIndex(url, "/")+1:]
	name, _, _ = strings.Cut(name, "?")
	do := func(statement string) {
		if _, err := server.Exec(statement); err != nil {
			t.Errorf("%s: %v", statement, err)
		}
	}
	space := name + "_small"
	do(`create tablespace ` + space + ` location '` + tables + `'`)
	do(`alter database ` + name + ` set tablespace ` + space)
	t.Cleanup(func() {
		do(`alter database ` + name + ` set tablespace pg_default`)
		do(`drop tablespace ` + space)
	})
	return url, disk
}

// TestF6DiskFull fills a disk in the middle of an apply: what would write is
// refused with a code, what only reads is answered, nothing is half there and
// nothing that was acknowledged is lost; ten seconds after there is space
// everything works, and OpenTofu has stored its state, at the first try or a
// later one (security case 192).
func TestF6DiskFull(t *testing.T) {
	t.Parallel()
	needTofu(t)
	t.Run("sqlite and objects", func(t *testing.T) {
		t.Parallel()
		f := &fullDisk{disk: smallDisk(t), database: "sqlite", refuses: true}
		f.whole(t, filepath.Join(f.disk, "data"), "--objects", "file:"+filepath.Join(f.disk, "objects"))
	})
	t.Run("objects beside postgres", func(t *testing.T) {
		t.Parallel()
		f := &fullDisk{database: databases["postgres"](t), disk: smallDisk(t)}
		f.whole(t, filepath.Join(f.disk, "data"), "--objects", "file:"+filepath.Join(f.disk, "objects"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f := &fullDisk{refuses: true}
		f.database, f.disk = smallDatabase(t)
		f.whole(t, filepath.Join(t.TempDir(), "data"))
	})
}

// fullDisk is a story of a server one of whose disks has no space for a while.
type fullDisk struct {
	*story
	disk, database string
	refuses        bool   // changes, because the database is there
	away           func() // ends the database, whose disk it is
	back           func() // brings it back
	made, refused  []string
}

func (f *fullDisk) whole(t *testing.T, data string, flags ...string) {
	f.story = &story{top: t, server: &server{data: data, log: &buffer{}}, dir: t.TempDir()}
	f.run(t, append([]string{"--database", f.database, "--listen", "127.0.0.1:0", "--workers", "0", "--apply-lease", "2m"}, flags...)...)
	f.admin = signIn(t, f.Endpoint, f.ID, f.Secret)
	token := filepath.Join(f.dir, "worker-pool.json") // the worker has a disk of its own
	body, err := os.ReadFile(filepath.Join(f.data, "worker-pool.json"))
	if err != nil {
		t.Fatal(err)
	}
	write(t, token, string(body))
	f.startWorker(t, filepath.Join(f.dir, "work"), "--token-file", token)
	stack := f.deploying(t, "waiting", waitingCode)
	id := f.admin.id(t, runTrigger, vars{"stack": stack})
	await(t, "the apply to begin", time.Minute, func() bool {
		text, _ := f.admin.log(t, stack, id, "APPLYING")
		return strings.Contains(text, "apply-began")
	})
	ballast := fillUp(t, f.disk)
	f.meanwhile(t, stack, id)
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	if f.back != nil {
		f.back()
	}
	await(t, "mutations to be taken again", 10*time.Second, func() bool { return f.create() == nil })
	await(t, "no connection to be of before", 20*time.Second, func() bool {
		for range 20 {
			if f.admin.try(`{spaces{id}}`, nil, nil) != nil {
				return false
			}
		}
		return true
	})
	f.admin.reaches(t, stack, id, "FINISHED")
	if log := f.admin.wholeLog(t, stack, id); strings.Count(log, "apply-ends") < 1 {
		t.Errorf("the log:\n%s", log)
	}
	plan := f.admin.id(t, `mutation($stack:ID!){runTrigger(stack:$stack,runType:PROPOSED){id}}`, vars{"stack": stack})
	if r := f.admin.reaches(t, stack, plan, "FINISHED"); r.Delta == nil || r.Delta.AddCount != 0 {
		t.Errorf("what the apply has made is not in the state: %+v", r.Delta)
	}
	f.complete(t)
	f.stop(t)
	sound(t, f.server, f.databaseURL(f.database), nil)
}

// create makes a space that is too large for what is left in any page.
func (f *fullDisk) create() error {
	name := fmt.Sprintf("space %d", len(f.made)+len(f.refused))
	err := f.admin.try(spaceCreate, vars{"input": vars{"name": name, "description": rand.Text() + strings.Repeat(rand.Text(), 2000), "parentSpace": "root", "inheritEntities": true, "labels": []string{}}}, nil)
	if err == nil {
		f.made = append(f.made, name)
	} else {
		f.refused = append(f.refused, name)
	}
	return err
}

// meanwhile uses the server while the disk is full, until the apply is over.
func (f *fullDisk) meanwhile(t *testing.T, stack, id string) {
	t.Helper()
	full := time.Now()
	for f.refuses && len(f.refused) == 0 && time.Since(full) < 30*time.Second {
		if err := f.create(); err != nil && !strings.Contains(err.Error(), "UNAVAILABLE: ") {
			t.Errorf("a mutation while the disk is full: %v", err)
		}
	}
	if f.refuses && len(f.refused) == 0 {
		t.Error("no mutation was refused")
	}
	if f.away != nil {
		fillUp(t, f.disk)
		f.away()
	}
	for f.away != nil && time.Since(full) < 9*time.Second {
		fillUp(t, f.disk)
		if err := f.create(); err == nil || !strings.Contains(err.Error(), "UNAVAILABLE: ") {
			t.Errorf("a mutation while the database is away: %v", err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	if f.away != nil {
		return
	}
	for time.Since(full) < 9*time.Second {
		fillUp(t, f.disk) // what was freed meanwhile
		if r := f.admin.run(t, stack, id); r.State != "APPLYING" {
			t.Fatalf("with a full disk the run is %s", r.State)
		}
		res, err := http.Get(f.Endpoint + "/healthz")
		if err != nil || res.StatusCode != http.StatusOK {
			t.Fatalf("health: %v", err)
		}
		_ = res.Body.Close()
		time.Sleep(200 * time.Millisecond)
	}
	if n := len(pairs(t, f.databaseURL(f.database), "select id, '' from state_versions where run_id <> ''")); n > 1 {
		t.Errorf("%d versions of the state are there", n)
	}
}

// complete checks that there is what was acknowledged and nothing that was
// refused.
func (f *fullDisk) complete(t *testing.T) {
	t.Helper()
	var out struct{ Spaces []struct{ Name string } }
	f.admin.must(t, `{spaces{name}}`, nil, &out)
	there := map[string]bool{}
	for _, s := range out.Spaces {
		there[s.Name] = true
	}
	for _, name := range f.made {
		if !there[name] {
			t.Errorf("%q was acknowledged and is gone", name)
		}
	}
	for _, name := range f.refused {
		if there[name] {
			t.Errorf("%q was refused and is there", name)
		}
	}
}
