package tofu

import (
	"fmt"
	"os"
	"syscall"
)

// OpenRegular opens a file for reading in a directory that the code of a run
// writes, and may be writing just now. A link leads to nothing elsewhere, and
// what is no regular file is an error: nobody may ever write to a pipe, and
// opening one would keep the worker waiting for that, whatever ends the run.
func OpenRegular(root *os.Root, name string) (*os.File, error) {
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file", name)
	}
	if err != nil {
		_ = f.Close() // nothing was read
		return nil, err
	}
	return f, nil
}

// openRegular is OpenRegular in a directory that has a path.
func openRegular(dir, name string) (*os.File, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // the file stays open
	return OpenRegular(root, name)
}

// openInProject opens a file of the project.
func (t Tool) openInProject(name string) (*os.File, error) {
	if t.Project != nil {
		return OpenRegular(t.Project, name)
	}
	return openRegular(t.Dir, name)
}
