package store

import (
	"context"
	"fmt"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// Objects is where bodies are kept outside the database. What it is given is
// encrypted, without the wrapped key: that stays in the database, so that
// neither is of use without the other, and another key-encryption key touches
// no object.
type Objects interface {
	Put(ctx context.Context, name string, body []byte) error
	Get(ctx context.Context, name string) ([]byte, error)
	Delete(ctx context.Context, name string) error
	Each(ctx context.Context, fn func(name string, written time.Time) error) error
}

// objectColumns are all columns that name objects.
var objectColumns = []string{"state_versions", "run_workspaces", "local_workspaces", "run_log_parts", "refused_states"}

// stage seals a body and puts it into object storage, if there is one, before
// the transaction that keeps its row: a body without a row is cleared away, a
// row without a body would be a loss.
func (s *Store) stage(ctx context.Context, kind string, body []byte, record ...string) (kept domain.Stored, err error) {
	kept.Record = joinAAD(record)
	sealed, err := s.Sealer.Seal(kept.Record, body)
	if err != nil || !s.HasObjects() {
		kept.Sealed = sealed
		return kept, err
	}
	kept.Object = kind + "/" + s.IDs.ULID()
	head := s.Sealer.HeadSize()
	kept.Sealed = sealed[:head]
	if err := s.Objects.Put(ctx, kept.Object, sealed[head:]); err != nil {
		return kept, fmt.Errorf("keep %s: %w", kept.Object, err)
	}
	return kept, nil
}

// HasObjects reports whether new bodies are kept outside the database.
func (s *Store) HasObjects() bool { return s.Objects != nil && !s.Inline }

// HasObjects implements what the use cases of states ask of a store.
func (b Bound[T]) HasObjects() bool { return b.store.HasObjects() }

// StageState keeps the body of a state version that is about to be stored in
// object storage.
func (s *Store) StageState(ctx context.Context, stack domain.StackID, id domain.StateVersionID, body []byte) (kept domain.Stored, err error) {
	var of domain.Stack
	err = s.View(ctx, func(tx *Tx) error {
		of, err = tx.Stack(ctx, stack)
		return err
	})
	if err != nil {
		return kept, err
	}
	return s.stage(ctx, "states", body, "state", of.ULID, string(id))
}

// StageWorkspace is StageState for the workspace that is kept of a run.
func (s *Store) StageWorkspace(ctx context.Context, id domain.RunID, body []byte) (domain.Stored, error) {
	return s.stage(ctx, "workspaces", body, "workspace", string(id))
}

// StageLocalWorkspace is StageState for a directory that was uploaded.
func (s *Store) StageLocalWorkspace(ctx context.Context, id domain.LocalWorkspaceID, body []byte) (domain.Stored, error) {
	return s.stage(ctx, "uploads", body, "local-workspace", string(id))
}

// StageState implements what the use cases of states ask of a store.
func (b Bound[T]) StageState(ctx context.Context, stack domain.StackID, id domain.StateVersionID, body []byte) (domain.Stored, error) {
	return b.store.StageState(ctx, stack, id, body)
}

// StageWorkspace implements what the use cases of runs ask of a store.
func (b Bound[T]) StageWorkspace(ctx context.Context, id domain.RunID, body []byte) (domain.Stored, error) {
	return b.store.StageWorkspace(ctx, id, body)
}

// StageLocalWorkspace implements what the use cases of runs ask of a store.
func (b Bound[T]) StageLocalWorkspace(ctx context.Context, id domain.LocalWorkspaceID, body []byte) (domain.Stored, error) {
	return b.store.StageLocalWorkspace(ctx, id, body)
}

// Fetch returns the plain body of what is stored. It is called outside of
// transactions where that can be: object storage may be slow.
func (s *Store) Fetch(ctx context.Context, kept domain.Stored) ([]byte, error) {
	sealed := kept.Sealed
	if kept.Object != "" {
		if s.Objects == nil {
			return nil, domain.Unavailable("the object storage", fmt.Errorf("%s is in object storage, and none is set", kept.Object))
		}
		body, err := s.Objects.Get(ctx, kept.Object)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", kept.Object, err)
		}
		sealed = append(append(make([]byte, 0, len(kept.Sealed)+len(body)), kept.Sealed...), body...)
	}
	plain, err := s.Sealer.Open(kept.Record, sealed)
	if err != nil && kept.Object != "" {
		return nil, fmt.Errorf("open %s: %w", kept.Object, err)
	}
	return plain, err
}

// Fetch implements what the use cases ask of a store.
func (b Bound[T]) Fetch(ctx context.Context, kept domain.Stored) ([]byte, error) {
	return b.store.Fetch(ctx, kept)
}

// forget has objects deleted once the transaction is committed. What is not
// deleted then, the next sweep finds.
func (tx *Tx) forget(names ...string) {
	for _, name := range names {
		if name != "" {
			tx.forgotten = append(tx.forgotten, name)
		}
	}
}

// DeleteForgotten deletes the objects whose rows were deleted, until ctx ends.
// It returns at once where there is no object storage.
func (s *Store) DeleteForgotten(ctx context.Context) {
	for s.Objects != nil {
		select {
		case <-ctx.Done():
			return
		case name := <-s.forgotten:
			_ = s.Objects.Delete(ctx, name) // the next sweep finds it
		}
	}
}

func (s *Store) passOn(forgotten []string) {
	for _, name := range forgotten {
		select {
		case s.forgotten <- name:
		default: // the next sweep finds it
		}
	}
}

// sweepBatch is how many names are looked up at once.
const sweepBatch = 500

// SweepObjects deletes the objects that no row names and that are older than
// grace, which must be longer than a body can be on its way to its row. It
// returns how many.
func (s *Store) SweepObjects(ctx context.Context, grace time.Duration) (n int, err error) {
	if s.Objects == nil {
		return 0, nil
	}
	var batch []string
	sweep := func() error {
		orphans, err := s.orphans(ctx, batch)
		batch = batch[:0]
		for _, name := range orphans {
			if err := s.Objects.Delete(ctx, name); err != nil {
				return err
			}
			n++
		}
		return err
	}
	now := s.Clock()
	err = s.Objects.Each(ctx, func(name string, written time.Time) error {
		if name == accountObject || now.Sub(written) < grace {
			return nil
		}
		if batch = append(batch, name); len(batch) < sweepBatch {
			return nil
		}
		return sweep()
	})
	if err != nil {
		return n, err
	}
	return n, sweep()
}

// SweepObjects implements what the upkeep asks of a store.
func (b Bound[T]) SweepObjects(ctx context.Context, grace time.Duration) (int, error) {
	return b.store.SweepObjects(ctx, grace)
}

// accountObject says whose storage it is.
const accountObject = "account"

// orphans returns those names that no row has.
func (s *Store) orphans(ctx context.Context, names []string) (out []string, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	err = s.View(ctx, func(tx *Tx) error {
		known := map[string]bool{}
		for _, table := range objectColumns {
			found, err := many(ctx, tx, scanString, `select object from `+table+` where object <> '' and `+s.dialect.in("object", 1), toJSON(names))
			if err != nil {
				return err
			}
			for _, name := range found {
				known[name] = true
			}
		}
		for _, name := range names {
			if !known[name] {
				out = append(out, name)
			}
		}
		return nil
	})
	return out, err
}

// ObjectRows returns how many rows have their body in object storage.
func (tx *Tx) ObjectRows(ctx context.Context) (n int64, err error) {
	for _, table := range objectColumns {
		some, err := one(ctx, tx, table, scanInt, `select count(*) from `+table+` where object <> ''`)
		if err != nil {
			return n, err
		}
		n += some
	}
	return n, nil
}

// StorageID returns the id by which object storage knows this account; empty
// as long as it has used none.
func (tx *Tx) StorageID(ctx context.Context) (string, error) {
	return one(ctx, tx, "account", scanString, `select storage from account where id = 1`)
}

// SetStorageID keeps that id, if there is none.
func (tx *Tx) SetStorageID(ctx context.Context, p access.Permit, id string) error {
	if err := tx.use(p, access.KindAccount); err != nil {
		return err
	}
	return tx.exec(ctx, `update account set storage = $1 where id = 1 and storage = ''`, id)
}
