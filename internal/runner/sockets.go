package runner

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
)

// Providers listen on unix sockets, whose paths must be short (107 characters):
// the run's own directory may be far down. So they have another one, and the
// run's has a link to it, by which whoever clears away after a killed worker
// finds it.
const (
	socketsLink   = "sockets"
	socketsPrefix = "al-"
)

// makeSockets makes the directory of a run's sockets.
func makeSockets(run string) (string, error) {
	dir := filepath.Join(shortTemp(), socketsPrefix+rand.Text()[:13])
	// The link comes first: a worker that is killed between the two leaves nothing.
	if err := os.Symlink(dir, filepath.Join(run, socketsLink)); err != nil {
		return "", err
	}
	return dir, os.Mkdir(dir, 0o700)
}

// shortTemp is a directory whose path leaves room for a socket's name.
func shortTemp() string {
	const most = 40
	if dir := os.TempDir(); len(dir) <= most {
		return dir
	}
	return "/tmp"
}

// removeSockets removes the directory of a run's sockets, if it has one.
func removeSockets(run string) {
	dir, err := os.Readlink(filepath.Join(run, socketsLink))
	if err == nil && strings.HasPrefix(filepath.Base(dir), socketsPrefix) {
		removeAll(dir)
	}
}
