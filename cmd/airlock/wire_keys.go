package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/airlock-project/airlock/internal/secrets"
	"github.com/airlock-project/airlock/internal/store"
	"github.com/airlock-project/airlock/internal/upkeep"
)

// How often the keys are seen to.
const (
	keyFileEvery = 2 * time.Second
	rewrapEvery  = 15 * time.Second
	noteKeyEvery = time.Minute
)

// keyring is the key file and the box that has its keys.
type keyring struct {
	path string
	box  *secrets.Box
	seen os.FileInfo
}

func keyIDs(keys []secrets.Key) (out []string) {
	for _, k := range keys {
		out = append(out, k.ID().String())
	}
	return out
}

// current is the id of the key that records are sealed under.
func (k *keyring) current() string { return k.box.CurrentKey().String() }

// checkKeys refuses a key file without a key that records need.
func (s *server) checkKeys(ctx context.Context, keep *upkeep.Service, has []string) error {
	missing, err := keep.Missing(ctx, func(id string) bool { return slices.Contains(has, id) })
	if err != nil {
		return err
	}
	if missing != nil {
		return fmt.Errorf("records of this database are encrypted under key %s, which is not in %s; add it: airlock keys add --key-file %s --from ARCHIVE",
			strings.Join(missing, ", "), s.keys.path, s.keys.path)
	}
	return nil
}

// reload takes the keys of a file that has changed. A file that is wrong, or
// lacks what records need, changes nothing.
func (s *server) reload(ctx context.Context, keep *upkeep.Service) error {
	info, err := os.Stat(s.keys.path)
	if err != nil {
		return err
	}
	if before := s.keys.seen; before != nil && os.SameFile(before, info) && before.ModTime().Equal(info.ModTime()) && before.Size() == info.Size() {
		return nil
	}
	keys, err := secrets.LoadKeys(s.keys.path)
	if err != nil {
		return err
	}
	if err := s.checkKeys(ctx, keep, keyIDs(keys)); err != nil {
		return err
	}
	// Noted first: nobody may believe it out of use while this server seals under it.
	if err := keep.Note(ctx, keys[0].ID().String()); err != nil {
		return err
	}
	if before := s.keys.current(); before != keys[0].ID().String() {
		s.log.Info("records are encrypted under another key from now on", "key", keys[0].ID().String(), "before", before)
	}
	s.keys.box.Use(keys[0], keys[1:]...)
	s.keys.seen = info
	return nil
}

// startKeys checks the keys at start.
func (s *server) startKeys(ctx context.Context) error {
	return s.reload(ctx, s.upkeep())
}

func (s *server) upkeep() *upkeep.Service {
	return upkeep.New(store.Bind[upkeep.Tx](s.store), s.gate, s.holder)
}

// keepKeys follows the key file, and rotates.
func (s *server) keepKeys(ctx context.Context) {
	keep := s.upkeep()
	file, rotate, note := time.NewTicker(keyFileEvery), time.NewTicker(rewrapEvery), time.NewTicker(noteKeyEvery)
	defer file.Stop()
	defer rotate.Stop()
	defer note.Stop()
	said := ""
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-file.C:
			err = s.reload(ctx, keep)
		case <-note.C:
			err = keep.Note(ctx, s.keys.current())
		case <-rotate.C:
			err = s.rotateOnce(ctx, keep)
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		if err.Error() != said { // the file stays wrong until somebody corrects it
			s.log.Error("could not see to the encryption keys; those that are loaded are used", "error", err)
			said = err.Error()
		}
	}
}

func (s *server) rotateOnce(ctx context.Context, keep *upkeep.Service) error {
	n, retired, err := keep.Rotate(ctx, s.keys.current())
	if n > 0 {
		s.log.Info("wrapped the keys of records anew", "records", n, "key", s.keys.current())
	}
	for _, id := range retired {
		s.log.Info("no record needs a key any more; it can be removed from the key file, and is archived for old backups", "key", id)
	}
	return err
}
