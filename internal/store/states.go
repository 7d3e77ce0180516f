package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectStateVersion = `select id, stack_id, run_id, origin, restores, created_by, serial, lineage, size, checksum, created_at from state_versions`

func scanStateVersion(s scanner) (v domain.StateVersion, err error) {
	var created int64
	err = s.Scan(&v.ID, &v.StackID, &v.RunID, &v.Origin, &v.Restores, &v.CreatedBy, &v.Serial, &v.Lineage, &v.Size, &v.Checksum, &created)
	v.CreatedAt = fromMicros(created)
	return v, err
}

// CurrentState returns the newest state version of a stack.
func (tx *Tx) CurrentState(ctx context.Context, id domain.StackID) (domain.StateVersion, error) {
	return one(ctx, tx, "state", scanStateVersion, selectStateVersion+` where stack_id = $1 order by serial desc limit 1`, id)
}

// StateVersion returns one version.
func (tx *Tx) StateVersion(ctx context.Context, id domain.StateVersionID) (domain.StateVersion, error) {
	return one(ctx, tx, "state version", scanStateVersion, selectStateVersion+` where id = $1`, id)
}

// StateVersions returns up to limit versions of a stack's state, newest first,
// of those with a serial below that one.
func (tx *Tx) StateVersions(ctx context.Context, id domain.StackID, below int64, limit int) ([]domain.StateVersion, error) {
	return many(ctx, tx, scanStateVersion, selectStateVersion+` where stack_id = $1 and serial < $2 order by serial desc limit $3`, id, below, limit)
}

// RecordRead keeps in the audit trail that a state was read.
func (tx *Tx) RecordRead(p access.Permit) error { return tx.use(p, access.KindState) }

// StateStored returns where the bytes of one version are. What the database has
// whole is sealed for the stack by its name; what is an object by its ULID,
// which stays.
func (tx *Tx) StateStored(ctx context.Context, v domain.StateVersion) (domain.Stored, error) {
	return one(ctx, tx, "state", func(s scanner) (kept domain.Stored, err error) {
		var stack, ulid string
		err = s.Scan(&kept.Sealed, &kept.Object, &stack, &ulid)
		kept.Record = joinAAD([]string{"state", stack, string(v.ID)})
		if kept.Object != "" {
			kept.Record = joinAAD([]string{"state", ulid, string(v.ID)})
		}
		return kept, err
	}, `select v.sealed, v.object, v.stack_id, s.ulid from state_versions v join stacks s on s.id = v.stack_id where v.id = $1`, v.ID)
}

// StateBody returns the plain bytes of one version. Where nothing else is to
// wait for object storage, use StateStored and Fetch.
func (tx *Tx) StateBody(ctx context.Context, v domain.StateVersion) ([]byte, error) {
	kept, err := tx.StateStored(ctx, v)
	if err != nil {
		return nil, err
	}
	return tx.store.Fetch(ctx, kept)
}

// InsertState stores a new version with its body.
func (tx *Tx) InsertState(ctx context.Context, p access.Permit, v domain.StateVersion, body []byte) error {
	sealed, err := tx.seal(body, "state", string(v.StackID), string(v.ID))
	if err != nil {
		return err
	}
	return tx.InsertStagedState(ctx, p, v, domain.Stored{Sealed: sealed})
}

// InsertStagedState stores a new version whose body was staged by StageState.
func (tx *Tx) InsertStagedState(ctx context.Context, p access.Permit, v domain.StateVersion, kept domain.Stored) error {
	if err := tx.use(p, access.KindState); err != nil {
		return err
	}
	err := tx.exec(ctx, `insert into state_versions (id, stack_id, run_id, origin, restores, created_by, serial, lineage, size, checksum, sealed, object, created_at)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
		v.ID, v.StackID, v.RunID, v.Origin, v.Restores, v.CreatedBy, v.Serial, v.Lineage, v.Size, v.Checksum, kept.Sealed, kept.Object, micros(v.CreatedAt))
	if isUnique(err, "state_versions_serial", "state_versions.serial") {
		return domain.Conflict("serial %d of this state exists already", v.Serial)
	}
	return err
}

// StateLock returns the lock of a stack's state, nil if it is free.
func (tx *Tx) StateLock(ctx context.Context, id domain.StackID) (*domain.StateLock, error) {
	l, err := one(ctx, tx, "state lock", func(s scanner) (l domain.StateLock, err error) {
		var at int64
		err = s.Scan(&l.ID, &l.Info, &l.Run, &at)
		l.At = fromMicros(at)
		return l, err
	}, `select lock_id, info, run_id, at from state_locks where stack_id = $1`+tx.store.dialect.forUpdate(), id)
	var notFound *domain.Error
	if errors.As(err, &notFound) && notFound.Code == domain.CodeNotFound {
		return nil, nil
	}
	return &l, err
}

// PutStateLock takes the lock; two takers at once collide on the key.
func (tx *Tx) PutStateLock(ctx context.Context, p access.Permit, id domain.StackID, l domain.StateLock) error {
	if err := tx.use(p, access.KindState); err != nil {
		return err
	}
	err := tx.exec(ctx, `insert into state_locks (stack_id, lock_id, info, run_id, at) values ($1, $2, $3, $4, $5)`,
		id, l.ID, l.Info, l.Run, micros(l.At))
	if isUnique(err, "state_locks_pkey", "state_locks.stack_id") {
		return domain.Conflict("the state is locked")
	}
	return err
}

// DropStateLock releases the lock.
func (tx *Tx) DropStateLock(ctx context.Context, p access.Permit, id domain.StackID) error {
	if err := tx.use(p, access.KindState); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from state_locks where stack_id = $1`, id)
}

// Outputs returns the outputs of a stack by name.
func (tx *Tx) Outputs(ctx context.Context, id domain.StackID) ([]domain.Output, error) {
	out, err := many(ctx, tx, func(s scanner) (o domain.Output, err error) {
		return o, s.Scan(&o.Name, &o.Value, &o.Sensitive, &o.Description)
	}, `select name, value, sensitive, description from stack_outputs where stack_id = $1`, id)
	// By bytes, whatever the collation of the database.
	slices.SortFunc(out, func(a, b domain.Output) int { return strings.Compare(a.Name, b.Name) })
	return out, err
}

// SetOutputs replaces the outputs of a stack. The value of a sensitive one is
// kept, sealed, only where the stack hands such values on; where it comes
// without its value the one that is kept stays.
func (tx *Tx) SetOutputs(ctx context.Context, p access.Permit, id domain.StackID, outputs []domain.Output) error {
	if err := tx.use(p, access.KindState); err != nil {
		return err
	}
	stack, err := tx.Stack(ctx, id)
	if err != nil {
		return err
	}
	kept, err := tx.sealedOutputs(ctx, id)
	if err != nil {
		return err
	}
	if err := tx.exec(ctx, `delete from stack_outputs where stack_id = $1`, id); err != nil {
		return err
	}
	for _, o := range outputs {
		sealed, err := tx.sealOutput(stack, o, kept[o.Name])
		if err != nil {
			return err
		}
		if o.Sensitive {
			o.Value = ""
		}
		err = tx.exec(ctx, `insert into stack_outputs (stack_id, name, value, sensitive, description, sealed) values ($1, $2, $3, $4, $5, $6)`,
			id, o.Name, o.Value, o.Sensitive, o.Description, sealed)
		if err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) sealOutput(stack domain.Stack, o domain.Output, kept []byte) ([]byte, error) {
	switch {
	case !o.Sensitive || !stack.UploadSensitiveOutputs:
		return nil, nil
	case o.Value == "":
		return kept, nil
	default:
		return tx.seal([]byte(o.Value), "output", stack.ULID, o.Name)
	}
}

func (tx *Tx) sealedOutputs(ctx context.Context, id domain.StackID) (map[string][]byte, error) {
	type output struct {
		name   string
		sealed []byte
	}
	list, err := many(ctx, tx, func(s scanner) (o output, err error) {
		return o, s.Scan(&o.name, &o.sealed)
	}, `select name, sealed from stack_outputs where stack_id = $1 and sealed is not null`, id)
	out := make(map[string][]byte, len(list))
	for _, o := range list {
		out[o.name] = o.sealed
	}
	return out, err
}

// OutputValue returns the JSON of an output, also of a sensitive one that may
// be handed on; ok is false where there is no value to hand on.
func (tx *Tx) OutputValue(ctx context.Context, stack domain.Stack, name string) (value string, sensitive, ok bool, err error) {
	var sealed []byte
	_, err = one(ctx, tx, "output", func(s scanner) (struct{}, error) {
		return struct{}{}, s.Scan(&value, &sensitive, &sealed)
	}, `select value, sensitive, sealed from stack_outputs where stack_id = $1 and name = $2`, stack.ID, name)
	switch {
	case domain.ErrorCode(err) == domain.CodeNotFound:
		return "", sensitive, false, nil
	case err != nil || !sensitive:
		return value, false, err == nil, err
	case sealed == nil || !stack.UploadSensitiveOutputs:
		return "", sensitive, false, nil
	}
	plain, err := tx.open(sealed, "output", stack.ULID, name)
	return string(plain), true, err == nil, err
}
