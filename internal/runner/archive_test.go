package runner

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func openDir(t *testing.T, dir string) *os.Root {
	t.Helper()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { root.Close() })
	return root
}

// tree lists a directory: modes and contents.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, e fs.DirEntry, err error) error {
		if err != nil || p == dir {
			return err
		}
		info, _ := e.Info()
		name, _ := filepath.Rel(dir, p)
		switch {
		case e.IsDir():
			out[name] = info.Mode().String()
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(p)
			out[name] = "-> " + target
		default:
			body, _ := os.ReadFile(p)
			out[name] = info.Mode().String() + " " + string(body)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestPackAndRestore(t *testing.T) {
	from, to := t.TempDir(), t.TempDir()
	for name, body := range map[string]string{
		"source/main.tf": "a", "source/run.sh": "b", "source/.git/config": "secret", "source/mod/.git": "gitdir: x", "source/mod/x.tf": "c",
		"source/.terraform/providers/p": "big", "source/.terraform/modules/modules.json": "{}", "source/ünï/f": "d",
	} {
		p := filepath.Join(from, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o755), os.WriteFile(p, []byte(body), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(os.Chmod(filepath.Join(from, "source/run.sh"), 0o755),
		os.Symlink("mod/x.tf", filepath.Join(from, "source/link")), os.Symlink("../main.tf", filepath.Join(from, "source/mod/up")),
		os.Symlink("/etc/passwd", filepath.Join(from, "source/absolute")), os.Symlink("../../..", filepath.Join(from, "source/escape")))
	if err != nil {
		t.Fatal(err)
	}
	var buf bytes.Buffer
	want := manifest{ProjectRoot: "x", Providers: true, Descriptions: map[string]string{"o": "d"}}
	if err := pack(openDir(t, from), want, &buf); err != nil {
		t.Fatal(err)
	}
	got, err := restore(&buf, openDir(t, to))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	expected := tree(t, from)
	for name := range expected {
		if strings.Contains(name, ".git") || strings.HasPrefix(name, "source/.terraform/providers") || name == "source/absolute" || name == "source/escape" {
			delete(expected, name)
		}
	}
	if d := cmp.Diff(expected, tree(t, to)); d != "" {
		t.Errorf("restored tree (-want +got):\n%s", d)
	}
}

// archive makes a kept workspace of arbitrary entries.
func archive(t *testing.T, headers ...tar.Header) io.Reader {
	t.Helper()
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	w := tar.NewWriter(zip)
	write := func(h tar.Header, body []byte) {
		h.Size = int64(len(body))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		_, _ = w.Write(body)
	}
	write(tar.Header{Name: manifestName, Typeflag: tar.TypeReg}, []byte("{}"))
	for _, h := range headers {
		body := []byte{}
		if h.Typeflag == tar.TypeReg {
			body = []byte("x")
		}
		h.Mode |= 0o644
		write(h, body)
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return &buf
}

func TestRestoreRefuses(t *testing.T) {
	file := func(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }
	link := func(name, to string) tar.Header {
		return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}
	}
	const w = treePrefix
	for name, entries := range map[string][]tar.Header{
		"outside the tree":   {file("x")},
		"parent":             {file(w + "../x")},
		"deep parent":        {file(w + "a/../../x")},
		"absolute":           {file("/etc/x")},
		"absolute below":     {file(w + "/etc/x")},
		"backslash":          {file(w + `..\x`)},
		"dot":                {file(w + ".")},
		"twice":              {file(w + "x"), file(w + "x")},
		"file as directory":  {file(w + "x"), file(w + "x/y")},
		"absolute link":      {link(w+"l", "/etc")},
		"escaping link":      {link(w+"a/l", "../../x")},
		"unclean link":       {link(w+"a/b/l", "."), link(w+"m", "a/b/l/../../..")},
		"link, then through": {link(w+"l", "a"), file(w + "l/x")},
		"link over a file":   {file(w + "l"), link(w+"l", "a")},
		"empty link":         {link(w+"l", "")},
		"hard link":          {file(w + "a"), {Name: w + "b", Typeflag: tar.TypeLink, Linkname: w + "a"}},
		"device":             {{Name: w + "d", Typeflag: tar.TypeChar}},
		"pipe":               {{Name: w + "p", Typeflag: tar.TypeFifo}},
		"second manifest":    {file(manifestName)},
	} {
		t.Run(name, func(t *testing.T) {
			outer := t.TempDir()
			inner := filepath.Join(outer, "ws")
			if err := os.Mkdir(inner, 0o700); err != nil {
				t.Fatal(err)
			}
			if _, err := restore(archive(t, entries...), openDir(t, inner)); err == nil {
				t.Errorf("accepted: %v", tree(t, inner))
			}
			if left, _ := os.ReadDir(outer); len(left) != 1 {
				t.Errorf("something lies outside: %v", left)
			}
		})
	}
}

func TestRestoreDropsSpecialModes(t *testing.T) {
	dir := t.TempDir()
	in := archive(t, tar.Header{Name: treePrefix + "d/", Typeflag: tar.TypeDir, Mode: 0o2000},
		tar.Header{Name: treePrefix + "d/s", Typeflag: tar.TypeReg, Mode: 0o4755})
	if _, err := restore(in, openDir(t, dir)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"d": "drwxr--r--", "d/s": "-rwxr-xr-x x"}, tree(t, dir)); d != "" {
		t.Error(d)
	}
}

func TestRestoreDamaged(t *testing.T) {
	whole, _ := io.ReadAll(archive(t, tar.Header{Name: treePrefix + "x", Typeflag: tar.TypeReg}))
	for n := range whole {
		if _, err := restore(bytes.NewReader(whole[:n]), openDir(t, t.TempDir())); err == nil {
			t.Fatalf("accepted the first %d of %d bytes", n, len(whole))
		}
	}
}

func TestPackTooLarge(t *testing.T) {
	dir := t.TempDir()
	noise := make([]byte, 1<<20)
	for i := range 66 {
		_, _ = rand.Read(noise)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprint(i)), noise, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := pack(openDir(t, dir), manifest{}, io.Discard); !errors.Is(err, errTooLarge) {
		t.Errorf("err = %v", err)
	}
}

func FuzzRestore(f *testing.F) {
	var buf bytes.Buffer
	dir := f.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("b"), 0o600); err != nil {
		f.Fatal(err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		f.Fatal(err)
	}
	if err := pack(root, manifest{}, &buf); err != nil {
		f.Fatal(err)
	}
	f.Add(buf.Bytes())
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = restore(bytes.NewReader(body), openDir(t, t.TempDir()))
	})
}
