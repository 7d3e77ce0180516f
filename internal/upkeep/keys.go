package upkeep

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// keysTx is what the rotation of keys uses of a transaction.
type keysTx interface {
	SealingKeys(ctx context.Context) ([]domain.SealingKey, error)
	UseSealingKey(ctx context.Context, p access.Permit, id string) error
	RetireSealingKey(ctx context.Context, p access.Permit, id string) error
	SealedColumns() int
	OtherwiseSealed(ctx context.Context, column int, after []string, limit int) ([]domain.SealedRow, error)
	Rewrap(ctx context.Context, p access.Permit, column int, rows []domain.SealedRow) (int, error)
}

// Missing returns the keys that records of the database need and that are not
// among those that the server has.
func (s *Service) Missing(ctx context.Context, has func(id string) bool) (out []string, err error) {
	err = s.db.View(ctx, func(tx Tx) error {
		keys, err := tx.SealingKeys(ctx)
		for _, k := range keys {
			if !has(k.ID) {
				out = append(out, k.ID)
			}
		}
		return err
	})
	return out, err
}

// Note says, before anything is sealed under it, that this server has a key as
// its current one. It is repeated, so that no server believes the key out of
// use. Where records need other keys, too, that is the beginning of a rotation.
func (s *Service) Note(ctx context.Context, id string) error {
	return s.db.Change(ctx, func(tx Tx) error {
		keys, err := tx.SealingKeys(ctx)
		if err != nil {
			return err
		}
		fresh := !slices.ContainsFunc(keys, func(k domain.SealingKey) bool { return k.ID == id })
		permit, err := s.silent()
		if fresh && len(keys) > 0 {
			permit, err = s.recorded(ctx, tx, "keys.rotate", "records are wrapped under key "+id+" from now on")
		}
		if err != nil {
			return err
		}
		return tx.UseSealingKey(ctx, permit, id)
	})
}

func (s *Service) silent() (access.Permit, error) {
	return s.gate.System(access.SystemUpkeep, access.KindAccount, "1")
}

func (s *Service) recorded(ctx context.Context, tx Tx, event, why string) (access.Permit, error) {
	return s.gate.SystemOp(ctx, tx, access.SystemUpkeep, access.Op{Event: event, Object: access.Object{Kind: access.KindAccount, ID: "1", Noun: "account"}}, why)
}

const (
	rewrapBatch = 100
	// outOfUse is how long no server has had a key as its current one before it
	// is believed to be out of use; servers note theirs several times within it.
	outOfUse = 5 * time.Minute
)

// Rotate wraps the data keys of all records that other keys have sealed under
// the current one, in small steps: whoever ends in the middle, or starts anew,
// goes on with what is left. When nothing is left, the other keys are retired:
// the database needs them no more. It returns how many records it changed, and
// the keys that it retired.
func (s *Service) Rotate(ctx context.Context, current string) (n int, retired []string, err error) {
	var others []domain.SealingKey
	err = s.db.View(ctx, func(tx Tx) error {
		keys, err := tx.SealingKeys(ctx)
		others = slices.DeleteFunc(keys, func(k domain.SealingKey) bool { return k.ID == current })
		return err
	})
	if err != nil || len(others) == 0 {
		return 0, nil, err
	}
	if mine, err := s.mine(ctx, "rotate-keys"); err != nil || !mine {
		return 0, nil, err
	}
	began, n, err := s.rewrapAll(ctx)
	if err != nil || n > 0 {
		return n, nil, err // a pass that finds nothing comes next
	}
	for _, k := range others {
		if began.Sub(k.UsedAt) < outOfUse {
			continue // a server may still seal under it
		}
		if err := s.retire(ctx, k.ID, current); err != nil {
			return n, retired, err
		}
		retired = append(retired, k.ID)
	}
	return n, retired, nil
}

// rewrapAll looks at all records once. It returns when it began.
func (s *Service) rewrapAll(ctx context.Context) (began time.Time, n int, err error) {
	columns := 0
	err = s.db.View(ctx, func(tx Tx) error {
		began, columns = tx.Now(), tx.SealedColumns()
		return nil
	})
	for column := range columns {
		var after []string
		for err == nil {
			var rows []domain.SealedRow
			err = s.db.View(ctx, func(tx Tx) (err error) {
				rows, err = tx.OtherwiseSealed(ctx, column, after, rewrapBatch)
				return err
			})
			if err != nil || len(rows) == 0 {
				break
			}
			n += len(rows)
			err = s.db.Change(ctx, func(tx Tx) error {
				p, err := s.silent()
				if err == nil {
					_, err = tx.Rewrap(ctx, p, column, rows)
				}
				return err
			})
			after = rows[len(rows)-1].Key
		}
	}
	return began, n, err
}

func (s *Service) retire(ctx context.Context, id, current string) error {
	return s.db.Change(ctx, func(tx Tx) error {
		p, err := s.recorded(ctx, tx, "keys.retire", fmt.Sprintf("no record needs key %s any more; key %s has wrapped them all", id, current))
		if err != nil {
			return err
		}
		return tx.RetireSealingKey(ctx, p, id)
	})
}
