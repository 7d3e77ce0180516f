package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/domain"
)

// where gathers conditions and their parameters.
type where struct {
	conditions []string
	args       []any
}

// add takes a condition in which every ? stands for the next argument.
func (w *where) add(condition string, args ...any) {
	for range args {
		w.args = append(w.args, args[0])
		args = args[1:]
		condition = strings.Replace(condition, "?", fmt.Sprintf("$%d", len(w.args)), 1)
	}
	w.conditions = append(w.conditions, condition)
}

// arg adds an argument and returns its number.
func (w *where) arg(v any) int {
	w.args = append(w.args, v)
	return len(w.args)
}

func (w *where) text() string {
	if len(w.conditions) == 0 {
		return ""
	}
	return " where " + strings.Join(w.conditions, " and ")
}

// behind is the condition of a list in the order of created_at and id.
func (w *where) behind(p domain.ListPosition) {
	if p.ID == "" {
		return
	}
	at := micros(p.At)
	w.add("(created_at > ? or created_at = ? and id > ?)", at, at, p.ID)
}

// selectBindingRow also reads the names of what a binding connects.
var selectBindingRow = strings.TrimSuffix(selectBinding, " from role_bindings") + `,
	coalesce(space_id, ` + ofEntity("space_id") + `, ''), coalesce(` + ofEntity("name") + `, ''),
	coalesce(case actor_kind
		when 'user' then (select a.username from users a where a.id = role_bindings.actor_id)
		when 'api_key' then (select a.name from api_keys a where a.id = role_bindings.actor_id)
		when 'group' then (select a.name from user_groups a where a.id = role_bindings.actor_id)
		when 'stack' then (select a.name from stacks a where a.id = role_bindings.actor_id) end, ''),
	coalesce(case actor_kind when 'stack' then (select a.space_id from stacks a where a.id = role_bindings.actor_id) end, '')
	from role_bindings`

// wider is a scanner of rows with further columns behind those that a scan
// function knows.
type wider struct {
	scanner
	more []any
}

func (w wider) Scan(dest ...any) error { return w.scanner.Scan(append(dest, w.more...)...) }

func scanBindingRow(s scanner) (r domain.BindingRow, err error) {
	r.Binding, err = scanBinding(wider{s, []any{&r.Home, &r.EntityName, &r.ActorName, &r.ActorSpace}})
	return r, err
}

// BindingRow returns one role binding with the names of what it connects.
func (tx *Tx) BindingRow(ctx context.Context, id domain.BindingID) (domain.BindingRow, error) {
	return one(ctx, tx, "role binding", scanBindingRow, selectBindingRow+` where id = $1`, id)
}

// BindingRows returns up to limit bindings of a filter behind a position,
// oldest first.
func (tx *Tx) BindingRows(ctx context.Context, f domain.BindingFilter, after domain.ListPosition, limit int) ([]domain.BindingRow, error) {
	var w where
	w.behind(after)
	if f.Actor.ID != "" {
		w.add("actor_kind = ? and actor_id = ?", f.Actor.Kind.String(), f.Actor.ID)
	}
	if f.OnlyStacks {
		w.add("actor_kind = ?", authz.ActorStack.String())
	}
	if f.Role != "" {
		w.add("role_id = ?", f.Role)
	}
	if f.Entity != (authz.EntityRef{}) {
		w.add("entity_kind = ? and entity_id = ?", entityColumn(f.Entity.Kind), f.Entity.ID)
	}
	if f.Space != "" {
		w.add(livesIn("select id from within"))
	}
	now := micros(tx.now)
	switch {
	case f.Expired == nil:
	case *f.Expired:
		w.add("not_after > 0 and not_after < ?", now)
	default:
		w.add("(not_after = 0 or not_after >= ?)", now)
	}
	if f.EndsWithin > 0 {
		w.add("not_after > 0 and not_after >= ? and not_after < ?", now, micros(tx.now.Add(f.EndsWithin)))
	}
	query := within(&w, f) + selectBindingRow + w.text() + fmt.Sprintf(" order by created_at, id limit %d", limit)
	return many(ctx, tx, scanBindingRow, query, w.args...)
}

// within names the spaces of a filter.
func within(w *where, f domain.BindingFilter) string {
	if f.Space == "" {
		return ""
	}
	w.args = append(w.args, string(f.Space))
	top := fmt.Sprintf("select cast($%d as text)", len(w.args))
	if !f.Below {
		return "with within(id) as (" + top + ") "
	}
	return "with recursive within(id) as (" + top + " union all select c.id from within join spaces c on c.parent = within.id) "
}
