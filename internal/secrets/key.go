// Package secrets keeps secret values secret: envelope encryption for what is
// stored, and masking for what is logged. It knows nothing about stacks, runs
// or people; callers name a record by its associated data. It must never log
// or return an error that holds a key or a plain value.
package secrets

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// KeySize is the length of a key in bytes (AES-256).
const KeySize = 32

// Key is a key-encryption key. Its text form shows only its id.
type Key struct{ raw [KeySize]byte }

// KeyID names a key in the header of what it sealed; it does not reveal the key.
type KeyID [8]byte

// String returns the id in hex.
func (id KeyID) String() string { return hex.EncodeToString(id[:]) }

// NewKey returns a fresh random key.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k.raw[:]) // never fails: crypto/rand ends the process instead
	return k
}

// ParseKey reads a key from 64 hex digits.
func ParseKey(text string) (Key, error) {
	var k Key
	raw, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(raw) != KeySize {
		return Key{}, fmt.Errorf("a key must be %d hex digits", 2*KeySize)
	}
	copy(k.raw[:], raw)
	return k, nil
}

// ID returns the key's id: the start of a domain-separated SHA-256.
func (k Key) ID() KeyID {
	sum := sha256.Sum256(append([]byte("airlock key id\x00"), k.raw[:]...))
	return KeyID(sum[:8])
}

// String shows the id only, so that a key in a log line gives nothing away.
func (k Key) String() string { return "key " + k.ID().String() }

// GoString does the same for %#v.
func (k Key) GoString() string { return k.String() }

// LoadOrCreateKey reads the key that is current in the key file at path, or
// creates the file with a random key and mode 0600. A file that its group or
// others may read is refused. Two processes that create it at the same time end
// up with the same key.
func LoadOrCreateKey(path string) (Key, error) {
	keys, err := LoadOrCreateKeys(path)
	if err != nil {
		return Key{}, err
	}
	return keys[0], nil
}

// LoadOrCreateKeys is LoadOrCreateKey for all keys of the file. The first one
// is the current one.
func LoadOrCreateKeys(path string) ([]Key, error) {
	keys, err := LoadKeys(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if err := writeKeys(path, []Key{NewKey()}, os.Link); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("create key file %s: %w", path, err)
	}
	return LoadKeys(path)
}

// maxKeyFile is more than any key file has.
const maxKeyFile = 64 << 10

// LoadKeys reads a key file: a key on each line, the current one first; lines
// that begin with # say something to people.
func LoadKeys(path string) ([]Key, error) {
	text, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		k, err := ParseKey(line)
		if err != nil {
			return nil, fmt.Errorf("key file %s: %w", path, err)
		}
		if slices.ContainsFunc(keys, func(other Key) bool { return other.ID() == k.ID() }) {
			return nil, fmt.Errorf("key file %s: key %s is there twice", path, k.ID())
		}
		keys = append(keys, k)
	}
	if keys == nil {
		return nil, fmt.Errorf("key file %s: there is no key in it; a key must be %d hex digits", path, 2*KeySize)
	}
	return keys, nil
}

func readKeyFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", fmt.Errorf("read key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("key file %s is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("key file %s is readable by others (mode %04o): set it to 0600", path, info.Mode().Perm())
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err == nil && len(text) > maxKeyFile {
		err = errors.New("it is too large")
	}
	if err != nil {
		return "", fmt.Errorf("read key file %s: %w", path, err)
	}
	return string(text), nil
}

// SaveKeys replaces a key file at once, so that a reader, or a crash, sees the
// old keys or the new ones.
func SaveKeys(path string, keys []Key) error {
	if len(keys) == 0 {
		return errors.New("a key file has at least one key")
	}
	if err := writeKeys(path, keys, os.Rename); err != nil {
		return fmt.Errorf("write key file %s: %w", path, err)
	}
	return nil
}

// ArchiveKey writes one key to a file of its own, which must not be there.
func ArchiveKey(path string, k Key) error {
	if err := writeKeys(path, []Key{k}, os.Link); err != nil {
		return fmt.Errorf("write key file %s: %w", path, err)
	}
	return nil
}

// writeKeys writes a complete file beside path and puts it in place, so that a
// crash leaves no half-written key and a race has one winner.
func writeKeys(path string, keys []Key, place func(from, to string) error) error {
	folder := filepath.Dir(path)
	tmp, err := os.CreateTemp(folder, ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	for _, k := range keys {
		_, failed := tmp.WriteString(hex.EncodeToString(k.raw[:]) + "\n")
		err = errors.Join(err, failed)
	}
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := place(tmp.Name(), path); err != nil {
		return err
	}
	f, err := os.Open(folder)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
