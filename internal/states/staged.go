package states

import (
	"context"
	"errors"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// ledger is the store with what it keeps outside of transactions.
type ledger interface {
	access.Ledger[Tx]
	HasObjects() bool
	StageState(ctx context.Context, stack domain.StackID, id domain.StateVersionID, body []byte) (domain.Stored, error)
	Fetch(ctx context.Context, kept domain.Stored) ([]byte, error)
}

// staged is a body in object storage that has no row yet.
type staged struct {
	id       domain.StateVersionID
	checksum string
	kept     domain.Stored
}

// version returns the id of a version that is about to be stored: that of what
// is staged, else a new one. Ids are made while the stack is locked, so that
// their order is that of the versions.
func (s *Service) version(ready *staged) domain.StateVersionID {
	if ready != nil && ready.id != "" {
		return ready.id
	}
	return domain.StateVersionID(s.ids.ULID())
}

// unstaged says that all is well, but for a body that is to be staged first.
type unstaged struct {
	v    domain.StateVersion
	body []byte
}

func (unstaged) Error() string { return "the body of the state is not in object storage" }

// store runs a change that ends in keep. Where bodies are in object storage, it
// runs twice: nobody uploads what is refused anyway, and no transaction waits
// for the upload.
func (s *Service) store(ctx context.Context, change func(tx Tx, ready *staged) error) error {
	var ready *staged
	if s.db.HasObjects() {
		ready = &staged{}
	}
	for range 3 {
		err := s.db.Change(ctx, func(tx Tx) error { return change(tx, ready) })
		var missing *unstaged
		if !errors.As(err, &missing) {
			return err
		}
		kept, err := s.db.StageState(ctx, missing.v.StackID, missing.v.ID, missing.body)
		if err != nil {
			return err
		}
		ready = &staged{id: missing.v.ID, checksum: missing.v.Checksum, kept: kept}
	}
	return domain.Conflict("the state changed again and again; try again")
}

// keep stores a version and what is shown of it. Where bodies are in object
// storage it takes what is staged, or says that it is not.
func keep(ctx context.Context, tx Tx, p access.Permit, v domain.StateVersion, f domain.StateFile, ready *staged) error {
	switch {
	case ready == nil:
		if err := tx.InsertState(ctx, p, v, f.Body); err != nil {
			return err
		}
	case ready.checksum != v.Checksum:
		return &unstaged{v: v, body: f.Body}
	default:
		if err := tx.InsertStagedState(ctx, p, v, ready.kept); err != nil {
			return err
		}
	}
	if err := tx.SetOutputs(ctx, p, v.StackID, f.Roots()); err != nil {
		return err
	}
	return keepEntities(ctx, tx, p, v, f.Body)
}

// body reads what a transaction has found.
func (s *Service) body(ctx context.Context, kept domain.Stored, v domain.StateVersion) ([]byte, error) {
	body, err := s.db.Fetch(ctx, kept)
	if err != nil {
		return nil, err
	}
	if domain.Checksum(body) != v.Checksum {
		return nil, domain.Unavailable("the state", errors.New("the checksum of version "+string(v.ID)+" is not that of what is kept"))
	}
	return body, nil
}
