package e2e

import (
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// smallDisk mounts a file system of 48 MB for the time of a test.
func smallDisk(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	mount := []string{"mount", "-t", "tmpfs", "-o", "size=48m", "none", dir}
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

// TestF6DiskFull fills the disk of the server in the middle of an apply: what
// would write is refused with a code, what only reads is answered, nothing is
// half there; ten seconds after there is space everything works, and OpenTofu
// has stored its state, at the first try or a later one (security case 192).
// On PostgreSQL it is the disk of the object storage alone.
func TestF6DiskFull(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, database string) {
		disk := smallDisk(t)
		s := &story{top: t, server: &server{data: filepath.Join(disk, "data"), log: &buffer{}}, dir: t.TempDir()}
		s.run(t, "--database", database, "--listen", "127.0.0.1:0", "--objects", "file:"+filepath.Join(disk, "objects"), "--workers", "0", "--apply-lease", "2m")
		s.admin = signIn(t, s.Endpoint, s.ID, s.Secret)
		token := filepath.Join(s.dir, "worker-pool.json")
		if err := os.Link(filepath.Join(s.data, "worker-pool.json"), token); err != nil {
			body, err := os.ReadFile(filepath.Join(s.data, "worker-pool.json"))
			if err != nil || os.WriteFile(token, body, 0o600) != nil {
				t.Fatal(err)
			}
		}
		s.startWorker(t, filepath.Join(s.dir, "work"), "--token-file", token)
		stack := s.deploying(t, "waiting", waitingCode)
		id := s.admin.id(t, runTrigger, vars{"stack": stack})
		await(t, "the apply to begin", time.Minute, func() bool {
			text, _ := s.admin.log(t, stack, id, "APPLYING")
			return strings.Contains(text, "apply-began")
		})
		ballast := fillUp(t, disk)
		full := time.Now()
		create := func(name string) error {
			return s.admin.try(spaceCreate, vars{"input": vars{"name": name, "description": strings.Repeat("x", 60000), "parentSpace": "root", "inheritEntities": true, "labels": []string{}}}, nil)
		}
		refused := 0
		for database == "sqlite" && refused == 0 && time.Since(full) < 30*time.Second {
			if err := create("full"); err != nil {
				refused++
				if !strings.Contains(err.Error(), "UNAVAILABLE") {
					t.Errorf("a mutation while the disk is full: %v", err)
				}
			}
		}
		if database == "sqlite" && refused == 0 {
			t.Error("no mutation was refused")
		}
		for time.Since(full) < 9*time.Second { // the apply has come to its end meanwhile
			fillUp(t, disk) // what was freed meanwhile
			if r := s.admin.run(t, stack, id); r.State != "APPLYING" {
				t.Fatalf("with a full disk the run is %s", r.State)
			}
			res, err := http.Get(s.Endpoint + "/healthz")
			if err != nil || res.StatusCode != http.StatusOK {
				t.Fatalf("health: %v", err)
			}
			_ = res.Body.Close()
			time.Sleep(200 * time.Millisecond)
		}
		if n := len(pairs(t, s.databaseURL(database), "select id, '' from state_versions where run_id <> ''")); n > 1 {
			t.Errorf("%d versions of the state are there", n)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		await(t, "mutations to be taken again", 10*time.Second, func() bool { return create("space") == nil })
		s.admin.reaches(t, stack, id, "FINISHED")
		if log := s.admin.wholeLog(t, stack, id); strings.Count(log, "apply-ends") < 1 {
			t.Errorf("the log:\n%s", log)
		}
		plan := s.admin.id(t, `mutation($stack:ID!){runTrigger(stack:$stack,runType:PROPOSED){id}}`, vars{"stack": stack})
		if r := s.admin.reaches(t, stack, plan, "FINISHED"); r.Delta == nil || r.Delta.AddCount != 0 {
			t.Errorf("what the apply has made is not in the state: %+v", r.Delta)
		}
		s.stop(t)
		sound(t, s.server, s.databaseURL(database), nil)
	})
}
