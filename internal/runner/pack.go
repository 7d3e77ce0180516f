package runner

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/tofu"
	"github.com/airlock-project/airlock/internal/workerapi"
)

// A kept workspace is a gzipped tar: first manifestName, then every file below
// treePrefix. Git's own files are left out, and so are installed providers,
// which the lock file brings back.
const (
	manifestName = "airlock.json"
	treePrefix   = "workspace/"
)

// Caps on a workspace once it is unpacked.
const (
	maxTree     = 1 << 30
	maxEntries  = 200_000
	maxManifest = 1 << 20
	maxPadding  = 1 << 20 // zeroes after a tar's end
)

// manifest is what the apply needs to know of the plan.
type manifest struct {
	ProjectRoot  string            `json:"projectRoot"`
	Providers    bool              `json:"providers"` // providers were installed and left out
	Descriptions map[string]string `json:"descriptions,omitempty"`
	Masks        []string          `json:"masks,omitempty"` // what the code of the plan wanted hidden
	// Config is what stood in the repository when the plan began; the code may
	// have changed the file since.
	Config domain.RuntimeConfig `json:"config,omitzero"`
}

// errTooLarge names the limit, not the path: the note of a run shows it.
var errTooLarge = fmt.Errorf("the workspace is larger than %d MiB; keep large files out of the repository or remove them in an after_plan hook",
	workerapi.MaxWorkspace>>20)

// pack writes the workspace to out.
func pack(ws *os.Root, m manifest, out io.Writer) error {
	zip, err := gzip.NewWriterLevel(&capped{w: out, left: workerapi.MaxWorkspace}, gzip.BestSpeed)
	if err != nil {
		return fmt.Errorf("pack the workspace: %w", err)
	}
	p := &packer{ws: ws, tar: tar.NewWriter(zip)}
	err = p.manifest(m)
	if err == nil {
		err = fs.WalkDir(ws.FS(), ".", p.add)
	}
	err = errors.Join(err, p.tar.Close(), zip.Close())
	if errors.Is(err, errTooLarge) {
		return errTooLarge
	}
	if err != nil {
		return fmt.Errorf("pack the workspace: %w", err)
	}
	return nil
}

// hasProviders reports whether init installed any provider in the project.
func hasProviders(project *os.Root) bool {
	_, err := project.Stat(".terraform/providers")
	return err == nil
}

type packer struct {
	ws      *os.Root
	tar     *tar.Writer
	bytes   int64
	entries int
}

func (p *packer) manifest(m manifest) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if err := p.tar.WriteHeader(&tar.Header{Name: manifestName, Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(body))}); err != nil {
		return err
	}
	_, err = p.tar.Write(body)
	return err
}

func (p *packer) add(name string, e fs.DirEntry, err error) error {
	switch {
	case err != nil:
		return err
	case name == ".":
		return nil
	case e.Name() == ".git" || strings.HasSuffix(name, ".terraform/providers"):
		if e.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	if p.entries++; p.entries > maxEntries {
		return errTooLarge
	}
	info, err := e.Info()
	if err != nil {
		return err
	}
	h := &tar.Header{Name: treePrefix + name, Mode: int64(info.Mode().Perm()), ModTime: info.ModTime()}
	switch {
	case info.IsDir():
		h.Typeflag = tar.TypeDir
		h.Name += "/"
	case info.Mode()&fs.ModeSymlink != 0:
		return p.link(name, h)
	case info.Mode().IsRegular():
		return p.file(name, h)
	default:
		return nil // sockets and pipes mean nothing to another process
	}
	return p.tar.WriteHeader(h)
}

// link keeps a link that stays inside the workspace. One that leaves it could
// not be restored safely, and what it points at is not there later anyway.
func (p *packer) link(name string, h *tar.Header) error {
	target, err := p.ws.Readlink(name)
	if err != nil {
		return err
	}
	if !localLink(name, target) {
		return nil
	}
	h.Typeflag, h.Linkname = tar.TypeSymlink, target
	return p.tar.WriteHeader(h)
}

// localLink reports whether a link's target stays inside the tree. Steps
// upwards may only come first: after a name that is itself a link they would
// start from somewhere else.
func localLink(name, target string) bool {
	if target == "" || path.IsAbs(target) || strings.ContainsAny(target, "\\\x00") || path.Clean(target) != target {
		return false
	}
	joined := path.Join(path.Dir(name), target)
	return joined != ".." && !strings.HasPrefix(joined, "../")
}

func (p *packer) file(name string, h *tar.Header) error {
	f, err := tofu.OpenRegular(p.ws, name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if p.bytes += info.Size(); p.bytes > maxTree {
		return errTooLarge
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	if err := p.tar.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.CopyN(p.tar, f, h.Size)
	return err
}

// capped refuses to write more than it was given.
type capped struct {
	w    io.Writer
	left int64
}

// Write implements io.Writer.
func (c *capped) Write(b []byte) (int, error) {
	if c.left -= int64(len(b)); c.left < 0 {
		return 0, errTooLarge
	}
	return c.w.Write(b)
}
