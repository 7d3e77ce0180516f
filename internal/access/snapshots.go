package access

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/airlock-project/airlock/authz"
)

// Stamp names a state of the access world: a committed revision and, in a
// transaction that changes the world itself, how many rows it has changed so
// far under a revision of its own.
type Stamp struct {
	Revision int64
	Touches  int
}

// Slot keeps the snapshot that one transaction uses.
type Slot struct{ compiled *stamped }

type stamped struct {
	stamp    Stamp
	snapshot *authz.Snapshot
}

// snapshots keeps the newest compiled world. It is asked inside a transaction
// and never answers with a state other than the one that transaction sees.
type snapshots struct {
	newest atomic.Pointer[stamped]
	mu     sync.Mutex // of those who catch up
}

func (s *snapshots) current(ctx context.Context, tx Reader) (*authz.Snapshot, int64, error) {
	stamp, err := tx.Stamp(ctx)
	if err != nil {
		return nil, 0, err
	}
	slot := tx.Slot()
	if slot.compiled == nil || slot.compiled.stamp != stamp {
		if slot.compiled, err = s.at(ctx, tx, stamp, slot.compiled); err != nil {
			return nil, 0, err
		}
	}
	return slot.compiled.snapshot, stamp.Revision, nil
}

// at returns the world at a stamp; mine is what the transaction had before.
func (s *snapshots) at(ctx context.Context, tx Reader, stamp Stamp, mine *stamped) (*stamped, error) {
	if mine == nil {
		mine = s.newest.Load()
	}
	if mine != nil && mine.stamp == stamp {
		return mine, nil
	}
	if stamp.Touches > 0 {
		// A transaction that sees its own uncommitted changes must not leave
		// them for others: it may yet be rolled back.
		return catchUp(ctx, tx, stamp, mine)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	newest := s.newest.Load()
	if newest != nil && newest.stamp == stamp {
		return newest, nil
	}
	compiled, err := catchUp(ctx, tx, stamp, newest)
	if err == nil && (newest == nil || stamp.Revision > newest.stamp.Revision) {
		s.newest.Store(compiled)
	}
	return compiled, err
}

// catchUp brings an older world, if there is one, to a stamp.
func catchUp(ctx context.Context, tx Reader, stamp Stamp, old *stamped) (*stamped, error) {
	if old != nil && old.stamp.before(stamp) {
		delta, ok, err := tx.Delta(ctx, old.stamp)
		if err != nil {
			return nil, fmt.Errorf("read access changes: %w", err)
		}
		if ok {
			// What does not fit the old world is no reason to refuse everybody
			// everything: the whole world, below, still tells.
			if snapshot, err := old.snapshot.Apply(changes(delta)...); err == nil {
				return &stamped{stamp, snapshot}, nil
			}
		}
	}
	world, err := tx.World(ctx)
	if err != nil {
		return nil, fmt.Errorf("load access world: %w", err)
	}
	snapshot, err := authz.Compile(translate(world))
	if err != nil {
		return nil, fmt.Errorf("compile access world: %w", err)
	}
	return &stamped{stamp, snapshot}, nil
}

func (s Stamp) before(other Stamp) bool {
	return s.Revision < other.Revision || s.Revision == other.Revision && s.Touches < other.Touches
}
