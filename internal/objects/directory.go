package objects

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"crypto/rand"
)

// Directory is a Storage in a directory of this machine, or of a file system
// that all servers share.
type Directory struct {
	path string
	root *os.Root
}

// incoming is where objects are until they are whole. What a crash leaves there
// is listed as any object.
const incoming = "incoming"

// OpenDirectory returns the storage in a directory, which it makes.
func OpenDirectory(dir string) (*Directory, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	d := &Directory{path: dir, root: root}
	return d, d.folder(incoming)
}

// String implements Storage.
func (d *Directory) String() string { return "file:" + d.path }

func (d *Directory) folder(name string) error {
	err := d.root.Mkdir(name, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist):
		return nil
	case err != nil:
		return err
	}
	return d.sync(".")
}

// sync makes what happened in a folder last.
func (d *Directory) sync(folder string) error {
	f, err := d.root.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Put implements Storage.
func (d *Directory) Put(ctx context.Context, name string, body []byte) error {
	if err := errors.Join(ctx.Err(), checkName(name)); err != nil {
		return err
	}
	folder := path.Dir(name)
	if err := d.folder(folder); err != nil {
		return err
	}
	aside := incoming + "/" + rand.Text()
	if err := d.write(aside, body); err != nil {
		return errors.Join(err, d.root.Remove(aside))
	}
	if err := d.root.Rename(aside, name); err != nil {
		return errors.Join(err, d.root.Remove(aside))
	}
	return d.sync(folder)
}

func (d *Directory) write(name string, body []byte) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	return errors.Join(err, f.Sync(), f.Close())
}

// Get implements Storage.
func (d *Directory) Get(ctx context.Context, name string) ([]byte, error) {
	if err := errors.Join(ctx.Err(), checkName(name)); err != nil {
		return nil, err
	}
	body, err := d.root.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, d.missing()
	}
	return body, err
}

// missing tells an object that is not there from a directory that is not: a
// file system that was unmounted.
func (d *Directory) missing() error {
	if _, err := os.Stat(path.Join(d.path, incoming)); err != nil {
		return err
	}
	return ErrMissing
}

// Delete implements Storage.
func (d *Directory) Delete(ctx context.Context, name string) error {
	if err := errors.Join(ctx.Err(), checkName(name)); err != nil {
		return err
	}
	err := d.root.Remove(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// Each implements Storage.
func (d *Directory) Each(ctx context.Context, fn func(name string, written time.Time) error) error {
	return fs.WalkDir(d.root.FS(), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return errors.Join(err, ctx.Err())
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return ctx.Err() // deleted meanwhile
		}
		if err != nil {
			return err
		}
		return errors.Join(ctx.Err(), fn(name, info.ModTime()))
	})
}

func checkName(name string) error {
	if !fs.ValidPath(name) || strings.Count(name, "/") > 1 || name == "." {
		return fmt.Errorf("%q is no name of an object", name)
	}
	return nil
}
