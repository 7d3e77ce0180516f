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
	"path/filepath"
	"strings"
)

// restore unpacks a kept workspace into ws, which is empty. Whatever is not a
// plain file, a directory or a link that stays inside refuses the whole
// archive, and so does anything written through a link, named twice, or larger
// than the caps. What was unpacked before an error must be thrown away.
func restore(body io.Reader, ws *os.Root) (manifest, error) {
	m, err := unpack(body, ws)
	if err != nil {
		return manifest{}, fmt.Errorf("the kept workspace cannot be restored: %w", err)
	}
	return m, nil
}

func unpack(body io.Reader, ws *os.Root) (manifest, error) {
	zip, err := gzip.NewReader(body)
	if err != nil {
		return manifest{}, err
	}
	defer zip.Close()
	in := tar.NewReader(zip)
	m, err := readManifest(in)
	if err != nil {
		return manifest{}, err
	}
	u := &unpacker{ws: ws, prefix: treePrefix, left: maxTree, modes: map[string]fs.FileMode{}}
	if err := eachEntry(zip, in, maxEntries, u.entry); err != nil {
		return manifest{}, err
	}
	return m, u.finish()
}

// eachEntry calls do for the entries of the archive in zip that in has not yet
// read, and makes sure that the archive is whole.
func eachEntry(zip io.Reader, in *tar.Reader, most int, do func(h *tar.Header, in io.Reader) error) error {
	for entries := 0; ; entries++ {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			// Only at the end of the stream does gzip know that nothing is missing.
			if _, err := io.CopyN(io.Discard, zip, maxPadding); !errors.Is(err, io.EOF) {
				return errors.New("the archive has no proper end")
			}
			return nil
		}
		if err != nil {
			return err
		}
		if entries >= most {
			return fmt.Errorf("more than %d entries", most)
		}
		if err := do(h, in); err != nil {
			return fmt.Errorf("%q: %w", h.Name, err)
		}
	}
}

func readManifest(in *tar.Reader) (manifest, error) {
	h, err := in.Next()
	if err != nil {
		return manifest{}, err
	}
	if h.Name != manifestName || h.Typeflag != tar.TypeReg || h.Size > maxManifest {
		return manifest{}, errors.New("it does not begin with its manifest")
	}
	var m manifest
	if err := json.NewDecoder(in).Decode(&m); err != nil {
		return manifest{}, fmt.Errorf("read the manifest: %w", err)
	}
	return m, nil
}

type unpacker struct {
	ws     *os.Root
	prefix string // what every name begins with
	left   int64
	links  [][2]string            // made last, so that nothing is written through one
	modes  map[string]fs.FileMode // of directories, set last
}

func (u *unpacker) entry(h *tar.Header, in io.Reader) error {
	name, ok := strings.CutPrefix(h.Name, u.prefix)
	name = strings.TrimSuffix(name, "/")
	if !ok || name == "" || !filepath.IsLocal(name) || path.Clean(name) != name || strings.ContainsAny(name, "\\\x00") {
		return errors.New("the name is not allowed")
	}
	switch h.Typeflag {
	case tar.TypeDir:
		u.modes[name] = fs.FileMode(h.Mode).Perm() | 0o700
		return plainDirs(u.ws, name)
	case tar.TypeReg:
		return u.file(name, h, in)
	case tar.TypeSymlink:
		if !localLink(name, h.Linkname) {
			return errors.New("the link leaves the workspace")
		}
		u.links = append(u.links, [2]string{name, h.Linkname})
		return plainDirs(u.ws, path.Dir(name))
	default:
		return errors.New("the kind of entry is not allowed")
	}
}

func (u *unpacker) file(name string, h *tar.Header, in io.Reader) error {
	if u.left -= h.Size; u.left < 0 {
		return fmt.Errorf("more than %d bytes", maxTree)
	}
	if err := plainDirs(u.ws, path.Dir(name)); err != nil {
		return err
	}
	f, err := u.ws.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errors.New("the file exists already or cannot be created")
	}
	_, err = io.CopyN(f, in, h.Size)
	return errors.Join(err, f.Chmod(fs.FileMode(h.Mode).Perm()), f.Close())
}

func (u *unpacker) finish() error {
	for _, l := range u.links {
		if err := u.ws.Symlink(l[1], l[0]); err != nil {
			return fmt.Errorf("%q: the link exists already or cannot be created", l[0])
		}
	}
	for name, mode := range u.modes {
		if err := u.ws.Chmod(name, mode); err != nil {
			return fmt.Errorf("%q: %w", name, err)
		}
	}
	return nil
}
