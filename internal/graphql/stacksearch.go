package graphql

import (
	"context"
	"strings"

	"github.com/airlock-project/airlock/internal/domain"
	"github.com/airlock-project/airlock/internal/graphql/generated"
	"github.com/airlock-project/airlock/internal/graphql/view"
)

// stackSearch is a search for stacks in the words of the API.
func stackSearch(in generated.SearchInput) (q domain.StackSearch, err error) {
	if q.Size, err = pageSize(in.First); err != nil {
		return q, err
	}
	for _, p := range in.Predicates {
		field, err := domain.ParseStackField("predicates", p.Field)
		if err != nil {
			return q, err
		}
		values, err := constraintValues(p)
		if err != nil {
			return q, err
		}
		q.Predicates = append(q.Predicates, domain.StackPredicate{Field: field, Values: values, Exclude: isTrue(p.Exclude)})
	}
	if by := in.OrderBy; by != nil {
		if q.Order, err = domain.ParseStackField("orderBy", by.Field); err != nil {
			return q, err
		}
		if q.Descending, err = isDescending(by); err != nil {
			return q, err
		}
	}
	q.Words = strings.Fields(domain.NameKey(text(in.FullTextSearch)))
	after, err := parseCursor(text(in.After))
	if after != nil {
		q.After = &domain.SearchPosition{Key: after.key, ID: after.id}
	}
	return q, err
}

// searchStacks answers one page of stacks.
func (r *Resolver) searchStacks(ctx context.Context, in generated.SearchInput) (*generated.SearchStacksOutput, error) {
	q, err := stackSearch(in)
	if err != nil {
		return nil, err
	}
	page, err := r.Stacks.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	list := make([]domain.Stack, len(page.Hits))
	for i, hit := range page.Hits {
		list[i] = hit.Stack
	}
	out := &generated.SearchStacksOutput{PageInfo: &generated.PageInfo{HasNextPage: page.More, HasPreviousPage: q.After != nil}}
	for i, node := range r.newStacks(ctx, list) {
		at := page.Hits[i].At
		cursor := position{at.Key, at.ID}.cursor()
		out.Edges = append(out.Edges, &generated.SearchStacksEdge{Cursor: cursor, Node: node})
		out.PageInfo.EndCursor = view.Optional(cursor)
	}
	return out, nil
}
