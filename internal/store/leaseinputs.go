package store

import (
	"context"
	"slices"
	"strings"

	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// LeaseInputs reads for many runs at once what their workers are to be given.
// What cannot be opened is left out: whoever asks for it alone learns why.
func (tx *Tx) LeaseInputs(ctx context.Context, runs []domain.Run) (in domain.LeaseInputs, err error) {
	stacks, ids := make([]domain.StackID, len(runs)), make([]domain.RunID, len(runs))
	for i, r := range runs {
		stacks[i], ids[i] = r.StackID, r.ID
	}
	of := func(column string) string { return ` where ` + tx.store.dialect.in(column, 1) }
	list, err := many(ctx, tx, scanStack, selectStack+of("id"), toJSON(stacks))
	if err != nil {
		return in, err
	}
	in.Stacks = keyed(list, func(s domain.Stack) domain.StackID { return s.ID })
	attached, err := many(ctx, tx, scanAttachment, selectAttachment+of("stack_id")+` order by auto, priority, case when auto then context_id else id end`, toJSON(stacks))
	if err != nil {
		return in, err
	}
	in.Attachments = grouped(stacks, attached, func(a domain.ContextAttachment) domain.StackID { return a.Stack })
	if in.StackConfig, err = configsOf(ctx, tx, access.KindStack, stacks); err != nil {
		return in, err
	}
	if len(attached) > 0 {
		if err := tx.contextInputs(ctx, &in, attached); err != nil {
			return in, err
		}
	}
	dependencies, err := tx.dependencies(ctx, of("stack_id")+` order by id`, toJSON(stacks))
	if err != nil {
		return in, err
	}
	in.Dependencies = grouped(stacks, dependencies, func(d domain.StackDependency) domain.StackID { return d.Stack })
	in.Settings, err = tx.settingsOf(ctx, ids)
	return in, err
}

func (tx *Tx) contextInputs(ctx context.Context, in *domain.LeaseInputs, attached []domain.ContextAttachment) error {
	var ids []domain.ContextID
	for _, a := range attached {
		if !slices.Contains(ids, a.Context) {
			ids = append(ids, a.Context)
		}
	}
	list, err := many(ctx, tx, scanContext, selectContext+` where `+tx.store.dialect.in("id", 1), toJSON(ids))
	if err != nil {
		return err
	}
	in.Contexts = keyed(list, func(c domain.Context) domain.ContextID { return c.ID })
	in.ContextConfig, err = configsOf(ctx, tx, access.KindContext, ids)
	return err
}

// configsOf is Config for many owners of one kind.
func configsOf[ID ~string](ctx context.Context, tx *Tx, kind access.Kind, ids []ID) (map[ID][]domain.Config, error) {
	type owned struct {
		configRow
		owner ID
	}
	rows, err := many(ctx, tx, func(s scanner) (o owned, err error) {
		o.configRow, err = scanConfig(wider{s, []any{&o.owner}})
		return o, err
	}, strings.Replace(selectConfig, " from ", ", owner_id from ", 1)+` where owner_kind = $1 and `+tx.store.dialect.in("owner_id", 2), string(kind), toJSON(ids))
	if err != nil {
		return nil, err
	}
	out := make(map[ID][]domain.Config, len(ids))
	for id, of := range grouped(ids, rows, func(o owned) ID { return o.owner }) {
		sealed := make([]configRow, len(of))
		for i, o := range of {
			sealed[i] = o.configRow
		}
		if opened, err := tx.openConfig(kind, string(id), sealed); err == nil {
			out[id] = opened
		}
	}
	return out, nil
}

// settingsOf is RunSettings for many runs.
func (tx *Tx) settingsOf(ctx context.Context, ids []domain.RunID) (map[domain.RunID]domain.RunSettings, error) {
	type row struct {
		run    domain.RunID
		sealed []byte
	}
	rows, err := many(ctx, tx, func(s scanner) (r row, err error) { return r, s.Scan(&r.run, &r.sealed) },
		`select run_id, sealed from run_settings where `+tx.store.dialect.in("run_id", 1), toJSON(ids))
	if err != nil {
		return nil, err
	}
	out := make(map[domain.RunID]domain.RunSettings, len(ids))
	for _, id := range ids {
		out[id] = domain.RunSettings{}
	}
	for _, r := range rows {
		if out[r.run], err = tx.openSettings(r.run, r.sealed); err != nil {
			delete(out, r.run)
		}
	}
	return out, nil
}

func keyed[K comparable, V any](list []V, key func(V) K) map[K]V {
	out := make(map[K]V, len(list))
	for _, v := range list {
		out[key(v)] = v
	}
	return out
}

// grouped is a list by key, with an entry for each of keys.
func grouped[K comparable, V any](keys []K, list []V, key func(V) K) map[K][]V {
	out := make(map[K][]V, len(keys))
	for _, k := range keys {
		out[k] = []V{}
	}
	for _, v := range list {
		out[key(v)] = append(out[key(v)], v)
	}
	return out
}
