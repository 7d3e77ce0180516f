package runner

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// upload makes an archive as a client sends it; each file holds one letter.
func upload(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var buf bytes.Buffer
	zip := gzip.NewWriter(&buf)
	w := tar.NewWriter(zip)
	for _, h := range headers {
		body := []byte{}
		if h.Typeflag == tar.TypeReg {
			body = []byte("x")
		}
		h.Size = int64(len(body))
		if h.Typeflag != tar.TypeXGlobalHeader {
			h.Mode |= 0o644
		}
		if err := w.WriteHeader(&h); err != nil {
			t.Fatalf("%q: %v", h.Name, err)
		}
		_, _ = w.Write(body)
	}
	if err := errors.Join(w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

func uploadedFile(name string) tar.Header { return tar.Header{Name: name, Typeflag: tar.TypeReg} }

func uploadedDir(name string) tar.Header {
	return tar.Header{Name: name + "/", Typeflag: tar.TypeDir, Mode: 0o755}
}

func uploadedLink(name, to string) tar.Header {
	return tar.Header{Name: name, Typeflag: tar.TypeSymlink, Linkname: to}
}

// refusedUpload unpacks what must be refused whole: the directory stays empty,
// and so does all around it.
func refusedUpload(t *testing.T, body []byte) error {
	t.Helper()
	outer := t.TempDir()
	inner := filepath.Join(outer, "a", "ws")
	if err := errors.Join(os.MkdirAll(inner, 0o700), os.WriteFile(filepath.Join(outer, "victim"), []byte("as before"), 0o600)); err != nil {
		t.Fatal(err)
	}
	before := tree(t, outer)
	_, err := unpackUpload(bytes.NewReader(body), openDir(t, inner), "01UP")
	if err == nil {
		t.Errorf("accepted: %v", tree(t, inner))
	}
	if d := cmp.Diff(before, tree(t, outer)); d != "" {
		t.Errorf("something was written (-before +after):\n%s", d)
	}
	return err
}

// TestCase133UploadedArchives is security case 133: one bad entry, first or
// last, refuses the whole archive, and nothing of it is written.
func TestCase133UploadedArchives(t *testing.T) {
	file, dir, link := uploadedFile, uploadedDir, uploadedLink
	for name, entries := range map[string][]tar.Header{
		"parent":                 {file("../victim")},
		"deep parent":            {file("a/../../victim")},
		"parent of the folder":   {file("01UP/../victim")},
		"twice, by the folder":   {file("x"), file("01UP/x")},
		"parent in the middle":   {file("a/../b")},
		"absolute":               {file("/etc/x")},
		"drive":                  {file("C:/x")},
		"drive, relative":        {file("c:x")},
		"backslash":              {file(`..\x`)},
		"parent directory":       {dir("..")},
		"dot as a file":          {file(".")},
		"control character":      {file("a\x1b[31m")},
		"line break":             {file("a\nb")},
		"not UTF-8":              {file("a\xff")},
		"link out":               {link("l", "../victim")},
		"absolute link":          {link("l", "/etc")},
		"empty link":             {link("l", "")},
		"link, then through":     {link("l", "a"), file("l/x")},
		"through, then link":     {file("l/x"), link("l", "a")},
		"link out, then through": {link("l", ".."), file("l/victim")},
		"dangling, then through": {link("l", "gone"), file("l/x")},
		"link to a link":         {link("a", "b"), link("b", ".."), file("a/victim")},
		"chain upwards":          {dir("d/e"), link("d/e/up", "../.."), link("top", "d/e/up/.."), file("top/victim")},
		"unclean chain":          {dir("a/b"), link("a/b/l", "."), link("m", "a/b/l/../../..")},
		"link over a file":       {file("l"), link("l", "a")},
		"file over a link":       {link("l", "a"), file("l")},
		"directory over a link":  {link("l", "a"), dir("l")},
		"hard link":              {file("a"), {Name: "b", Typeflag: tar.TypeLink, Linkname: "a"}},
		"hard link out":          {{Name: "b", Typeflag: tar.TypeLink, Linkname: "../victim"}},
		"character device":       {{Name: "d", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3}},
		"block device":           {{Name: "d", Typeflag: tar.TypeBlock}},
		"pipe":                   {{Name: "p", Typeflag: tar.TypeFifo}},
		"other kinds":            {{Name: "o", Typeflag: 'Z', Format: tar.FormatGNU}},
		"setuid":                 {{Name: "s", Typeflag: tar.TypeReg, Mode: 0o4755}},
		"setgid":                 {{Name: "s", Typeflag: tar.TypeReg, Mode: 0o2755}},
		"setuid directory":       {{Name: "s/", Typeflag: tar.TypeDir, Mode: 0o4755}},
		"file twice":             {file("x"), file("x")},
		"file as directory":      {file("x"), file("x/y")},
		"directory as file":      {file("x/y"), file("x")},
		"another case":           {file("Main.tf"), file("main.tf")},
		"another case of a dir":  {file("Mod/a"), file("mod/b")},
		"folded ß":               {file("straße"), file("STRASSE")},
		"NFC and NFD":            {file("\u00e9.tf"), file("e\u0301.tf")},
		"compatible letters":     {file("\ufb01le"), file("file")},
		"dots at the end":        {file("main.tf"), file("main.tf.")},
		"long part":              {file(strings.Repeat("n", 256))},
		"long path":              {file(strings.Repeat("a/", 600) + "x")},
		"sparse":                 {{Name: "s", Typeflag: tar.TypeReg, Format: tar.FormatPAX, PAXRecords: map[string]string{"AIRLOCK.sparse": "x"}}},
	} {
		t.Run(name, func(t *testing.T) {
			good := []tar.Header{uploadedFile("good.tf")}
			body := upload(t, append(good, entries...)...)
			if name == "sparse" { // the writer refuses to write these records itself
				body = resparse(t, body)
			}
			if err := refusedUpload(t, body); err != nil && !strings.Contains(err.Error(), "is refused: ") {
				t.Errorf("err = %v, which was noticed too late", err)
			}
			if name != "sparse" {
				refusedUpload(t, upload(t, append(entries[:len(entries):len(entries)], good...)...)) //nolint:errcheck // looked at above
			}
		})
	}
}

// resparse turns a record of an archive into one that says that the file is
// sparse.
func resparse(t *testing.T, body []byte) []byte {
	t.Helper()
	zip, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	changed := bytes.Replace(plain, []byte("20 AIRLOCK.sparse=x\n"), []byte("20 GNU.sparse.xx=x \n"), 1)
	if bytes.Equal(changed, plain) {
		t.Fatalf("no such record")
	}
	var buf bytes.Buffer
	again := gzip.NewWriter(&buf)
	_, _ = again.Write(changed)
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// tight is an archive of zeros and of entries, packed tightly.
func tight(t *testing.T, write func(w *tar.Writer) error) []byte {
	t.Helper()
	var buf bytes.Buffer
	zip, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	w := tar.NewWriter(zip)
	if err := errors.Join(write(w), w.Close(), zip.Close()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// workTime is how long this process has worked: the clock on the wall also
// counts what else the machine does.
func workTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestCase134Bombs is security case 134: by bytes, by count and by ratio, each
// ends within a second.
func TestCase134Bombs(t *testing.T) {
	one := func(name string, size int64) func(w *tar.Writer) error {
		return func(w *tar.Writer) error {
			if err := w.WriteHeader(&tar.Header{Name: name, Typeflag: tar.TypeReg, Size: size, Mode: 0o644}); err != nil {
				return err
			}
			_, err := io.CopyN(w, zeros{}, size)
			return err
		}
	}
	for name, body := range map[string][]byte{
		"bytes": tight(t, one("f", maxUploadTree+1)),
		"ratio": tight(t, one("f", tightAnyway+1)),
		"many files": tight(t, func(w *tar.Writer) (err error) {
			for i := range 200_000 { // a million would only take longer to make
				if err == nil {
					err = w.WriteHeader(&tar.Header{Name: fmt.Sprint(i), Typeflag: tar.TypeReg, Mode: 0o644})
				}
			}
			return err
		}),
		"small files": tight(t, func(w *tar.Writer) (err error) {
			for i := range 40_000 {
				if err == nil {
					err = one(fmt.Sprint(i), 4096)(w)
				}
			}
			return err
		}),
		"padding": func() []byte {
			var buf bytes.Buffer
			zip, _ := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
			_, _ = zip.Write(make([]byte, 1024))
			_, _ = io.CopyN(zip, zeros{}, maxUploadTree)
			_ = zip.Close()
			return buf.Bytes()
		}(),
		"no archive": []byte("PK\x03\x04"),
		"nothing":    {},
	} {
		t.Run(name, func(t *testing.T) {
			start := workTime(t)
			err := refusedUpload(t, body)
			if took := workTime(t) - start; took > time.Second {
				t.Errorf("it took %v to say %v", took, err)
			}
		})
	}
}

func TestUploadsAreUnpacked(t *testing.T) {
	dir := t.TempDir()
	body := upload(t,
		tar.Header{Typeflag: tar.TypeXGlobalHeader, PAXRecords: map[string]string{"comment": "x"}},
		uploadedDir("."), uploadedFile("./main.tf"), uploadedDir("mod"), uploadedFile("mod/ünï.tf"), uploadedLink("mod/up", "../main.tf"), uploadedLink("gone", "nowhere"),
		tar.Header{Name: "run.sh", Typeflag: tar.TypeReg, Mode: 0o755}, tar.Header{Name: "shared/", Typeflag: tar.TypeDir, Mode: 0o2755}, uploadedFile("deep/er/x"),
		uploadedDir("01UP"), uploadedFile("01UP/in.tf"))
	n, err := unpackUpload(bytes.NewReader(body), openDir(t, dir), "01UP")
	if err != nil || n != 7 {
		t.Fatalf("%d files, error %v", n, err)
	}
	want := map[string]string{
		"main.tf": "-rw-r--r-- x", "mod": "drwxr-xr-x", "mod/ünï.tf": "-rw-r--r-- x", "mod/up": "-> ../main.tf", "gone": "-> nowhere",
		"run.sh": "-rwxr-xr-x x", "shared": "drwxr-xr-x", "deep": "drwxr-xr-x", "deep/er": "drwxr-xr-x", "deep/er/x": "-rw-r--r-- x", "in.tf": "-rw-r--r-- x",
	}
	if d := cmp.Diff(want, tree(t, dir)); d != "" {
		t.Error(d)
	}
}

func TestDamagedUploads(t *testing.T) {
	whole := upload(t, uploadedFile("x"))
	for n := range whole {
		refusedUpload(t, whole[:n]) //nolint:errcheck // that it was refused is what counts
	}
}

// TestRunOfAnUpload plans an uploaded directory, and one that is refused.
func TestRunOfAnUpload(t *testing.T) {
	b := newBench(t)
	job := b.job("")
	job.RunType, job.ProjectRoot = domain.RunProposed, "live"
	job.Source = workerapi.Source{Provider: "GITHUB", Upload: "01UP"}
	b.api.workspace = tight(t, func(w *tar.Writer) error {
		err := w.WriteHeader(&tar.Header{Name: "live/main.tf", Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(oneResource))})
		_, wrong := io.WriteString(w, oneResource)
		return errors.Join(err, wrong)
	})
	b.must(job)
	checkPath(t, b.api, then(planPath, domain.RunFinished))
	b.wantLog("Unpacked the uploaded directory; files: 1", "to add")
	if c := b.api.advances[1].Commit; c != nil {
		t.Errorf("commit = %+v", c)
	}
	job.Ref.Epoch = 2
	b.api.workspace = upload(t, uploadedFile("live/main.tf"), uploadedFile("../main.tf"))
	if err := b.execute(t.Context(), job); err == nil {
		t.Error("it was accepted")
	}
	checkPath(t, b.api, []domain.RunState{domain.RunReady, domain.RunPreparing, domain.RunFailed})
	b.wantLog(`Failed: the uploaded directory is refused: "../main.tf": the name leaves the directory, or is not clean`)
}

func FuzzUpload(f *testing.F) {
	f.Add(upload(f, uploadedDir("d"), uploadedFile("d/x"), uploadedLink("l", "d")))
	f.Add(upload(f, uploadedFile("../x")))
	f.Fuzz(func(t *testing.T, body []byte) {
		outer := t.TempDir()
		inner := filepath.Join(outer, "ws")
		if err := os.Mkdir(inner, 0o700); err != nil {
			t.Fatal(err)
		}
		_, _ = unpackUpload(bytes.NewReader(body), openDir(t, inner), "01UP")
		if left, _ := os.ReadDir(outer); len(left) != 1 {
			t.Errorf("something lies outside: %v", left)
		}
	})
}
