package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// claims is where the workers of one machine, which may share a range of users,
// see which of them have boxes: each user has a file, held by a lock that ends
// with its worker.
const claims = "/run/airlock-users"

// claim makes a user this box's alone among all workers of the machine, until
// the file is closed; nil means that another one has it.
func claim(user int) (*os.File, error) {
	if err := os.MkdirAll(claims, 0o700); err != nil {
		// A file system that is read only is a container's, and there is one worker
		// in it: its users are told apart by the worker itself.
		return os.Open(os.DevNull)
	}
	f, err := os.OpenFile(filepath.Join(claims, strconv.Itoa(user)), os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("claim a user: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, f.Close()
	}
	return nil, errors.Join(fmt.Errorf("claim a user: %w", err), f.Close())
}
