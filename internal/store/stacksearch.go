package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/airlock-project/airlock/authz"
	"github.com/airlock-project/airlock/internal/access"
	"github.com/airlock-project/airlock/internal/domain"
)

// SearchStacks returns the stacks of a scope that a search finds, in its
// order, up to one more than the page has. The number of statements does not
// depend on the scope. There are two ways to a page:
//
// Where the order has an index and much of it may be listed, the stacks are
// looked at in that order, in growing portions, until the page is full. Else,
// or where that takes too long, all that may be listed and matches is gathered
// and the first ones are kept.
func (tx *Tx) SearchStacks(ctx context.Context, scope access.Scope, q domain.StackSearch) ([]domain.StackHit, error) {
	s, err := newStackSearch(tx.store.dialect, q)
	if err != nil || s.nothing || scope.Empty() {
		return nil, err
	}
	found, done, err := s.stroll(ctx, tx, scope)
	if err == nil && !done {
		var rest []domain.SearchPosition
		rest, err = s.gather(ctx, tx, scope, q.Size+1-len(found))
		found = append(found, rest...)
	}
	if err != nil {
		return nil, err
	}
	return tx.stacksAt(ctx, found)
}

// stacksAt reads the stacks at positions.
func (tx *Tx) stacksAt(ctx context.Context, found []domain.SearchPosition) ([]domain.StackHit, error) {
	if len(found) == 0 {
		return nil, nil
	}
	ids := make([]string, len(found))
	for i, at := range found {
		ids[i] = at.ID
	}
	stacks, err := many(ctx, tx, scanStack, selectStack+` where `+tx.store.dialect.among("ulid", 1), toJSON(ids))
	if err != nil {
		return nil, err
	}
	byID := make(map[string]domain.Stack, len(stacks))
	for _, st := range stacks {
		byID[st.ULID] = st
	}
	hits := make([]domain.StackHit, len(found))
	for i, at := range found {
		hits[i] = domain.StackHit{Stack: byID[at.ID], At: at}
	}
	return hits, nil
}

// stackSearch is a search as SQL.
type stackSearch struct {
	dialect
	order   stackColumn
	way     string // asc or desc
	beyond  string // the comparison with a position
	size    int
	after   *domain.SearchPosition
	match   where // what a stack must meet
	found   bool  // an index finds the few stacks that match
	nothing bool  // no stack can match
}

func newStackSearch(d dialect, q domain.StackSearch) (*stackSearch, error) {
	s := &stackSearch{dialect: d, order: stackColumns[q.Order], way: "asc", beyond: ">", size: q.Size, after: q.After}
	if q.Order == domain.StackFieldStarred && q.By.ID != "" {
		s.order.number = "cast(case when " + starCondition(&s.match, q.By) + " then 1 else 0 end as bigint)"
	}
	if s.order.text == "" && s.order.number == "" {
		s.order = stackColumns[domain.StackFieldName]
	}
	if q.Descending {
		s.way, s.beyond = "desc", "<"
	}
	if s.after != nil {
		if _, err := s.bounds(*s.after); err != nil {
			return nil, err
		}
	}
	for _, word := range q.Words {
		s.nothing = s.nothing || !storable([]any{word})
		s.match.conditions = append(s.match.conditions, d.contains("words", s.match.arg(word)))
	}
	for _, p := range q.Predicates {
		column := stackColumns[p.Field]
		if p.Field == domain.StackFieldStarred {
			column.has = hasStar(q.By)
		}
		condition := column.has(d, &s.match, holdable(p.Values))
		if p.Exclude {
			condition = "not (" + condition + ")"
		}
		s.found = s.found || column.finds && !p.Exclude
		s.match.conditions = append(s.match.conditions, condition)
	}
	return s, nil
}

// holdable are the values that a database can hold.
func holdable(values []string) []string {
	out := []string{}
	for _, v := range values {
		if storable([]any{v}) {
			out = append(out, v)
		}
	}
	return out
}

// bounds are the values that a row is compared with to come after a position.
func (s *stackSearch) bounds(at domain.SearchPosition) ([]any, error) {
	if !storable([]any{at.Key, at.ID}) {
		return nil, domain.ErrCursor()
	}
	if s.order.number == "" {
		return []any{at.Key, at.ID}, nil
	}
	n, err := strconv.ParseInt(at.Key, 10, 64)
	if err != nil {
		return nil, domain.ErrCursor()
	}
	return []any{n, at.ID}, nil
}

// behind adds the condition that key and ulid come after the position where
// the search is.
func (s *stackSearch) behind(w *where, key string) error {
	if s.after == nil {
		return nil
	}
	bounds, err := s.bounds(*s.after)
	if err == nil {
		w.add("("+key+", ulid) "+s.beyond+" (?, ?)", bounds...)
	}
	return err
}

// Bounds of a stroll.
const (
	strollingPart = 0.02   // of the spaces: from there on it is worth trying
	fewestMatched = 512    // stacks to look at first where only some match
	portionGrows  = 8      // times, if the page is not full
	mostPassed    = 20_000 // stacks to look at before all is gathered instead
)

// portion is how many stacks to look at first, so that they will mostly do.
func (s *stackSearch) portion(scope access.Scope) int {
	if scope.All() && len(s.match.conditions) == 0 {
		return s.size + 1
	}
	n := int(1.5 * float64(s.size+1) / scope.Part())
	if len(s.match.conditions) > 0 {
		n = max(n, fewestMatched)
	}
	return n
}

// stroll looks at the stacks in the order of the search. done is false if
// that did not fill the page; the search is then behind what was looked at.
func (s *stackSearch) stroll(ctx context.Context, tx *Tx, scope access.Scope) (found []domain.SearchPosition, done bool, err error) {
	if !s.order.indexed || scope.Part() < strollingPart {
		return nil, false, nil
	}
	portion, most := s.portion(scope), mostPassed
	if s.found {
		most = portion
	}
	for most > 0 {
		portion = min(portion, most)
		passed, err := s.pass(ctx, tx, scope, portion)
		if err != nil {
			return nil, false, err
		}
		for _, p := range passed {
			if s.after = &p.at; p.shown {
				found = append(found, p.at)
			}
			if len(found) == s.size+1 {
				return found, true, nil
			}
		}
		if len(passed) < portion {
			return found, true, nil
		}
		most, portion = most-portion, portion*portionGrows
	}
	return found, false, nil
}

// passed is a stack that a stroll has come by.
type passed struct {
	at    domain.SearchPosition
	shown bool // it matches and is in the scope
}

func (s *stackSearch) pass(ctx context.Context, tx *Tx, scope access.Scope, portion int) ([]passed, error) {
	w := where{args: slices.Clip(s.match.args)}
	key := s.order.text + s.order.number
	if err := s.behind(&w, key); err != nil {
		return nil, err
	}
	hit, id := "1", "''"
	if len(s.match.conditions) > 0 {
		hit = "case when " + strings.Join(s.match.conditions, " and ") + " then 1 else 0 end"
	}
	if len(scope.Entities(authz.EntityStack)) > 0 {
		id = "id" // not in the index, and seldom needed
	}
	q := fmt.Sprintf(`select coalesce(cast(%[1]s as text), ''), ulid, space_id, %[2]s, %[3]s from stacks%[4]s order by %[1]s %[5]s, ulid %[5]s limit $%[6]d`,
		key, id, hit, w.text(), s.way, w.arg(portion))
	return many(ctx, tx, func(r scanner) (p passed, err error) {
		var space domain.SpaceID
		var id string
		err = r.Scan(&p.at.Key, &p.at.ID, &space, &id, &p.shown)
		p.shown = p.shown && (scope.All() || scope.Shows(space, authz.EntityRef{Kind: authz.EntityStack, ID: id}))
		return p, err
	}, q, w.args...)
}

// gather collects what is in the scope and matches, and returns the first n
// positions. The key is an expression, so that no database walks through an
// index in its order instead.
func (s *stackSearch) gather(ctx context.Context, tx *Tx, scope access.Scope, n int) ([]domain.SearchPosition, error) {
	w := where{args: slices.Clip(s.match.args), conditions: slices.Clip(s.match.conditions)}
	key := s.order.number + " + 0"
	if s.order.number == "" {
		key = s.bytes("(" + s.order.text + " || '')")
	}
	if err := s.behind(&w, key); err != nil {
		return nil, err
	}
	var parts []string
	part := func(within ...string) {
		all := where{conditions: append(within, w.conditions...)}
		parts = append(parts, "select "+key+" as k, ulid as u from stacks"+all.text())
	}
	switch ids := scope.Entities(authz.EntityStack); {
	case scope.All():
		part()
	case len(ids) > 0:
		part(s.among("id", w.arg(toJSON(ids))))
		fallthrough
	default:
		part(s.among("space_id", w.arg(toJSON(list(scope.Spaces())))))
	}
	q := fmt.Sprintf(`select coalesce(cast(k as text), ''), u from (%s) as found order by k %[2]s, u %[2]s limit $%[3]d`,
		strings.Join(parts, " union "), s.way, w.arg(n))
	return many(ctx, tx, func(r scanner) (at domain.SearchPosition, err error) { return at, r.Scan(&at.Key, &at.ID) }, q, w.args...)
}
