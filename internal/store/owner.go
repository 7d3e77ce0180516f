package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// ownedFile is an embedded database that this process has to itself: what is
// committed here is all that changes it, so that the newest revision is known
// without asking.
type ownedFile struct {
	lock      *os.File
	stores    int // of this process that have it open
	revisions *revisions
}

// owned are the embedded databases that this process has open, by path. The
// lock belongs to the process and not to a store, so the list does, too.
var owned = struct {
	sync.Mutex
	files map[string]*ownedFile
}{files: map[string]*ownedFile{}}

// errTaken says that somebody else holds a lock.
var errTaken = errors.New("taken")

// own takes an embedded database for this process (security case 191). The
// lock ends with the process, however that ends.
func own(file string) (path string, f *ownedFile, err error) {
	if path, err = realPath(file); err != nil {
		return "", nil, err
	}
	owned.Lock()
	defer owned.Unlock()
	if f = owned.files[path]; f == nil {
		f = &ownedFile{revisions: &revisions{}}
		f.lock, err = lockFile(path + ".lock")
		if errors.Is(err, errTaken) {
			return "", nil, fmt.Errorf("another process has %s open: an embedded database serves one server; "+
				"stop the other one first, or use PostgreSQL to run several", file)
		}
		if err != nil {
			return "", nil, fmt.Errorf("lock %s: %w", file, err)
		}
		owned.files[path] = f
	}
	f.stores++
	return path, f, nil
}

// disown gives an embedded database back when its last store is closed.
func disown(path string) error {
	owned.Lock()
	defer owned.Unlock()
	f := owned.files[path]
	if f.stores--; f.stores > 0 {
		return nil
	}
	delete(owned.files, path)
	return f.lock.Close()
}

// realPath is the one path of a file that may not exist yet.
func realPath(file string) (string, error) {
	abs, err := filepath.Abs(file)
	if err != nil {
		return "", err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real, nil
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(abs))
	return filepath.Join(dir, filepath.Base(abs)), err
}
