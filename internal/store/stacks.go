package store

import (
	"context"
	"fmt"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectStack = `select id, ulid, space_id, name, branch, repository, project_root, worker_pool, labels, administrative,
	settings, manages_state, created_at, run_state, state_set_at, state_set_by, ` + lifeColumns + ` from stacks`

func scanStack(s scanner) (st domain.Stack, err error) {
	// Scanned into copies first: the settings of older rows hold stale ones.
	var space domain.SpaceID
	var pool domain.WorkerPoolID
	var name, branch, repository, root, labels, settings string
	var administrative bool
	var created, setAt int64
	var life lifeRow
	err = s.Scan(append([]any{&st.ID, &st.ULID, &space, &name, &branch, &repository, &root, &pool, &labels, &administrative,
		&settings, &st.ManagesState, &created, &st.RunState, &setAt, &st.StateSetBy}, life.dest()...)...)
	if err != nil {
		return st, err
	}
	if err := fromJSON(settings, &st.StackSettings); err != nil {
		return st, err
	}
	st.Space, st.Name, st.Branch, st.Repository = space, name, branch, repository
	st.ProjectRoot, st.WorkerPool, st.Administrative = root, pool, administrative
	st.CreatedAt, st.StateSetAt = fromMicros(created), fromMicros(setAt)
	if st.StackLife, err = life.life(); err != nil {
		return st, err
	}
	return st, fromJSON(labels, &st.Labels)
}

// otherSettings are those that have no column of their own.
func otherSettings(s domain.StackSettings) string {
	s.Space, s.Name, s.Branch, s.Repository, s.ProjectRoot, s.WorkerPool = "", "", "", "", "", ""
	s.Labels, s.Administrative = nil, false
	return toJSON(s)
}

// Stack returns one stack.
func (tx *Tx) Stack(ctx context.Context, id domain.StackID) (domain.Stack, error) {
	return one(ctx, tx, "stack", scanStack, selectStack+` where id = $1`, id)
}

// LockStack returns one stack and holds it until the commit.
func (tx *Tx) LockStack(ctx context.Context, id domain.StackID) (domain.Stack, error) {
	return one(ctx, tx, "stack", scanStack, selectStack+` where id = $1`+tx.store.dialect.forUpdate(), id)
}

// LockStackOf returns the stack of a run and holds it until the commit.
func (tx *Tx) LockStackOf(ctx context.Context, id domain.RunID) (domain.Stack, error) {
	return one(ctx, tx, "stack", scanStack, selectStack+` where id = (select stack_id from runs where id = $1)`+tx.store.dialect.forUpdate(), id)
}

// StackIDTaken reports whether a slug is in use.
func (tx *Tx) StackIDTaken(ctx context.Context, id domain.StackID) (bool, error) {
	n, err := one(ctx, tx, "stack", scanInt, `select count(*) from stacks where id = $1`, id)
	return n > 0, err
}

// Stacks returns the stacks of the scope, oldest first.
func (tx *Tx) Stacks(ctx context.Context, scope access.Scope) ([]domain.Stack, error) {
	where, args := tx.inScope(scope, authz.EntityStack)
	return many(ctx, tx, scanStack, selectStack+where+` order by created_at, id`, args...)
}

// inScope returns the condition that keeps a list of one kind within a scope.
func (tx *Tx) inScope(scope access.Scope, kind authz.EntityKind) (string, []any) {
	if scope.All() {
		return "", nil
	}
	where, args := ` where `+tx.store.dialect.in("space_id", 1), []any{toJSON(list(scope.Spaces()))}
	if single := scope.Entities(kind); len(single) > 0 {
		where, args = where+` or `+tx.store.dialect.in("id", 2), append(args, toJSON(single))
	}
	return where, args
}

// InsertStack creates a stack.
func (tx *Tx) InsertStack(ctx context.Context, p access.Permit, st domain.Stack) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	if st.Administrative || st.WorkerPool != "" {
		if err := tx.touch(ctx, touched{part: domain.PartStack, id: string(st.ID)}); err != nil {
			return err
		}
	}
	args := append([]any{
		st.ID, st.ULID, st.Space, st.Name, st.Branch, st.Repository, st.ProjectRoot, st.WorkerPool, toJSON(list(st.Labels)),
		st.Administrative, otherSettings(st.StackSettings), st.ManagesState, micros(st.CreatedAt), st.RunState, micros(st.StateSetAt), st.StateSetBy,
		st.SortKey(), st.SearchText(), st.Vendor.Name(),
	}, lifeArgs(st.StackLife)...)
	err := tx.exec(ctx, `insert into stacks (id, ulid, space_id, name, branch, repository, project_root, worker_pool, labels,
		administrative, settings, manages_state, created_at, run_state, state_set_at, state_set_by, name_key, words, vendor, `+lifeColumns+`)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)`, args...)
	if isUnique(err, "stacks_pkey", "stacks.id") {
		return domain.Conflict("the slug %s is taken", st.ID)
	}
	return err
}

// UpdateStack changes what a caller may set.
func (tx *Tx) UpdateStack(ctx context.Context, p access.Permit, st domain.Stack) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	old, err := tx.Stack(ctx, st.ID)
	if err != nil {
		return err
	}
	// Whether the stack acts, and from where, is part of the access world; who
	// can make it act depends also on what it uses.
	if old.Space != st.Space || old.Administrative != st.Administrative || old.WorkerPool != st.WorkerPool || old.BuiltIn() != st.BuiltIn() {
		if err := tx.touch(ctx, touched{part: domain.PartStack, id: string(st.ID)}); err != nil {
			return err
		}
	}
	if err := tx.keepStatuses(ctx, old, st); err != nil {
		return err
	}
	return tx.exec(ctx, `update stacks set space_id = $2, name = $3, branch = $4, repository = $5, project_root = $6, worker_pool = $7,
		labels = $8, administrative = $9, settings = $10, name_key = $11, words = $12, vendor = $13 where id = $1`,
		st.ID, st.Space, st.Name, st.Branch, st.Repository, st.ProjectRoot, st.WorkerPool,
		toJSON(list(st.Labels)), st.Administrative, otherSettings(st.StackSettings), st.SortKey(), st.SearchText(), st.Vendor.Name())
}

// mirrorRun shows a run's state on its stack, unless another run holds the
// stack: what happens in the queue behind it is not the stack's state.
func (tx *Tx) mirrorRun(ctx context.Context, r domain.Run, by string) error {
	return tx.exec(ctx, `update stacks set run_state = $2, state_set_at = $3, state_set_by = $4 where id = $1
		and not exists (select 1 from runs where stack_id = $1 and id <> $5 and blocking and state in `+holding+`)`,
		r.StackID, r.State, micros(r.UpdatedAt), by, r.ID)
}

// mirrorRuns is mirrorRun for runs of different stacks, as they are stored, that
// the control plane has moved.
func (tx *Tx) mirrorRuns(ctx context.Context, ids []domain.RunID) error {
	return tx.exec(ctx, `update stacks set run_state = r.state, state_set_at = r.updated_at, state_set_by = ''
		from runs r where r.stack_id = stacks.id and `+tx.store.dialect.in("r.id", 1)+`
		and not exists (select 1 from runs o where o.stack_id = stacks.id and o.id <> r.id and o.blocking and o.state in `+holding+`)`, toJSON(ids))
}

// DeleteStack removes a stack with its configuration, runs, state, bindings.
func (tx *Tx) DeleteStack(ctx context.Context, p access.Permit, id domain.StackID) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	st, err := tx.Stack(ctx, id)
	if err == nil {
		err = tx.endStatuses(ctx, st)
	}
	if err != nil && domain.ErrorCode(err) != domain.CodeNotFound {
		return err
	}
	if err := tx.deleteBindingsOf(ctx, authz.ActorStack, string(id)); err != nil {
		return err
	}
	if err := tx.deleteBindingsOn(ctx, authz.EntityStack, string(id)); err != nil {
		return err
	}
	for _, q := range []string{
		`delete from config where owner_kind = 'stack' and owner_id = $1`,
		`delete from runs where stack_id = $1`,
		`delete from stacks where id = $1`,
	} {
		if err := tx.exec(ctx, q, id); err != nil {
			return fmt.Errorf("delete stack: %w", err)
		}
	}
	return nil
}
