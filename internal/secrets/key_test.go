package secrets

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestLoadOrCreateKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	made, err := LoadOrCreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	body, _ := os.ReadFile(path)
	if len(body) != 65 || strings.Contains(fmt.Sprintf("%v %+v %#v %s", made, made, made, made), string(body[:64])) {
		t.Errorf("file of %d bytes; the key prints as %v", len(body), made)
	}
	again, err := LoadOrCreateKey(path)
	if err != nil || again != made {
		t.Errorf("second load: %v, same %v", err, again == made)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	if one, two := NewKey(), NewKey(); one == two || one.ID() == made.ID() {
		t.Error("keys repeat")
	}
}

func TestLoadOrCreateKeyRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	keys := make([]Key, 8)
	var group sync.WaitGroup
	for i := range keys {
		group.Go(func() {
			k, err := LoadOrCreateKey(path)
			if err != nil {
				t.Error(err)
			}
			keys[i] = k
		})
	}
	group.Wait()
	for _, k := range keys {
		if k != keys[0] {
			t.Fatal("two processes would use different keys")
		}
	}
}

func TestLoadOrCreateKeyRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, body string, mode os.FileMode) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(p, mode); err != nil {
			t.Fatal(err)
		}
		return p
	}
	hex := strings.Repeat("ab", KeySize)
	for path, want := range map[string]string{
		write("group", hex, 0o640):                         "readable by others (mode 0640)",
		write("world", hex, 0o604):                         "readable by others",
		write("short", hex[2:], 0o600):                     "64 hex digits",
		write("long", hex+"00", 0o600):                     "64 hex digits",
		write("no hex", "zz"+hex[2:], 0o600):               "64 hex digits",
		write("empty", "", 0o600):                          "no key in it",
		dir:                                                "not a regular file",
		filepath.Join(dir, "none", "key"):                  "create key file",
		filepath.Join(dir, "short", "key"):                 "read key file",
		write("twice", hex+"\n# a note\n"+hex+"\n", 0o600): "there twice",
		write("vast", strings.Repeat("#", 70_000), 0o600):  "too large",
		write("huge", strings.Repeat(hex, 9), 0o600):       "64 hex digits",
	} {
		_, err := LoadOrCreateKey(path)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), hex[:16]) {
			t.Errorf("%s: err = %v, want %q", path, err, want)
		}
	}
	if k, err := LoadOrCreateKey(write("good", hex+"\n", 0o400)); err != nil || k.raw[0] != 0xab {
		t.Errorf("good key: %v", err)
	}
}
