//go:build !unix

package store

import (
	"errors"
	"os"
)

// lockFile refuses: without a lock two servers could share a database that
// each believes to have to itself.
func lockFile(string) (*os.File, error) {
	return nil, errors.New("the embedded database is not supported on this system; use PostgreSQL")
}
