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
	StageRefusedState(ctx context.Context, id domain.RefusedStateID, body []byte) (domain.Stored, error)
	Fetch(ctx context.Context, kept domain.Stored) ([]byte, error)
}

// staged is what a change of a state has of object storage: a body there that
// has no row yet, and what was read of others.
type staged struct {
	id       domain.StateVersionID
	checksum string
	kept     domain.Stored
	read     map[string][]byte // plain bodies by the names of their objects
}

// version returns the id of a version that is about to be stored: that of what
// is staged, else a new one. Ids are made while the stack is locked, so that
// their order is that of the versions.
func (s *Service) version(ready *staged) domain.StateVersionID {
	if ready.id != "" {
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

// unread says that bodies are to be read out of object storage first.
type unread struct{ kept []domain.Stored }

func (unread) Error() string { return "bodies were not read out of object storage" }

// rounds bounds how often a change is tried that needs object storage: once to
// say what it reads, once what it writes, once to be made; and some more for
// what changes meanwhile.
const rounds = 6

// store runs a change that ends in keep. Where bodies are in object storage, it
// runs several times: nobody uploads what is refused anyway, and no transaction
// waits for the storage.
func (s *Service) store(ctx context.Context, change func(tx Tx, ready *staged) error) error {
	ready := &staged{read: map[string][]byte{}}
	for range rounds {
		err := s.db.Change(ctx, func(tx Tx) error { return change(tx, ready) })
		var missing *unstaged
		var needed *unread
		switch {
		case errors.As(err, &needed):
			err = s.fetch(ctx, ready, needed.kept)
		case errors.As(err, &missing):
			ready.id, ready.checksum = missing.v.ID, missing.v.Checksum
			ready.kept, err = s.db.StageState(ctx, missing.v.StackID, missing.v.ID, missing.body)
		default:
			return err
		}
		if err != nil {
			return err
		}
	}
	return domain.Conflict("the state changed again and again; try again")
}

func (s *Service) fetch(ctx context.Context, ready *staged, all []domain.Stored) error {
	for _, kept := range all {
		body, err := s.db.Fetch(ctx, kept)
		if err != nil {
			return err
		}
		ready.read[kept.Object] = body
	}
	return nil
}

// contents returns the bodies of what a transaction has found, in that order. What
// is in object storage must have been read before.
func (s *Service) contents(ctx context.Context, ready *staged, all ...domain.Stored) ([][]byte, error) {
	bodies, needed := make([][]byte, len(all)), &unread{}
	for i, kept := range all {
		body, ok := ready.read[kept.Object]
		switch {
		case ok:
			bodies[i] = body
		case kept.Object != "":
			needed.kept = append(needed.kept, kept)
		default:
			var err error
			if bodies[i], err = s.db.Fetch(ctx, kept); err != nil {
				return nil, err
			}
		}
	}
	if needed.kept != nil {
		return nil, needed
	}
	return bodies, nil
}

// keep stores a version and what is shown of it. Where bodies are in object
// storage it takes what is staged, or says that it is not.
func (s *Service) keep(ctx context.Context, tx Tx, p access.Permit, v domain.StateVersion, f domain.StateFile, ready *staged) error {
	switch {
	case !s.db.HasObjects():
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
	return body, checked(body, v)
}

// checked refuses a body that is not what was stored.
func checked(body []byte, v domain.StateVersion) error {
	if domain.Checksum(body) != v.Checksum {
		return domain.Unavailable("the state", errors.New("the checksum of version "+string(v.ID)+" is not that of what is kept"))
	}
	return nil
}
