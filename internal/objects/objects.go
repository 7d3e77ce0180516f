// Package objects keeps bodies outside the database: in a directory, or in any
// storage that speaks S3. What it is given is encrypted already, and the key of
// each body stays in the database. It knows nothing of states, runs or people,
// and decides neither what is kept nor for how long.
package objects

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// ErrMissing says that there is no object with that name.
var ErrMissing = errors.New("there is no such object")

// Storage keeps objects by name. A name is one or two elements of letters,
// digits, "-" and ".", separated by "/". It is safe for concurrent use.
type Storage interface {
	// Put keeps body; when it returns nil, body survives the end of this process
	// and of the machine. An object of that name is replaced at once.
	Put(ctx context.Context, name string, body []byte) error
	// Get returns an object whole, or ErrMissing.
	Get(ctx context.Context, name string) ([]byte, error)
	// Delete removes an object; one that is not there is no error.
	Delete(ctx context.Context, name string) error
	// Each calls fn with every object, in no order, until fn returns an error.
	Each(ctx context.Context, fn func(name string, written time.Time) error) error
	// String names the storage as its operator knows it, without credentials.
	String() string
}

// Open returns the storage that a setting names:
//
//	file:DIRECTORY
//	s3://BUCKET[/PREFIX][?endpoint=URL&region=NAME]
//
// A directory is made, a bucket is not reached for yet. Errors do not contain
// credentials.
func Open(setting string) (Storage, error) {
	if err := Check(setting); err != nil {
		return nil, err
	}
	if dir, ok := strings.CutPrefix(setting, "file:"); ok {
		return OpenDirectory(dir)
	}
	u, err := url.Parse(setting)
	if err != nil {
		return nil, errors.New("is no URL")
	}
	return openS3(u)
}

// Check says what is wrong with a setting, without opening anything.
func Check(setting string) error {
	if dir, ok := strings.CutPrefix(setting, "file:"); ok {
		if !strings.HasPrefix(dir, "/") {
			return fmt.Errorf("file: takes an absolute directory, not %q", dir)
		}
		return nil
	}
	u, err := url.Parse(setting)
	if err != nil || u.Scheme != "s3" {
		return errors.New("must be database, file:DIRECTORY or s3://BUCKET/PREFIX")
	}
	_, err = openS3(u)
	return err
}
