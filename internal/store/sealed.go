package store

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// sealedColumn is a column with sealed records, and what makes their identity.
type sealedColumn struct {
	table, column string
	key           []string // the table's primary key
	numbers       []string // those of it that are no texts
	kind          string   // the first part of the identity
	identity      []string // the other parts: expressions over the table and stacks
}

// sealedColumns are all columns with sealed records. Another key-encryption key
// takes them one after the other; a column that is not here would keep needing
// the old one.
var sealedColumns = []sealedColumn{
	{table: "signing_keys", column: "sealed", key: []string{"id"}, kind: "signing-key", identity: []string{"t.id"}},
	{table: "federation_keys", column: "sealed", key: []string{"id"}, kind: "federation-key", identity: []string{"t.id"}},
	{table: "worker_authority", column: "sealed_key", key: []string{"id"}, numbers: []string{"id"}, kind: "worker-authority", identity: []string{"'1'"}},
	{table: "worker_pools", column: "sealed_token", key: []string{"id"}, kind: "worker-pool", identity: []string{"t.id"}},
	{table: "config", column: "sealed", key: []string{"owner_kind", "owner_id", "id"}, kind: "config", identity: []string{"t.owner_kind", "t.owner_id", "t.id"}},
	{table: "push_hooks", column: "secrets", key: []string{"id"}, kind: "push-hook", identity: []string{"t.id"}},
	{table: "git_credentials", column: "sealed", key: []string{"id"}, kind: "git-credential", identity: []string{"t.id"}},
	{table: "schedules", column: "settings", key: []string{"id"}, kind: "schedule", identity: []string{"t.id"}},
	{table: "run_settings", column: "sealed", key: []string{"run_id"}, kind: "run-settings", identity: []string{"t.run_id"}},
	{table: "stack_references", column: "taken", key: []string{"id"}, kind: "taken", identity: []string{"t.id"}},
	{table: "stack_outputs", column: "sealed", key: []string{"stack_id", "name"}, kind: "output",
		identity: []string{"(select ulid from stacks where stacks.id = t.stack_id)", "t.name"}},
	{table: "managed_entities", column: "print", key: []string{"stack_id", "address"}, kind: "entity", identity: []string{"t.address"}},
	{table: "state_versions", column: "sealed", key: []string{"id"}, kind: "state",
		identity: []string{"case when t.object = '' then t.stack_id else (select ulid from stacks where stacks.id = t.stack_id) end", "t.id"}},
	{table: "refused_states", column: "sealed", key: []string{"id"}, kind: "refused-state", identity: []string{"t.id"}},
	{table: "transfers", column: "sealed", key: []string{"id"}, kind: "transfer", identity: []string{"t.id"}},
	{table: "run_workspaces", column: "sealed", key: []string{"run_id"}, kind: "workspace", identity: []string{"t.run_id"}},
	{table: "local_workspaces", column: "sealed", key: []string{"id"}, kind: "local-workspace", identity: []string{"t.id"}},
	{table: "run_logs", column: "sealed", key: []string{"run_id", "epoch", "seq"}, numbers: []string{"epoch", "seq"}, kind: "log", identity: []string{"t.run_id", "t.epoch", "t.seq"}},
	{table: "run_log_parts", column: "sealed", key: []string{"run_id", "epoch", "first"}, numbers: []string{"epoch", "first"}, kind: "log-part", identity: []string{"t.run_id", "t.epoch", "t.first"}},
	{table: "repo_files", column: "sealed", key: []string{"repo_id", "path", "number"}, numbers: []string{"number"}, kind: "repo-file",
		identity: []string{"t.repo_id", "t.path", "t.number"}},
}

// SealedColumns is how many columns have sealed records.
func (tx *Tx) SealedColumns() int { return len(sealedColumns) }

// OtherwiseSealed returns the next records of one column, after a position, that
// another key-encryption key than the current one has sealed. There are no more
// where it returns fewer than asked for.
func (tx *Tx) OtherwiseSealed(ctx context.Context, column int, after []string, limit int) ([]domain.SealedRow, error) {
	c := sealedColumns[column]
	current := tx.store.Sealer.CurrentID()
	args := []any{current}
	behind := "true"
	if after != nil {
		places := make([]string, len(c.key))
		for i, k := range c.key {
			places[i] = c.parameter(k, i+2)
			args = append(args, after[i])
		}
		behind = "(" + c.columns("t.") + ") > (" + strings.Join(places, ", ") + ")"
	}
	identity := ""
	for _, e := range c.identity {
		identity += ", cast(" + e + " as text)"
	}
	found, err := many(ctx, tx, func(s scanner) (r domain.SealedRow, err error) {
		r.Key, r.Identity = make([]string, len(c.key)), make([]string, len(c.identity))
		into := []any{&r.Head}
		for i := range r.Key {
			into = append(into, &r.Key[i])
		}
		for i := range r.Identity {
			into = append(into, &r.Identity[i])
		}
		return r, s.Scan(into...)
	}, fmt.Sprintf(`select substr(t.%[1]s, 1, %[2]d), %[3]s%[4]s from %[5]s t where t.%[1]s is not null and substr(t.%[1]s, 2, %[6]d) <> $1 and %[7]s
		order by %[3]s limit %[8]d`, c.column, tx.store.Sealer.HeadSize(), c.columns("t."), identity, c.table, len(current), behind, limit), args...)
	if err != nil {
		return nil, fmt.Errorf("look for records of %s under other keys: %w", c.table, err)
	}
	return found, nil
}

// columns are those of the primary key.
func (c sealedColumn) columns(prefix string) string {
	out := ""
	for i, k := range c.key {
		if i > 0 {
			out += ", "
		}
		out += prefix + k
	}
	return out
}

// parameter is one that is compared with a column of the primary key.
func (c sealedColumn) parameter(column string, n int) string {
	if slices.Contains(c.numbers, column) {
		return fmt.Sprintf("cast(cast($%d as text) as integer)", n)
	}
	return fmt.Sprintf("$%d", n)
}

// Rewrap wraps the data keys of records of one column under the current key,
// unless they were changed meanwhile, and returns how many it did.
func (tx *Tx) Rewrap(ctx context.Context, p access.Permit, column int, rows []domain.SealedRow) (n int, err error) {
	if err := tx.use(p, access.KindAccount); err != nil {
		return 0, err
	}
	c := sealedColumns[column]
	for _, r := range rows {
		done, err := tx.rewrap(ctx, c, r)
		if err != nil {
			return n, fmt.Errorf("wrap the key of %s %s: %w", c.table, strings.Join(r.Key, " "), err)
		}
		if done {
			n++
		}
	}
	return n, nil
}

// rewrap changes one record, unless it was changed meanwhile.
func (tx *Tx) rewrap(ctx context.Context, c sealedColumn, r domain.SealedRow) (bool, error) {
	head, err := tx.store.Sealer.Rewrap(joinAAD(append([]string{c.kind}, r.Identity...)), r.Head)
	if err != nil {
		return false, err
	}
	where := make([]string, len(c.key))
	args := []any{head, r.Head}
	for i, k := range c.key {
		where[i] = k + " = " + c.parameter(k, i+3)
		args = append(args, r.Key[i])
	}
	n, err := tx.execN(ctx, fmt.Sprintf(`update %s set %s = %s where %s and substr(%s, 1, %d) = $2`,
		c.table, c.column, tx.store.dialect.head(c.column, len(head), 1), strings.Join(where, " and "), c.column, len(head)), args...)
	return n > 0, err
}

// SealingKeys returns the keys that records of this database may need, oldest
// first.
func (tx *Tx) SealingKeys(ctx context.Context) ([]domain.SealingKey, error) {
	return many(ctx, tx, func(s scanner) (k domain.SealingKey, err error) {
		var since, used int64
		err = s.Scan(&k.ID, &since, &used)
		k.Since, k.UsedAt = fromMicros(since), fromMicros(used)
		return k, err
	}, `select id, since, used_at from sealing_keys where retired_at = 0 order by since, id`)
}

// UseSealingKey notes, before anything is sealed under it, that a server has a
// key as its current one.
func (tx *Tx) UseSealingKey(ctx context.Context, p access.Permit, id string) error {
	if err := tx.use(p, access.KindAccount); err != nil {
		return err
	}
	return tx.exec(ctx, `insert into sealing_keys (id, since, used_at, retired_at) values ($1, $2, $2, 0)
		on conflict (id) do update set used_at = excluded.used_at, retired_at = 0`, id, micros(tx.now))
}

// RetireSealingKey notes that no record needs a key any more.
func (tx *Tx) RetireSealingKey(ctx context.Context, p access.Permit, id string) error {
	if err := tx.use(p, access.KindAccount); err != nil {
		return err
	}
	return tx.exec(ctx, `update sealing_keys set retired_at = $2 where id = $1`, id, micros(tx.now))
}
