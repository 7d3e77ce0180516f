package main

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/airlock-project/airlock/internal/secrets"
)

// TestKeys walks through a rotation of the key file, as one server's operator
// and as one of several do it.
func TestKeys(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, archive := filepath.Join(dir, "encryption.key"), filepath.Join(dir, "archive.key")
	first, err := secrets.LoadOrCreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	keys := func(args ...string) (string, error) {
		var out bytes.Buffer
		err := run(t.Context(), append([]string{"keys"}, append(args, "--data", dir)...), &out, &out)
		return out.String(), err
	}
	must := func(args ...string) []string {
		t.Helper()
		out, err := keys(args...)
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		return strings.Split(strings.TrimSpace(out), "\n")
	}
	if got := must("list"); !slices.Equal(got, []string{first.ID().String() + " current"}) {
		t.Errorf("listed %q", got)
	}
	second := strings.Fields(must("rotate")[0])[0]
	if got := must("list"); !slices.Equal(got, []string{second + " current", first.ID().String()}) {
		t.Errorf("listed %q", got)
	}
	third := must("add")[0]
	must("use", third)
	if got := must("list"); !slices.Equal(got, []string{third + " current", second, first.ID().String()}) {
		t.Errorf("listed %q", got)
	}
	must("remove", first.ID().String(), "--archive", archive)
	if got := must("list"); !slices.Equal(got, []string{third + " current", second}) {
		t.Errorf("listed %q", got)
	}
	if kept, err := secrets.LoadKeys(archive); err != nil || len(kept) != 1 || kept[0].ID() != first.ID() {
		t.Errorf("archived %v, %v", kept, err)
	}
	before := must("list")
	for _, bad := range [][]string{
		{"remove", third, "--archive", filepath.Join(dir, "x")}, {"remove", second, "--archive", archive}, {"remove", second},
		{"remove", "nothing", "--archive", filepath.Join(dir, "x")}, {"use", "nothing"}, {"use"}, {"add", "--from", filepath.Join(dir, "none")},
	} {
		if out, err := keys(bad...); err == nil {
			t.Errorf("%v: %s", bad, out)
		}
	}
	if got := must("list"); !slices.Equal(got, before) {
		t.Errorf("what was refused changed the file: %q", got)
	}
	must("add", "--from", archive)
	must("add", "--from", archive)
	if got := must("list"); !slices.Equal(got, append(before, first.ID().String())) {
		t.Errorf("listed %q", got)
	}
	for _, p := range []string{path, archive} {
		if info, err := os.Stat(p); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", p, info.Mode(), err)
		}
	}
}
