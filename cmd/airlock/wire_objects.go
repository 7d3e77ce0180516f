package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/objects"
	"github.com/airlock-project/airlock/internal/store"
)

// objectFlags say where large bodies are kept.
type objectFlags struct {
	Objects    string `help:"Where states, workspaces and the logs of ended runs are kept, encrypted: database, file:DIRECTORY or s3://BUCKET/PREFIX?endpoint=URL&region=NAME. Default: database." default:"database" placeholder:"URL"`
	ObjectsOld string `help:"Where they were kept before: read when they are not in the new place." placeholder:"URL"`
}

const inDatabase = "database"

func (f *objectFlags) check(wrong func(flag, format string, args ...any)) {
	for flag, setting := range map[string]string{"objects": f.Objects, "objects-old": f.ObjectsOld} {
		if setting == "" || setting == inDatabase {
			continue
		}
		if err := objects.Check(setting); err != nil {
			wrong(flag, "%v", err)
		}
	}
	if f.ObjectsOld == inDatabase {
		wrong("objects-old", "what is in the database is found without it")
	}
}

// openObjects returns the storage of bodies, and whether it is only read; nil where
// there is none.
func (f *objectFlags) openObjects() (storage *objects.Guard, inline bool, err error) {
	var now, old objects.Storage
	if f.Objects != inDatabase {
		if now, err = objects.Open(f.Objects); err != nil {
			return nil, false, fmt.Errorf("--objects: %w", err)
		}
	}
	if f.ObjectsOld != "" {
		if old, err = objects.Open(f.ObjectsOld); err != nil {
			return nil, false, fmt.Errorf("--objects-old: %w", err)
		}
	}
	switch {
	case now != nil:
		return objects.NewGuard(now, old), false, nil
	case old != nil:
		return objects.NewGuard(old, nil), true, nil
	default:
		return nil, false, nil
	}
}

// claimObjects makes sure that what the database has in object storage can be
// read, and that the storage is this database's.
func (s *server) claimObjects(ctx context.Context) error {
	var id string
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		if s.objects == nil {
			rows, err := tx.ObjectRows(ctx)
			if err == nil && rows > 0 {
				err = fmt.Errorf("%d states, workspaces or logs of this database are in object storage, and --objects does not say where; "+
					"name it, or name it by --objects-old to keep new ones in the database", rows)
			}
			return err
		}
		id, err = tx.StorageID(ctx)
		return err
	})
	if err != nil || s.objects == nil {
		return err
	}
	if id == "" {
		err = s.store.Change(ctx, func(tx *store.Tx) error {
			p, err := s.gate.System(access.SystemUpkeep, access.KindAccount, "1")
			if err == nil {
				err = tx.SetStorageID(ctx, p, s.ids.ULID())
			}
			if err == nil {
				id, err = tx.StorageID(ctx)
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return s.objects.Claim(ctx, id)
}

// degraded says what the server does without.
func (s *server) degraded() string {
	if s.objects == nil {
		return ""
	}
	if s.objects.Health() != nil { // the log says more; this answers anybody
		return "the object storage is unavailable"
	}
	return ""
}

// How often the upkeep looks by itself.
const (
	packEvery         = 15 * time.Second
	retainEvery       = time.Hour
	sweepObjectsEvery = time.Hour
)

// keepUp starts the upkeep of what is kept; it ends with ctx.
func (s *server) keepUp(ctx context.Context, loops *sync.WaitGroup) {
	keep := s.upkeep()
	loops.Go(func() { s.keepKeys(ctx) })
	every := func(pause time.Duration, failed string, do func(ctx context.Context) (int, error)) {
		loops.Go(func() {
			tick := time.NewTicker(pause)
			defer tick.Stop()
			for {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
				}
				if _, err := do(ctx); err != nil && ctx.Err() == nil {
					s.log.Error(failed, "error", err)
				}
			}
		})
	}
	every(packEvery, "could not pack logs", keep.Pack)
	every(retainEvery, "could not forget what is too old", func(ctx context.Context) (int, error) {
		n, err := keep.Retain(ctx, s.config.retention())
		if n > 0 {
			s.log.Info("forgot logs, plans and state versions that are too old", "objects", n)
		}
		return n, err
	})
	every(retainEvery, "could not discard runs that nobody has confirmed in time", func(ctx context.Context) (int, error) {
		n, err := s.runs.DiscardWaiting(ctx, days(s.config.KeepWorkspaces))
		if n > 0 {
			s.log.Info("discarded runs that nobody has confirmed in time", "runs", n)
		}
		return n, err
	})
	if s.objects == nil {
		return
	}
	every(sweepObjectsEvery, "could not clear away objects that nothing refers to", keep.SweepObjects)
	loops.Go(func() { s.store.DeleteForgotten(ctx) })
	loops.Go(func() {
		s.objects.Watch(ctx, func(failed error) {
			if failed != nil {
				s.log.Error("the object storage cannot be reached; states, workspaces and logs in it wait for it", "error", failed)
				return
			}
			s.log.Info("the object storage can be reached again")
		})
	})
}
