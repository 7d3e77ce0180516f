package store

import (
	"context"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

const selectDependency = `select id, stack_id, depends_on, trigger_always, created_at from stack_dependencies`

func scanDependency(s scanner) (d domain.StackDependency, err error) {
	var created int64
	err = s.Scan(&d.ID, &d.Stack, &d.DependsOn, &d.TriggerAlways, &created)
	d.CreatedAt = fromMicros(created)
	return d, err
}

func scanReference(s scanner) (r domain.OutputReference, err error) {
	return r, s.Scan(&r.ID, &r.Dependency, &r.Output, &r.Input, &r.TriggerAlways)
}

// Dependency returns one dependency with its references.
func (tx *Tx) Dependency(ctx context.Context, id domain.DependencyID) (domain.StackDependency, error) {
	return tx.dependency(ctx, ` where id = $1`, id)
}

// DependencyBetween returns what a stack takes from another.
func (tx *Tx) DependencyBetween(ctx context.Context, stack, on domain.StackID) (domain.StackDependency, error) {
	return tx.dependency(ctx, ` where stack_id = $1 and depends_on = $2`, stack, on)
}

// DependencyOfReference returns the dependency that a reference belongs to.
func (tx *Tx) DependencyOfReference(ctx context.Context, id domain.ReferenceID) (domain.StackDependency, error) {
	d, err := tx.dependency(ctx, ` where id = (select dependency_id from stack_references where id = $1)`, id)
	if domain.ErrorCode(err) == domain.CodeNotFound {
		return d, domain.NotFound("stack dependency reference")
	}
	return d, err
}

func (tx *Tx) dependency(ctx context.Context, where string, args ...any) (domain.StackDependency, error) {
	d, err := one(ctx, tx, "stack dependency", scanDependency, selectDependency+where, args...)
	if err != nil {
		return d, err
	}
	all, err := tx.withReferences(ctx, []domain.StackDependency{d})
	if err != nil {
		return d, err
	}
	return all[0], nil
}

// DependenciesOf returns what a stack waits for.
func (tx *Tx) DependenciesOf(ctx context.Context, id domain.StackID) ([]domain.StackDependency, error) {
	return tx.dependencies(ctx, ` where stack_id = $1 order by id`, id)
}

// DependentsOf returns what waits for a stack.
func (tx *Tx) DependentsOf(ctx context.Context, id domain.StackID) ([]domain.StackDependency, error) {
	return tx.dependencies(ctx, ` where depends_on = $1 order by id`, id)
}

// DependentStacks returns the stacks that wait for a stack.
func (tx *Tx) DependentStacks(ctx context.Context, id domain.StackID) ([]domain.Stack, error) {
	return many(ctx, tx, scanStack, selectStack+` where id in (select stack_id from stack_dependencies where depends_on = $1) order by id`, id)
}

func (tx *Tx) dependencies(ctx context.Context, where string, args ...any) ([]domain.StackDependency, error) {
	list, err := many(ctx, tx, scanDependency, selectDependency+where, args...)
	if err != nil {
		return nil, err
	}
	return tx.withReferences(ctx, list)
}

func (tx *Tx) withReferences(ctx context.Context, list []domain.StackDependency) ([]domain.StackDependency, error) {
	if len(list) == 0 {
		return list, nil
	}
	ids, at := make([]domain.DependencyID, len(list)), make(map[domain.DependencyID]int, len(list))
	for i, d := range list {
		ids[i], at[d.ID] = d.ID, i
	}
	references, err := many(ctx, tx, scanReference, `select id, dependency_id, output, input, trigger_always from stack_references
		where `+tx.store.dialect.in("dependency_id", 1)+` order by `+tx.store.dialect.bytes("input"), toJSON(ids))
	for _, r := range references {
		d := &list[at[r.Dependency]]
		d.References = append(d.References, r)
	}
	return list, err
}

// DependenciesAbove returns all that a stack waits for, directly or through
// others, without references.
func (tx *Tx) DependenciesAbove(ctx context.Context, id domain.StackID) ([]domain.StackDependency, error) {
	return many(ctx, tx, scanDependency, selectDependency+` where stack_id in (with recursive above(id) as (
		select $1 union select d.depends_on from above join stack_dependencies d on d.stack_id = above.id) select id from above) order by id`, id)
}

// DependenciesBelow returns all that waits for a stack, directly or through
// others, without references.
func (tx *Tx) DependenciesBelow(ctx context.Context, id domain.StackID) ([]domain.StackDependency, error) {
	return many(ctx, tx, scanDependency, selectDependency+` where depends_on in (with recursive below(id) as (
		select $1 union select d.stack_id from below join stack_dependencies d on d.depends_on = below.id) select id from below) order by id`, id)
}

// InsertDependency lets a stack wait for another.
func (tx *Tx) InsertDependency(ctx context.Context, p access.Permit, d domain.StackDependency) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	err := tx.exec(ctx, `insert into stack_dependencies (id, stack_id, depends_on, trigger_always, created_at) values ($1, $2, $3, $4, $5)`,
		d.ID, d.Stack, d.DependsOn, d.TriggerAlways, micros(d.CreatedAt))
	if isUnique(err, "stack_dependencies_once", "stack_dependencies.stack_id") {
		return domain.Conflict("stack %s depends on stack %s already", d.Stack, d.DependsOn)
	}
	return err
}

// UpdateDependency changes what a caller may set of a dependency itself.
func (tx *Tx) UpdateDependency(ctx context.Context, p access.Permit, d domain.StackDependency) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	return tx.exec(ctx, `update stack_dependencies set trigger_always = $2 where id = $1`, d.ID, d.TriggerAlways)
}

// DeleteDependency removes a dependency with its references.
func (tx *Tx) DeleteDependency(ctx context.Context, p access.Permit, id domain.DependencyID) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from stack_dependencies where id = $1`, id)
}

// InsertReference hands an output on.
func (tx *Tx) InsertReference(ctx context.Context, p access.Permit, r domain.OutputReference) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	return inputTaken(r, tx.exec(ctx, `insert into stack_references (id, dependency_id, output, input, trigger_always) values ($1, $2, $3, $4, $5)`,
		r.ID, r.Dependency, r.Output, r.Input, r.TriggerAlways))
}

// UpdateReference changes a reference. What its stack has got so far no longer
// counts: the next change upstream is a reason to run.
func (tx *Tx) UpdateReference(ctx context.Context, p access.Permit, r domain.OutputReference) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	return inputTaken(r, tx.exec(ctx, `update stack_references set output = $2, input = $3, trigger_always = $4,
		taken = case when output = $2 and input = $3 then taken end where id = $1`, r.ID, r.Output, r.Input, r.TriggerAlways))
}

func inputTaken(r domain.OutputReference, err error) error {
	if isUnique(err, "stack_references_once", "stack_references.dependency_id") {
		return domain.Conflict("input %s is taken already", r.Input)
	}
	return err
}

// DeleteReference ends that an output is handed on.
func (tx *Tx) DeleteReference(ctx context.Context, p access.Permit, id domain.ReferenceID) error {
	if err := tx.use(p, access.KindStack); err != nil {
		return err
	}
	return tx.exec(ctx, `delete from stack_references where id = $1`, id)
}

// Taken returns the value that the newest tracked run got by a reference; ok is
// false if none got one.
func (tx *Tx) Taken(ctx context.Context, id domain.ReferenceID) (value string, ok bool, err error) {
	sealed, err := one(ctx, tx, "stack dependency reference", scanBytes, `select taken from stack_references where id = $1`, id)
	if err != nil || sealed == nil {
		return "", false, err
	}
	plain, err := tx.open(sealed, "taken", string(id))
	return string(plain), err == nil, err
}

// SetTaken keeps, sealed, the value that a tracked run gets by a reference.
func (tx *Tx) SetTaken(ctx context.Context, p access.Permit, id domain.ReferenceID, value string) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	sealed, err := tx.seal([]byte(value), "taken", string(id))
	if err != nil {
		return err
	}
	return tx.exec(ctx, `update stack_references set taken = $2 where id = $1`, id, sealed)
}

func scanRunDependency(s scanner) (d domain.RunDependency, err error) {
	return d, s.Scan(&d.Run, &d.Upstream, &d.Stack, &d.Outcome)
}

// RunDependencies returns what a run waits for, or has waited for.
func (tx *Tx) RunDependencies(ctx context.Context, id domain.RunID) ([]domain.RunDependency, error) {
	return many(ctx, tx, scanRunDependency, `select d.run_id, d.upstream_id, coalesce(u.stack_id, ''), d.outcome
		from run_dependencies d left join runs u on u.id = d.upstream_id where d.run_id = $1 order by d.upstream_id`, id)
}

// InsertRunDependency lets a run wait for another.
func (tx *Tx) InsertRunDependency(ctx context.Context, p access.Permit, d domain.RunDependency) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into run_dependencies (run_id, upstream_id, outcome) values ($1, $2, $3)`, d.Run, d.Upstream, d.Outcome)
}

// SettleRunDependency keeps what the end of a run means for another.
func (tx *Tx) SettleRunDependency(ctx context.Context, p access.Permit, d domain.RunDependency) error {
	if err := tx.use(p, access.KindRun); err != nil {
		return err
	}
	return tx.exec(ctx, `update run_dependencies set outcome = $3 where run_id = $1 and upstream_id = $2`, d.Run, d.Upstream, d.Outcome)
}

// RunsToFollow returns runs that wait for a run which has ended, or is gone.
func (tx *Tx) RunsToFollow(ctx context.Context, limit int) ([]domain.RunID, error) {
	return many(ctx, tx, func(s scanner) (id domain.RunID, err error) { return id, s.Scan(&id) }, `select distinct d.run_id
		from run_dependencies d left join runs u on u.id = d.upstream_id
		where d.outcome = '' and (u.id is null or u.state not in `+open+`) order by d.run_id limit $1`, limit)
}

// LastTracked returns the newest tracked run of a stack before another that
// has ended and was not skipped.
func (tx *Tx) LastTracked(ctx context.Context, id domain.StackID, before domain.RunID) (domain.Run, error) {
	return one(ctx, tx, "run", scanRun, selectRun+` where stack_id = $1 and type = 'TRACKED' and id < $2
		and state not in `+open+` and state <> 'SKIPPED' order by id desc limit 1`, id, before)
}
