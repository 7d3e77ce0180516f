package runner

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/workerapi"
)

func TestMountFiles(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	err := errors.Join(os.MkdirAll(filepath.Join(dir, "source/sub"), 0o755), os.WriteFile(filepath.Join(dir, "source/have"), []byte("old"), 0o644),
		os.Symlink(outside, filepath.Join(dir, "source/out")), os.Symlink("sub", filepath.Join(dir, "source/in")),
		os.Symlink(filepath.Join(outside, "f"), filepath.Join(dir, "source/file")))
	if err != nil {
		t.Fatal(err)
	}
	ws := openDir(t, dir)
	for _, name := range []string{
		"../x", "/etc/x", "a/../../x", "", ".", "a/", "source/out/x", "source/in/x", "source/sub", "source/have/x", "a\x00b", "source/out/../../x",
	} {
		if err := mountFiles(ws, []workerapi.File{{Path: name}}); err == nil {
			t.Errorf("%q was mounted", name)
		}
	}
	ok := []workerapi.File{
		{Path: "a/b/c", Content: []byte("1"), Mode: 0o4600}, {Path: "source/have", Content: []byte("2")},
		{Path: "source/file", Content: []byte("3"), Mode: 0o755}, {Path: "./d", Content: []byte("4")},
	}
	if err := mountFiles(ws, ok); err != nil {
		t.Fatal(err)
	}
	got := tree(t, dir)
	want := map[string]string{
		"a/b/c": "-rw------- 1", "source/have": "-rw-r--r-- 2", "source/file": "-rwxr-xr-x 3", "d": "-rw-r--r-- 4",
	}
	for name, v := range want {
		if d := cmp.Diff(v, got[name]); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	if left := tree(t, outside); len(left) > 0 {
		t.Errorf("outside: %v", left)
	}
}

func TestOpenProjectStaysInside(t *testing.T) {
	dir, outside := t.TempDir(), t.TempDir()
	err := errors.Join(os.MkdirAll(filepath.Join(dir, "source/live"), 0o755), os.Symlink(outside, filepath.Join(dir, "source/out")),
		os.Symlink("live", filepath.Join(dir, "source/link")), os.WriteFile(filepath.Join(dir, "source/f"), nil, 0o644))
	if err != nil {
		t.Fatal(err)
	}
	ws := openDir(t, dir)
	for name, ok := range map[string]bool{
		"": true, "/": true, "live": true, "/live/": true, "link": true, "../..": true, // cleaned to the repository's root
		"out": false, "none": false, "f": false,
	} {
		project, err := openProject(ws, name)
		if (err == nil) != ok {
			t.Errorf("openProject(%q) = %v, want ok %v", name, err, ok)
		}
		if err == nil {
			project.Close()
		}
	}
}
