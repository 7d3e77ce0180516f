package store_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/store"
)

// TestCase191TwoProcesses: a second process is refused an embedded database
// that the first one has open, by whatever name, until the first one ends.
func TestCase191TwoProcesses(t *testing.T) {
	if file := os.Getenv("AIRLOCK_TEST_OPEN"); file != "" { // the second process
		s, err := store.Open(context.Background(), "sqlite:"+file, options())
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		return
	}
	folder := t.TempDir()
	file, link, linked := filepath.Join(folder, "airlock.db"), filepath.Join(folder, "link.db"), filepath.Join(folder, "folder")
	open := func() *store.Store {
		s, err := store.Open(t.Context(), "sqlite:"+file, options())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	shut := func(s *store.Store) {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	second := func(name string) string {
		c := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestCase191TwoProcesses$")
		c.Env = append(os.Environ(), "AIRLOCK_TEST_OPEN="+name)
		out, err := c.CombinedOutput()
		if err == nil {
			return ""
		}
		return string(out)
	}
	first := open()
	for _, err := range []error{os.Symlink(file, link), os.Symlink(folder, linked)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{file, link, filepath.Join(linked, "airlock.db")} {
		if out := second(name); !strings.Contains(out, "another process has "+name+" open") {
			t.Errorf("a second process opened %s: %s", name, out)
		}
	}
	again := open() // the same process may
	shut(first)
	if out := second(file); out == "" {
		t.Error("a second process opened a database that is open here still")
	}
	shut(again)
	if out := second(file); out != "" {
		t.Errorf("afterwards: %s", out)
	}
}

// TestClosedStoreKnowsNothing: what is known without asking ends with the
// store (security case 73).
func TestClosedStoreKnowsNothing(t *testing.T) {
	s, err := store.Open(t.Context(), "sqlite:"+filepath.Join(t.TempDir(), "airlock.db"), options())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Pulse(t.Context()); err == nil {
		t.Error("a closed store has a pulse")
	}
	if _, _, err := s.Find(t.Context(), []access.Ref{{Kind: access.KindStack, ID: "k"}}); err == nil {
		t.Error("a closed store finds stacks")
	}
	if err := s.Close(); err != nil {
		t.Errorf("closed twice: %v", err)
	}
}
