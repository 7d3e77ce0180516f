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
	"io/fs"
	"os"
	"path/filepath"
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

// LoadOrCreateKey reads the key file at path, or creates it with a random key
// and mode 0600. A file that its group or others may read is refused. Two
// processes that create it at the same time end up with the same key.
func LoadOrCreateKey(path string) (Key, error) {
	k, err := loadKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return k, err
	}
	if err := createKey(path, NewKey()); err != nil && !errors.Is(err, fs.ErrExist) {
		return Key{}, fmt.Errorf("create key file %s: %w", path, err)
	}
	return loadKey(path)
}

func loadKey(path string) (Key, error) {
	f, err := os.Open(path)
	if err != nil {
		return Key{}, fmt.Errorf("read key file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return Key{}, fmt.Errorf("read key file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return Key{}, fmt.Errorf("key file %s is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return Key{}, fmt.Errorf("key file %s is readable by others (mode %04o): set it to 0600", path, info.Mode().Perm())
	}
	buf := make([]byte, 2*KeySize+16)
	n, err := f.Read(buf)
	if err != nil {
		return Key{}, fmt.Errorf("read key file %s: %w", path, err)
	}
	k, err := ParseKey(string(buf[:n]))
	if err != nil {
		return Key{}, fmt.Errorf("key file %s: %w", path, err)
	}
	return k, nil
}

// createKey writes a complete file beside path and links it into place, so
// that a crash leaves no half-written key and a race has one winner.
func createKey(path string, k Key) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.WriteString(hex.EncodeToString(k.raw[:]) + "\n")
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err != nil {
		return err
	}
	return os.Link(tmp.Name(), path)
}
