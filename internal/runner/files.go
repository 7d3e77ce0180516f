package runner

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/airlock-project/airlock/internal/workerapi"
)

// sourceDir is where the repository lies in the workspace; mounted files may
// lie beside it or, with a path that begins with it, inside it.
const sourceDir = "source"

// mountFiles writes the job's files into the workspace. A file replaces what
// the repository has under its name; a path that leaves the workspace, or
// leads through a symbolic link, is refused.
func mountFiles(ws *os.Root, files []workerapi.File) error {
	for _, f := range files {
		if err := mountFile(ws, f); err != nil {
			return fmt.Errorf("mounted file %q: %w", f.Path, err)
		}
	}
	return nil
}

func mountFile(ws *os.Root, f workerapi.File) error {
	name := filepath.ToSlash(f.Path)
	if !filepath.IsLocal(name) || strings.ContainsRune(name, 0) || strings.Contains("/"+name+"/", "/../") ||
		path.Clean(name) == "." || strings.HasSuffix(name, "/") {
		return errors.New("the path must stay inside the workspace")
	}
	name = path.Clean(name)
	if err := plainDirs(ws, path.Dir(name)); err != nil {
		return err
	}
	if info, err := ws.Lstat(name); err == nil && info.IsDir() {
		return errors.New("the path is a directory of the repository")
	}
	if err := ws.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return errors.New("the file of the repository cannot be replaced")
	}
	mode := fs.FileMode(f.Mode) & 0o777
	if mode == 0 {
		mode = 0o644
	}
	out, err := ws.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return errors.New("the file cannot be created")
	}
	_, err = out.Write(f.Content)
	return errors.Join(err, out.Chmod(mode), out.Close())
}

// plainDirs makes the directories of a path, none of which may be a link.
func plainDirs(root *os.Root, dir string) error {
	if dir == "." {
		return nil
	}
	at := ""
	for part := range strings.SplitSeq(dir, "/") {
		at = path.Join(at, part)
		if err := root.Mkdir(at, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return errors.New("its directory cannot be created")
		}
		info, err := root.Lstat(at)
		if err != nil || !info.IsDir() {
			return fmt.Errorf("%s is not a directory", at)
		}
	}
	return nil
}

// openProject opens the project root inside the checked-out source.
func openProject(ws *os.Root, projectRoot string) (*os.Root, error) {
	clean := path.Clean("/" + strings.ReplaceAll(projectRoot, "\\", "/"))
	project, err := ws.OpenRoot(path.Join(sourceDir, clean))
	if err != nil {
		return nil, fmt.Errorf("the project root %q is not a directory of the repository", projectRoot)
	}
	return project, nil
}
