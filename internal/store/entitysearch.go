package store

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// entityColumns are the fields of entities in SQL: e is the entity, s its stack.
var entityColumns = map[domain.EntityField]string{
	domain.EntityFieldAddress: "e.address", domain.EntityFieldName: "e.name", domain.EntityFieldType: "e.type",
	domain.EntityFieldProvider: "e.provider", domain.EntityFieldModule: "e.module", domain.EntityFieldStack: "e.stack_id",
	domain.EntityFieldStackName: "s.name", domain.EntityFieldSpace: "s.space_id",
}

// entityFlags are those that are true or false.
var entityFlags = map[domain.EntityField]string{
	domain.EntityFieldOutput: "e.output", domain.EntityFieldData: "e.data", domain.EntityFieldTainted: "e.tainted",
}

const entitiesOfStacks = ` from managed_entities e join stacks s on s.id = e.stack_id`

// entityWhere says which entities of the stacks of a scope a search finds.
func (tx *Tx) entityWhere(scope access.Scope, q domain.EntitySearch) (w where, nothing bool) {
	d := tx.store.dialect
	if !scope.All() {
		condition := d.in("s.space_id", w.arg(toJSON(list(scope.Spaces()))))
		if ids := scope.Entities(authz.EntityStack); len(ids) > 0 {
			condition = "(" + condition + " or " + d.in("s.id", w.arg(toJSON(ids))) + ")"
		}
		w.conditions = append(w.conditions, condition)
	}
	for _, word := range q.Words {
		nothing = nothing || !storable([]any{word})
		w.conditions = append(w.conditions, d.contains("lower(e.address || ' ' || e.type || ' ' || e.provider || ' ' || s.name)", w.arg(word)))
	}
	for _, p := range q.Predicates {
		condition := "false" // a field to order by
		if column := entityColumns[p.Field]; column != "" {
			condition = d.in(column, w.arg(toJSON(holdable(p.Values))))
		} else if flag := entityFlags[p.Field]; flag != "" {
			condition = isFlag(flag)(d, &w, p.Values)
		}
		if p.Exclude {
			condition = "not (" + condition + ")"
		}
		w.conditions = append(w.conditions, condition)
	}
	return w, nothing
}

// SearchEntities returns what the states of a scope's stacks hold, as far as a
// search finds it, in its order, up to one more than the page has. Nothing is
// decrypted for it: values are not told.
func (tx *Tx) SearchEntities(ctx context.Context, scope access.Scope, q domain.EntitySearch) ([]domain.EntityHit, error) {
	w, nothing := tx.entityWhere(scope, q)
	if nothing || scope.Empty() {
		return nil, nil
	}
	d := tx.store.dialect
	key, number := d.bytes("("+entityColumns[domain.EntityFieldAddress]+" || '')"), false
	if column := entityColumns[q.Order]; column != "" {
		key = d.bytes("(" + column + " || '')")
	} else if flag := entityFlags[q.Order]; flag != "" {
		key, number = "cast(case when "+flag+" then 1 else 0 end as bigint)", true
	} else if q.Order == domain.EntityFieldUpdatedAt {
		key, number = "e.updated_at", true
	}
	id := d.bytes("(e.stack_id || '/' || e.address)")
	way, beyond := "asc", ">"
	if q.Descending {
		way, beyond = "desc", "<"
	}
	if q.After != nil {
		var bound any = q.After.Key
		if number {
			n, err := strconv.ParseInt(q.After.Key, 10, 64)
			if err != nil {
				return nil, domain.ErrCursor()
			}
			bound = n
		}
		if !storable([]any{bound, q.After.ID}) {
			return nil, domain.ErrCursor()
		}
		w.add("("+key+", "+id+") "+beyond+" (?, ?)", bound, q.After.ID)
	}
	text := fmt.Sprintf(`select e.stack_id, e.address, e.module, e.type, e.name, e.provider, e.output, e.data, e.tainted, e.created_by, e.updated_by,
		e.updated_at, s.name, cast(%[1]s as text), %[2]s%[3]s%[4]s order by %[1]s %[5]s, %[2]s %[5]s limit $%[6]d`,
		key, id, entitiesOfStacks, w.text(), way, w.arg(q.Size+1))
	return many(ctx, tx, scanEntityHit, text, w.args...)
}

func scanEntityHit(r scanner) (h domain.EntityHit, err error) {
	var updated int64
	err = r.Scan(&h.Stack, &h.Address, &h.Module, &h.Type, &h.Name, &h.Provider, &h.Output, &h.Data, &h.Tainted,
		&h.CreatedBy, &h.UpdatedBy, &updated, &h.StackName, &h.At.Key, &h.At.ID)
	h.UpdatedAt = fromMicros(updated)
	return h, err
}

// CountEntities counts what a search finds by provider, stack or type. Order,
// page and size of the search do not count.
func (tx *Tx) CountEntities(ctx context.Context, scope access.Scope, q domain.EntitySearch, by domain.EntityField) ([]domain.EntityGroup, error) {
	w, nothing := tx.entityWhere(scope, q)
	if nothing || scope.Empty() {
		return nil, nil
	}
	name := "''"
	if by == domain.EntityFieldStack {
		name = "max(s.name)"
	}
	var text strings.Builder
	fmt.Fprintf(&text, `select %[1]s, %[2]s, count(*)%[3]s%[4]s group by %[1]s`, entityColumns[by], name, entitiesOfStacks, w.text())
	return many(ctx, tx, func(r scanner) (g domain.EntityGroup, err error) { return g, r.Scan(&g.Value, &g.StackName, &g.Count) }, text.String(), w.args...)
}
