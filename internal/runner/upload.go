package runner

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/airlock-project/airlock/internal/domain"
)

// Caps on a directory that somebody uploaded, beside its packed size. A small
// archive may be packed as tightly as it likes: it cannot become large.
const (
	maxUploadTree    = 256 << 20
	maxUploadEntries = 50_000
	maxUploadRatio   = 200
	tightAnyway      = 16 << 20
	maxUploadName    = 1024 // bytes of a path
	maxUploadPart    = 255  // bytes of one name in it
)

// getUpload unpacks the directory that was uploaded for the run.
func (r *run) getUpload() error {
	packed, err := r.createTemp("upload.tar.gz")
	if err != nil {
		return fmt.Errorf("keep the uploaded directory: %w", err)
	}
	defer func() {
		_ = packed.Close() // it was only read
		_ = os.Remove(packed.Name())
	}()
	if err := r.download(packed); err != nil {
		return err
	}
	if err := r.ws.Mkdir(sourceDir, 0o700); err != nil {
		return fmt.Errorf("make the workspace: %w", err)
	}
	source, err := r.ws.OpenRoot(sourceDir)
	if err != nil {
		return fmt.Errorf("make the workspace: %w", err)
	}
	defer source.Close()
	n, err := unpackUpload(packed, source, r.job.Source.Upload)
	if err != nil {
		return err
	}
	if r.commit = r.job.Source.Commit; r.commit != "" {
		r.log.say(fmt.Sprintf("Unpacked commit %.10s; files: %d", r.commit, n))
	} else {
		r.log.say(fmt.Sprintf("Unpacked the uploaded directory; files: %d", n))
	}
	return nil
}

func (r *run) download(to *os.File) error {
	var body io.ReadCloser
	err := r.lease.try(func(ctx context.Context) (err error) {
		body, err = r.api.GetWorkspace(ctx, r.job.Ref)
		return err
	})
	if err != nil {
		return fmt.Errorf("fetch the uploaded directory: %w", err)
	}
	_, err = io.Copy(to, io.LimitReader(body, domain.MaxLocalWorkspace+1))
	return errors.Join(err, body.Close())
}

// unpackUpload unpacks an uploaded archive, whose maker is not trusted, into
// dir, which is empty, and returns how many files it holds. What lies in the
// named folder goes to the top. The whole archive is looked through before
// anything is written: one bad entry refuses it (security cases 133, 134).
func unpackUpload(packed io.ReadSeeker, dir *os.Root, folder string) (files int, err error) {
	size, err := packed.Seek(0, io.SeekEnd)
	if err != nil {
		return 0, fmt.Errorf("read the uploaded directory: %w", err)
	}
	most := min(maxUploadTree, max(tightAnyway, size*maxUploadRatio))
	look := &inspector{folder: folder, left: most, keys: map[string]string{}, exact: map[string]string{}, leaves: map[string]bool{}}
	if err := readUpload(packed, most, look.entry); err != nil {
		return 0, fmt.Errorf("the uploaded directory is refused: %w", err)
	}
	u := &unpacker{ws: dir, left: most, modes: map[string]fs.FileMode{}}
	err = readUpload(packed, most, func(h *tar.Header, in io.Reader) error {
		if h.Name = uploadName(h, folder); h.Name == "." || h.Typeflag == tar.TypeXGlobalHeader {
			return nil
		}
		h.Mode |= 0o400 // what cannot be read is of no use to anybody
		return u.entry(h, in)
	})
	if err == nil {
		err = u.finish()
	}
	if err != nil {
		return 0, fmt.Errorf("the uploaded directory cannot be unpacked: %w", err)
	}
	return look.files, nil
}

// readUpload calls do for each entry of the archive, which may hold up to most
// bytes, headers and padding included.
func readUpload(packed io.ReadSeeker, most int64, do func(h *tar.Header, in io.Reader) error) error {
	if _, err := packed.Seek(0, io.SeekStart); err != nil {
		return err
	}
	zip, err := gzip.NewReader(packed)
	if err != nil {
		return err
	}
	defer zip.Close()
	// A header and its padding are up to 1 KiB more for each entry.
	limited := &bounded{r: zip, left: most + maxUploadEntries<<10 + maxPadding}
	return eachEntry(limited, tar.NewReader(limited), maxUploadEntries, do)
}

// errBomb does not say how far it went: nobody measures out the limits.
var errBomb = errors.New("it unpacks to more than is allowed")

// bounded fails, where io.LimitReader would only end.
type bounded struct {
	r    io.Reader
	left int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errBomb
	}
	return n, err
}

// inspector looks through an archive before anything of it is written.
type inspector struct {
	folder string
	left   int64
	files  int
	keys   map[string]string // of each path, what some file system takes it for
	exact  map[string]string // the other way round
	leaves map[string]bool   // paths that are no directories
}

func (i *inspector) entry(h *tar.Header, _ io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil // a comment, as git archive writes one
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse") {
			return errors.New("sparse files are not allowed")
		}
	}
	name := uploadName(h, i.folder)
	if name == "." {
		if h.Typeflag != tar.TypeDir {
			return errors.New("the name is not allowed")
		}
		return nil
	}
	if err := checkUploadName(name); err != nil {
		return err
	}
	if err := i.kind(h, name); err != nil {
		return err
	}
	return i.place(name, h.Typeflag == tar.TypeDir)
}

// uploadName is the name of an entry below the directory.
func uploadName(h *tar.Header, folder string) string {
	name := strings.TrimPrefix(h.Name, "./")
	if h.Typeflag == tar.TypeDir {
		name = strings.TrimSuffix(name, "/")
	}
	if below, ok := strings.CutPrefix(name, folder+"/"); ok && folder != "" {
		return below
	}
	if name == "" || name == folder {
		return "."
	}
	return name
}

func checkUploadName(name string) error {
	switch {
	case !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) || strings.Contains(name, `\`):
		return errors.New("the name is not allowed")
	case len(name) > 1 && name[1] == ':':
		return errors.New("the name begins with a drive")
	case !filepath.IsLocal(name) || path.Clean(name) != name:
		return errors.New("the name leaves the directory, or is not clean")
	case len(name) > maxUploadName:
		return fmt.Errorf("the name is longer than %d bytes", maxUploadName)
	}
	for part := range strings.SplitSeq(name, "/") {
		if len(part) > maxUploadPart {
			return fmt.Errorf("a part of the name is longer than %d bytes", maxUploadPart)
		}
	}
	return nil
}

func (i *inspector) kind(h *tar.Header, name string) error {
	const setUID, setGID = 0o4000, 0o2000
	if h.Mode&setUID != 0 || h.Mode&setGID != 0 && h.Typeflag != tar.TypeDir { // directories inherit it where it is set
		return errors.New("files that run as another user or group are not allowed")
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return nil
	case tar.TypeReg:
		i.files++
		if i.left -= h.Size; h.Size < 0 || i.left < 0 {
			return errBomb
		}
		return nil
	case tar.TypeSymlink:
		i.files++
		if !localLink(name, h.Linkname) {
			return errors.New("the link leaves the directory")
		}
		return nil
	default:
		return errors.New("only files, directories and symbolic links are allowed")
	}
}

// place refuses what some file system would put into the place of something
// else: a name twice, in another case or another Unicode form, or below what is
// no directory.
func (i *inspector) place(name string, isDir bool) error {
	at, key := "", ""
	parts := strings.Split(name, "/")
	for n, part := range parts {
		if n > 0 {
			at += "/"
		}
		at += part
		known := i.keys[at] != ""
		if !known {
			i.keys[at] = key + "/" + foldedName(part)
		}
		key = i.keys[at]
		if other, taken := i.exact[key]; taken && other != at {
			return fmt.Errorf("some systems cannot tell it from %q", other)
		}
		i.exact[key] = at
		last := n == len(parts)-1
		if i.leaves[at] || last && known && !isDir {
			return errors.New("the name is used twice")
		}
		i.leaves[at] = last && !isDir
	}
	return nil
}

// foldedName is the same for names that some file system takes for the same.
func foldedName(part string) string {
	part = strings.TrimRight(part, ". ")
	if strings.ContainsFunc(part, func(r rune) bool { return r > unicode.MaxASCII }) {
		return domain.NameKey(part)
	}
	return strings.ToLower(strings.TrimLeft(part, " ")) // the same, and much faster
}
